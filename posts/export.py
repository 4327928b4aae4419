"""A member's own data as a zip of JSON files, described by a README among them."""

import json
from datetime import datetime
from operator import attrgetter
from tempfile import SpooledTemporaryFile
from zipfile import ZIP_DEFLATED, ZipFile

from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.utils.translation import gettext_lazy as _

from accounts import pictures
from accounts.emails import kinds
from accounts.models import MailPreference, ModerationAction
from posts.ids import moment_of
from posts.models import HomeFeed, ReadMark

README = _("""Your data, as UTF-8 JSON. Times are in UTC, as ISO 8601.

profile.json     one object: username, email, display_name, bio, noindex, joined, last_login, is_moderator
picture.webp     your picture, if you have one
settings.json    one object: time_zone and language (empty: the site's and your browser's), and emails: how soon each
                 kind reaches you
posts.json       a list, oldest first: id, created_on, content, hidden (by a moderator), edited_on (or null) and
                 earlier: a list of earlier texts, oldest first: content, replaced_on
reading.json     one object: read_up_to, the time of the newest post in your home timeline that you have been shown
following.json   a list, oldest first: username, since
followers.json   a list, oldest first: username, since
milestones.json  a list: followers, the number reached, and reached_on
blocks.json      a list, oldest first: username, since
reports.json     posts you reported, oldest first: post (its id), author, reason, note, created_on, closed_on (or null)
moderation.json  what moderators did about you and your posts, oldest first: what, text, created_on
addresses.json   your email addresses: email, verified, primary
sessions.json    where you are logged in, oldest first: ip, browser, created_on, last_seen_on
security.json    one object: two_step_login, a list of kind, created_on and last_used_on (or null); and private_feed, the
                 time when you made your private feed (or null)
emails.json      emails we sent you or will send, oldest first: kind, address (if it was not the one in your profile),
                 state, created_on, sent_on (or null)

Passwords, keys, codes and feed links are left out: whoever finds this file could use them. So is what belongs to others,
such as who has blocked you, and what the site notes for its own work and deletes after a while.
""")

# Each reference to a member, as "app.Model.field", and the file that it is in. A test finds new ones.
EXPORTED = {
    "account.EmailAddress.user": "addresses.json",
    "accounts.Block.blocker": "blocks.json",
    "accounts.Delivery.recipient": "emails.json",
    "accounts.Follow.followed": "followers.json",
    "accounts.Follow.follower": "following.json",
    "accounts.MailPreference.user": "settings.json",
    "accounts.Milestone.user": "milestones.json",
    "accounts.User.follows": "following.json",
    "mfa.Authenticator.user": "security.json",
    "posts.HomeFeed.user": "security.json",
    "posts.Post.author": "posts.json",
    "posts.ReadMark.reader": "reading.json",
    "posts.Report.reporter": "reports.json",
    "usersessions.UserSession.user": "sessions.json",
}
# Or why it is in none.
LEFT_OUT = {
    "accounts.Block.blocked": "Whoever blocks somebody doesn't tell them.",
    "accounts.FollowNotice.follower": "Other members' emails.",
    "accounts.FollowNotice.recipient": "Who is named in which email: followers.json has who follows.",
    "accounts.FollowerChange.person": "Other members' emails.",
    "accounts.FollowerChange.recipient": "Collected for the next email: followers.json has who follows.",
    "accounts.MailPlan.recipient": "When the next email is due follows from settings.json.",
    "accounts.ModerationAction.moderator": "The site's record of its moderators' work.",
    "accounts.NameWord.user": "Made of the names in profile.json.",
    "accounts.ToldState.user": "Holds the password's hash.",
    "admin.LogEntry.user": "The site's record of its moderators' work.",
    "posts.PulledAuthor.author": "How the timelines are stored.",
    "posts.TimelineStamp.reader": "How the timelines are stored.",
}

# Beyond this the zip is built on disk instead of in memory.
IN_MEMORY = 5 * 1024 * 1024


