"""The kinds of mail that there are. An app adds its own with `register`; see ARCHITECTURE.md."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class When(models.TextChoices):
    """How soon a member wants to hear."""

    AT_ONCE = "at_once", _("At once")
    DAILY = "daily", _("Daily")
    WEEKLY = "weekly", _("Weekly")
    NEVER = "never", _("Never")


class MailKind:
    """One kind of mail. A subclass says when it may come and what it holds.

    `template` is the common start of the names of three templates: `_subject.txt`, `_body.txt` and `_body.html`.
    """

    name = ""  # As it stands in rows and links: it never changes.
    label = ""  # What a member chooses about.
    template = ""
    choices = (When.AT_ONCE, When.NEVER)  # Without any, the mail is always sent.
    default = When.AT_ONCE

    @property
    def is_optional(self):
        return bool(self.choices)

    def content(self, recipient, **arguments):
        """Return what the templates need, or None if there is nothing to tell any more.

        Called when the mail is about to be sent, with the `arguments` that it was enqueued with.
        """
        raise NotImplementedError

    def sample(self, recipient):
        """Return the same with made-up facts, for previews."""
        raise NotImplementedError


_kinds = {}


def register(kind_class):
    """Make a MailKind known. To be imported in `AppConfig.ready()`."""
    _kinds[kind_class.name] = kind_class()
    return kind_class


def all_kinds():
    """Every kind, in the order of registration."""
    return list(_kinds.values())


def optional_kinds():
    """Those that members choose about."""
    return [kind for kind in all_kinds() if kind.is_optional]


def of(kind_class):
    """The kind of that class."""
    return _kinds[kind_class.name]


def get(name):
    """The kind of that name, or None if there is none: rows may name one that existed in another release."""
    return _kinds.get(name)
