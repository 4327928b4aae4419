"""Email addresses in one canonical form: however an address is typed, it finds one account and one mailbox."""

import unicodedata

import idna
import regex
from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator, validate_email
from django.utils.translation import gettext_lazy as _

MAX_LENGTH = 254  # RFC 5321, and the column.
# Nobody types more than this, and normalizing takes quadratic time.
MAX_TYPED_LENGTH = 1000

# The full-width and the small form come from input methods for Chinese, Japanese and Korean.
_at = regex.compile("[@\uff20\ufe6b]")
_invisible = regex.compile(r"\p{Default_Ignorable_Code_Point}")
# In a host, U+200C and U+200D can be letters of the name: `idna` knows where.
_around_host = regex.compile(
    r"^[\p{Default_Ignorable_Code_Point}\s--\u200c\u200d]+|[\p{Default_Ignorable_Code_Point}\s--\u200c\u200d]+$",
    regex.V1,
)


def is_email(text):
    """Whether `text` is meant as an email address: no username has an @."""
    return bool(_at.search(text))


def canonical_email(text):
    """Return the address `text` in its canonical form: ASCII, in lower case, without invisible characters.

    The host is encoded by IDNA 2008. Raises ValidationError with a sentence for people if email can't be delivered
    to such an address.
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
    """Return what to look the address `text` up by: its canonical form, or if it has none, the text in lower case."""
    try:
        return canonical_email(text)
    except ValidationError:
        return text.strip().lower()


def ascii_host(host):
    """Return the name `host` in ASCII and lower case, as IDNA 2008 encodes it.

    Raises UnicodeError if it isn't a valid name. Python's own codec and Django know only IDNA 2003, by which ß becomes
    ss: another domain, which may be somebody else's.
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
        # A quoted local part is another spelling of the same mailbox.
        raise ValidationError(validate_email.message, code="invalid")
    return text


def _canonical_host(text):
    text = _around_host.sub("", text)
    if not text:
        raise ValidationError(validate_email.message, code="invalid")
    try:
        return ascii_host(text)
    except UnicodeError as error:
        words = _("That isn't a domain name that can receive email. Check the part after the @.")
        raise ValidationError(words, code="invalid") from error
