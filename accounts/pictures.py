"""Processes uploaded profile pictures, and stores them under names that nobody can guess.

A picture has a key, which changes with every upload, so browsers may cache its files forever. The files are in Django's
default storage, which is a folder or an object store.
"""

import re
import secrets
from contextlib import contextmanager
from hashlib import blake2s
from io import BytesIO

from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction
from django.utils.translation import gettext_lazy as _
from PIL import Image, ImageOps

from accounts import colours
from accounts.common.app_settings import app_settings

FOLDER = "pictures"
# The edge lengths in pixels for posts and for the top of a profile. Both sizes look sharp on high-density screens.
SMALL, LARGE = SIZES = (96, 256)
NAME = re.compile(rf"([0-9a-f]{{32}})-(?:{SMALL}|{LARGE})\.webp")
# Formats that browsers can show and Pillow can read without other programs.
FORMATS = ("JPEG", "PNG", "GIF", "WEBP")


class NotStored(Exception):
    """The storage refused a picture or couldn't be reached."""


def process_upload(file):
    """Convert an uploaded file to square WebP pictures without metadata. Returns a dict from edge in pixels to bytes.

    Keeps only the first frame of an animation. Raises ValidationError if the file is too large, isn't a picture, or has
    colours that can't be converted.
    """
    if file.size > app_settings.PICTURE_MAX_BYTES:
        megabytes = app_settings.PICTURE_MAX_BYTES // (1024 * 1024)
        message = _("That file is too big. The limit is %(megabytes)s MB.")
        raise ValidationError(message, code="too_big", params={"megabytes": megabytes})
    image = _open(file)
    try:
        square = _square(image, LARGE)
        return {edge: _webp(square, edge) for edge in SIZES}
    except colours.UnknownColours as error:
        message = _(
            "We can't keep the colours of that picture. Save it as a JPEG or PNG with sRGB colours and try again."
        )
        raise ValidationError(message, code="colours") from error
    except Exception as error:  # Decoders raise all kinds of errors for damaged files.
        message = _("That picture is damaged or incomplete. Try another.")
        raise ValidationError(message, code="damaged") from error


def _open(file):
    """Return the picture in `file` after reading only its header. Raises ValidationError."""
    try:
        image = Image.open(file, formats=FORMATS)
        too_large = image.width * image.height > app_settings.PICTURE_MAX_PIXELS
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        too_large = True
    except Exception as error:
        message = _("We can't read that file as a picture. Use JPEG, PNG, GIF or WebP.")
        raise ValidationError(message, code="unreadable") from error
    if too_large:
        message = _("That picture has too many pixels. The limit is %(millions)s million.")
        raise ValidationError(
            message, code="too_large", params={"millions": app_settings.PICTURE_MAX_PIXELS // 1_000_000}
        )
    return image


def _square(image, edge):
    """Crop `image` to a centred square, upright and in sRGB, and scale it to `edge` pixels.

    Keeps only one full-size copy in memory, or none for a JPEG. Colours are converted last, when few pixels are left.
    """
    image.draft("RGB", (2 * edge, 2 * edge))
    image = colours.in_scalable_mode(image)
    return colours.in_srgb(_upright(ImageOps.fit(image, (edge, edge), Image.Resampling.LANCZOS)))


def _upright(square):
    try:
        return ImageOps.exif_transpose(square)
    except Exception:  # The metadata is unreadable, but the picture is good.
        return square


def _webp(square, edge):
    # Pasting into a new picture copies only the pixels: no location, camera or comment.
    plain = Image.new(square.mode, (edge, edge))
    plain.paste(square.resize((edge, edge), Image.Resampling.LANCZOS))
    file = BytesIO()
    plain.save(file, "WEBP", quality=80, method=4)
    return file.getvalue()


def store(images):
    """Store the result of `process_upload()`, and return its key. Raises NotStored."""
    # The random part prevents members with the same picture from sharing files, and keeps the name secret.
    key = blake2s(images[LARGE], key=secrets.token_bytes(32), digest_size=16).hexdigest()
    try:
        for edge, content in images.items():
            file = ContentFile(content)
            file.content_type = "image/webp"  # Object stores serve the file with this content type.
            default_storage.save(path(key, edge), file)
    except (
        Exception
    ) as error:  # Each storage has its own errors. `manage.py prune` deletes files that were already written.
        raise NotStored(key) from error
    return key


@contextmanager
def stored(images):
    """Store the result of `process_upload()` and yield its key, or "" if `images` is empty. Raises NotStored.

    Deletes the files if the block fails. Use it outside the transaction, which must not wait for the storage.
    """
    key = store(images) if images else ""
    try:
        yield key
    except BaseException:
        if key:
            discard(key)
        raise


def discard(key):
    """Delete the existing files of a picture."""
    for edge in SIZES:
        default_storage.delete(path(key, edge))


def discard_on_commit(key):
    """Delete a picture after the current transaction has committed. Does nothing if `key` is empty."""
    if key:
        # If the storage is down, `manage.py prune` deletes the files later.
        transaction.on_commit(lambda: discard(key), robust=True)


def path(key, edge):
    """Return the name of the file with this edge length in the storage."""
    return f"{FOLDER}/{key}-{edge}.webp"


def url(key, edge):
    """Return the URL of a picture on this site or in the object store."""
    return default_storage.url(path(key, edge))


def read(key, edge):
    """Return the bytes of a picture, or None if the file doesn't exist."""
    try:
        with default_storage.open(path(key, edge)) as file:
            return file.read()
    except FileNotFoundError:
        return None


def stored_keys():
    """Return the set of the keys of all pictures in the storage."""
    try:
        _folders, names = default_storage.listdir(FOLDER)
    except FileNotFoundError:
        return set()
    return {match[1] for match in map(NAME.fullmatch, names) if match}


def stored_before(key, time):
    """Return whether all existing files of a picture were written before the datetime `time`."""
    names = (path(key, edge) for edge in SIZES if default_storage.exists(path(key, edge)))
    return all(default_storage.get_modified_time(name) < time for name in names)