def export_data(user):
    """Return a file, at its beginning, that holds the zip of everything that belongs to `user`."""
    file = SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 (whoever sends it closes it)
    with ZipFile(file, "w", ZIP_DEFLATED) as archive:
        archive.writestr("README.txt", str(README))
        for name, about in objects_of(user):
            archive.writestr(name, json.dumps(about, ensure_ascii=False, indent=1))
        if picture := user.picture and pictures.read(user.picture, pictures.LARGE):
            archive.writestr("picture.webp", picture)
        for name, rows in lists_of(user):
            with archive.open(name, "w") as member:
                write_list(member, rows)
    file.seek(0)
    return file


def objects_of(user):
    """Yield the name of each file that holds one object, and the object."""
    yield "profile.json", profile_of(user)
    yield "settings.json", settings_of(user)
    yield "reading.json", reading_of(user)
    yield "security.json", security_of(user)


def profile_of(user):
    return {
        "username": user.username,
        "email": user.email,
        "display_name": user.display_name,
        "bio": user.bio,
        "noindex": user.noindex,
        "joined": user.date_joined.isoformat(),
        "last_login": iso(user.last_login),
        "is_moderator": user.is_staff,
    }


def settings_of(user):
    emails = {kind.name: MailPreference.of(user, kind).value for kind in kinds.optional_kinds()}
    return {"time_zone": user.time_zone, "language": user.language, "emails": emails}


def reading_of(user):
    mark = ReadMark.objects.filter(reader=user).first()
    return {"read_up_to": mark and moment_of(mark.position).isoformat()}


def security_of(user):
    factors = Authenticator.objects.filter(user=user).order_by("pk")
    feed = HomeFeed.objects.filter(user=user).first()
    return {
        "two_step_login": [
            {"kind": kind, "created_on": iso(created), "last_used_on": iso(used)}
            for kind, created, used in factors.values_list("type", "created_at", "last_used_at")
        ],
        "private_feed": feed and iso(feed.created_on),
    }


def iso(moment):
    return moment and moment.isoformat()


def post_of(post):
    return {
        "id": post.pk,
        "created_on": post.created_on.isoformat(),
        "content": post.content,
        "hidden": bool(post.hidden_on),
        "edited_on": iso(post.edited_on),
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
    yield "milestones.json", rows_of(user.milestones, followers="threshold", reached_on="reached_on")
    yield "blocks.json", people(user.blocks, "blocked")
    report = {name: name for name in ("reason", "note", "created_on", "closed_on")}
    yield "reports.json", rows_of(user.reports, post="post_id", author="post__author__username", **report)
    yield (
        "moderation.json",
        rows_of(decisions_about(user), what="verb", text="target_text", created_on="created_on"),
    )
    address = {name: name for name in ("email", "verified", "primary")}
    yield "addresses.json", rows_of(user.emailaddress_set, **address)
    session = {
        "ip": "ip",
        "browser": "user_agent",
        "created_on": "created_at",
        "last_seen_on": "last_seen_at",
    }
    yield "sessions.json", rows_of(UserSession.objects.filter(user=user), **session)
    email = {name: name for name in ("kind", "address", "state", "created_on", "sent_on")}
    yield "emails.json", rows_of(user.deliveries, **email)


def people(rows, side):
    return rows_of(rows, username=f"{side}__username", since="created_on")


def rows_of(rows, **fields):
    """Yield an object for each row, by primary key: `fields` maps its names to the columns'."""
    for values in rows.order_by("pk").values_list(*fields.values()).iterator():
        yield {name: value_of(value) for name, value in zip(fields, values, strict=True)}


def value_of(value):
    return iso(value) if isinstance(value, datetime) else value


def decisions_about(user):
    """What moderators decided about this member: not why, as that may speak of others, and not which reports came to nothing."""
    Verb = ModerationAction.Verb
    return ModerationAction.objects.filter(target_person=user.username).exclude(verb=Verb.DISMISS)


def write_list(file, rows):
    """Write JSON row by row, so that memory does not grow with their number."""
    file.write(b"[")
    for number, row in enumerate(rows):
        file.write(b",\n" if number else b"\n")
        file.write(json.dumps(row, ensure_ascii=False).encode())
    file.write(b"\n]\n")
