"""Pictures of members: made anew from what they upload, and kept under names that nobody can guess.

A picture is known by its key, which changes with every upload, so that browsers may keep its files for ever. The
files are in Django's default storage: a folder, or any object store.
"""

import re
import secrets
from contextlib import contextmanager
from hashlib import blake2s
from io import BytesIO

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction
from django.utils.translation import gettext_lazy as _
from PIL import Image, ImageOps

from accounts import colours

FOLDER = "pictures"
# Edges in pixels: beside a post and at the top of a profile, each sharp on a dense screen.
SMALL, LARGE = SIZES = (96, 256)
NAME = re.compile(rf"([0-9a-f]{{32}})-(?:{SMALL}|{LARGE})\.webp")
# What browsers can show and Pillow reads without help from outside.
FORMATS = ("JPEG", "PNG", "GIF", "WEBP")

DEFAULT_MAX_BYTES = 5 * 1024 * 1024
# Most cameras make less. Each pixel takes up to ten bytes for a moment, if parts are transparent.
DEFAULT_MAX_PIXELS = 50_000_000


class NotStored(Exception):
    """The storage refused a picture, or cannot be reached."""


def max_bytes():
    return getattr(settings, "PICTURE_MAX_BYTES", DEFAULT_MAX_BYTES)


def max_pixels():
    return getattr(settings, "PICTURE_MAX_PIXELS", DEFAULT_MAX_PIXELS)


def remake(file):
    """Return {edge in pixels: bytes of a square WebP} of an uploaded file, without a trace of its metadata.

    Raises ValidationError for what is too big, no picture, or has colours that can't be kept. An animation is reduced to
    its first frame.
    """
    if file.size > max_bytes():
        megabytes = max_bytes() // (1024 * 1024)
        words = _("That file is too big. Use one of at most %(megabytes)s MB.")
        raise ValidationError(words, code="too_big", params={"megabytes": megabytes})
    image = _open(file)
    try:
        square = _square(image, LARGE)
        return {edge: _webp(square, edge) for edge in SIZES}
    except colours.UnknownColours as error:
        words = _(
            "We can't keep the colours of that picture. Save it as a JPEG or PNG with sRGB colours and try again."
        )
        raise ValidationError(words, code="colours") from error
    except Exception as error:  # A decoder that meets nonsense raises whatever it meets.
        words = _("That picture is damaged or incomplete. Try another.")
        raise ValidationError(words, code="damaged") from error


def _open(file):
    """Return the picture in `file`, of which only the head has been read. Raises ValidationError."""
    try:
        image = Image.open(file, formats=FORMATS)
        too_large = image.width * image.height > max_pixels()
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        too_large = True
    except Exception as error:
        words = _("That is no picture that can be read here. Use JPEG, PNG, GIF or WebP.")
        raise ValidationError(words, code="unreadable") from error
    if too_large:
        words = _("That picture has too many pixels. Use one of at most %(millions)s million.")
        raise ValidationError(words, code="too_large", params={"millions": max_pixels() // 1_000_000})
    return image


def _square(image, edge):
    """The middle of `image`, upright, in sRGB. Full size is held only once, and of a JPEG not even that.

    The colours are converted last, when few pixels are left.
    """
    image.draft("RGB", (2 * edge, 2 * edge))
    image = colours.in_a_mode_to_scale(image)
    return colours.in_srgb(_upright(ImageOps.fit(image, (edge, edge), Image.Resampling.LANCZOS)))


def _upright(square):
    try:
        return ImageOps.exif_transpose(square)
    except Exception:  # Metadata that can't be read say nothing; the picture is good.
        return square


def _webp(square, edge):
    # Onto a fresh one: nothing but the pixels is carried over, no place, no camera, no comment.
    plain = Image.new(square.mode, (edge, edge))
    plain.paste(square.resize((edge, edge), Image.Resampling.LANCZOS))
    made = BytesIO()
    plain.save(made, "WEBP", quality=80, method=4)
    return made.getvalue()


def store(images):
    """Write what `remake` returned, and return the key it is found by. Raises NotStored."""
    # The chance keeps two members with the same picture from sharing files, and the name from being guessed.
    key = blake2s(images[LARGE], key=secrets.token_bytes(32), digest_size=16).hexdigest()
    try:
        for edge, content in images.items():
            file = ContentFile(content)
            file.content_type = "image/webp"  # Object stores serve it as such.
            default_storage.save(path(key, edge), file)
    except Exception as error:  # Each storage has its own. What it wrote, `manage.py prune` removes.
        raise NotStored(key) from error
    return key


@contextmanager
def stored(images):
    """Store what `remake` returned, and give its key; or "" for none. If what is done with it fails, it is gone again.

    To stand outside the transaction, which must not wait for a storage. Raises NotStored.
    """
    key = store(images) if images else ""
    try:
        yield key
    except BaseException:
        if key:
            discard(key)
        raise


def discard(key):
    """Delete the files of a picture, as far as they are there."""
    for edge in SIZES:
        default_storage.delete(path(key, edge))


def discard_on_commit(key):
    """Delete a picture once the transaction that lets go of it cannot fail any more."""
    if key:
        # Should the storage be away, `manage.py prune` finds the files later.
        transaction.on_commit(lambda: discard(key), robust=True)


def path(key, edge):
    """Where a picture of that edge is in the storage."""
    return f"{FOLDER}/{key}-{edge}.webp"


def url(key, edge):
    """The address of a picture, on this site or wherever the storage has it."""
    return default_storage.url(path(key, edge))


def read(key, edge):
    """The bytes of a picture, or None if the storage has lost it."""
    try:
        with default_storage.open(path(key, edge)) as file:
            return file.read()
    except FileNotFoundError:
        return None


def stored_keys():
    """The keys of all pictures in the storage, whoever has them."""
    try:
        _folders, names = default_storage.listdir(FOLDER)
    except FileNotFoundError:
        return set()
    return {match[1] for match in map(NAME.fullmatch, names) if match}


def stored_before(key, moment):
    """Whether a picture was written before `moment`; also of what is half there."""
    present = (path(key, edge) for edge in SIZES if default_storage.exists(path(key, edge)))
    return all(default_storage.get_modified_time(name) < moment for name in present)
