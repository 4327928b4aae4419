from ipaddress import ip_address

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context as allauth_context
from allauth.core.exceptions import ImmediateHttpResponse
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.crypto import get_random_string
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from accounts import suspended_access
from accounts.backends import account_lookup, find_account
from accounts.common.addresses import canonical_email
from accounts.common.database_errors import AccountGone
from accounts.common.links import is_on_this_site, under_site_url
from accounts.common.locale import known_zone, offered_variant
from accounts.emails import outbox, rendering
from accounts.models import RetiredUsername, SignupMode, SiteSettings, User
from accounts.models.user import must_confirm_email
from accounts.passwords import advise, keep_session, prepared
from accounts.security import devices, snapshots


class AccountAdapter(DefaultAccountAdapter):
    """Replaces allauth's messages with ours, and sends its emails through the outbox."""

    error_messages = DefaultAccountAdapter.error_messages | {
        "email_taken": _("That email already belongs to an account. Log in, or use another email."),
        "username_taken": _("That name is taken. Try another."),
        "username_password_mismatch": _("That username, email or password isn't right. Try again."),
        # The same message, so that it doesn't reveal which addresses have an account.
        "email_password_mismatch": _("That username, email or password isn't right. Try again."),
        "unconfirmed_email_password_mismatch": _(
            "That email and password don't match. If you haven't confirmed this email yet, log in with your username."
        ),
        "too_many_login_attempts": _("Too many attempts. Wait a few minutes, then try again."),
    }

    def validation_error(self, code, *args):
        """Return the ValidationError with our message, which is the same whether or not such an account exists."""
        if code == "email_password_mismatch" and must_confirm_email():
            code = f"unconfirmed_{code}"
        return super().validation_error(code, *args)

    def is_open_for_signup(self, request):
        """Return whether other pages than ours may create accounts. Ours ask the Admission, which knows invitations."""
        return SiteSettings.load().signup_mode == SignupMode.OPEN

    def clean_username(self, username, shallow=False):
        """Reject the usernames of former members, with the same message as for existing members."""
        if RetiredUsername.objects.filter(username=username.lower()).exists():
            raise self.validation_error("username_taken")
        return super().clean_username(username, shallow)

    def save_user(self, request, user, form, commit=True):
        """Also store the language of the page and the time zone of the browser, unless they are the site's defaults.

        Emails are sent in that language. The sign-up page says that people accept the rules by signing up.
        """
        user.rules_accepted_on = timezone.now()
        language, default = offered_variant(get_language()), offered_variant(settings.LANGUAGE_CODE)
        user.language = language if language != default else ""
        zone = form.cleaned_data.get("time_zone", "")
        user.time_zone = zone if zone != known_zone(settings.TIME_ZONE) else ""
        return super().save_user(request, user, form, commit)

    def clean_email(self, email):
        """Return the address in canonical form. Raises ValidationError if it isn't valid."""
        return canonical_email(email)

    def _get_login_attempts_cache_key(self, request, **credentials):
        """Count failed logins per account, for username and email together, and separately for known browsers.

        This limits guessing, but a stranger who uses up the limit doesn't lock out the owner.
        """
        user = find_account(credentials)
        if user is None:
            # allauth's key contains the Host header, so an attacker could start a new count with another port.
            return str(account_lookup(credentials))
        return f"{user.pk} in a known browser" if devices.is_known(request, user) else str(user.pk)

    def get_client_ip(self, request):
        """Return the client's IP address. An IPv4 address in IPv6 notation becomes IPv4, because limits count IPv6 by /64."""
        address = super().get_client_ip(request)
        try:
            return str(getattr(ip_address(address), "ipv4_mapped", None) or address)
        except ValueError:
            return address

    def confirm_email(self, request, email_address):
        """Confirm an address, unless another member has taken it in the meantime. Returns whether it was confirmed."""
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
        """Return whether this is a new address for the account. The current one stays until the new one is confirmed."""
        return email_address.user.pending_addresses().contains(email_address)

    def clean_password(self, password, user=None):
        """Validate the prepared form of the password, which is the form that is hashed. Returns the password as typed.

        The ValidationError says what would be accepted.
        """
        try:
            super().clean_password(prepared(password), user)
        except ValidationError as error:
            raise advise(error) from error
        return password

    def reauthenticate(self, user, password):
        """Return whether this is the password of `user`. Keeps their session valid even if the hash was replaced."""
        if not super().reauthenticate(user, password):
            return False
        user.password = User.objects.present(user.pk).password
        keep_session(allauth_context.request, user)
        return True

    def set_password(self, user, password):
        """Hash the password and store it."""
        user.set_password(password)
        self.store_password(user)

    def store_password(self, user):
        """Store the new password hash of `user`, and enqueue the email about it in the same transaction.

        Hashing is slow, so the caller does it before the transaction.
        """
        with transaction.atomic():
            user.save(update_fields=["password"])
            snapshots.notify_changes(user, allauth_context.request)

    def pre_login(self, request, user, **kwargs):
        """Let suspended members go on to the second factor. `login()` stops them afterwards."""
        return None if user.suspended_on else super().pre_login(request, user, **kwargs)

    def login(self, request, user):
        """Log the member in. Suspended members see why they can't."""
        if user.suspended_on:
            suspended_access.grant(request, user)
            raise ImmediateHttpResponse(redirect("accounts:suspended"))
        # Another member may have looked at their suspension in this browser.
        suspended_access.revoke(request)
        # Django stores the time of this login, so `get_login_redirect_url()` couldn't tell a first login.
        user.has_logged_in_before = user.last_login is not None
        super().login(request, user)

    def post_login(self, request, user, *, signup, **kwargs):
        """Email the member about a login from an unknown browser, but not about the one right after sign-up.

        Where addresses must be confirmed, signing up ends with the first login, which then leads to the page for new members.
        """
        if not (signup or devices.is_known(request, user)):
            outbox.enqueue("new_device", user, get_random_string(22), **snapshots.request_origin(request))
        devices.remember(request, user)
        is_new = signup or (must_confirm_email() and not user.has_logged_in_before)
        return super().post_login(request, user, signup=is_new, **kwargs)

    def is_safe_url(self, url):
        """Return whether a form may redirect to `url`."""
        return is_on_this_site(url)

    def send_confirmation_mail(self, request, emailconfirmation, signup):
        """Email a link to confirm the address of a new account.

        If the address already has an account, the email says so instead.

        Only the email differs. The page is the same in both cases, so it doesn't reveal which addresses have an account.
        """
        address = emailconfirmation.email_address
        if address.user.email is None and User.objects.with_email(address.email).exists():
            self.send_account_already_exists_mail(address.email)
        else:
            super().send_confirmation_mail(request, emailconfirmation, signup)

    def send_notification_mail(self, template_prefix, user, context=None, email=None):
        """Send nothing, whatever ACCOUNT_EMAIL_NOTIFICATIONS says.

        accounts.security sends the emails about every change, including changes outside allauth.
        """

    def send_mail(self, template_prefix, email, context):
        """Enqueue the email, so that the request doesn't wait for the mail server and the email survives its outages."""
        request = allauth_context.request
        if request is not None:
            # Any value may be a link from allauth. All links must use SITE_URL.
            context = {
                name: under_site_url(value, request) if isinstance(value, str) else value
                for name, value in context.items()
            }
        if "signup_url" in context:
            mode = SiteSettings.load().signup_mode
            context["can_sign_up"] = mode in (SignupMode.OPEN, SignupMode.APPROVAL)
        rendered = rendering.render(template_prefix, {"email": email} | context, body="message")
        outbox.enqueue_rendered(template_prefix, email, *rendered)
