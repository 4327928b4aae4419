"""Databases of older releases are migrated with everything in them: what people wrote, their sessions, and the jobs that wait."""

import gzip
import json
import os
import re
from collections import Counter, defaultdict
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest import mock
from uuid import UUID

import pytest
import time_machine
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.core import mail
from django.core.management import call_command
from django.db import connection
from django.db.models import Case, F, Value, When
from django.test import Client

from accounts.common.models import ListPart, ScanPosition
from accounts.emails.models import Delivery, OutboxHold, SuppressedAddress
from accounts.jobs import registry
from accounts.jobs.models import ClockReading, Job, PeriodicRun
from accounts.jobs.worker import Worker
from accounts.models import Block, Follow, NameWord, RetiredUsername, User
from accounts.moderation import permissions
from accounts.moderation.models import ModerationAction, Report
from accounts.notifications.models import DigestSchedule, Notification, NotificationPreference
from accounts.security.models import AccountSnapshot, RateLimitCounter
from posts.feeds.models import HomeFeed
from posts.models import Post, PostRevision
from posts.reading.models import ReadMarker
from posts.tests.fanout import needs_redis
from posts.timelines.redis.models import HighFanoutAuthor, PendingPost, TimelineGeneration, TimelineVersion
from socializer.settings import PASSWORD_HASHERS

FOLDER = Path(__file__).parent / "upgrade"
# A day after the databases were made, a Saturday, and the Monday on which weekly emails follow.
UPGRADED_ON = datetime(2026, 11, 28, 17, tzinfo=UTC)
MONDAY = datetime(2026, 11, 30, 12, tzinfo=UTC)


def with_former_arguments(jobs):
    """Return the jobs with the arguments that they had before notifications were one model."""
    jobs = list(jobs)
    for job in jobs:
        for argument in job["args_kwargs"]["args"]:
            if isinstance(argument, dict) and "emailed_in" in argument:
                argument["told_in"] = argument.pop("emailed_in")
    return jobs


