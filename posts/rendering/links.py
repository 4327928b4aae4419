"""Finds the links in a text: the start, end and exact target of each.

A URL is never copied from the text. It is parsed and rebuilt from its parts, and the text of the link is built from the same
parts. So the host that people see is the host that every browser opens. A URL that can't be parsed with certainty doesn't
become a link. User information ("paypal.com@" before the host) is left out of both the URL and the link text.

In Chinese, Japanese, Korean, Thai and some other languages, there may be no space next to a URL. Links end by these rules:

- Punctuation and symbols outside ASCII, full-width forms, quotation marks and white space end a link.
- The last label of a host, such as "com", uses only one script: the host of "https://example.com请看" is example.com.
- Letters continue a path. But if a script without spaces follows an ASCII letter, a digit or closing punctuation, the link ends
  there: "https://example.com/a请看" ends after "a", but "https://zh.wikipedia.org/wiki/维基百科" doesn't end early.
- A closing bracket ends the link if the link has no matching opening bracket. An opening bracket ends it if it is never closed.
- Without "https://", a host with at least three labels is a link if the first one is "www".
- Punctuation and emphasis marks at the end aren't part of the link, as in GitHub's Markdown.
"""

from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple

import idna
import regex

# After a letter or a plus sign, the match would be part of another scheme, such as git+https.
_scheme = regex.compile(r"(?<![\p{Latin}+])https?://|(?<![\p{Latin}\p{N}_@./:-])(?=www\.)", regex.I)
_ignorable = r"\p{Default_Ignorable_Code_Point}"
# Matches everything up to the last @ that a browser would still parse as part of the authority.
_user_information = regex.compile(r"[!$%&'()*+,\-.0-9:;=A-Z\[\]^_`a-z{|}~@]*@")
_label = r"[\p{L}\p{M}\p{Nd}\u00b7\u200c\u200d_-]+"
_latin = r"[\p{Latin}0-9](?:[\p{Latin}\p{M}0-9_-]*[\p{Latin}\p{M}0-9])?"
_other = r"[[\p{L}\p{M}\p{Nd}\u200c\u200d]--\p{Latin}]+"
_host = regex.compile(rf"(?:{_label}\.)*(?:{_latin}|{_other})(?:\.(?=[/:]))?", regex.V1)
_ipv6 = regex.compile(r"\[([0-9A-Fa-f:.]+)\]")
_port = regex.compile(r":(\d{1,5})(?!\d)", regex.A)
# Characters after the host that browsers might parse as part of the host or in other ways.
_ambiguous = regex.compile(rf"[%\\@$&+=^]|:/|:\d|{_ignorable}+\S")
_ascii_label = regex.compile(r"[a-z0-9_-]{1,63}", regex.I)
_number = regex.compile(r"[0-9]+|0x[0-9a-f]*", regex.I)

_unspaced = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Bopomofo}\p{Hangul}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\u3005\u3006\u30fc"
_letters = r"[\p{L}\p{M}\p{Nd}]"
_path = regex.compile(
    rf"""[/?#](?:
        [A-Za-z0-9/?#!$%&'()*+,.:;=@\[\]_{{}}~-]
        | [{_letters}--[\x00-\x7f\uff01-\uff65\uffe0-\uffef{_unspaced}]]
        | (?<=[/=#+:-]|_\(|/~|[^\x00-\x7f][A-Za-z0-9_():+-]*)[{_letters}&&[{_unspaced}]]
        | (?<={_letters})[\u00b7\u30fb\u200c\u200d](?={_letters})
    )*""",
    regex.V1 | regex.X,
)
_BRACKETS = {")": "(", "]": "[", "}": "{"}
_TRAILING = "?!.,:;*_~'\""

# Labels in one script, or in a combination of scripts that is usual in Chinese, Japanese or Korean. Latin includes only the
# letters of modern languages, without the dotless i.
_unmixed = regex.compile(
    r"[0-9_-]*(?:[a-z\u00b7\u00e0-\u00f6\u00f8-\u0130\u0132-\u0137\u0139-\u0148\u014a-\u017e\u0259\u01a1\u01b0"
    r"\u0219\u021b\u1e00-\u1eff0-9_-]+|[\p{Han}\p{Hiragana}\p{Katakana}\u3005\u30fc0-9_-]+|[\p{Han}\p{Bopomofo}0-9_-]+"
    r"|[\p{Han}\p{Hangul}0-9_-]+"
    + "".join(
        rf"|[\p{{{script}}}0-9_-]+"
        for script in (
            *("Arabic", "Armenian", "Bengali", "Cyrillic", "Devanagari", "Ethiopic", "Georgian", "Greek"),
            *("Gujarati", "Gurmukhi", "Hebrew", "Kannada", "Khmer", "Lao", "Malayalam", "Myanmar", "Oriya"),
            *("Sinhala", "Tamil", "Telugu", "Thaana", "Thai", "Tibetan"),
        )
    )
    + ")"
)
# Cyrillic, Greek and Armenian letters that look like Latin ones, from browsers' lists.
_lookalikes = regex.compile("[асԁеһіјӏорԛѕԝхуъьҽпгѵѡαικνρυωηοτոսցօհզ0-9_-]+")
# Older programs map these to other letters, which results in a different host.
_deviations = regex.compile("[ßς\u200c\u200d]")


