"""The download of a member's own data: a zip of JSON files, with a README that describes them."""

import json
from datetime import datetime
from operator import attrgetter
from tempfile import SpooledTemporaryFile
from zipfile import ZIP_DEFLATED, ZipFile

from django.db.models import Case, Count, Exists, F, OuterRef, Value, When
from django.http import FileResponse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_lazy as _
from django.views import View

from accounts import pictures
from accounts.common import deadlines
from accounts.common.installed import HAS_MFA, HAS_USER_SESSIONS
from accounts.joining.access import pending_too
from accounts.joining.models import Application, InvitationUse
from accounts.moderation.models import OUTCOME, ModerationAction
from accounts.notifications import types
from accounts.notifications.followers import FollowerMilestone
from accounts.notifications.models import Notification
from accounts.security import rate_limits
from accounts.suspended_access import SuspendedToo
from posts.app_settings import app_settings
from posts.feeds.models import HomeFeed
from posts.filters.models import Place
from posts.ids import time_of
from posts.reading.models import ReadMarker

if HAS_MFA:
    from allauth.mfa.models import Authenticator

if HAS_USER_SESSIONS:
    from allauth.usersessions.models import UserSession

README = _("""Your data, as UTF-8 JSON. Times are in UTC, as ISO 8601.

profile.json     one object: username, email, display_name, bio, noindex, joined, last_login, is_moderator, and
                 rules_accepted_on, when you last accepted the rules (or null)
picture.webp     your picture, if you have one
settings.json    one object: time_zone and language (empty means the site's and your browser's); emails: how often you
                 get each type; off_site, the types that you turned off on the site; and muted_conversations, the ids of
                 their first posts
posts.json       a list, oldest first: id, created_on, content, language (or empty), who_may_reply, in_reply_to (the id of
                 a post, or null), hidden (by a moderator), edited_on (or null), and earlier, a list of earlier versions,
                 oldest first: content, replaced_on
likes.json       posts you like, in the order in which you liked them: post, the id, and since
bookmarks.json   posts you bookmarked, in that order: post, the id, and since
reading.json     one object: read_up_to, the time of the newest post that you have seen in your home timeline, and
                 announcements_read, the time of the newest announcement that you have dismissed (or null)
following.json   a list, oldest first: username, since
followers.json   a list, oldest first: username, since
milestones.json  a list: followers, the number reached, and reached_on
blocks.json      a list, oldest first: username, since
mutes.json       a list, oldest first: username, since, until (or null)
filters.json     a list, oldest first: phrase, in_home, in_explore, in_notifications, since, until (or null)
reports.json     posts and people you reported, oldest first: kind, id, person (or author), reason, note, created_on,
                 closed_on (or null)
moderation.json  what moderators did about you and your posts, oldest first: what, text, reason, rule, until (or null),
                 created_on
application.json your application to join, if you had to apply: text, created_on, state, decided_on (or null), reason
invitations.json the invitations you made, oldest first: for, the number of people, used, created_on, expires_on,
                 revoked_on (or null)
invited_by.json  the invitation you joined with, if you did: username (empty if it was the site's), since
appeals.json     your appeals, oldest first: decision (what was done), text, created_on, answered_on (or null)
addresses.json   your email addresses: email, verified, primary
sessions.json    where you are logged in, oldest first: ip, browser, created_on, last_seen_on
security.json    one object: two_step_login, a list of kind, created_on and last_used_on (or null); and private_feed, the
                 time when you created your private feed (or null)
emails.json      emails we sent you or will send, oldest first: kind, address (if it wasn't the one in your profile),
                 state, created_on, sent_on (or null)

Passwords, keys, codes and feed links are left out, because anyone who finds this file could use them. Information about
others, such as who has blocked you, and temporary records that the site needs to run are also left out.
""")

