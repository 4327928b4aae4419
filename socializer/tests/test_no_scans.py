"""No page, form, job or periodic task scans a table that grows with the site."""

from datetime import timedelta

import pytest
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.db import connection
from django.db.models import Count
from django.utils import timezone

from accounts import directory, tasks
from accounts.announcements.models import Announcement
from accounts.announcements.tasks import notify_members
from accounts.common import admin
from accounts.emails.models import Delivery
from accounts.jobs import periodic
from accounts.jobs.models import Job
from accounts.jobs.worker import Worker
from accounts.joining.models import Application, Invitation, InvitationUse
from accounts.models import Block, Follow, User
from accounts.moderation.models import Appeal, ModerationAction, Report
from accounts.notifications import digests, types
from accounts.notifications.models import DigestSchedule, Notification
from accounts.security.models import AccountSnapshot
from accounts.tests.factories import PASSWORD
from posts.ids import first_id_at, time_of
from posts.models import Bookmark, Like, Post
from posts.paths import path_below
from posts.tests.factories import PostFactory
from socializer.health import late_emails, late_jobs
from socializer.sitemaps import SiteSitemap
from socializer.tests.plans import scans
from socializer.tests.test_access import PAGES, POSTS, WHO, clients  # noqa: F401 (a fixture)

PEOPLE, EACH = 600, 5
# The only exception: a task that runs once a day scans whole tables.
EXCEPTIONS = [tasks.prune]


@pytest.fixture
def site(clients):  # noqa: F811
    """A site with more than one page of everything, including the people of `clients`."""
    now = timezone.now()
    people = User.objects.bulk_create(
        [
            User(username=f"crowd_{n}", email=f"c{n}@example.org", display_name=f"Crowd {n}", password="!")
            for n in range(PEOPLE)
        ]  # noqa: S106
    )
    AccountSnapshot.objects.bulk_create([AccountSnapshot.from_user(person) for person in people])
    member = User.objects.get(username="moderator")
    pairs = {(people[n], people[(n * 7 + k) % PEOPLE]) for n in range(PEOPLE) for k in range(1, EACH)}
    author = User.objects.get(username="author")
    pairs |= {(person, other) for person in people for other in (member, author)}
    pairs |= {(member, person) for person in people[:50]}
    Follow.objects.bulk_create([Follow(follower=one, followed=two) for one, two in pairs])
    first = first_id_at(now - timedelta(days=2))
    Post.objects.bulk_create(
        [
            Post(id=pk, author=people[n % PEOPLE], content=f"Post {n}", created_on=time_of(pk))
            for n, pk in ((n, first + n * 40_000_000) for n in range(PEOPLE * 4))
        ]
    )
    Like.objects.bulk_create([Like(post_id=1, member=person) for person in people])
    Bookmark.objects.bulk_create(
        [Bookmark(post=post, member=member) for post in Post.objects.filter(author__in=people[:50])]
    )
    replies = [
        PostFactory.build(id=first + n * 40_000_000 + 7, author=people[n % PEOPLE], in_reply_to_id=1)
        for n in range(PEOPLE)
    ]
    for reply in replies:
        reply.in_reply_to_author, reply.thread, reply.path = author, 1, path_below(b"", reply.pk)
        reply.language = "en"
    Post.objects.bulk_create(replies)
    User.objects.recount()
    Block.objects.bulk_create(
        [Block(blocker=person, blocked=people[n - 1]) for n, person in enumerate(people)]
    )
    Delivery.objects.bulk_create(
        [
            Delivery(recipient=person, type="new_follower", key="1", state="sent", attempts=1)
            for person in people
        ]
    )
    Notification.objects.bulk_create(
        [
            Notification(
                recipient=two,
                actor=one,
                type="new_follower",
                subject=n,
                group_key=f"new_follower::{n % 30}",
                emailed_in="x",
            )
            for n, (one, two) in enumerate(pairs)
        ]
    )
    done = {
        "status": "SUCCESSFUL",
        "finished_at": now,
        "run_after": now,
        "args_kwargs": {"args": [], "kwargs": {}},
    }
    Job.objects.bulk_create(
        [
            Job(task_path="accounts.tasks.note_follow", queue_name="default", backend_name="default", **done)
            for _ in people
        ],
    )
    UserSession.objects.bulk_create(
        [UserSession(user=person, ip="10.0.0.2", session_key=f"key{person.pk}") for person in people]
    )
    Authenticator.objects.bulk_create([Authenticator(user=person, type="totp", data={}) for person in people])
    for _number in range(200):
        SessionStore().save(must_create=True)
    post = Post.objects.get(pk=1)
    Report.objects.bulk_create(
        [Report.new(post, reporter=person, reason="spam", closed_on=now) for person in people[:300]]
    )
    ModerationAction.objects.bulk_create(
        [
            ModerationAction(
                moderator=member,
                moderator_name="moderator",
                action="hide",
                subject_model="posts.Post",
                subject_id=n,
                person_name=f"crowd_{n}",
                reason="x",
            )
            for n in range(300)
        ]
    )
    now_and_then = {"created_on": now - timedelta(days=60), "expires_on": now + timedelta(days=1)}
    invitations = [
        Invitation(creator=one, creator_name=one.username, limit=1, key=f"key{n}", **now_and_then)
        for n, one in enumerate([member] * 100 + people)
    ]
    Invitation.objects.bulk_create(invitations)
    InvitationUse.objects.bulk_create(
        [InvitationUse(invitation=invitations[n], person=person) for n, person in enumerate(people)]
    )
    Application.objects.bulk_create(
        [
            Application(person=person, text="Me", state="approved", submitted_on=now, decided_on=now)
            for person in people
        ]
    )
    if connection.vendor == "postgresql":  # As autovacuum does. SQLite has no statistics on a real site.
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
    return clients


