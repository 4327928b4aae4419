from ipaddress import ip_address

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context as allauth_context
from django.conf import settings
from django.contrib import messages
from django.db import IntegrityError, transaction
from django.utils.crypto import get_random_string
from django.utils.translation import get_language, get_supported_language_variant
from django.utils.translation import gettext_lazy as _

from accounts import devices, security
from accounts.addresses import canonical_email
from accounts.backends import account_lookup, find_account
from accounts.database_errors import AccountGone
from accounts.emails import letters, outbox
from accounts.links import is_on_this_site, under_site_url
from accounts.models import RetiredUsername, ToldState, User
from accounts.models.user import must_confirm_email
from accounts.passwords import keep_session, prepared


class AccountAdapter(DefaultAccountAdapter):
    """Our words in allauth's forms, and its mails through the outbox."""

    error_messages = DefaultAccountAdapter.error_messages | {
        "email_taken": _("That email already belongs to an account. Log in, or use another."),
        "username_taken": _("That name is taken. Try another."),
        "username_password_mismatch": _("That name and password don't match. Try again."),
        # The same words as for a name: they must not tell which addresses have an account.
        "email_password_mismatch": _("That name and password don't match. Try again."),
        "unconfirmed_email_password_mismatch": _(
            "That email and password don't match. If you haven't confirmed this email yet, log in with your username."
        ),
        "too_many_login_attempts": _("Too many attempts. Wait some minutes, then try again."),
    }

    def validation_error(self, code, *args):
        """Return our words for it. They are the same whether or not there is such an account."""
        if code == "email_password_mismatch" and must_confirm_email():
            code = f"unconfirmed_{code}"
        return super().validation_error(code, *args)

    def clean_username(self, username, shallow=False):
        """Refuse the names of those who have left, as if they were still here."""
        if RetiredUsername.objects.filter(username=username.lower()).exists():
            raise self.validation_error("username_taken")
        return super().clean_username(username, shallow)

    def save_user(self, request, user, form, commit=True):
        """Store the account with the language that it was made in, if it is not the site's: mails are written in it."""
        language, sites = get_language(), get_supported_language_variant(settings.LANGUAGE_CODE)
        user.language = language if language != sites else ""
        return super().save_user(request, user, form, commit)

    def clean_email(self, email):
        """Return the canonical form. Raises ValidationError if it has none."""
        return canonical_email(email)

    def _get_login_attempts_cache_key(self, request, **credentials):
        """Count failed log-ins by account, however it was named, and apart in browsers that it was in before.

        Guessing is stopped by the count, and strangers who use it up do not keep its owner out.
        """
        user = find_account(credentials)
        if user is None:
            # Not allauth's key: it has the Host header in it, so each invented port would begin a count of its own.
            return str(account_lookup(credentials))
        return f"{user.pk} in a known browser" if devices.is_known(request, user) else str(user.pk)

    def get_client_ip(self, request):
        """Return the address that a request came from. IPv4 in the notation of IPv6 is IPv4: limits take a /64 for one address."""
        address = super().get_client_ip(request)
        try:
            return str(getattr(ip_address(address), "ipv4_mapped", None) or address)
        except ValueError:
            return address

    def confirm_email(self, request, email_address):
        """Confirm an address, unless it has become somebody else's since it was asked for. Returns whether it was."""
        try:
            with transaction.atomic():
                email_address.user.lock()
                return super().confirm_email(request, email_address)
        except AccountGone:
            raise
        except IntegrityError:
            template = "account/messages/email_confirmation_failed.txt"
            self.add_message(request, messages.ERROR, template, {"email": email_address.email})
            return False

    def can_delete_email(self, email_address):
        """Whether that is only an address to change to: the current one stays until another is confirmed."""
        return email_address.user.pending_addresses().contains(email_address)

    def clean_password(self, password, user=None):
        """Judge the password by the form that is hashed. Returns it as typed."""
        super().clean_password(prepared(password), user)
        return password

    def reauthenticate(self, user, password):
        """Whether that is the password of `user`. Their session stays, also if the hash was replaced."""
        if not super().reauthenticate(user, password):
            return False
        user.password = User.objects.present(user.pk).password
        keep_session(allauth_context.request, user)
        return True

    def set_password(self, user, password):
        """Give `user` that password and store it."""
        user.set_password(password)
        self.store_password(user)

    def store_password(self, user):
        """Store the password that `user` was given and, in one transaction with it, the mail that says so.

        Hashing takes long, so it is done before any transaction.
        """
        with transaction.atomic():
            ToldState.remember(user)
            user.save(update_fields=["password"])
            security.tell_changes(user, allauth_context.request)

    def post_login(self, request, user, *, signup, **kwargs):
        """Tell of a log-in from a browser that is not known, but not of the one that sign-up brings."""
        if not (signup or devices.is_known(request, user)):
            outbox.mail("new_device", user, get_random_string(22), **security.origin_of(request))
        devices.remember(request, user)
        return super().post_login(request, user, signup=signup, **kwargs)

    def is_safe_url(self, url):
        """Whether one may be redirected to `url` after a form."""
        return is_on_this_site(url)

    def send_confirmation_mail(self, request, emailconfirmation, signup):
        """Ask to confirm the address with which somebody signed up. If it has an account, say that instead.

        What it says is for whoever reads that mailbox. Everything else is the same in both cases.
        """
        address = emailconfirmation.email_address
        if address.user.email is None and User.objects.with_email(address.email).exists():
            self.send_account_already_exists_mail(address.email)
        else:
            super().send_confirmation_mail(request, emailconfirmation, signup)

    def send_notification_mail(self, template_prefix, user, context=None, email=None):
        """Send nothing, whatever ACCOUNT_EMAIL_NOTIFICATIONS says.

        accounts.security always tells of all that changed, also of what allauth doesn't know of.
        """

    def send_mail(self, template_prefix, email, context):
        """Enqueue the mail, so that nobody waits for a mail server and none is lost while it is away."""
        request = allauth_context.request
        if request is not None:
            # Every link of allauth's, whatever it is called.
            context = {
                name: under_site_url(value, request) if isinstance(value, str) else value
                for name, value in context.items()
            }
        rendered = letters.render(template_prefix, {"email": email} | context, body="message")
        outbox.mail_rendered(template_prefix, email, *rendered)
