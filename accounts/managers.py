from django.contrib.auth.models import UserManager as DjangoUserManager
from django.db import transaction

from accounts.addresses import canonical_email
from accounts.passwords import prepared
from accounts.querysets import UserQuerySet


class UserManager(DjangoUserManager.from_queryset(UserQuerySet)):
    """Makes accounts from code and from the command line, with the e-mail row that allauth expects."""

    @classmethod
    def normalize_email(cls, email):
        """Return the canonical form of `email`, or None without one. Raises ValidationError if it has none."""
        return canonical_email(email) if email else None

    def get_by_natural_key(self, username):
        return super().get_by_natural_key(self.model.normalize_username(username))

    def _create_user_object(self, username, email, password, **fields):
        # Django hashes here without asking the User.
        return super()._create_user_object(username, email, prepared(password), **fields)

    def create_user(self, username, email=None, password=None, **fields):
        """Return a new member whose address, if any, still has to be confirmed."""
        with transaction.atomic():
            user = super().create_user(username, email, password, **fields)
            user.add_email_address(verified=False)
        return user

    def create_superuser(self, username, email=None, password=None, **fields):
        """Return a new administrator. Whoever runs the machine vouches for the address."""
        with transaction.atomic():
            user = super().create_superuser(username, email, password, **fields)
            user.add_email_address(verified=True)
        return user
