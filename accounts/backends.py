from allauth.account.auth_backends import AuthenticationBackend as AllauthBackend
from django.contrib.auth import get_user_model


class AuthenticationBackend(AllauthBackend):
    """Log-in by username or e-mail that costs one password hash, whether or not there is such a person.

    allauth's tries the password once for each way to read what was typed: how long the answer takes would tell
    which names and addresses exist.
    """

    def _authenticate(self, request, **credentials):
        typed = credentials.get("username") or credentials.get("email") or ""
        return self._check_password(self._find(typed.strip().lower()), credentials["password"])

    def _find(self, name):
        """The one account with that username or address. No username holds an @, no address lacks one."""
        field = "email" if "@" in name else "username"
        return get_user_model().objects.filter(**{field: name.replace("\0", "")}).first()
