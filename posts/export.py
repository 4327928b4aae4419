"""A member's own data as a zip of JSON files, described by a README among them."""

import json
from tempfile import SpooledTemporaryFile
from zipfile import ZIP_DEFLATED, ZipFile

README = """Your data, as UTF-8 JSON. Moments are in UTC, as ISO 8601.

profile.json    one object: username, email, display_name, bio, joined
posts.json      a list, oldest first: id, created_on, content, hidden (by a moderator)
following.json  a list, oldest first: username, since
followers.json  a list, oldest first: username, since
blocks.json     a list, oldest first: username, since
"""

# Beyond this the zip is built on disk instead of in memory.
IN_MEMORY = 5 * 1024 * 1024


def export_data(user):
    """Return a file, at its beginning, that holds the zip of everything that belongs to `user`."""
    file = SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 (whoever sends it closes it)
    with ZipFile(file, "w", ZIP_DEFLATED) as archive:
        archive.writestr("README.txt", README)
        archive.writestr("profile.json", json.dumps(profile_of(user), ensure_ascii=False, indent=1))
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
        "joined": user.date_joined.isoformat(),
    }


def lists_of(user):
    """Yield the name of each file and the objects in it."""
    posts = user.posts.order_by("id").iterator()
    yield (
        "posts.json",
        (
            {
                "id": post.pk,
                "created_on": post.created_on.isoformat(),
                "content": post.content,
                "hidden": bool(post.hidden_on),
            }
            for post in posts
        ),
    )
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