@pytest.fixture(autouse=True)
def _suggestions(settings):
    settings.SUGGESTED_PEOPLE = ["crowd_3", "crowd_4"]


@pytest.fixture(autouse=True)
def _few_are_many(monkeypatch):
    """What stops after so many rows stops here, too."""
    monkeypatch.setattr(admin, "MAX_COUNT", 150)  # More than a page of the admin.
    monkeypatch.setattr(SiteSitemap, "limit", 100)
    monkeypatch.setattr(directory, "SORTED", 100)
    monkeypatch.setattr(directory, "SCANNED", 50)


def assert_none(found):
    assert found == [], "\n\n".join(scan[:1500] for scan in found)


def test_no_page_scans(site):
    with scans() as found:
        for path in PAGES:
            for who in WHO:
                site[who].get(path, follow=path.startswith("/admin/"))
    assert_none(found)


# Pages with a cursor, and searches with few, many and no matches.
MORE_PAGES = [
    "/explore/?language=en", f"/explore/?language=zh-hans&before={2**52}", f"/@author/replies/?before={2**52}",
    *(f"/posts/1/?{side}=AAAAAAAAAg" for side in ("before", "after")),
    *(f"{path}?{side}={2**52}" for path in ("/", "/explore/", "/@author/", "/@author/feed.atom", "/explore/feed.atom") for side in ("before", "after")),
    *(f"{path}?{side}={position}" for path in ("/@author/followers/", "/@author/following/") for side, position in (("before", 10**6), ("after", 1))),
    *(f"{path}?{side}={position}" for path in ("/posts/1/likes/", "/bookmarks/") for side, position in (("before", 10**6), ("after", 1))),
    *(f"/users/?{side}={2**40}" for side in ("before", "after")),
    *(f"/users/?q={words}" for words in ("crowd", "crowd_7", "crowd+7", "nobody", "@moderator")),
    f"/users/?q=crowd&before={2**33}", f"/users/decisions/?before={2**40}", "/users/decisions/?after=1",
    f"/users/invitations/?before={2**40}", "/users/invitations/?after=1",
    f"/notifications/?before={2**40}", "/notifications/?after=1",
    "/sitemap-people-5.xml", "/sitemap-posts-3.xml",
]  # fmt: skip
ADMIN_PAGES = [
    f"/admin/{page}"
    for page in (
        *(
            "posts/post/?q=@crowd_7",
            "posts/post/?p=2",
            "posts/post/?hidden_on__isempty=0",
            "posts/post/1/change/",
        ),
        *("accounts/user/?q=crowd", "accounts/user/?q=nobody", "accounts/user/?q=c7@example.org"),
        *("accounts/user/?suspended_on__isempty=0", "accounts/user/?is_staff__exact=1"),
        *(
            f"moderation/?before={2**50}",
            "moderation/?after=1",
            "moderation/people/crowd_3/",
            "moderation/people/moderator/",
            "moderation/record/?action=hide&before=200",
            "moderation/record/?q=nothing",
        ),
        *("moderation/record/?moderator=moderator&person=crowd_7", "moderation/record/?after=5"),
        *("accounts/follow/?q=author", "accounts/follow/?q=nobody", "accounts/moderationaction/?q=@author"),
        *(
            "accounts/delivery/?q=author",
            "accounts/delivery/?q=c7@example.org",
            "accounts/delivery/?state__exact=waiting",
        ),
        *(f"accounts/job/?state={state}" for state in ("waiting", "running", "done", "all")),
        *(
            "accounts/invitation/?q=crowd_3",
            "accounts/invitationuse/?q=crowd_3",
            "accounts/application/?q=crowd_3",
        ),
        *("mfa/authenticator/", "mfa/authenticator/?q=author"),
    )
]


