"""The links in a text: where each begins and ends, and where exactly it leads.

An address is never handed on as it was typed. It is taken apart here and put together again from what was understood, and
what people are shown is made of the same parts: so the host that they see is the one that any browser goes to, and
what cannot be understood for certain is no link. User information ("paypal.com@" before the host) is left out of both.

Chinese, Japanese, Korean, Thai and others write without spaces, right up to an address and on after it:

- Punctuation and symbols outside ASCII, full-width forms, quotation marks and white space end a link.
- The last label of a host, such as "com", is of one script: of "https://example.com请看" the host is example.com.
- Letters continue a path. But where a script without spaces follows an ASCII letter, a digit or closing punctuation, the
  text goes on: "https://example.com/a请看" ends with "a", "https://zh.wikipedia.org/wiki/维基百科" does not end early.
- A bracket that closes none of the link's own ends it, and so does one that is never closed.
- Punctuation and marks of emphasis at the end are not part of the link, as in GitHub's Markdown.
"""

from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple

import idna
import regex

# Right after a letter or a plus it would be part of another scheme, such as git+https.
_scheme = regex.compile(r"(?<![\p{Latin}+])https?://", regex.I)
_ignorable = r"\p{Default_Ignorable_Code_Point}"
# Everything before the last @ that a browser would still take for a part of the host.
_user_information = regex.compile(r"[!$%&'()*+,\-.0-9:;=A-Z\[\]^_`a-z{|}~@]*@")
_label = r"[\p{L}\p{M}\p{Nd}\u00b7\u200c\u200d_-]+"
_latin = r"[\p{Latin}0-9](?:[\p{Latin}\p{M}0-9_-]*[\p{Latin}\p{M}0-9])?"
_other = r"[[\p{L}\p{M}\p{Nd}\u200c\u200d]--\p{Latin}]+"
_host = regex.compile(rf"(?:{_label}\.)*(?:{_latin}|{_other})(?:\.(?=[/:]))?", regex.V1)
_ipv6 = regex.compile(r"\[([0-9A-Fa-f:.]+)\]")
_port = regex.compile(r":(\d{1,5})(?!\d)", regex.A)
# What a browser might read on as a part of the host, or in another way than we do.
_doubt = regex.compile(rf"[%\\@$&+=^]|:/|:\d|{_ignorable}+\S")
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

# Labels of one script, or of what is written together in Chinese, Japanese and Korean. Of Latin, the letters of
# languages of today, without the dotless i.
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
# Cyrillic, Greek and Armenian letters that look like Latin ones, as browsers list them.
_lookalikes = regex.compile("[асԁеһіјӏорԛѕԝхуъьҽпгѵѡαικνρυωηοτոսցօհզ0-9_-]+")
# Older programs map these to other letters, so to another host.
_deviations = regex.compile("[ßς\u200c\u200d]")


class Link(NamedTuple):
    """Where a link stands in its text, the host with its port as it is shown, what follows that, and the whole address."""

    start: int
    end: int
    host: str
    rest: str
    url: str


def find_links(text):
    """Yield each Link in `text`, in order."""
    position = 0
    while scheme := _scheme.search(text, position):
        link = _link_at(text, scheme)
        if link:
            yield link
        position = link.end if link else scheme.end()


def _link_at(text, scheme):
    """Return the Link that begins with `scheme`, a match, or None if it cannot be understood for certain."""
    user = _user_information.match(text, scheme.end())
    start = user.end() if user else scheme.end()
    found, end = _host_at(text, start)
    if not found:
        return None
    port = _port.match(text, end)
    if port:
        if int(port[1]) > 65535:
            return None
        end = port.end()
    if _doubt.match(text, end):
        return None
    rest = _rest_at(text, end)
    if not (port or rest or user or _can_stand_alone(found)) or (user and not _can_stand_alone(found)):
        return None
    host = found + (port[0] if port else "")
    return Link(scheme.start(), end + len(rest), host, rest, f"{scheme[0]}{host}{rest}")


def _can_stand_alone(host):
    """Whether people mean a host without a path by this: not by "http://x"."""
    return "." in host or host.startswith("[") or host.lower() == "localhost"


def _host_at(text, start):
    """Return the host that begins there as it is to be shown and linked, and its end; None for no host."""
    if match := _ipv6.match(text, start):
        return _ipv6_host(match[1]), match.end()
    match = _host.match(text, start)
    return (shown_host(match[0]), match.end()) if match else (None, start)


def _ipv6_host(address):
    try:
        IPv6Address(address)
    except ValueError:
        return None
    return f"[{address}]"


def shown_host(host):
    """Return `host` in the form that people are shown and links have, or None if browsers take it for none, or another.

    International hosts are in their own letters, unless these mix scripts or look like Latin ones: then in ASCII (xn--).
    """
    try:
        shown = host if host.isascii() else idna.uts46_remap(host, std3_rules=False, transitional=False)
        labels = [_ascii(label) for label in shown.removesuffix(".").split(".")]
    except idna.IDNAError:
        return None
    in_ascii = ".".join(labels)
    if len(in_ascii) > 253 or not all(map(_ascii_label.fullmatch, labels)):
        return None
    if _number.fullmatch(labels[-1]) and not _is_ipv4(in_ascii):
        return None
    if shown.isascii() or _is_safe(shown):
        return shown
    return in_ascii + "." * shown.endswith(".")


def _ascii(label):
    return label if label.isascii() else idna.alabel(label).decode()


def _is_ipv4(host):
    """Whether `host` is an address as people write it. Browsers know others: 127.1, 0x7f000001."""
    try:
        IPv4Address(host)
    except ValueError:
        return False
    return True


def _is_safe(host):
    """Whether nobody takes `host`, in its own letters, for another."""
    if _deviations.search(host):
        return False
    labels = host.removesuffix(".").split(".")
    if labels[-1].isascii() and any(_lookalikes.fullmatch(label) and not label.isascii() for label in labels):
        return False
    return all(map(_unmixed.fullmatch, labels))


def _rest_at(text, start):
    """Return the path, query and fragment that begin there, without what belongs to the text around."""
    match = _path.match(text, start)
    if not match:
        return ""
    rest, opened = match[0], []
    for place, character in enumerate(rest):
        if character in "([{":
            opened.append(place)
        elif character in _BRACKETS:
            if not opened or rest[opened[-1]] != _BRACKETS[character]:
                opened = opened[:1] or [place]
                break
            opened.pop()
    return rest[: opened[0] if opened else None].rstrip(_TRAILING)
