from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context as allauth_context
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.sites.shortcuts import get_current_site
from django.core.validators import MaxLengthValidator
from django.utils.translation import gettext_lazy as _

from accounts import tasks


class AccountAdapter(DefaultAccountAdapter):
    """Our words in allauth's forms, and its mails through the outbox."""

    error_messages = DefaultAccountAdapter.error_messages | {
        "email_taken": _("That email already belongs to an account. Log in, or use another."),
        "username_taken": _("That name is taken. Try another."),
        "username_password_mismatch": _("That name and password don't match. Try again."),
        # The same words as for a name: they must not tell which addresses have an account.
        "email_password_mismatch": _("That name and password don't match. Try again."),
        "too_many_login_attempts": _("Too many attempts. Wait some minutes, then try again."),
    }

    def clean_email(self, email):
        """Refuse what the column cannot hold: a form's field allows 320 characters."""
        MaxLengthValidator(get_user_model()._meta.get_field("email").max_length)(email)
        return email

    def send_mail(self, template_prefix, email, context):
        """Enqueue the mail, so that nobody waits for a mail server and none is lost while it is away."""
        request = allauth_context.request
        context = {
            "request": request,
            "email": email,
            "current_site": get_current_site(request),
            "site_name": settings.SITE_NAME,
        } | context
        message = self.render_mail(template_prefix, email, context)
        html = next((body for body, _type in getattr(message, "alternatives", [])), "")
        tasks.send_mail.enqueue(
            message.subject, message.body, html, message.from_email, message.to, message.extra_headers
        )