def test_no_page_with_a_cursor_or_search_scans(site):
    with scans() as found:
        for path in MORE_PAGES:
            for who in ("visitor", "moderator"):
                assert site[who].get(path).status_code in (200, 302)
        for path in ADMIN_PAGES:
            assert site["administrator"].get(path).status_code == 200
    assert_none(found)


FORMS = {
    "/": {"content": "Hello @crowd_8"},
    "/posts/add/": {"content": "Hello @crowd_7"},
    "/posts/1/reply/": {"content": "Hello @crowd_6"},
    "/users/settings/profile/": {"display_name": "New", "bio": "New"},
    "/users/settings/emails/": {"new_follower": "daily"},
    "/users/settings/locale/": {"time_zone": "Asia/Tokyo"},
    "/users/welcome/": {"display_name": "Newer"},
    "/users/password/check/": {"password1": "password"},
    "/users/feeds/": {"do": "renew"},
    "/users/invitations/": {"limit": "1", "days": "7", "people": "crowd_3"},
    "/users/invitations/1/revoke/": {},
    "/posts/1/report/": {"reason": "spam", "note": "Look"},
    "/users/filters/": {"phrase": "spoilers", "places": "home", "duration": "week"},
    "/posts/1/mute-conversation/": {},
    "/posts/1/unmute-conversation/": {},
    "/@crowd_7/report/": {"reason": "spam", "note": "Look"},
    **{f"/posts/1/{action}/": {} for action in ("like", "unlike", "bookmark", "remove-bookmark")},
    "/@crowd_8/follow/": {},
    "/@crowd_8/unfollow/": {},
    "/@crowd_9/remove-follower/": {},
    "/@crowd_9/block/": {},
    "/@crowd_9/unblock/": {},
    "/users/email/": {"email": "other@example.org", "action_add": ""},
    "/users/password/change/": {
        "oldpassword": PASSWORD,
        "password1": "a longer word",
        "password2": "a longer word",
    },
    "/users/sessions/1/end/": {},
    "/users/sessions/": {},
    "/users/password/reset/": {"email": "c7@example.org"},
    "/users/logout/": {},
    "/users/signup/": {"username": "eve", "email": "eve@example.org", "password1": PASSWORD},
    "/users/login/": {"login": "eve", "password": PASSWORD},
    "/users/leave/": {"password": PASSWORD, "sure": "on"},
}
ACTIONS = [
    ("posts/post", "hide", 1),
    ("posts/post", "restore", 1),
    ("accounts/user", "suspend", "crowd_5"),
    ("accounts/user", "reinstate", "crowd_5"),
]


def test_no_form_scans(site, run_jobs):
    with scans() as found:
        for path in POSTS:
            site["member"].post(path)
        for path, data in FORMS.items():
            response = site["member"].post(path, data)
            assert response.status_code in (200, 302, 404), path
        run_jobs()
    assert_none(found)
    assert not User.objects.filter(username="eve").exists()


def test_editing_and_deleting_a_post_dont_scan(site, run_jobs):
    site["member"].post("/posts/add/", {"content": "First"})
    pk = Post.objects.latest("pk").pk
    with scans() as found:
        site["member"].post(f"/posts/{pk}/edit/", {"content": "Second", "seen": "First"})
        site["member"].post(f"/posts/{pk}/delete/")
        run_jobs()
    assert_none(found)
    assert not Post.objects.filter(pk=pk).exists()