# Everything that the releases below stored, and where this release keeps it. If a model or a field gets another name, only the
# line here changes: the names on the left are those of the queries below.
KEPT = {
    "members": lambda: User.objects.values(
        "id", "username", "email", "password", "display_name", "bio", "suspended_on", "is_staff", "is_superuser",
        "is_active", "date_joined", "last_login", "noindex", "picture", "time_zone", "language", "follower_count",
        "following_count",
    ),
    "follows": lambda: Follow.objects.values("id", "follower_id", "followed_id", "created_on"),
    "blocks": lambda: Block.objects.values("id", "blocker_id", "blocked_id", "created_on"),
    "retired usernames": lambda: RetiredUsername.objects.values("username", "retired_on"),
    "words of names": lambda: NameWord.objects.values("id", "user_id", "word"),
    "groups of members": lambda: User.groups.through.objects.values("user_id", group_name=F("group__name")),
    "email addresses": lambda: EmailAddress.objects.values("id", "user_id", "email", "verified", "primary"),
    "second factors": lambda: Authenticator.objects.values("id", "user_id", "type", "data"),
    "account states": lambda: AccountSnapshot.objects.values(
        "user_id", "password", "email", factors=F("authenticators"), changes=F("version"), due_on=F("marked_on")
    ),
    "sessions": lambda: Session.objects.values("session_key", "session_data", "expire_date"),
    "user sessions": lambda: UserSession.objects.values("id", "user_id", "session_key", "created_at", "ip", "user_agent"),
    "rate limits": lambda: RateLimitCounter.objects.values("key", "count", "ends_on"),
    "jobs": lambda: with_former_arguments(
        Job.objects.values("id", "task_path", "args_kwargs", "status", "run_after", "enqueued_at", "worker_ids")
    ),
    "periodic tasks": lambda: PeriodicRun.objects.values("name", "period"),
    "clock": lambda: ClockReading.objects.values("read_on", "trusted_from"),
    "scans": lambda: ScanPosition.objects.values("name", "position"),
    "parts of lists": lambda: ListPart.objects.values("list", "number", "first_key"),
    "preferences": lambda: NotificationPreference.objects.values("user_id", kind=F("type"), when=F("frequency")),
    "digests": lambda: DigestSchedule.objects.values(
        "id", "recipient_id", "due_on", kind=F("type"), told_until=F("covered_until")
    ),
    "deliveries": lambda: Delivery.objects.values(
        "id", "recipient_id", "address", "key", "state", "answer", "created_on", "sent_on", kind=F("type"),
        tries=F("attempts"),
    ),
    "refused addresses": lambda: SuppressedAddress.objects.values(
        "address", "answer", refused_on=F("suppressed_on")
    ),
    "hold of the outbox": lambda: OutboxHold.objects.values("since"),
    "new followers": lambda: Notification.objects.filter(type="new_follower", subject__isnull=False).values(
        "recipient_id", "created_on", follower_id=F("actor_id"), follow_id=F("subject"), told_in=F("emailed_in")
    ),
    "changes of followers": lambda: Notification.objects.filter(emailed_in=Notification.SUMMARY_ONLY).values(
        "recipient_id", person_id=F("actor_id"), happened_on=F("created_on"),
        change=Case(When(type="new_follower", then=Value(1)), default=Value(-1)),
    ),
    "milestones": lambda: Notification.objects.filter(type="follower_milestone").exclude(emailed_in="").values(
        user_id=F("recipient_id"), threshold=F("subject")
    ),
    "moderation": lambda: ModerationAction.objects.values(
        "id", "created_on", "moderator_id", "moderator_name", "reason", verb=F("action"), target_model=F("subject_model"),
        target_pk=F("subject_id"), target_person=F("person_name"), target_text=F("subject_text"),
    ),
    "reports": lambda: Report.objects.filter(subject_type="post").values(
        "id", "reporter_id", "reason", "note", "created_on", "closed_on", post_id=F("subject_id")
    ),
    "posts": lambda: Post.objects.values(
        "id", "author_id", "content", "created_on", "edited_on", "hidden_on", "submission"
    ),
    "revisions": lambda: PostRevision.objects.values("id", "post_id", "content", "created_on"),
    "read markers": lambda: ReadMarker.objects.values(
        "reader_id", "position", "read_on", line=F("divider"), bottom=F("ahead_low"), top=F("ahead_high")
    ),
    "feed links": lambda: HomeFeed.objects.values("user_id", "key", "created_on"),
    "pending posts": lambda: PendingPost.objects.values("post_id", "reached", "created_on"),
    "authors with many followers": lambda: HighFanoutAuthor.objects.values("author_id"),
    "timelines of readers": lambda: TimelineVersion.objects.values("reader_id", "value"),
    "timelines": lambda: TimelineGeneration.objects.values("id", "value", kept_by=F("maintained_by")),
}  # fmt: skip


@dataclass(frozen=True)
class Release:
    """An older release: the start of its dumps' file names, and the queries that read what it stored. These never change."""

    name: str
    stored: dict

    def dump(self):
        """Return the SQL that makes its database on the engine at hand."""
        return gzip.decompress((FOLDER / f"{self.name}-{connection.vendor}.sql.gz").read_bytes()).decode()


