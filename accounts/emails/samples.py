"""Every mail there is, with made-up facts: for looking at, and for trying out a mail server."""

from dataclasses import dataclass

from accounts.emails import kinds, letters
from accounts.emails.kinds import MailKind
from accounts.models import User

LINK = "https://social.example.com/users/a-made-up-link/"

# allauth's: those that somebody asked for a moment ago.
ASKED = {
    "email_confirmation": {"activate_url": LINK},
    "password_reset_key": {"password_reset_url": LINK},
    "password_reset_code": {"code": "K7Q-M2X"},
    "login_code": {"code": "K7Q-M2X"},
    "account_already_exists": {"password_reset_url": LINK},
    "unknown_account": {"email": "ada@example.org", "signup_url": LINK},
}


@dataclass(frozen=True)
class Sample:
    """One mail to look at. Without a `kind` it is one of allauth's."""

    name: str
    kind: MailKind | None = None

    def message(self, address):
        """Return it as a mail to `address`."""
        recipient = made_up(address)
        if self.kind:
            return letters.letter(self.kind, recipient, self.kind.sample(recipient))
        return letters.message(*letters.render(self._template, self._context(), body="message"), address)

    def page(self):
        """Return its HTML as a page."""
        if self.kind:
            return letters.preview(self.kind, made_up("ada@example.org"))
        return letters.page(self._template, self._context(), body="message")

    @property
    def _template(self):
        return f"account/email/{self.name}"

    def _context(self):
        return {"user": made_up("ada@example.org")} | ASKED[self.name]


def all_samples():
    """Map the name of each mail to its Sample."""
    of_kinds = [Sample(kind.name, kind) for kind in kinds.all_kinds()]
    return {sample.name: sample for sample in [*of_kinds, *map(Sample, ASKED)]}


def made_up(address):
    """A person who is in no database. Links for them lead nowhere."""
    return User(pk=0, username="ada", display_name="Ada Lovelace", email=address)
