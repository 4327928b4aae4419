"""Fields that forms of more than one kind share."""

from allauth.account import fields as allauth_fields

from accounts.addresses import canonical_email


class EmailField(allauth_fields.EmailField):
    """An email address, typed in any way. Its value is the canonical form."""

    def to_python(self, value):
        value = super().to_python(value)
        return canonical_email(value) if value else value
