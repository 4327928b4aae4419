from allauth.account.auth_backends import AuthenticationBackend as AllauthBackend
from django.conf import settings
from django.contrib.auth import get_user_model

from accounts.addresses import email_key, is_email


class AuthenticationBackend(AllauthBackend):
    """Log-in by username or e-mail that costs the same password hashes, whether or not there is such a person.

    allauth's tries the password once for each way to read what was typed: how long the answer takes would tell
    which names and addresses exist.
    """

    def get_user(self, user_id):
        """The one whose session it is, in one query with whatever else each of their pages needs.

        The setting USER_SELECT_RELATED names it, for apps that keep something about each member.
        """
        related = getattr(settings, "USER_SELECT_RELATED", ())
        user = get_user_model()._default_manager.select_related(*related).filter(pk=user_id).first()
        return user if user is not None and self.user_can_authenticate(user) else None

    def _mitigate_timing_attack(self, password):
        # allauth sets a password here, which is always one hash.
        get_user_model()().check_password(password)

    def _authenticate(self, request, **credentials):
        return self._check_password(find_account(credentials), credentials["password"])


def find_account(credentials):
    """Return the one account with the name or address in `credentials`, typed in any way, or None."""
    return get_user_model().objects.filter(**account_lookup(credentials)).first()


def account_lookup(credentials):
    """Return the condition, a dict, for the account that `credentials` name: the same however it is typed."""
    typed = credentials.get("username") or credentials.get("email") or ""
    # No database takes null characters and lone surrogates.
    name = typed.encode(errors="ignore").decode().replace("\0", "")
    return {"email": email_key(name)} if is_email(name) else {"username": name.strip().lower()}
