"""A sample of each email, with made-up data, for previews and for testing a mail server."""

from dataclasses import dataclass

from accounts.emails import rendering, types
from accounts.emails.types import EmailType
from accounts.models import User

LINK = "https://social.example.com/users/a-made-up-link/"

# The emails that allauth sends on request, and the variables that their templates need.
REQUESTED = {
    "email_confirmation": {"activate_url": LINK},
    "password_reset_key": {"password_reset_url": LINK},
    "password_reset_code": {"code": "K7Q-M2X"},
    "login_code": {"code": "K7Q-M2X"},
    "account_already_exists": {"password_reset_url": LINK},
    "unknown_account": {"email": "ada@example.org", "signup_url": LINK, "can_sign_up": True},
}


@dataclass(frozen=True)
class Sample:
    """One sample email. An email from allauth has no `email_type`."""

    name: str
    email_type: EmailType | None = None

    def message(self, address):
        """Return the email to `address` as a message."""
        recipient = sample_recipient(address)
        if self.email_type:
            return rendering.build_email(self.email_type, recipient, self.email_type.sample(recipient))
        subject, text, html = rendering.render(self._template, self._context(), body="message")
        return rendering.build_message(subject, text, html, address)

    def page(self):
        """Return the HTML of the email as a page."""
        if self.email_type:
            return rendering.preview(self.email_type, sample_recipient("ada@example.org"))
        return rendering.render_page(self._template, self._context(), body="message")

    @property
    def _template(self):
        return f"account/email/{self.name}"

    def _context(self):
        return {"user": sample_recipient("ada@example.org")} | REQUESTED[self.name]


def all_samples():
    """Return a dict of each email's name and its Sample."""
    samples = [Sample(email_type.name, email_type) for email_type in types.all_types()]
    return {sample.name: sample for sample in [*samples, *map(Sample, REQUESTED)]}


def sample_recipient(address):
    """Return a User who isn't in the database. Links for this user don't work."""
    return User(pk=0, username="ada", display_name="Ada Lovelace", email=address)


def sample_people():
    """Return three Users who aren't in the database, for emails that name people."""
    names = {"grace": "Grace Hopper", "alan": "Alan Turing", "katherine": "Katherine Johnson"}
    return [User(username=username, display_name=name) for username, name in names.items()]
