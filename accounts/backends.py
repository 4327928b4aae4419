from functools import cache

from allauth.account.auth_backends import AuthenticationBackend as AllauthBackend
from django.contrib.auth import get_user_model
from django.db.models import BigAutoField

from accounts.announcements.models import loaded_with_members
from accounts.common.addresses import email_key, is_email
from accounts.common.app_settings import app_settings
from accounts.common.compiled_queries import CompiledQuery

# Expressions that are loaded with the member of a request, in the same query, by the names of the attributes. Other apps add theirs
# when they are ready.
member_annotations = {}


class AuthenticationBackend(AllauthBackend):
    """Authenticates by username or email, with the same number of password hashes whether or not the account exists.

    allauth's backend hashes the password once for each way to interpret the login, so its response time reveals which
    usernames and addresses exist.
    """

    def get_user(self, user_id):
        """Return the member of a session, or None, in one query with the related rows that every page needs.

        The setting USER_SELECT_RELATED lists these relations.
        """
        found = members_with(*app_settings.USER_SELECT_RELATED).rows(pk=user_id)
        return found[0] if found and self.user_can_authenticate(found[0]) else None

    def _mitigate_timing_attack(self, password):
        # allauth's version sets a password, which always computes exactly one hash.
        get_user_model()().check_password(password)

    def _authenticate(self, request, **credentials):
        return self._check_password(find_account(credentials), credentials["password"])


@cache
def members_with(*related):
    """Return the compiled query that finds a member by primary key, with the related rows and annotations."""
    return CompiledQuery(
        lambda pk: (
            get_user_model()
            ._default_manager.select_related(*related)
            .annotate(**loaded_with_members(), **member_annotations)
            .filter(pk=pk)
        ),
        pk=BigAutoField(),
    )


def find_account(credentials):
    """Return the account with the username or email in `credentials`, in any spelling, or None."""
    return get_user_model().objects.filter(**account_lookup(credentials)).first()


def account_lookup(credentials):
    """Return the lookup, a dict, for the account that `credentials` name. It is the same for every spelling."""
    login = credentials.get("username") or credentials.get("email") or ""
    # Databases reject null characters and lone surrogates.
    name = login.encode(errors="ignore").decode().replace("\0", "")
    return {"email": email_key(name)} if is_email(name) else {"username": name.strip().lower()}
