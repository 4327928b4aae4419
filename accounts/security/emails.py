"""Emails about the security of an account. They are always sent."""

from datetime import datetime

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.common.installed import HAS_USER_SESSIONS
from accounts.common.links import absolute
from accounts.emails.types import EmailType, register
from accounts.security.snapshots import MFA_CHANGES


class SecurityEmail(EmailType):
    """Says what happened, when and from where, and what to do if it wasn't the recipient."""

    reaches_pending = True

    def content(self, recipient, when, **arguments):
        return arguments | {
            "when": datetime.fromisoformat(when),
            "reset_url": absolute(reverse("account_reset_password")),
            "sessions_url": absolute(reverse("usersessions_list")) if HAS_USER_SESSIONS else "",
        }

    def sample(self, recipient):
        when = timezone.now().isoformat()
        return self.content(
            recipient, when=when, ip="203.0.113.9", browser="Firefox, Linux", **self.example()
        )

    def example(self):
        """Return example arguments of this type, in addition to those of all types."""
        return {}


@register
class PasswordChanged(SecurityEmail):
    name = "password_changed"
    label = gettext_lazy("My password was changed")
    template = "accounts/email/password_changed"


@register
class EmailChanged(SecurityEmail):
    """Goes to the previous address."""

    name = "email_changed"
    label = gettext_lazy("My email was changed")
    template = "accounts/email/email_changed"

    def example(self):
        return {"new": "new@example.org"}


@register
class MFAChanged(SecurityEmail):
    name = "second_factor_changed"
    label = gettext_lazy("My login security settings changed")
    template = "accounts/email/second_factor_changed"

    def content(self, recipient, changes=(), words=(), **arguments):
        # Jobs of older releases store the sentences as `words`.
        return super().content(recipient, **arguments) | {"changes": [_(text) for text in changes or words]}

    def example(self):
        return {"changes": [MFA_CHANGES["totp"][0], MFA_CHANGES["recovery_codes"][0]]}


@register
class NewDevice(SecurityEmail):
    name = "new_device"
    label = gettext_lazy("Someone logs in from a new device")
    template = "accounts/email/new_device"