FIRST = Release(
    "first",
    {
        "members": "SELECT id, username, email, password, display_name, bio, suspended_on, is_staff, date_joined FROM accounts_user",
        "follows": "SELECT id, follower_id, followed_id, created_on FROM accounts_follow",
        "posts": "SELECT id, author_id, content, created_on, hidden_on FROM posts_post",
        "email addresses": "SELECT id, user_id, email, verified FROM account_emailaddress",
        "sessions": "SELECT session_key, session_data, expire_date FROM django_session",
        "user sessions": "SELECT id, user_id, session_key, created_at FROM usersessions_usersession",
        "jobs": "SELECT id, task_path, status FROM django_tasks_database_dbtaskresult",
        "preferences": "SELECT user_id, kind FROM accounts_mailpreference",
        "deliveries": "SELECT id, kind, key FROM accounts_delivery",
    },
)
BEFORE_ROOMS = Release(
    "before-rooms",
    {
        "members": """SELECT id, username, email, password, display_name, bio, suspended_on, is_staff, is_superuser, is_active,
            date_joined, last_login, noindex, picture, time_zone, language, follower_count, following_count FROM accounts_user""",
        "follows": "SELECT id, follower_id, followed_id, created_on FROM accounts_follow",
        "blocks": "SELECT id, blocker_id, blocked_id, created_on FROM accounts_block",
        "retired usernames": "SELECT username, retired_on FROM accounts_retiredusername",
        "words of names": "SELECT id, user_id, word FROM accounts_nameword",
        "groups of members": "SELECT user_id, name AS group_name FROM accounts_user_groups JOIN auth_group ON auth_group.id = group_id",
        "email addresses": 'SELECT id, user_id, email, verified, "primary" FROM account_emailaddress',
        "second factors": "SELECT id, user_id, type, data FROM mfa_authenticator",
        "account states": "SELECT user_id, password, email, factors, changes, due_on FROM accounts_toldstate",
        "sessions": "SELECT session_key, session_data, expire_date FROM django_session",
        "user sessions": "SELECT id, user_id, session_key, created_at, ip, user_agent FROM usersessions_usersession",
        "rate limits": "SELECT key, count, ends_on FROM accounts_ratelimitcounter",
        "jobs": """SELECT id, task_path, args_kwargs, status, run_after, enqueued_at, worker_ids
            FROM django_tasks_database_dbtaskresult""",
        "periodic tasks": "SELECT name, period FROM accounts_turn",
        "clock": "SELECT read_on, trusted_from FROM accounts_clockreading",
        "scans": "SELECT name, position FROM accounts_scanposition",
        "parts of lists": "SELECT list, number, first_key FROM accounts_listpart",
        "preferences": 'SELECT user_id, kind, "when" FROM accounts_mailpreference',
        "digests": "SELECT id, recipient_id, kind, due_on, told_until FROM accounts_mailplan",
        "deliveries": """SELECT id, recipient_id, address, kind, key, state, tries, answer, created_on, sent_on
            FROM accounts_delivery""",
        "refused addresses": "SELECT address, answer, refused_on FROM accounts_refusedaddress",
        "hold of the outbox": "SELECT since FROM accounts_outboxhold",
        "new followers": "SELECT recipient_id, follower_id, follow_id, told_in, created_on FROM accounts_follownotice",
        "changes of followers": "SELECT recipient_id, person_id, change, happened_on FROM accounts_followerchange",
        "milestones": "SELECT user_id, threshold FROM accounts_milestone",
        "moderation": """SELECT id, created_on, moderator_id, moderator_name, verb, target_model, target_pk, target_person,
            target_text, reason FROM accounts_moderationaction""",
        "reports": "SELECT id, reporter_id, post_id, reason, note, created_on, closed_on FROM posts_report",
        "posts": "SELECT id, author_id, content, created_on, edited_on, hidden_on, submission FROM posts_post",
        "revisions": "SELECT id, post_id, content, created_on FROM posts_postrevision",
        "read markers": "SELECT reader_id, position, line, bottom, top, read_on FROM posts_readmark",
        "feed links": "SELECT user_id, key, created_on FROM posts_homefeed",
        "pending posts": "SELECT post_id, reached, created_on FROM posts_pendingpost",
        "authors with many followers": "SELECT author_id FROM posts_pulledauthor",
        "timelines of readers": "SELECT reader_id, value FROM posts_timelinestamp",
        "timelines": "SELECT id, value, kept_by FROM posts_timelineepoch",
    },
)
RELEASES = [FIRST, BEFORE_ROOMS]
# Tables of Django and the libraries that migrations fill, or that hold nothing of a site's own.
OTHER_TABLES = {
    "auth_group_permissions",  # See `assert_moderators_may_moderate`.
    "auth_permission",
    "django_content_type",
    "django_migrations",
    "sqlite_sequence",
}
# A site that nobody has worked on in the admin has nothing in these.
EMPTY_TABLES = {"account_emailconfirmation", "accounts_user_user_permissions", "django_admin_log"}


@pytest.fixture
def load(django_db_blocker, settings, tmp_path):
    """Return a function that puts the database of a Release in the place of the tests' own, and returns its dump's text."""
    # Cookies and links were signed with this, and passwords hashed by these.
    settings.SECRET_KEY = "only-for-tests-0123456789-abcdefghijklmnopqrstuvwxyz"
    settings.PASSWORD_HASHERS = PASSWORD_HASHERS

    def load(release):
        text = release.dump()
        with connection.cursor() as cursor:
            if connection.vendor == "sqlite":
                cursor.connection.executescript(text)
            else:
                cursor.execute(text)
        connection.close()  # The dump has changed settings of the connection.
        return text

    with django_db_blocker.unblock(), another_database(tmp_path):
        yield load


