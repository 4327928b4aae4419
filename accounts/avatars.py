"""Identicons: a picture for everyone who has none, drawn from their name, the same every time."""

from functools import lru_cache
from hashlib import blake2s

from django.utils.html import format_html

# Degrees on the colour circle; neighbours differ enough to tell two people apart.
HUES = range(0, 360, 24)


@lru_cache(maxsize=4096)
def identicon(username):
    """Return an inline SVG of 5 by 5 squares, mirrored at the middle. For decoration: hidden from screen readers."""
    digest = blake2s(username.encode(), digest_size=3).digest()
    hue = HUES[digest[0] % len(HUES)]
    bits = int.from_bytes(digest[1:], "big")
    # 15 bits fill three columns; the outer two are mirrored.
    cells = [(x, y) for x in range(3) for y in range(5) if bits >> (x * 5 + y) & 1] or [(2, 2)]
    squares = sorted({(column, y) for x, y in cells for column in (x, 4 - x)})
    path = "".join(f"M{x + 1} {y + 1}h1v1h-1z" for x, y in squares)
    return format_html(
        '<svg class="avatar" viewBox="0 0 7 7" aria-hidden="true"><path fill="hsl({} 42% 48%)" d="{}"/></svg>',
        hue,
        path,
    )
