"""Django's admin finds what each of these registers."""

from accounts.admin import jobs, libraries, mail, people  # noqa: F401
