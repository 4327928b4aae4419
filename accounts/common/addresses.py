"""The canonical form of email addresses: every spelling of an address finds the same account and the same mailbox."""

import unicodedata

import idna
import regex
from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator, validate_email
from django.utils.translation import gettext_lazy as _

MAX_LENGTH = 254  # The limit in RFC 5321 and of the column.
# Nobody types a longer address, and normalizing takes quadratic time.
MAX_TYPED_LENGTH = 1000

# Input methods for Chinese, Japanese and Korean produce the full-width and small forms.
_at = regex.compile("[@\uff20\ufe6b]")
_invisible = regex.compile(r"\p{Default_Ignorable_Code_Point}")
# U+200C and U+200D can be part of a host name. `idna` checks where they are allowed.
_around_host = regex.compile(
    r"^[\p{Default_Ignorable_Code_Point}\s--\u200c\u200d]+|[\p{Default_Ignorable_Code_Point}\s--\u200c\u200d]+$",
    regex.V1,
)


def is_email(text):
    """Return whether `text` is meant as an email address. Usernames have no @."""
    return bool(_at.search(text))


def canonical_email(text):
    """Return the address `text` in its canonical form: ASCII, in lower case, without invisible characters.

    The host is encoded by IDNA 2008. Raises ValidationError, with a message for users, if email can't be delivered to the
    address.
    """
    check_length = MaxLengthValidator(MAX_LENGTH)
    if len(text) > MAX_TYPED_LENGTH:
        check_length(text)
    parts = _at.split(text)
    if len(parts) != 2:
        raise ValidationError(validate_email.message, code="invalid")
    email = f"{_canonical_local_part(parts[0])}@{_canonical_host(parts[1])}"
    validate_email(email)
    check_length(email)
    return email


def email_key(text):
    """Return the text to look the address up by: its canonical form or, if it has none, `text` in lower case."""
    try:
        return canonical_email(text)
    except ValidationError:
        return text.strip().lower()


def ascii_host(host):
    """Return the host name `host` in ASCII and lower case, as IDNA 2008 encodes it.

    Raises UnicodeError if it isn't a valid name. Python's codec and Django use IDNA 2003, which turns ß into ss. That is
    another domain, which may belong to someone else.
    """
    encoded = idna.encode(host, uts46=True, std3_rules=True, transitional=False)
    return encoded.decode("ascii").removesuffix(".")


def _canonical_local_part(text):
    text = unicodedata.normalize("NFKC", _invisible.sub("", text)).lstrip().lower()
    if not text.isascii():
        # Mail servers would need SMTPUTF8 all the way to the mailbox.
        raise ValidationError(
            _("Before the @, use only letters a to z, digits and common punctuation."), code="invalid"
        )
    if '"' in text:
        # A quoted local part is just another spelling of the same address.
        raise ValidationError(validate_email.message, code="invalid")
    return text


def _canonical_host(text):
    text = _around_host.sub("", text)
    if not text:
        raise ValidationError(validate_email.message, code="invalid")
    try:
        return ascii_host(text)
    except UnicodeError as error:
        message = _("That isn't a domain name that can receive email. Check the part after the @.")
        raise ValidationError(message, code="invalid") from error
