from allauth.account.models import EmailAddress
from django.contrib.auth.tokens import PasswordResetTokenGenerator as DjangoTokenGenerator


class PasswordResetTokenGenerator(DjangoTokenGenerator):
    """Like allauth's generator, but read-only. Password reset links expire when the member's addresses change.

    allauth's generator adds a missing EmailAddress row, even if someone only opens a link.
    """

    def _make_hash_value(self, user, timestamp):
        emails = set(EmailAddress.objects.filter(user=user).values_list("email", flat=True))
        if user.email:
            emails.add(user.email)
        return super()._make_hash_value(user, timestamp) + "|".join(sorted(emails))
