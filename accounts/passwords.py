"""Passwords in the form that is hashed: which ways to type one count as the same."""

import unicodedata

import regex
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY

# Normalizing takes quadratic time; this many characters take a few milliseconds.
MAX_PREPARED_LENGTH = 1000

_space = regex.compile(r"\p{Zs}")


def prepared(password):
    """Return `password` as RFC 8265 (OpaqueString) has it compared: in NFC, with U+0020 for every kind of space.

    A keyboard decides whether é is one code point or two, and which space it types. A text of more than
    MAX_PREPARED_LENGTH characters is returned as it is, as is None.
    """
    if not isinstance(password, str) or len(password) > MAX_PREPARED_LENGTH:
        return password
    return unicodedata.normalize("NFC", _space.sub(" ", password))


def keep_session(request, user):
    """Keep the session of `request` valid if it is that of `user`, whose hash checking the password may have replaced."""
    session, key = request.session, user.get_session_auth_hash()
    if session.get(SESSION_KEY) == str(user.pk) and session.get(HASH_SESSION_KEY) != key:
        session[HASH_SESSION_KEY] = key
