"""A picture keeps its look, whatever its bit depth and colour space are, or it is refused with an explanation."""

import struct
import zlib
from io import BytesIO

import pytest
from PIL import Image, ImageCms

from accounts import pictures
from accounts.tests import profiles
from accounts.tests.pictures import ORIENTATION, upload

GREEN = (100, 200, 100)
# The colour GREEN of these screens in sRGB, given their primaries and a gamma of 2.2.
IN_SRGB = {"Display P3": (43, 204, 85), "Adobe RGB": (0, 201, 92)}
PROFILES = {
    "Display P3": profiles.of_screen(profiles.DISPLAY_P3),
    "Adobe RGB": profiles.of_screen(profiles.ADOBE_RGB),
}
# WebP changes colours slightly.
TOLERANCE = 5


def save(image, format="PNG", **options):
    made = BytesIO()
    image.save(made, format, **options)
    return made.getvalue()


def processed(content):
    """Return the processed upload, as RGBA."""
    made = Image.open(BytesIO(pictures.process_upload(upload(content))[pictures.LARGE]))
    assert not made.info.get("icc_profile")
    return made.convert("RGBA")


def assert_colour(image, expected, place=(128, 128)):
    found = image.getpixel(place)
    expected = (*expected, 255)[:4]
    assert all(abs(one - other) <= TOLERANCE for one, other in zip(found, expected, strict=True)), found


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(bits, kind, rows, *chunks):
    """Return a PNG of a kind that Pillow may not be able to write: `rows` are bytes, `kind` is the colour type of its header."""
    width = len(rows[0]) * 8 // (bits * {0: 1, 2: 3, 4: 2, 6: 4}[kind])
    head = struct.pack(">IIBBBBB", width, len(rows), bits, kind, 0, 0, 0)
    body = zlib.compress(b"".join(b"\0" + row for row in rows))
    parts = (chunk(b"IHDR", head), *chunks, chunk(b"IDAT", body), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.mark.parametrize("space", PROFILES)
@pytest.mark.parametrize(
    ("format", "options"), [("PNG", {}), ("JPEG", {"quality": 95}), ("WEBP", {"lossless": True})]
)
@pytest.mark.parametrize("size", [(64, 64), (2000, 1600)])
def test_colours_of_other_screens_are_converted(space, format, options, size):
    content = save(Image.new("RGB", size, GREEN), format, icc_profile=PROFILES[space], **options)
    assert_colour(processed(content), IN_SRGB[space])


def test_colours_of_a_palette_and_of_transparent_pictures_are_converted():
    profile = PROFILES["Adobe RGB"]
    palette = Image.new("RGB", (300, 300), GREEN).quantize(4)
    half = Image.new("RGBA", (300, 300), (*GREEN, 100))
    assert_colour(processed(save(palette, icc_profile=profile)), IN_SRGB["Adobe RGB"])
    assert_colour(processed(save(half, icc_profile=profile)), (*IN_SRGB["Adobe RGB"], 100))


def test_srgb_does_not_change():
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for options in ({}, {"icc_profile": srgb}):
        assert_colour(processed(save(Image.new("RGB", (300, 300), GREEN), **options)), GREEN)


# 128 of 255 on a screen with a gamma of 1 is 188 in sRGB.
@pytest.mark.parametrize("mode", ["L", "LA", "I;16"])
def test_grey_is_converted_by_its_profile(mode):
    value = {"L": 128, "LA": (128, 100), "I;16": 128 * 257}[mode]
    content = save(Image.new(mode, (300, 300), value), icc_profile=profiles.of_grey(1.0))
    assert_colour(processed(content), (188, 188, 188, 100 if mode == "LA" else 255))


def test_grey_with_the_profile_of_a_screen_is_converted():
    content = save(
        Image.new("L", (300, 300), 128), "JPEG", icc_profile=profiles.of_screen(profiles.ADOBE_RGB, 1.0)
    )
    assert_colour(processed(content), (188, 188, 188))


@pytest.mark.parametrize("value", [0, 255, 256, 20_000, 40_000, 65_535])
def test_sixteen_bit_grey_is_scaled(value):
    shade = round(value / 257)
    assert_colour(processed(save(Image.new("I;16", (700, 300), value))), (shade,) * 3)


def test_a_grey_gradient_keeps_its_shades():
    rows = [b"".join(struct.pack(">H", column * 256) for column in range(256))] * 256
    image = processed(png(16, 0, rows))
    for column in range(8, 256, 31):
        assert_colour(image, (column,) * 3, (column, 128))


def test_one_shade_of_sixteen_bit_grey_can_be_transparent():
    rows = [struct.pack(">H", 30_000) * 150 + struct.pack(">H", 30_001) * 150] * 300
    image = processed(png(16, 0, rows, chunk(b"tRNS", struct.pack(">H", 30_001))))
    assert_colour(image, (117, 117, 117), (60, 128))
    assert image.getpixel((200, 128))[3] == 0


@pytest.mark.parametrize(
    ("kind", "pixel", "expected"),
    [
        (2, struct.pack(">3H", 25_700, 51_400, 25_700), GREEN),
        (4, struct.pack(">2H", 51_400, 25_700), (200, 200, 200, 100)),
        (6, struct.pack(">4H", 25_700, 51_400, 25_700, 25_700), (*GREEN, 100)),
    ],
    ids=["RGB", "grey with alpha", "RGBA"],
)
def test_other_sixteen_bit_pictures_are_scaled(kind, pixel, expected):
    assert_colour(processed(png(16, kind, [pixel * 300] * 300)), expected)


@pytest.mark.parametrize(
    ("bits", "kind", "rows", "transparent"),
    [
        (16, 2, [struct.pack(">3H", 25_700, 51_400, 0) * 300] * 300, struct.pack(">3H", 25_700, 51_400, 0)),
        (8, 2, [bytes((9, 8, 7)) * 300] * 300, struct.pack(">3H", 9, 8, 7)),
        (8, 0, [b"\x10" * 300] * 300, struct.pack(">H", 16)),
        (4, 0, [b"\x33" * 150] * 300, struct.pack(">H", 3)),
        (2, 0, [b"\x55" * 75] * 300, struct.pack(">H", 1)),
        (1, 0, [b"\xff" * 40] * 320, struct.pack(">H", 1)),
    ],
)
def test_a_transparent_colour_stays_transparent_at_every_depth(bits, kind, rows, transparent):
    assert processed(png(bits, kind, rows)).getpixel((128, 128))[3] == 255
    assert processed(png(bits, kind, rows, chunk(b"tRNS", transparent))).getpixel((128, 128))[3] == 0


def test_one_bit_pictures_keep_their_colours():
    rows = [b"\x00" * 20 + b"\xff" * 20] * 320
    image = processed(png(1, 0, rows))
    assert_colour(image, (0, 0, 0), (60, 128))
    assert_colour(image, (255, 255, 255), (200, 128))


def test_transparent_parts_of_a_palette_and_of_a_gif_stay_transparent():
    image = Image.new("P", (300, 300), 1)
    image.putpalette([255, 0, 0, *GREEN])
    image.paste(0, (150, 0, 300, 300))
    for content in (
        save(image, transparency=0),
        save(image, transparency=b"\0\xff"),
        save(image, "GIF", transparency=0),
    ):
        made = processed(content)
        assert_colour(made, GREEN, (60, 128))
        assert made.getpixel((220, 128))[3] == 0


@pytest.mark.parametrize("marked", [True, False], ids=["with Adobe's mark", "without it"])
class TestInk:
    """JPEG stores CMYK inverted, whether a marker says so or not. All browsers read it like that."""

    @staticmethod
    def jpeg(ink, *, marked, **options):
        content = save(Image.new("CMYK", (400, 400), ink), "JPEG", quality=98, **options)
        start = content.index(b"\xff\xee\x00\x0eAdobe")
        return content if marked else content[:start] + content[start + 16 :]

    def test_without_a_profile_it_looks_as_in_browsers(self, marked):
        assert_colour(processed(self.jpeg((255, 0, 0, 0), marked=marked)), (0, 255, 255))

    def test_with_a_profile_it_is_converted(self, marked):
        """With this profile, cyan ink is a medium grey: L* 50."""
        content = self.jpeg((255, 0, 0, 0), marked=marked, icc_profile=profiles.of_ink((128, 128, 128)))
        assert_colour(processed(content), (119, 119, 119))


BROKEN = {
    "empty": b"",
    "no profile at all": b"nothing of the kind" * 20,
    "cut off": PROFILES["Adobe RGB"][:200],
    "for grey": profiles.of_grey(1.0),
    "for ink": profiles.of_ink((128, 128, 128)),
    "a tag that is not there": PROFILES["Adobe RGB"].replace(b"gXYZ", b"nope"),
    "a table without end": PROFILES["Adobe RGB"][:128] + b"\xff\xff\xff\xff" + PROFILES["Adobe RGB"][132:],
    "of another class": PROFILES["Adobe RGB"].replace(b"mntr", b"link"),
}


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("format", ["PNG", "JPEG"])
def test_a_bad_profile_is_ignored(name, format):
    content = save(Image.new("RGB", (300, 300), GREEN), format, icc_profile=BROKEN[name])
    assert_colour(processed(content), GREEN)


def quarters():
    """Return a picture that is red above blue after a rotation by a quarter."""
    image = Image.new("RGB", (300, 300), "blue")
    image.paste("red", (0, 0, 150, 300))
    return image


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_a_rotated_picture_becomes_upright(format):
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    image = processed(save(quarters(), format, exif=exif, quality=95))
    assert_colour(image, (254, 0, 0), (128, 20))
    assert_colour(image, (0, 0, 254), (128, 230))


@pytest.mark.parametrize("exif", [b"Exif\0\0nonsense", b"Exif\0\0II*\0\xff\xff\xff\xff", b"\xff" * 50])
def test_unreadable_metadata_does_no_harm(exif):
    assert_colour(processed(save(Image.new("RGB", (300, 300), GREEN), "PNG", exif=exif)), GREEN)


ROWS = [bytes(GREEN) * 300] * 300
SRGB_PRIMARIES = (31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)
OTHER_PRIMARIES = (31270, 32900, 64000, 33000, 21000, 71000, 15000, 6000)


def primaries(values):
    return chunk(b"cHRM", struct.pack(">8I", *values))


def gamma(value):
    return chunk(b"gAMA", struct.pack(">I", round(value * 100_000)))


@pytest.mark.parametrize(
    ("chunks", "expected"),
    [
        ([gamma(0.45455)], GREEN),
        ([gamma(0.45455), primaries(SRGB_PRIMARIES)], GREEN),
        # 100 and 200 of 255 at a gamma of 1 are 167 and 228 at a gamma of 2.2.
        ([gamma(1)], (167, 228, 167)),
        ([gamma(1), chunk(b"sRGB", b"\0")], GREEN),
        ([chunk(b"cICP", bytes((1, 13, 0, 1)))], GREEN),
    ],
    ids=["sRGB's gamma", "sRGB's primaries", "another gamma", "but sRGB", "sRGB by its code"],
)
def test_colour_chunks_of_a_png_without_a_profile_are_used(chunks, expected):
    assert_colour(processed(png(8, 2, ROWS, *chunks)), expected)


def test_the_gamma_of_a_grey_png_is_used():
    assert_colour(processed(png(8, 0, [b"\x80" * 300] * 300, gamma(1))), (186, 186, 186))


@pytest.mark.parametrize(
    "extra",
    [primaries(OTHER_PRIMARIES), chunk(b"cICP", bytes((9, 16, 0, 1))), chunk(b"cICP", bytes((12, 13, 0, 1)))],
    ids=["other primaries", "high dynamic range", "Display P3 by its code"],
)
def test_a_picture_that_cannot_be_converted_is_refused_with_an_explanation(extra):
    with pytest.raises(pictures.ValidationError, match="We can't keep the colours of that picture"):
        processed(png(8, 2, ROWS, extra))


def test_the_form_refuses_it(member, member_client):
    data = {
        "display_name": "Ada K.",
        "bio": "",
        "picture": upload(png(8, 2, ROWS, primaries(OTHER_PRIMARIES))),
    }
    response = member_client.post("/users/settings/profile/", data)

    assert response.status_code == 200
    assert "We can't keep the colours" in response.context["form"].errors["picture"][0]
    assert 'value="Ada K."' in response.content.decode()
