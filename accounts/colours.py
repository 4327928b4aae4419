"""Converts the colours of uploaded pictures to sRGB with 8 bits, so that they look the same.

Pillow's `convert()` ignores colour profiles, and cuts off 16-bit values instead of scaling them.
"""

import struct
from io import SEEK_CUR, BytesIO

from PIL import Image, ImageCms

SRGB = ImageCms.createProfile("sRGB")
# For each mode, the colour spaces of the profiles that fit it, as spelled in the profiles.
SPACES = {"L": ("GRAY", "RGB"), "RGB": ("RGB",), "CMYK": ("CMYK",)}

SIXTEEN_BITS = ("I", "I;16", "I;16B", "I;16L", "I;16N")
TO_8_BITS = [round(value / 257) for value in range(65536)]
# For these modes, Pillow scales the pixels to 8 bits, but not the transparent value.
IN_8_BITS = {
    "L;2": lambda part: part * 85,
    "L;4": lambda part: part * 17,
    "RGB;16B": lambda part: part >> 8,
}
# How many rows are converted at once. Converting the whole picture would need memory for two copies.
STRIP = 256

# The sRGB values of the chunks in which a PNG without a profile can describe its colours.
SRGB_CHROMATICITY = (0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)
SRGB_GAMMA = 1 / 2.2
SRGB_CODE = b"\1\x0d\0"  # Primaries, transfer function and matrix in a cICP chunk.


class UnknownColours(Exception):
    """The picture has colours that can't be converted."""


def in_scalable_mode(image):
    """Return `image` in a mode whose pixels can be averaged: L, LA, RGB, RGBA, CMYK or I;16. Raises UnknownColours."""
    if image.format == "PNG":
        _correct_png_info(image)
    if image.mode in SIXTEEN_BITS:
        transparent = image.info.get("transparency")
        return image if transparent is None else _grey_with_alpha(image, transparent)
    mode = _scalable_mode(image)
    return image if image.mode == mode else image.convert(mode)


def _scalable_mode(image):
    transparent = image.has_transparency_data
    if image.mode in ("1", "L", "LA"):
        return "LA" if transparent else "L"
    if image.mode in ("P", "PA", "RGB", "RGBA"):
        return "RGBA" if transparent else "RGB"
    if image.mode == "CMYK":
        return "CMYK"
    raise UnknownColours(image.mode)


def _grey_with_alpha(image, transparent):
    """Return a 16-bit grey picture in which one value is transparent, as LA."""
    alpha = [255] * 65536
    alpha[transparent] = 0
    made = Image.new("LA", image.size)
    for top in range(0, image.height, STRIP):
        box = (0, top, image.width, min(top + STRIP, image.height))
        strip = image.crop(box).convert("I")
        made.paste(Image.merge("LA", (strip.point(TO_8_BITS, "L"), strip.point(alpha, "L"))), box)
    made.info = image.info
    return made


def _correct_png_info(image):
    """Correct the transparent value in the `info` of a PNG that isn't decoded yet, and add its cICP chunk."""
    transparent = image.info.get("transparency")
    scale = IN_8_BITS.get(image.tile[0][3]) if image.tile else None
    if transparent is not None and scale:
        parts = transparent if isinstance(transparent, tuple) else (transparent,)
        scaled = tuple(scale(part) for part in parts)
        image.info["transparency"] = scaled if image.mode == "RGB" else scaled[0]
    image.info["cicp"] = _chunk(image.fp, b"cICP")


def _chunk(file, wanted):
    """Return the content of a chunk before the pixels of a PNG, at most 16 bytes, or None if it has no such chunk.

    Keeps the position in `file`.
    """
    before = file.tell()
    file.seek(len(b"\x89PNG\r\n\x1a\n"))
    try:
        while True:
            length, name = struct.unpack(">I4s", file.read(8))
            if name in (wanted, b"IDAT"):
                return file.read(min(length, 16)) if name == wanted else None
            file.seek(length + 4, SEEK_CUR)
    except struct.error:
        return None
    finally:
        file.seek(before)


def in_srgb(image):
    """Return a picture in a mode that `in_scalable_mode()` returns as RGB or RGBA, in sRGB. Raises UnknownColours.

    Ignores a profile that is damaged or doesn't fit the picture, as browsers do.
    """
    if image.mode in SIXTEEN_BITS:
        image = image.convert("I").point(TO_8_BITS, "L")
    alpha = image.getchannel("A") if image.mode in ("LA", "RGBA") else None
    plain = image.convert(image.mode.removesuffix("A")) if alpha else image
    made = _by_profile(plain, image.info.get("icc_profile")) or _by_png(plain, image.info)
    if alpha:
        made.putalpha(alpha)
    return made


def _by_profile(image, data):
    """Return `image` in sRGB, or None if `data` isn't a profile that fits it."""
    if not data:
        return None
    try:
        profile = ImageCms.ImageCmsProfile(BytesIO(data))
        space = profile.profile.xcolor_space.strip()
        if space not in SPACES[image.mode]:
            return None
        if space == "RGB":
            image = image.convert("RGB")
        return ImageCms.profileToProfile(image, profile, SRGB, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None


def _by_png(image, info):
    """Return `image` in sRGB, based on how a PNG without a profile describes its colours. Raises UnknownColours."""
    code = info.get("cicp")
    if code and code[:3] != SRGB_CODE:
        raise UnknownColours("cICP")
    rgb = image.convert("RGB")
    if code or "srgb" in info:
        return rgb
    chromaticity = info.get("chromaticity", SRGB_CHROMATICITY)
    if any(abs(one - other) > 0.01 for one, other in zip(chromaticity, SRGB_CHROMATICITY, strict=True)):
        raise UnknownColours("cHRM")
    gamma = info.get("gamma") or SRGB_GAMMA
    if abs(gamma - SRGB_GAMMA) < 0.01:
        return rgb
    return rgb.point([round(255 * (value / 255) ** (SRGB_GAMMA / gamma)) for value in range(256)] * 3)
