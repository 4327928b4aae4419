"""The mails about the security of an account. They are always sent."""

from datetime import datetime

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.emails.kinds import MailKind, register
from accounts.links import absolute
from accounts.security import FACTOR_WORDS


class SecurityMail(MailKind):
    """Says what happened, when and from where, and what to do if it was not the recipient."""

    choices = ()

    def content(self, recipient, when, **facts):
        return facts | {
            "when": datetime.fromisoformat(when),
            "reset_url": absolute(reverse("account_reset_password")),
            "sessions_url": absolute(reverse("usersessions_list")),
        }

    def sample(self, recipient):
        when = timezone.now().isoformat()
        return self.content(recipient, when=when, ip="203.0.113.9", browser="Firefox, Linux", **self.facts())

    def facts(self):
        """Made-up facts beyond those of every such mail."""
        return {}


@register
class PasswordChanged(SecurityMail):
    name = "password_changed"
    label = gettext_lazy("My password was changed")
    template = "accounts/email/password_changed"


@register
class EmailChanged(SecurityMail):
    """Goes to the address from before."""

    name = "email_changed"
    label = gettext_lazy("My email was changed")
    template = "accounts/email/email_changed"

    def facts(self):
        return {"new": "new@example.org"}


@register
class SecondFactorChanged(SecurityMail):
    name = "second_factor_changed"
    label = gettext_lazy("My second factor was changed")
    template = "accounts/email/second_factor_changed"

    def content(self, recipient, words, **facts):
        return super().content(recipient, **facts) | {"changes": [_(word) for word in words]}

    def facts(self):
        return {"words": [FACTOR_WORDS["totp"][0], FACTOR_WORDS["recovery_codes"][0]]}


@register
class NewDevice(SecurityMail):
    name = "new_device"
    label = gettext_lazy("Somebody logs in from a new device")
    template = "accounts/email/new_device"
