"""No page, form, job or periodic task goes through a whole table that grows with the site."""

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
from accounts.admin import paginator
from accounts.emails import kinds, plans
from accounts.jobs import schedule
from accounts.jobs.worker import Worker
from accounts.models import (
    Block,
    Delivery,
    Follow,
    FollowerChange,
    FollowNotice,
    Job,
    MailPlan,
    ModerationAction,
    ToldState,
    User,
)
from accounts.tests.factories import PASSWORD
from posts.ids import first_id_at, moment_of
from posts.models import Post, Report
from socializer.health import late_jobs, late_mails
from socializer.sitemaps import SiteSitemap
from socializer.tests.plans import scans
from socializer.tests.test_access import PAGES, POSTS, WHO, clients  # noqa: F401 (a fixture)

PEOPLE, EACH = 600, 5
# What goes through whole tables: a task that runs once a day.
EXCEPTIONS = [tasks.prune]


@pytest.fixture
def site(clients):  # noqa: F811
    """A site of more than a page of everything, around the people of `clients`."""
    now = timezone.now()
    people = User.objects.bulk_create(
        [
            User(username=f"crowd_{n}", email=f"c{n}@example.org", display_name=f"Crowd {n}", password="!")
            for n in range(PEOPLE)
        ]  # noqa: S106
    )
    ToldState.objects.bulk_create([ToldState.now_of(person) for person in people])
    member = User.objects.get(username="moderator")
    pairs = {(people[n], people[(n * 7 + k) % PEOPLE]) for n in range(PEOPLE) for k in range(1, EACH)}
    author = User.objects.get(username="author")
    pairs |= {(person, other) for person in people for other in (member, author)}
    pairs |= {(member, person) for person in people[:50]}
    Follow.objects.bulk_create([Follow(follower=one, followed=two) for one, two in pairs])
    first = first_id_at(now - timedelta(days=2))
    Post.objects.bulk_create(
        [
            Post(id=pk, author=people[n % PEOPLE], content=f"Post {n}", created_on=moment_of(pk))
            for n, pk in ((n, first + n * 40_000_000) for n in range(PEOPLE * 4))
        ]
    )
    User.objects.recount()
    Block.objects.bulk_create(
        [Block(blocker=person, blocked=people[n - 1]) for n, person in enumerate(people)]
    )
    Delivery.objects.bulk_create(
        [Delivery(recipient=person, kind="new_follower", key="1", state="sent", tries=1) for person in people]
    )
    FollowNotice.objects.bulk_create(
        [
            FollowNotice(recipient=two, follower=one, follow_id=n, told_in="x")
            for n, (one, two) in enumerate(pairs)
        ]
    )
    FollowerChange.objects.bulk_create(
        [FollowerChange(recipient=two, person=one, change=1, happened_on=now) for one, two in pairs]
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
    Report.objects.bulk_create(
        [Report(reporter=person, post_id=1, reason="spam", closed_on=now) for person in people[:300]]
    )
    ModerationAction.objects.bulk_create(
        [
            ModerationAction(
                moderator=member,
                moderator_name="moderator",
                verb="hide",
                target_model="posts.Post",
                target_pk=n,
                target_person=f"crowd_{n}",
                reason="x",
            )
            for n in range(300)
        ]
    )
    if connection.vendor == "postgresql":  # As autovacuum would. SQLite knows nothing about a site's tables.
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
    return clients


@pytest.fixture(autouse=True)
def _few_are_many(monkeypatch):
    """What stops after so many rows stops here, too."""
    monkeypatch.setattr(paginator, "COUNTED", 150)  # More than a page of the admin.
    monkeypatch.setattr(SiteSitemap, "limit", 100)
    monkeypatch.setattr(directory, "SORTED", 100)
    monkeypatch.setattr(directory, "WALKED", 50)


def assert_none(found):
    assert found == [], "\n\n".join(scan[:1500] for scan in found)


def test_no_page_scans(site):
    with scans() as found:
        for path in PAGES:
            for who in WHO:
                site[who].get(path, follow=path.startswith("/admin/"))
    assert_none(found)


# Pages with a cursor, or with something searched for: few, many and no matches.
MORE_PAGES = [
    *(f"{path}?{side}={2**52}" for path in ("/", "/explore/", "/@author/", "/@author/feed.atom", "/explore/feed.atom") for side in ("before", "after")),
    *(f"{path}?{side}={position}" for path in ("/@author/followers/", "/@author/following/") for side, position in (("before", 10**6), ("after", 1))),
    *(f"/users/?{side}={2**40}" for side in ("before", "after")),
    *(f"/users/?q={words}" for words in ("crowd", "crowd_7", "crowd+7", "nobody", "@moderator")),
    f"/users/?q=crowd&before={2**33}",
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
        *("accounts/follow/?q=author", "accounts/follow/?q=nobody", "accounts/moderationaction/?q=@author"),
        *(
            "accounts/delivery/?q=author",
            "accounts/delivery/?q=c7@example.org",
            "accounts/delivery/?state__exact=waiting",
        ),
        *(f"accounts/job/?state={state}" for state in ("waiting", "running", "done", "all")),
        *("mfa/authenticator/", "mfa/authenticator/?q=author", "posts/reportedpost/?q=@crowd_7"),
    )
]


