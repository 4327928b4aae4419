"""Identicons: pictures for members without an uploaded one, generated from the username."""

from colorsys import hls_to_rgb
from functools import lru_cache
from hashlib import blake2s

from django.utils.html import format_html

# Hues, in degrees on the colour wheel. They are far enough apart to be easy to distinguish.
HUES = range(0, 360, 24)
SATURATION = 0.5
# The relative luminance (WCAG) of all colours. It gives a contrast of over 3 with the background of pictures (--mark in site.css)
# in both colour schemes.
LUMINANCE = 0.205
# How many of the 25 squares are filled. Fewer, or nearly all, would look alike.
FEWEST, MOST = 9, 17


def relative_luminance(rgb):
    """Return the relative luminance of a colour, whose parts are from 0 to 1, as WCAG defines it."""
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in rgb)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _colour(hue):
    """Return the colour with this hue and LUMINANCE, such as "#1a2b3c"."""
    low, high = 0.0, 1.0
    for _step in range(20):
        lightness = (low + high) / 2
        rgb = hls_to_rgb(hue / 360, lightness, SATURATION)
        low, high = (lightness, high) if relative_luminance(rgb) < LUMINANCE else (low, lightness)
    return "#" + "".join(f"{round(part * 255):02x}" for part in rgb)


COLOURS = [_colour(hue) for hue in HUES]


def _squares(digest):
    """Return the filled squares of a symmetrical pattern, as (column, row)."""
    bits = int.from_bytes(digest, "big")
    # 15 bits fill three columns, and two of these columns are mirrored.
    cells = [(x, y) for x in range(3) for y in range(5) if bits >> (x * 5 + y) & 1]
    return sorted({(column, y) for x, y in cells for column in (x, 4 - x)})


@lru_cache(maxsize=4096)
def identicon(username):
    """Return a symmetrical inline SVG of 5 by 5 squares. It is decorative, so screen readers skip it."""
    digest = blake2s(username.encode(), digest_size=3).digest()
    colour = COLOURS[digest[0] % len(COLOURS)]
    while not FEWEST <= len(squares := _squares(digest[1:])) <= MOST:
        digest = blake2s(digest, digest_size=3).digest()
    path = "".join(f"M{x + 1} {y + 1}h1v1h-1z" for x, y in squares)
    return format_html(
        '<svg class="avatar" viewBox="0 0 7 7" aria-hidden="true"><path fill="{}" d="{}"/></svg>',
        colour,
        path,
    )