# Each reference to a member, as "app.Model.field", and the file that contains it. A test fails if a reference is missing here.
EXPORTED = {
    "account.EmailAddress.user": "addresses.json",
    "accounts.Appeal.person": "appeals.json",
    "accounts.Application.person": "application.json",
    "accounts.Block.blocker": "blocks.json",
    "accounts.Delivery.recipient": "emails.json",
    "accounts.Follow.followed": "followers.json",
    "accounts.Invitation.creator": "invitations.json",
    "accounts.InvitationUse.person": "invited_by.json",
    "accounts.Follow.follower": "following.json",
    "accounts.Mute.muter": "mutes.json",
    "accounts.Notification.recipient": "milestones.json",
    "accounts.NotificationPreference.user": "settings.json",
    "accounts.Report.reporter": "reports.json",
    "accounts.User.follows": "following.json",
    "mfa.Authenticator.user": "security.json",
    "posts.Bookmark.member": "bookmarks.json",
    "posts.ConversationMute.member": "settings.json",
    "posts.Filter.member": "filters.json",
    "posts.HomeFeed.user": "security.json",
    "posts.Like.member": "likes.json",
    "posts.Post.author": "posts.json",
    "posts.ReadMarker.reader": "reading.json",
    "usersessions.UserSession.user": "sessions.json",
}
# References that aren't in any file, and the reasons.
LEFT_OUT = {
    "accounts.AccountSnapshot.user": "Holds the password's hash.",
    "accounts.Announcement.created_by": "The site's record of what its operators announced.",
    "accounts.Block.blocked": "People aren't told who has blocked them.",
    "accounts.DigestSchedule.recipient": "Derived from settings.json: when the next email is due.",
    "accounts.Invitation.people": "Other members' invitations.",
    "accounts.ModerationAction.moderator": "The site's record of its moderators' work.",
    "accounts.ModeratorNote.author": "The site's record of its moderators' work.",
    "accounts.ModeratorNote.person": "Moderators' notes to each other, which may be about others, too.",
    "accounts.Mute.muted": "People aren't told who has muted them.",
    "accounts.NameWord.user": "Derived from the names in profile.json.",
    "accounts.Notification.actor": "Other members' notifications.",
    "accounts.Report.person": "People aren't told who has reported them.",
    "admin.LogEntry.user": "The site's record of its moderators' work.",
    "posts.HighFanoutAuthor.author": "How timelines are stored.",
    "posts.Mention.person": "Other members' posts.",
    "posts.Post.in_reply_to_author": "Other members' posts.",
    "posts.TimelineVersion.reader": "How timelines are stored.",
}

# A zip with more bytes than this is built on disk instead of in memory.
IN_MEMORY = 5 * 1024 * 1024


@method_decorator(pending_too, name="dispatch")
class ExportView(SuspendedToo, View):
    """Responds with the zip. Suspended members can also take their data with them."""

    def get(self, request):
        rate_limits.hit("export", self.person.pk, app_settings.EXPORT_LIMIT)
        name = f"{self.person.username}-{timezone.localdate()}.zip"
        deadlines.extend()
        return FileResponse(export_data(self.person), as_attachment=True, filename=name)


def export_data(user):
    """Return an open file with the zip of all data that belongs to `user`."""
    file = SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 (the response closes it)
    with ZipFile(file, "w", ZIP_DEFLATED) as archive:
        archive.writestr("README.txt", readme())
        for name, data in objects_of(user):
            archive.writestr(name, json.dumps(data, ensure_ascii=False, indent=1))
        if picture := user.picture and pictures.read(user.picture, pictures.LARGE):
            archive.writestr("picture.webp", picture)
        for name, rows in lists_of(user):
            with archive.open(name, "w") as member:
                write_list(member, rows)
    file.seek(0)
    return file


def readme():
    """Return the README, without the list of sessions if the site doesn't keep one."""
    lines = str(README).splitlines(keepends=True)
    return "".join(line for line in lines if HAS_USER_SESSIONS or not line.startswith("sessions.json"))


def objects_of(user):
    """Yield (name, object) for each file that holds one object."""
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
        "rules_accepted_on": iso(user.rules_accepted_on),
    }


def settings_of(user):
    offered = [digest for digest in types.optional_types() if digest.offered_to(user)]
    emails = {digest.name: digest.frequency_for(user).value for digest in offered}
    off_site = user.notification_preferences.filter(on_site=False).order_by("type")
    conversations = user.conversation_mutes.order_by("thread").values_list("thread", flat=True)
    return {
        "time_zone": user.time_zone,
        "language": user.language,
        "emails": emails,
        "off_site": list(off_site.values_list("type", flat=True)),
        "muted_conversations": list(conversations),
    }


def reading_of(user):
    marker = ReadMarker.objects.filter(reader=user).first()
    return {
        "read_up_to": marker and time_of(marker.position).isoformat(),
        "announcements_read": iso(user.announcements_read),
    }


def security_of(user):
    feed = HomeFeed.objects.filter(user=user).first()
    return {
        "two_step_login": [
            {"kind": kind, "created_on": iso(created), "last_used_on": iso(used)}
            for kind, created, used in authenticators_of(user)
        ],
        "private_feed": feed and iso(feed.created_on),
    }


def authenticators_of(user):
    if not HAS_MFA:
        return []
    authenticators = Authenticator.objects.filter(user=user).order_by("pk")
    return authenticators.values_list("type", "created_at", "last_used_at")


def iso(time):
    return time and time.isoformat()


