"""Prepares passwords for hashing, explains why one is refused, and keeps sessions valid when the hash is replaced."""

import unicodedata

import regex
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

# Normalizing can take quadratic time. For this many characters, it takes a few milliseconds.
MAX_PREPARED_LENGTH = 1000

_space = regex.compile(r"\p{Zs}")


def prepared(password):
    """Return `password` in the form that RFC 8265 (OpaqueString) compares: in NFC, with every kind of space as U+0020.

    Some keyboards type é as one code point and others as two, and they type different spaces. None and texts with more than
    MAX_PREPARED_LENGTH characters are returned unchanged.
    """
    if not isinstance(password, str) or len(password) > MAX_PREPARED_LENGTH:
        return password
    return unicodedata.normalize("NFC", _space.sub(" ", password))


def advise(error):
    """Return the ValidationError of Django's password validators with messages that say what would be accepted.

    This doesn't use other validators, because most projects list Django's own in AUTH_PASSWORD_VALIDATORS. The messages of
    other validators stay as they are.
    """
    return ValidationError([_with_advice(each) for each in error.error_list])


def _with_advice(error):
    params = error.params or {}
    if error.code == "password_too_short" and "min_length" in params:
        message = ngettext(
            "This password is too short. Use at least %(min_length)d character.",
            "This password is too short. Use at least %(min_length)d characters.",
            params["min_length"],
        )
    elif error.code == "password_too_similar" and "verbose_name" in params:
        message = _(
            "This password is too much like your %(verbose_name)s. Try three or four unrelated words."
        )
    elif error.code == "password_too_common":
        message = _("This password is too common. Try three or four unrelated words.")
    elif error.code == "password_entirely_numeric":
        message = _("This password is all digits. Add letters, or try three or four unrelated words.")
    else:
        return error
    return ValidationError(message, error.code, params)


def keep_session(request, user):
    """Keep the session of `request` valid if it is the session of `user` and checking the password replaced the hash."""
    session, key = request.session, user.get_session_auth_hash()
    if session.get(SESSION_KEY) == str(user.pk) and session.get(HASH_SESSION_KEY) != key:
        session[HASH_SESSION_KEY] = key