@contextmanager
def another_database(folder):
    """Let Django's connection lead to an empty database."""
    own, other = connection.settings_dict["NAME"], str(folder / "upgrade.sqlite3")
    if connection.vendor == "postgresql":
        other = f"test_upgrade_{os.getpid()}"

    def run(statement):
        if connection.vendor == "postgresql":
            with connection._nodb_cursor() as cursor:
                cursor.execute(f"{statement} {other}")

    connection.close()
    run("DROP DATABASE IF EXISTS")
    run("CREATE DATABASE")
    connection.settings_dict["NAME"] = other
    ContentType.objects.clear_cache()
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = own
        ContentType.objects.clear_cache()
        run("DROP DATABASE IF EXISTS")


def stored_rows(release):
    """Return what the database of `release` holds before it is migrated: lists of dicts, by the names in KEPT."""
    rows = {}
    with connection.cursor() as cursor:
        for name, query in release.stored.items():
            cursor.execute(query)
            columns = [column.name if hasattr(column, "name") else column[0] for column in cursor.description]
            rows[name] = [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]
    return rows


def assert_kept(stored):
    """Compare the rows that `stored_rows()` returned with those of today."""
    for name, rows in stored.items():
        columns = rows[0].keys()
        today = [{column: row[column] for column in columns} for row in KEPT[name]()]
        assert comparable(today) == comparable(rows), name


def comparable(rows):
    return sorted(str({column: plain(value) for column, value in row.items()}) for row in rows)


def plain(value):
    """Return the value as every engine and the ORM would give it."""
    if isinstance(value, datetime):
        return str(value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value)
    if isinstance(value, memoryview):
        return bytes(value)
    if isinstance(value, UUID):
        return value.hex
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, str) and value[:1] in ("{", "["):
        value = json.loads(value)
    if isinstance(value, dict | list):
        return json.dumps(value, sort_keys=True)
    return value


def work():
    with mock.patch.object(Worker, "handle_signals"):
        call_command("worker", batch=True)


def unfinished_jobs():
    """Return the primary keys of the jobs that wait, and of one whose worker was killed."""
    return list(Job.objects.exclude(status__in=["SUCCESSFUL", "FAILED"]).values_list("pk", flat=True))


def take_emails():
    """Return the emails sent since the last call: (kind, username or address, message), by the stored name of their kind."""
    sent, mail.outbox[:] = list(mail.outbox), []
    return [
        (
            re.match(r"<(.*)\.\d+@", message.extra_headers["Message-ID"])[1],
            message.to[0].removesuffix("@example.org"),
            message,
        )
        for message in sent
    ]


def counted(emails):
    return Counter((kind, recipient) for kind, recipient, _message in emails)


def names_in(message, names):
    """Return which of these members the email names, by links to their profiles."""
    return sorted(name for name in names if f"/@{name}/" in message.body)


def browser(**cookies):
    client = Client()
    for name, value in cookies.items():
        client.cookies[name] = value
    return client


def test_everything_from_the_first_release_is_kept(load):
    load(FIRST)
    stored, waiting = stored_rows(FIRST), unfinished_jobs()
    assert len(waiting) == 25

    with time_machine.travel(UPGRADED_ON) as clock:
        call_command("migrate", verbosity=0)
        assert_kept(stored)
        work()
        # The first of several new followers is announced at once, and the others an hour later.
        clock.shift(timedelta(hours=2))
        work()

    assert_kept(
        {name: stored[name] for name in ("members", "follows", "posts", "email addresses", "sessions")}
    )
    done = Job.objects.filter(pk__in=waiting)
    obsolete = [job.return_value for job in done if job.return_value]
    assert sorted(obsolete) == ["Obsolete: The email was sent.", "Obsolete: The follow was undone."]
    assert not Job.objects.exclude(status="SUCCESSFUL").exists()
    assert not Delivery.objects.filter(state=Delivery.State.WAITING).exists()
    assert_first_emails_are_sent_once()

    key = Session.objects.get(expire_date__year=2100).session_key
    home = browser(**{settings.SESSION_COOKIE_NAME: key}).get("/")
    assert home.context["user"].username == "ada"
    assert "The first post" in home.content.decode()


