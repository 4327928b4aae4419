from allauth.account.models import EmailAddress
from django.contrib.auth.tokens import PasswordResetTokenGenerator as DjangoTokenGenerator


class PasswordResetTokenGenerator(DjangoTokenGenerator):
    """allauth's: a link to set a new password expires with any change of addresses.

    But it only reads. allauth's also adds a missing address row, even when somebody only opens a link.
    """

    def _make_hash_value(self, user, timestamp):
        emails = set(EmailAddress.objects.filter(user=user).values_list("email", flat=True))
        if user.email:
            emails.add(user.email)
        return super()._make_hash_value(user, timestamp) + "|".join(sorted(emails))