def test_no_further_page_scans(site):
    with scans() as found:
        for path in MORE_PAGES:
            for who in ("visitor", "moderator"):
                assert site[who].get(path).status_code in (200, 302)
        for path in ADMIN_PAGES:
            assert site["administrator"].get(path).status_code == 200
    assert_none(found)


FORMS = {
    "/posts/add/": {"content": "Hello @crowd_7"},
    "/users/settings/": {"display_name": "New", "bio": "New", "new_follower": "daily"},
    "/users/feeds/": {"do": "renew"},
    "/posts/1/report/": {"reason": "spam", "note": "Look"},
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
    ("posts/reportedpost", "dismiss", 1),
    ("posts/reportedpost", "suspend_authors", 1),
    ("accounts/user", "suspend", "crowd_5"),
    ("accounts/user", "reinstate", "crowd_5"),
]


def test_no_form_scans(site, run_jobs):
    with scans() as found:
        for path in POSTS:
            site["member"].post(path)
        for path, data in FORMS.items():
            response = site["member"].post(path, data)
            assert response.status_code in (200, 302), path
        run_jobs()
    assert_none(found)
    assert not User.objects.filter(username="eve").exists()


def test_no_edit_and_no_deletion_of_a_post_scans(site, run_jobs):
    site["member"].post("/posts/add/", {"content": "First"})
    pk = Post.objects.latest("pk").pk
    with scans() as found:
        site["member"].post(f"/posts/{pk}/edit/", {"content": "Second", "seen": "First"})
        site["member"].post(f"/posts/{pk}/delete/")
        run_jobs()
    assert_none(found)
    assert not Post.objects.filter(pk=pk).exists()


def test_no_decision_of_a_moderator_scans(site, run_jobs):
    Report.objects.filter(reporter__username="crowd_3").update(closed_on=None)
    with scans() as found:
        for model, action, key in ACTIONS:
            pk = key if key == 1 else User.objects.get(username=key).pk
            data = {"action": action, "_selected_action": [pk], "reason": "Because."}
            assert site["administrator"].post(f"/admin/{model}/", data, follow=True).status_code == 200
        run_jobs()
    assert_none(found)


def test_no_job_and_no_periodic_task_scans(site, run_jobs):
    member, author = User.objects.get(username="moderator"), User.objects.get(username="author")
    for kind in kinds.optional_kinds():
        if isinstance(kind, plans.CollectedKind):
            plans.choose(member, kind, kind.choices[0])
    MailPlan.objects.update(
        due_on=timezone.now() - timedelta(hours=1), told_until=timezone.now() - timedelta(days=3)
    )
    User.objects.get(username="crowd_4").follow(author)
    author.set_password("a longer new password")
    author.save()
    ToldState.objects.filter(due_on__isnull=False).update(due_on=timezone.now() - timedelta(hours=1))
    worker = Worker()
    with scans() as found:
        for regular in schedule.all_regulars():
            if regular.task not in EXCEPTIONS:
                regular.task.func()
        run_jobs()
        worker.keep_house()
        worker.take()
        list(late_jobs()), list(late_mails())
    assert_none(found)


def test_somebody_with_many_followers_leaves_without_a_scan(site, run_jobs):
    with scans() as found:
        User.objects.get(username="author").leave()
        run_jobs()
    assert_none(found)


PLANTS = [
    lambda: Post.objects.filter(edited_on__gt=timezone.now()).order_by("-edited_on")[:3],
    lambda: Post.objects.filter(content="Nobody wrote that"),
    lambda: User.objects.filter(bio="x"),
    lambda: Follow.objects.filter(created_on__lt=timezone.now()),
    lambda: Delivery.objects.filter(tries=7),
    lambda: Job.objects.filter(task_path="x"),
    lambda: FollowNotice.objects.filter(follow_id=0),
    lambda: UserSession.objects.filter(ip="10.0.0.1"),
    lambda: Session.objects.filter(session_data="x"),
]
# Where it must not read tables as a whole, PostgreSQL reads whole indexes, which is hard to tell from what it does on a
# large site.
PLANTS_ON_SQLITE = [
    lambda: Post.objects.filter(created_on__gt=timezone.now()).order_by("-created_on")[:3],
    lambda: Post.objects.filter(content="Nobody wrote that").order_by("-pk")[:3],
    lambda: FollowerChange.objects.filter(change=-1),
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
        Delivery.objects.filter(tries=9).delete()
    assert len(found) == 3
