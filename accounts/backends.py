from allauth.account.auth_backends import AuthenticationBackend as AllauthBackend
from django.contrib.auth import get_user_model


class AuthenticationBackend(AllauthBackend):
    """Log-in by username or e-mail that costs one password hash, whether or not there is such a person.

    allauth's tries the password once for each way to read what was typed: how long the answer takes would tell
    which names and addresses exist.
    """

    def _authenticate(self, request, **credentials):
        return self._check_password(find_account(credentials), credentials["password"])


def find_account(credentials):
    """Return the one account with the name or address in `credentials`, typed in any way, or None.

    No username holds an @, and no address lacks one.
    """
    typed = credentials.get("username") or credentials.get("email") or ""
    name = typed.strip().lower().replace("\0", "")
    return get_user_model().objects.filter(**{"email" if "@" in name else "username": name}).first()
