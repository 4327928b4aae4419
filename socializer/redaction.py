"""Keeps keys out of the logs: tokens, confirmation keys and codes that come in addresses.

Whoever reads a log must not be able to use what stands there. What an address holds is decided by the URL pattern that it
matches, not by how it is written; of an address that matches none, only words of the URL patterns are shown.
"""

import re
from functools import cached_property, lru_cache
from urllib.parse import quote, unquote, urlsplit

from django.urls import Resolver404, get_resolver, resolve

# The names of URL arguments that are secrets, in every app. "url" is what the admin catches without knowing it.
SECRET_ARGUMENTS = {"token", "key", "uidb36", "uidb64", "code", "secret", "url"}
# Query parameters that are shown, if they are numbers: positions in lists and pages.
SHOWN_PARAMETERS = {"before", "after", "page", "p", "o", "e"}
HIDDEN = "***"


def of_request(request):
    """The Redaction of a request of Django's."""
    if not hasattr(request, "_redaction"):
        query, referer = (request.META.get(name, "") for name in ("QUERY_STRING", "HTTP_REFERER"))
        request._redaction = Redaction(request.method, request.path_info, query, referer)
    return request._redaction


def of_uri(method, uri, referer=""):
    """The Redaction of a request of which only the address is known, as it was sent."""
    path, _mark, query = uri.partition("?")
    return Redaction(method, unquote(path), query, referer)


class Redaction:
    """How a request may appear in logs: `path`, `query`, `referer`, and `line`, the method with the address."""

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
        """Return `text` without the secrets of this request, in whichever way they are written, and of other addresses."""
        return redact_text(self._pattern.sub(HIDDEN, text) if self._secrets else text)


def redact_path(path):
    """Return the path as it may be logged, and the set of what was taken out."""
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
    """Return the query string as it may be logged, and the set of what was taken out."""
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
    """Return `text` without the secrets of the addresses in it, where no request is at hand."""
    return _address.sub(_redact_address, text)


# An address begins where a word does. Django's errors leave the first slash out.
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
    """Matches an address that leads to a secret, however it goes on; its group is what stands before."""
    prefixes = {
        "/+".join(re.escape(word) for word in route.partition("<")[0].strip("^/").split("/"))
        for route in _routes(get_resolver().url_patterns)
        if SECRET_ARGUMENTS & set(re.findall(r"<(?:\w+:)?(\w+)>", route)) and not route.startswith("<")
    }
    routes = "|".join(sorted(prefixes - {"admin", ""}, key=len, reverse=True))
    return re.compile(rf"((?:https?://[^/]+)?/*(?:{routes})/+)[^/]", re.IGNORECASE)


@lru_cache
def _known_words():
    """The words that addresses of this site are made of."""
    literal = (re.sub(r"\(.*\)|<[^>]*>|[\\^$]", "/", route) for route in _routes(get_resolver().url_patterns))
    return {word.lower() for route in literal for word in route.split("/") if word}


def _routes(patterns, prefix=""):
    for pattern in patterns:
        # Of a regular expression too, the part before an argument is plain text.
        route = prefix + str(pattern.pattern).replace("(?P<", "<").removeprefix("^")
        yield from _routes(pattern.url_patterns, route) if hasattr(pattern, "url_patterns") else [route]


def _decode(text):
    """Undo the percent-encoding, also one of an encoded text."""
    for _again in range(3):
        text = unquote(text)
    return text


def _pieces(*texts):
    """What could be secrets in `texts`: the parts of addresses in them that are no words of the site."""
    parts = {part for text in texts for part in re.split(r"[/?&=#\s]", _decode(text))}
    return {part for part in parts if len(part) > 2 and part.lower() not in _known_words()} | {
        text for text in texts if len(text) > 2 and text.lower() not in _known_words()
    }


def _written_forms(secret):
    escaped = secret.encode("unicode_escape").decode()
    return {secret, escaped, quote(secret), quote(secret, safe=""), quote(quote(secret, safe=""), safe="")}


def _any_of(texts):
    """A pattern for any of `texts`: short ones only where they stand alone, or every log line would be full of holes."""
    patterns = (
        re.escape(text)
        if len(text) > 11
        else rf"(?:(?<!\w)|(?<=%[0-9a-fA-F][0-9a-fA-F])){re.escape(text)}(?!\w)"
        for text in sorted(texts, key=len, reverse=True)
    )
    return re.compile("|".join(patterns))