def post_of(post):
    return {
        "id": post.pk,
        "created_on": post.created_on.isoformat(),
        "content": post.content,
        "language": post.language,
        "who_may_reply": post.reply_policy,
        "in_reply_to": post.in_reply_to_id,
        "hidden": bool(post.hidden_on),
        "edited_on": iso(post.edited_on),
        "earlier": [
            {"content": revision.content, "replaced_on": revision.created_on.isoformat()}
            for revision in sorted(post.revisions.all(), key=attrgetter("pk"))
        ],
    }


def lists_of(user):
    """Yield (name, iterable of objects) for each file that holds a list."""
    posts = user.posts.order_by("id").prefetch_related("revisions").iterator(chunk_size=500)
    yield "posts.json", map(post_of, posts)
    yield "likes.json", rows_of(user.likes, post="post_id", since="created_on")
    yield "bookmarks.json", rows_of(user.bookmarks, post="post_id", since="created_on")
    yield "following.json", people(user.followings, "followed")
    yield "followers.json", people(user.followed_by, "follower")
    milestones = user.notifications.filter(type=FollowerMilestone.name)
    yield "milestones.json", rows_of(milestones, followers="subject", reached_on="created_on")
    yield "blocks.json", people(user.blocks, "blocked")
    yield "mutes.json", rows_of(user.mutes, username="muted__username", since="created_on", until="until")
    places = {f"in_{place}": f"in_{place}" for place in Place}
    yield (
        "filters.json",
        rows_of(user.filters, phrase="phrase", **places, since="created_on", until="until"),
    )
    report = {name: name for name in ("reason", "note", "created_on", "closed_on")}
    about = {"kind": "subject_type", "id": "subject_id", "person": "person__username"}
    yield "reports.json", rows_of(user.reports, **about | report)
    decision = {
        "what": "action",
        "text": "subject_text",
        "reason": "told_reason",
        "rule": "rule_title",
        "until": "until",
        "created_on": "created_on",
    }
    yield "moderation.json", rows_of(decisions_about(user), **decision)
    appeal = {"text": "text", "created_on": "created_on", "answered_on": "answer__created_on"}
    application = {name: name for name in ("text", "created_on", "state", "decided_on", "reason")}
    yield "application.json", rows_of(Application.objects.filter(person=user), **application)
    invitation = {name: name for name in ("created_on", "expires_on", "revoked_on")}
    invitations = user.invitations.annotate(use_count=Count("uses"))
    yield "invitations.json", rows_of(invitations, **{"for": "limit", "used": "use_count"} | invitation)
    uses = InvitationUse.objects.filter(person=user)
    yield "invited_by.json", rows_of(uses, username="invitation__creator_name", since="created_on")
    yield "appeals.json", rows_of(user.appeals, decision="action__action", **appeal)
    address = {name: name for name in ("email", "verified", "primary")}
    yield "addresses.json", rows_of(user.emailaddress_set, **address)
    if HAS_USER_SESSIONS:
        session = {
            "ip": "ip",
            "browser": "user_agent",
            "created_on": "created_at",
            "last_seen_on": "last_seen_at",
        }
        yield "sessions.json", rows_of(UserSession.objects.filter(user=user), **session)
    email = {name: name for name in ("address", "state", "created_on", "sent_on")}
    yield "emails.json", rows_of(user.deliveries, kind="type", **email)


def people(rows, side):
    return rows_of(rows, username=f"{side}__username", since="created_on")


def rows_of(rows, **fields):
    """Yield an object for each row, ordered by primary key. `fields` maps the object's names to columns."""
    for values in rows.order_by("pk").values_list(*fields.values()).iterator():
        yield {name: value_of(value) for name, value in zip(fields, values, strict=True)}


def value_of(value):
    return iso(value) if isinstance(value, datetime) else value


def decisions_about(user):
    """Return moderators' decisions about this member, except dismissed and reopened reports.

    `told_reason` is the reason if the member was told. Other reasons may mention other people.
    """
    Action = ModerationAction.Action
    told = Notification.objects.filter(recipient=user, type=OUTCOME, subject=OuterRef("pk"))
    reason = Case(When(Exists(told), then=F("reason")), default=Value(""))
    decisions = ModerationAction.objects.filter(person_name=user.username)
    return decisions.exclude(action__in=[Action.DISMISS, Action.REOPEN]).annotate(told_reason=reason)


def write_list(file, rows):
    """Write a JSON list row by row, so that memory use doesn't depend on its length."""
    file.write(b"[")
    for number, row in enumerate(rows):
        file.write(b",\n" if number else b"\n")
        file.write(json.dumps(row, ensure_ascii=False).encode())
    file.write(b"\n]\n")