def decide_everything(client, other):
    """Make each decision on the moderators' pages, with an undo, and answer an appeal."""
    reporter, post = User.objects.get(username="crowd_5"), Post.objects.latest("pk")
    for decision in ("dismiss", "hide", "warn", "suspend"):
        Report.objects.about(post).delete()
        Report.new(post, reporter=reporter, reason="spam").save()
        [card] = [c for c in client.get("/admin/moderation/").context["cards"] if c.subject == post]
        data = {"card": card.value, "decision": decision, "days": "7", "reason": "x"}
        assert client.post("/admin/moderation/", data).status_code == 302
        action = ModerationAction.objects.filter(person_name=post.author.username).latest("pk")
        undone = client.post("/admin/moderation/undo/", {"action": action.pk}, follow=True)
        assert "Undone." in undone.content.decode(), decision
    path = f"/admin/moderation/people/{post.author.username}/"
    client.post(path, {"decision": "warn", "reason": "x", "after": action.pk + 1})
    client.post(path, {"text": "A note"})
    appeal = Appeal.objects.create(
        action=ModerationAction.objects.filter(person_name=post.author.username).latest("pk"),
        person=post.author,
        text="No.",
    )
    client.get("/admin/moderation/")
    other.post("/admin/moderation/", {"appeal": appeal.pk, "grant": "1", "reason": "Yes."})
    appeal.refresh_from_db()
    assert appeal.answer_id


def test_no_moderation_action_scans(site, run_jobs):
    Report.objects.filter(reporter__username="crowd_3").update(closed_on=None)
    with scans() as found:
        for model, action, key in ACTIONS:
            pk = key if key == 1 else User.objects.get(username=key).pk
            data = {"action": action, "_selected_action": [pk], "reason": "Because."}
            assert site["administrator"].post(f"/admin/{model}/", data, follow=True).status_code == 200
        decide_everything(site["administrator"], site["moderator"])
        run_jobs()
    assert_none(found)


def test_no_job_and_no_periodic_task_scans(site, run_jobs):
    member, author = User.objects.get(username="moderator"), User.objects.get(username="author")
    for digest in types.optional_types():
        digests.choose(member, digest, digest.frequencies[0])
    DigestSchedule.objects.update(
        due_on=timezone.now() - timedelta(hours=1), covered_until=timezone.now() - timedelta(days=3)
    )
    User.objects.get(username="crowd_4").follow(author)
    User.objects.get(username="crowd_5").follow(member)
    User.objects.get(username="crowd_6").unfollow(member)
    author.set_password("a longer new password")
    author.save()
    AccountSnapshot.objects.filter(marked_on__isnull=False).update(
        marked_on=timezone.now() - timedelta(hours=1)
    )
    worker = Worker()
    with scans() as found:
        for periodic_task in periodic.all_periodic_tasks():
            if periodic_task.task not in EXCEPTIONS:
                periodic_task.task.func()
        notify_members.enqueue(Announcement.objects.create(text="Hello").pk)
        run_jobs()
        worker.do_housekeeping()
        worker.claim_next()
        list(late_jobs()), list(late_emails())
    assert_none(found)


def test_a_member_with_many_followers_leaves_without_a_scan(site, run_jobs):
    with scans() as found:
        User.objects.get(username="author").leave()
        run_jobs()
    assert_none(found)


PLANTS = [
    lambda: Post.objects.filter(edited_on__gt=timezone.now()).order_by("-edited_on")[:3],
    lambda: Post.objects.filter(content="Nobody wrote that"),
    lambda: User.objects.filter(bio="x"),
    lambda: Follow.objects.filter(created_on__lt=timezone.now()),
    lambda: Delivery.objects.filter(attempts=7),
    lambda: Job.objects.filter(task_path="x"),
    lambda: Notification.objects.filter(subject=0),
    lambda: UserSession.objects.filter(ip="10.0.0.1"),
    lambda: Session.objects.filter(session_data="x"),
]
# If PostgreSQL may not scan tables, it scans whole indexes instead, which looks like a plan for a large site.
PLANTS_ON_SQLITE = [
    lambda: Post.objects.filter(created_on__gt=timezone.now()).order_by("-created_on")[:3],
    lambda: Post.objects.filter(content="Nobody wrote that").order_by("-pk")[:3],
    lambda: Notification.objects.filter(type="unfollow").order_by("-created_on")[:3],
    lambda: User.objects.annotate(n=Count("followings")).order_by("-n")[:30],
]


def test_planted_scans_are_found(site):
    for plant in PLANTS + (PLANTS_ON_SQLITE if connection.vendor == "sqlite" else []):
        with scans() as found:
            list(plant())
        assert len(found) == 1, str(plant().query)
    with scans() as found:
        Post.objects.count()
        Post.objects.filter(content="x").update(content="y")
        Delivery.objects.filter(attempts=9).delete()
    assert len(found) == 3
