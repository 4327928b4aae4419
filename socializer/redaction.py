"""Keeps secrets out of the logs: tokens, confirmation keys and codes in addresses.

People who read a log must not be able to use secrets from it. The URL pattern that an address matches determines which parts
are secret. If an address matches no pattern, only words that occur in URL patterns are shown.
"""

import re
from functools import cached_property, lru_cache
from urllib.parse import quote, unquote, urlsplit

from django.urls import Resolver404, get_resolver, resolve

# The names of secret URL arguments in all apps. In the admin, "url" is the argument of the pattern for unknown addresses.
SECRET_ARGUMENTS = {"token", "key", "uidb36", "uidb64", "code", "secret", "url"}
# Query parameters that contain positions in lists and pages. They are shown if their values are numbers.
SHOWN_PARAMETERS = {"before", "after", "page", "p", "o", "e"}
HIDDEN = "***"


def of_request(request):
    """Return the Redaction of a Django request."""
    if not hasattr(request, "_redaction"):
        query, referer = (request.META.get(name, "") for name in ("QUERY_STRING", "HTTP_REFERER"))
        request._redaction = Redaction(request.method, request.path_info, query, referer)
    return request._redaction


def of_uri(method, uri, referer=""):
    """Return the Redaction of a request of which only the address is known, in the form in which the client sent it."""
    path, _mark, query = uri.partition("?")
    return Redaction(method, unquote(path), query, referer)


class Redaction:
    """The parts of a request that are safe to log: `path`, `query`, `referer`, and `line` (the method and the address)."""

    def __init__(self, method, path, query, referer):
        self.path, self._secrets = redact_path(path)
        self.query = self._shown(redact_query(query))
        referer = urlsplit(referer)
        self.referer = self._shown(redact_path(referer.path))
        self._shown(redact_query(referer.query))
        self.line = f"{method} {self.path}{'?' if self.query else ''}{self.query}"

    def _shown(self, redacted):
        shown, secrets = redacted
        self._secrets = self._secrets | secrets
        return shown

    @cached_property
    def _pattern(self):
        return _any_of({form for secret in self._secrets for form in _written_forms(secret)})

    def redact(self, text):
        """Return `text` without the secrets of this request, however they are encoded, and without secrets in other URLs."""
        return redact_text(self._pattern.sub(HIDDEN, text) if self._secrets else text)


def redact_path(path):
    """Return the path for the log, and the set of removed secrets."""
    try:
        arguments = resolve(path).kwargs
    except Resolver404:
        parts = path.split("/")
        unknown = {part for part in parts if part and part.lower() not in _known_words()}
        return "/".join(HIDDEN if part in unknown else part for part in parts), _pieces(*unknown)
    secrets = {str(value) for name, value in arguments.items() if name in SECRET_ARGUMENTS and value}
    for secret in sorted(secrets, key=len, reverse=True):
        path = path.replace(secret, HIDDEN)
    return quote(path, safe="/@*:+,."), secrets | _pieces(*secrets)


def redact_query(query):
    """Return the query string for the log, and the set of removed secrets."""
    shown, secrets = [], set()
    for part in filter(None, query.split("&")):
        name, _equals, value = part.partition("=")
        if not re.fullmatch(r"[A-Za-z_]{1,30}", name):
            secrets |= _pieces(name)
            name = HIDDEN
        if not (name in SHOWN_PARAMETERS and re.fullmatch(r"[-.\d]{1,20}", value)):
            secrets |= _pieces(value)
            value = HIDDEN
        shown.append(f"{name}={value}")
    return "&".join(shown), secrets


def redact_text(text):
    """Return `text` without the secrets in its addresses. This doesn't need a request."""
    return _address.sub(_redact_address, text)


# An address starts at the beginning of a word. Django's error messages omit the first slash.
_address = re.compile(
    r"(?<![^\s\"'<>(=,;])(?:https?://[^/\s]+)?[\w.@-]*(?:/|%(?:25)*2f)[^\s\"'<>)]*", re.IGNORECASE
)


def _redact_address(match):
    address, query_mark, query = match[0].partition("?")
    found = _secret_route().match(_decode(address))
    if found:
        address = found[1] + HIDDEN
    return address + query_mark + redact_query(query)[0]


@lru_cache
def _secret_route():
    """Return a pattern for addresses with a secret. Its group is the part before the secret."""
    prefixes = {
        "/+".join(re.escape(word) for word in route.partition("<")[0].strip("^/").split("/"))
        for route in _routes(get_resolver().url_patterns)
        if SECRET_ARGUMENTS & set(re.findall(r"<(?:\w+:)?(\w+)>", route)) and not route.startswith("<")
    }
    routes = "|".join(sorted(prefixes - {"admin", ""}, key=len, reverse=True))
    return re.compile(rf"((?:https?://[^/]+)?/*(?:{routes})/+)[^/]", re.IGNORECASE)


@lru_cache
def _known_words():
    """Return the set of words in this site's URL patterns."""
    literal = (re.sub(r"\(.*\)|<[^>]*>|[\\^$]", "/", route) for route in _routes(get_resolver().url_patterns))
    return {word.lower() for route in literal for word in route.split("/") if word}


def _routes(patterns, prefix=""):
    for pattern in patterns:
        # The part before an argument is plain text in regular expressions, too.
        route = prefix + str(pattern.pattern).replace("(?P<", "<").removeprefix("^")
        yield from _routes(pattern.url_patterns, route) if hasattr(pattern, "url_patterns") else [route]


def _decode(text):
    """Undo percent-encoding, even if the text was encoded several times."""
    for _again in range(3):
        text = unquote(text)
    return text


def _pieces(*texts):
    """Return the set of possible secrets in `texts`: parts of addresses that aren't words in URL patterns."""
    parts = {part for text in texts for part in re.split(r"[/?&=#\s]", _decode(text))}
    return {part for part in parts if len(part) > 2 and part.lower() not in _known_words()} | {
        text for text in texts if len(text) > 2 and text.lower() not in _known_words()
    }


def _written_forms(secret):
    escaped = secret.encode("unicode_escape").decode()
    return {secret, escaped, quote(secret), quote(secret, safe=""), quote(quote(secret, safe=""), safe="")}


def _any_of(texts):
    """Return a pattern for any of `texts`. Short texts match only as whole words, to keep log lines readable."""
    patterns = (
        re.escape(text)
        if len(text) > 11
        else rf"(?:(?<!\w)|(?<=%[0-9a-fA-F][0-9a-fA-F])){re.escape(text)}(?!\w)"
        for text in sorted(texts, key=len, reverse=True)
    )
    return re.compile("|".join(patterns))