def assert_first_emails_are_sent_once():
    """The first release had sent one email of each kind: Ada's confirmation, and Bob's about a follow."""
    recipients, announced = defaultdict(list), defaultdict(list)
    names = User.objects.values_list("username", flat=True)
    for kind, recipient, message in take_emails():
        if kind == "new_follower":
            announced[recipient] += names_in(message, set(names) - {recipient})
        else:
            recipients[message.subject].append(recipient)
    confirmed = recipients["Please Confirm Your Email Address"]
    assert sorted(confirmed) == ["alan", "annie", "bob", "dorothy", "grace", "katherine", "mary"]
    assert sorted(recipients["Password Reset Email"]) == ["ada", "grace", "mary"]
    # Grace wants no such emails, Dorothy is suspended, and follows Alan no longer.
    assert {recipient: sorted(found) for recipient, found in announced.items()} == {
        "ada": ["alan", "annie", "grace", "katherine"],
        "bob": ["ada", "alan", "grace"],
        "katherine": ["ada", "annie", "mary"],
    }


@needs_redis
def test_everything_from_before_the_rooms_is_kept(load, settings):
    settings.HOME_TIMELINE = "fanout_write"
    text = load(BEFORE_ROOMS)
    known = json.loads(re.search(r"^-- Known: (.*)", text, re.MULTILINE)[1])
    stored, waiting = stored_rows(BEFORE_ROOMS), unfinished_jobs()

    with time_machine.travel(UPGRADED_ON) as clock:
        call_command("migrate", verbosity=0)
        assert_kept(stored)
        assert_notifications_are_grouped_by_time()
        assert_moderators_may_moderate("lise")
        call_command("release_outbox", send=True, verbosity=0)
        Job.objects.failed().get().retry()
        work()
        clock.shift(timedelta(hours=2))
        work()
        assert set(Job.objects.filter(pk__in=waiting).values_list("status", flat=True)) == {"SUCCESSFUL"}
        assert_nothing_failed()
        assert_emails_of_saturday_are_sent_once(known)
        assert_sessions_and_links_work(known)
        clock.move_to(MONDAY)
        work()
        assert_nothing_failed()
        assert_emails_of_monday_are_sent_once()


