from django.contrib.auth.models import UserManager as DjangoUserManager
from django.db import transaction

from accounts.common.addresses import canonical_email
from accounts.passwords import prepared
from accounts.querysets import UserQuerySet


class UserManager(DjangoUserManager.from_queryset(UserQuerySet)):
    """Creates accounts, with allauth's row for the email address, from code and from the command line."""

    @classmethod
    def normalize_email(cls, email):
        """Return `email` in canonical form, or None if it is empty. Raises ValidationError if it isn't valid."""
        return canonical_email(email) if email else None

    def get_by_natural_key(self, username):
        return super().get_by_natural_key(self.model.normalize_username(username))

    def _create_user_object(self, username, email, password, **fields):
        # Django hashes the password here and doesn't call User.set_password().
        return super()._create_user_object(username, email, prepared(password), **fields)

    def create_user(self, username, email=None, password=None, **fields):
        """Create and return a member. If there is an address, it isn't confirmed."""
        with transaction.atomic():
            user = super().create_user(username, email, password, **fields)
            user.add_email_address(verified=False)
        return user

    def create_superuser(self, username, email=None, password=None, **fields):
        """Create and return an administrator. The address counts as confirmed."""
        with transaction.atomic():
            user = super().create_superuser(username, email, password, **fields)
            user.add_email_address(verified=True)
        return user
