from types import SimpleNamespace
from urllib.parse import urlsplit

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context as allauth_context
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import get_user_model
from django.core.validators import MaxLengthValidator
from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from accounts import outbox
from accounts.models import RetiredUsername


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

    def clean_username(self, username, shallow=False):
        """Refuse the names of those who have left, as if they were still here."""
        if RetiredUsername.objects.filter(username=username.lower()).exists():
            raise self.validation_error("username_taken")
        return super().clean_username(username, shallow)

    def clean_email(self, email):
        """Refuse what the column cannot hold: a form's field allows 320 characters."""
        MaxLengthValidator(get_user_model()._meta.get_field("email").max_length)(email)
        return email

    def confirm_email(self, request, email_address):
        """Confirm an address, unless it has become somebody else's since it was asked for. Returns whether it was."""
        try:
            with transaction.atomic():
                return super().confirm_email(request, email_address)
        except IntegrityError:
            template = "account/messages/email_confirmation_failed.txt"
            self.add_message(request, messages.ERROR, template, {"email": email_address.email})
            return False

    def set_password(self, user, password):
        """Store the password and, in one transaction with it, the mail that says so."""
        user.set_password(password)  # Slow on purpose, so before the transaction.
        with transaction.atomic():
            user.save(update_fields=["password"])
            super().send_notification_mail("account/email/password_changed", user)

    def send_notification_mail(self, template_prefix, user, context=None, email=None):
        # Those about passwords are on their way since set_password().
        if not template_prefix.startswith("account/email/password_"):
            super().send_notification_mail(template_prefix, user, context, email)

    def send_mail(self, template_prefix, email, context):
        """Enqueue the mail, so that nobody waits for a mail server and none is lost while it is away."""
        request = allauth_context.request
        context = {
            "request": request,
            "email": email,
            # allauth's own templates ask for a site in this form.
            "current_site": SimpleNamespace(
                name=settings.SITE_NAME, domain=urlsplit(settings.SITE_URL).netloc
            ),
            "site_name": settings.SITE_NAME,
            "site_url": settings.SITE_URL,
        } | context
        message = self.render_mail(template_prefix, email, context)
        html = next((body for body, _type in getattr(message, "alternatives", [])), "")
        outbox.mail_rendered(template_prefix, email, message.subject, message.body, html)
