"""Pictures for tests of uploads."""

import struct
import zlib
from io import BytesIO

from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

# The EXIF tags for the rotation and the location of a photo.
ORIENTATION, GPS = 0x0112, 0x8825


def upload(content, name="me.jpg", content_type="image/jpeg"):
    return SimpleUploadedFile(name, content, content_type)


def picture_bytes(size=(400, 300), colour="#336699", format="JPEG", **options):
    made = BytesIO()
    Image.new("RGB", size, colour).save(made, format, **options)
    return made.getvalue()


def picture(**options):
    return upload(picture_bytes(**options))


def photo_from_a_camera():
    """Return a photo that is red above blue once it is rotated as its EXIF says. It contains a location and a comment."""
    image = Image.new("RGB", (300, 300), "blue")
    image.paste("red", (0, 0, 150, 300))
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    exif.get_ifd(GPS)[1] = "N"
    made = BytesIO()
    image.save(made, "JPEG", exif=exif, comment=b"secret place", quality=95)
    return upload(made.getvalue())


def animation():
    frames = [Image.new("RGB", (120, 120), colour) for colour in ("red", "lime", "blue")]
    made = BytesIO()
    frames[0].save(made, "GIF", save_all=True, append_images=frames[1:], duration=100)
    return upload(made.getvalue(), "dance.gif", "image/gif")


def png_that_claims(width, height):
    """Return a small PNG whose header claims these dimensions."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")
    return upload(b"\x89PNG\r\n\x1a\n" + body, "huge.png", "image/png")