class Link(NamedTuple):
    """A link: its start and end in the text, the host with its port, the rest of the URL as displayed, and the whole URL."""

    start: int
    end: int
    host: str
    rest: str
    url: str


def may_have_links(text):
    """Return whether `text` may have links. This is much faster than finding them."""
    return "://" in text or "www." in text.lower()


def find_links(text):
    """Yield each Link in `text`, in order."""
    position = 0
    while scheme := _scheme.search(text, position):
        link = _link_at(text, scheme)
        if link:
            yield link
        position = link.end if link else max(scheme.end(), scheme.start() + 1)


def _link_at(text, scheme):
    """Return the Link that starts with the match `scheme`, or None if it can't be parsed with certainty."""
    user = _user_information.match(text, scheme.end()) if scheme[0] else None
    start = user.end() if user else scheme.end()
    found, end = _host_at(text, start)
    if not found or (not scheme[0] and found.removesuffix(".").count(".") < 2):
        return None
    port = _port.match(text, end)
    if port:
        if int(port[1]) > 65535:
            return None
        end = port.end()
    if _ambiguous.match(text, end):
        return None
    rest = _rest_at(text, end)
    if not (port or rest or user or _can_stand_alone(found)) or (user and not _can_stand_alone(found)):
        return None
    host = found + (port[0] if port else "")
    return Link(scheme.start(), end + len(rest), host, rest, f"{scheme[0] or 'https://'}{host}{rest}")


def _can_stand_alone(host):
    """Return whether this host is a link even without a path. "http://x" isn't one."""
    return "." in host or host.startswith("[") or host.lower() == "localhost"


def _host_at(text, start):
    """Return the host at `start` in its displayed form, and its end. The host is None if there is none."""
    if match := _ipv6.match(text, start):
        return _ipv6_host(match[1]), match.end()
    match = _host.match(text, start)
    return (displayed_host(match[0]), match.end()) if match else (None, start)


def _ipv6_host(address):
    try:
        IPv6Address(address)
    except ValueError:
        return None
    return f"[{address}]"


def displayed_host(host):
    """Return `host` in the form that is displayed and linked, or None if browsers reject it or interpret it as another host.

    International hosts keep their own letters, unless the letters mix scripts or look like Latin ones. In that case, the host
    is converted to ASCII (xn--).
    """
    try:
        displayed = host if host.isascii() else idna.uts46_remap(host, std3_rules=False, transitional=False)
        labels = [_ascii(label) for label in displayed.removesuffix(".").split(".")]
    except idna.IDNAError:
        return None
    in_ascii = ".".join(labels)
    if len(in_ascii) > 253 or not all(map(_ascii_label.fullmatch, labels)):
        return None
    if _number.fullmatch(labels[-1]) and not _is_ipv4(in_ascii):
        return None
    if displayed.isascii() or _is_safe(displayed):
        return displayed
    return in_ascii + "." * displayed.endswith(".")


def _ascii(label):
    return label if label.isascii() else idna.alabel(label).decode()


def _is_ipv4(host):
    """Return whether `host` is an IPv4 address in the usual form. Browsers also accept 127.1 and 0x7f000001."""
    try:
        IPv4Address(host)
    except ValueError:
        return False
    return True


def _is_safe(host):
    """Return whether `host`, in its own letters, can't be mistaken for another."""
    if _deviations.search(host):
        return False
    labels = host.removesuffix(".").split(".")
    if labels[-1].isascii() and any(_lookalikes.fullmatch(label) and not label.isascii() for label in labels):
        return False
    return all(map(_unmixed.fullmatch, labels))


def _rest_at(text, start):
    """Return the path, query and fragment at `start`, without characters that belong to the surrounding text."""
    match = _path.match(text, start)
    if not match:
        return ""
    rest, opened = match[0], []
    for index, character in enumerate(rest):
        if character in "([{":
            opened.append(index)
        elif character in _BRACKETS:
            if not opened or rest[opened[-1]] != _BRACKETS[character]:
                opened = opened[:1] or [index]
                break
            opened.pop()
    return rest[: opened[0] if opened else None].rstrip(_TRAILING)
