"""The types of email. An app adds its own with `register`."""


class EmailType:
    """A type of email: its content, and the conditions under which it isn't sent.

    `template` is the common prefix of the names of three templates: `_subject.txt`, `_body.txt` and `_body.html`.
    """

    name = ""  # Stored in rows and in links, so it must never change.
    label = ""  # Shown to members.
    template = ""
    is_optional = False  # Whether members can turn it off.
    reaches_suspended = False  # Whether suspended members get it, too.
    reaches_pending = False  # Whether people who wait for approval get it, too.

    def offered_to(self, user):
        """Return whether `user` can choose how often they get it."""
        return self.is_optional

    def skip_reason(self, recipient):
        """Return why this type must not be sent to `recipient` now, or an empty string."""
        return ""

    def content(self, recipient, **arguments):
        """Return the context of the templates, or None if there is no longer anything to report.

        Called when the email is about to be sent, with the `arguments` that it was enqueued with.
        """
        raise NotImplementedError

    def sample(self, recipient):
        """Return a context with made-up data, for previews."""
        raise NotImplementedError


_types = {}


def register(type_class):
    """Decorate an EmailType to add it. Its module must be imported in `AppConfig.ready()`."""
    _types[type_class.name] = type_class()
    return type_class


def all_types():
    """Return a list of all types, in the order of registration."""
    return list(_types.values())


def optional_types():
    """Return a list of the types that members can turn off, in the order of registration."""
    return [email_type for email_type in all_types() if email_type.is_optional]


def get(name):
    """Return the type with that name, or None. Rows may contain the name of a type that exists only in another release."""
    return _types.get(name)