def assert_notifications_are_grouped_by_time():
    """Compare the keys that SQL made with those of `digests.notify()`."""
    for notification in Notification.objects.exclude(emailed_in=Notification.SUMMARY_ONLY):
        group = "" if notification.type == "new_follower" else notification.subject
        span = int(notification.created_on.timestamp() // 43_200)
        assert notification.group_key == f"{notification.type}:{group}:{span}"


def assert_moderators_may_moderate(username):
    """Look at the permissions of a moderator who was appointed before: models with other names have other permissions."""
    wanted = permissions.names()
    assert User.objects.get(username=username).get_all_permissions() == wanted


def assert_nothing_failed():
    # Jobs that send the next digest wait for its time.
    assert (
        not Job.objects.exclude(status="SUCCESSFUL").exclude(status="READY", exception_class_path="").exists()
    )
    assert not Delivery.objects.filter(state__in=["waiting", "held", "failed"]).exists()


def assert_emails_of_saturday_are_sent_once(known):
    emails = take_emails()
    sent = counted(emails)
    announced = defaultdict(list)
    names = User.objects.values_list("username", flat=True)
    for kind, recipient, message in emails:
        if kind == "new_follower":
            announced[recipient] += names_in(message, set(names) - {recipient})
            del sent[kind, recipient]
    assert sent == {
        # Held since the restore, or waiting.
        ("account/email/password_reset_key", "mary"): 1,
        ("account/email/password_reset_key", "grace"): 1,
        ("account/email/email_confirmation", "mary.jackson"): 1,
        ("password_changed", "alan"): 1,
        ("password_changed", "bob"): 1,
        ("password_changed", "grace"): 1,
        # Failed, and begun anew by an administrator.
        ("password_changed", "annie"): 1,
        # Nobody had told them.
        ("second_factor_changed", "ada"): 1,
        ("second_factor_changed", "alan"): 1,
        ("password_changed", "lise"): 1,
        # The tenth follower was waiting to be counted.
        ("follower_milestone", "alan"): 1,
        # Daily.
        ("follower_statement", "bob"): 1,
        ("home_by_mail", "mary"): 1,
    }
    # Mary's was held. Bob's are weekly, Annie wants none, and Grace was told of everyone before.
    assert {recipient: sorted(found) for recipient, found in announced.items()} == {
        "ada": ["alan", "annie", "grace"],
        "alan": ["fan09", "fan10"],
        "mary": ["fan10"],
    }
    (statement,) = (message for kind, _recipient, message in emails if kind == "follower_statement")
    # It also links to his own list.
    assert names_in(statement, names.exclude(username="bob")) == ["katherine"]
    (reset,) = (message for kind, to, message in emails if (kind[-9:], to) == ("reset_key", "mary"))
    known["reset"] = re.search(r"http://[^/]*(/\S+)", reset.body)[1]


def assert_emails_of_monday_are_sent_once():
    emails = take_emails()
    assert counted(emails) == {
        ("follower_statement", "alan"): 1,
        ("home_by_mail", "lise"): 1,
        ("new_follower", "bob"): 1,
    }
    messages = {recipient: message for _kind, recipient, message in emails}
    names = User.objects.values_list("username", flat=True)
    assert names_in(messages["alan"], names.exclude(username="alan")) == [
        f"fan{number:02}" for number in range(1, 11)
    ]
    # Mary and Zoe follow him no longer, and Yann is suspended.
    assert names_in(messages["bob"], names) == ["ada", "katherine", "lise"]


def assert_sessions_and_links_work(known):
    for name, key in known["sessions"].items():
        home = browser(**{settings.SESSION_COOKIE_NAME: key}).get("/")
        assert home.context["user"].username == name.split()[0]
    mary = browser(**{settings.SESSION_COOKIE_NAME: known["sessions"]["mary"]}).get("/").content.decode()
    assert mary.index("Before the upgrade.") < mary.index("On its way.") < mary.index("A second post.")
    assert "Before the upgrade." in browser().get(f"/feeds/{known['feed']}/home.atom").content.decode()
    assert browser().get(known["reset"], follow=True).context["form"].fields.keys() == {
        "password1",
        "password2",
    }

    assert browser().post(known["unsubscribe"]).status_code == 200
    chosen = NotificationPreference.objects.get(user__username="mary", type="new_follower")
    assert chosen.frequency == "never"

    grace = browser(known_device=known["device"])
    assert grace.post("/users/login/", {"login": "grace", "password": known["password"]}).status_code == 302

    # A text that was sent after its writer's session had ended is given back to her.
    mary = browser(**{settings.SESSION_COOKIE_NAME: known["draft"]})
    assert mary.post("/users/login/", {"login": "mary", "password": known["password"]}).status_code == 302
    assert "Typed for an hour." in mary.get("/posts/add/").content.decode()

    katherine = browser()
    katherine.post("/users/login/", {"login": "katherine", "password": known["password"]})
    counter = next(yield_hotp_counters_from_time())
    code = format_hotp_value(hotp_value(known["totp_secret"], counter))
    assert katherine.post("/users/2fa/authenticate/", {"code": code}).status_code == 302
    assert katherine.get("/").context["user"].username == "katherine"

    # Grace logged in with a browser that the site knew before.
    work()
    assert counted(take_emails()) == {("new_device", "mary"): 1, ("new_device", "katherine"): 1}


@pytest.mark.parametrize("release", RELEASES, ids=lambda release: release.name)
def test_every_table_of_an_older_release_is_compared(load, release):
    load(release)
    compared = set(re.findall(r"(?:FROM|JOIN) (\w+)", " ".join(release.stored.values())))
    with connection.cursor() as cursor:
        filled = set()
        tables = {*connection.introspection.table_names(cursor), "sqlite_sequence"}
        for table in tables - {"sqlite_sequence"}:
            cursor.execute(f'SELECT 1 FROM "{table}" LIMIT 1')  # noqa: S608 (names of our own tables)
            if cursor.fetchone():
                filled.add(table)
    assert filled - OTHER_TABLES == compared
    if release is not FIRST:
        assert tables - filled - OTHER_TABLES == EMPTY_TABLES


def test_a_job_of_every_task_was_waiting(load):
    load(BEFORE_ROOMS)
    waiting = Job.objects.filter(pk__in=unfinished_jobs()).values_list("task_path", flat=True)
    assert set(waiting) <= registry.all_names()
    assert len(set(waiting)) == 15
