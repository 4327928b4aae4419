"""A member's own data as a zip of JSON files, described by a README among them."""

import json
from operator import attrgetter
from tempfile import SpooledTemporaryFile
from zipfile import ZIP_DEFLATED, ZipFile

from django.utils.translation import gettext_lazy as _

from accounts import pictures
from posts.ids import moment_of
from posts.models import ReadMark

README = _("""Your data, as UTF-8 JSON. Moments are in UTC, as ISO 8601.

profile.json    one object: username, email, display_name, bio, noindex, joined
picture.webp    your picture, if you have one
posts.json      a list, oldest first: id, created_on, content, hidden (by a moderator), edited_on (or null) and
                earlier: a list of earlier texts, oldest first: content, replaced_on
reading.json    one object: read_up_to, the moment of the newest post in your home timeline that you have been shown
following.json  a list, oldest first: username, since
followers.json  a list, oldest first: username, since
blocks.json     a list, oldest first: username, since
""")

# Beyond this the zip is built on disk instead of in memory.
IN_MEMORY = 5 * 1024 * 1024


def export_data(user):
    """Return a file, at its beginning, that holds the zip of everything that belongs to `user`."""
    file = SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 (whoever sends it closes it)
    with ZipFile(file, "w", ZIP_DEFLATED) as archive:
        archive.writestr("README.txt", str(README))
        for name, about in (("profile.json", profile_of(user)), ("reading.json", reading_of(user))):
            archive.writestr(name, json.dumps(about, ensure_ascii=False, indent=1))
        if picture := user.picture and pictures.read(user.picture, pictures.LARGE):
            archive.writestr("picture.webp", picture)
        for name, rows in lists_of(user):
            with archive.open(name, "w") as member:
                write_list(member, rows)
    file.seek(0)
    return file


def profile_of(user):
    return {
        "username": user.username,
        "email": user.email,
        "display_name": user.display_name,
        "bio": user.bio,
        "noindex": user.noindex,
        "joined": user.date_joined.isoformat(),
    }


def reading_of(user):
    mark = ReadMark.objects.filter(reader=user).first()
    return {"read_up_to": mark and moment_of(mark.position).isoformat()}


def post_of(post):
    return {
        "id": post.pk,
        "created_on": post.created_on.isoformat(),
        "content": post.content,
        "hidden": bool(post.hidden_on),
        "edited_on": post.edited_on and post.edited_on.isoformat(),
        "earlier": [
            {"content": revision.content, "replaced_on": revision.created_on.isoformat()}
            for revision in sorted(post.revisions.all(), key=attrgetter("pk"))
        ],
    }


def lists_of(user):
    """Yield the name of each file and the objects in it."""
    posts = user.posts.order_by("id").prefetch_related("revisions").iterator(chunk_size=500)
    yield "posts.json", map(post_of, posts)
    yield "following.json", people(user.followings, "followed")
    yield "followers.json", people(user.followed_by, "follower")
    yield "blocks.json", people(user.blocks, "blocked")


def people(rows, side):
    for username, since in rows.order_by("id").values_list(f"{side}__username", "created_on").iterator():
        yield {"username": username, "since": since.isoformat()}


def write_list(file, rows):
    """Write JSON row by row, so that memory does not grow with their number."""
    file.write(b"[")
    for number, row in enumerate(rows):
        file.write(b",\n" if number else b"\n")
        file.write(json.dumps(row, ensure_ascii=False).encode())
    file.write(b"\n]\n")
