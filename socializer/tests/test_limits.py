"""Accepted actions are counted exactly, in the database, whatever happens to them, the cache or the process."""

import os
import subprocess
import sys
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from allauth.core import ratelimit
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection, transaction
from django.test import Client

from accounts.emails.models import Delivery
from accounts.jobs.models import Job
from accounts.models import Block, User
from accounts.moderation.models import Report
from accounts.notifications.models import Notification
from accounts.security import rate_limits
from accounts.security.models import RateLimitCounter
from accounts.tests.factories import PASSWORD, UserFactory
from posts.models import Post
from posts.tests.factories import PostFactory

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def assert_refused(response, seconds):
    """Check for a 429 that says when to try again, at most `seconds` from now."""
    assert response.status_code == 429
    assert 0 < int(response.headers["Retry-After"]) <= seconds


def test_too_many_posts_are_refused_with_the_time_to_wait_and_the_text(member, settings):
    settings.POST_LIMIT = (2, 600)
    with time_machine.travel(NOON, tick=False) as clock:
        client = Client()
        client.force_login(member)
        for text in ("one", "two"):
            assert client.post("/posts/add/", {"content": text}).status_code == 302
        clock.shift(120)
        response = client.post("/posts/add/", {"content": "three"})
        assert response.status_code == 429
        assert response.headers["Retry-After"] == "480"
        assert "Try again in 8\xa0minutes" in response.content.decode()
        assert response.context["form"]["content"].value() == "three"
        clock.shift(481)
        assert client.post("/posts/add/", {"content": "three"}).status_code == 302


# Posts once as each member whenever it reads a line.
POSTING = """
import django, sys
django.setup()
from django.conf import settings
from django.test import Client
from accounts.models import User

settings.POST_LIMIT = (1, 600)
for member in User.objects.order_by("pk"):
    client = Client()
    client.force_login(member)
    print("ready", flush=True)
    sys.stdin.readline()
    print(client.post("/posts/add/", {"content": "x"}).status_code, flush=True)
"""


def database_url():
    """Return the DATABASE_URL of the test's database for another process."""
    name = connection.settings_dict["NAME"]
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    return f"{os.environ['DATABASE_URL'].rpartition('/')[0]}/{name}"


@pytest.fixture
def posting_processes(transactional_db):
    """Return a function that starts `count` processes that run POSTING. They end with the test."""
    environment = {
        "DJANGO_SETTINGS_MODULE": "socializer.tests.settings",
        "ALLOWED_HOSTS": "testserver",
        "DATABASE_URL": database_url(),
    }
    with ExitStack() as stack:

        def start(count):
            command = [sys.executable, "-c", POSTING]
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "bufsize": 1}
            environ = os.environ | environment
            return [
                stack.enter_context(subprocess.Popen(command, env=environ, **pipes))  # noqa: S603
                for _ in range(count)
            ]

        yield start


def test_processes_that_post_at_the_same_time_never_exceed_the_limit(posting_processes):
    members = [UserFactory() for _ in range(10)]
    processes = posting_processes(2)
    for _member in members:
        for process in processes:
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            process.stdin.write("go\n")
        assert sorted(process.stdout.readline() for process in processes) == ["302\n", "429\n"]

    assert Post.objects.count() == len(members)


def test_too_many_follows_are_refused_with_a_message(member, member_client, settings):
    settings.FOLLOW_LIMIT = (1, 600)
    for name in ("bob", "cleo"):
        UserFactory(username=name)

    member_client.post("/@bob/follow/")
    page = member_client.post("/@cleo/follow/")
    fragment = member_client.post("/@cleo/follow/", headers={"HX-Request": "true"})
    for response in (page, fragment):
        assert_refused(response, 600)
        assert "Try again in 10\xa0minutes" in response.content.decode()
    assert ">Follow</button>" in fragment.content.decode()
    assert member.follows.count() == 1


def test_too_many_reports_are_refused_and_the_note_is_kept(member_client, settings):
    settings.REPORT_LIMIT = (1, 600)
    for post in (PostFactory(), PostFactory()):
        response = member_client.post(
            f"/posts/{post.pk}/report/", {"reason": "other", "note": "Look at this"}
        )

    assert_refused(response, 600)
    assert "Look at this" in response.content.decode()
    assert Report.objects.count() == 1


def test_posts_count_even_if_they_are_deleted(member, member_client, settings):
    settings.POST_LIMIT = (3, 600)
    answers = []
    for number in range(6):
        answers.append(member_client.post("/posts/add/", {"content": f"{number}"}).status_code)
        Post.objects.by(member).delete()

    assert answers == [302, 302, 302, 429, 429, 429]


def test_edits_are_counted_separately(member, member_client, settings):
    settings.POST_LIMIT = (2, 600)
    member_client.post("/posts/add/", {"content": "first"})
    post = Post.objects.get()
    answers = [member_client.post(f"/posts/{post.pk}/edit/", {"content": f"{n}"}) for n in range(3)]

    assert [answer.status_code for answer in answers] == [302, 302, 429]
    assert member_client.post("/posts/add/", {"content": "new"}).status_code == 302


def test_follows_count_even_if_they_are_undone_and_a_refused_one_leaves_nothing(
    member, member_client, settings
):
    settings.FOLLOW_LIMIT = (3, 600)
    UserFactory(username="bob")
    for _number in range(10):
        response = member_client.post("/@bob/follow/")
        member_client.post("/@bob/unfollow/")

    assert_refused(response, 600)
    assert not member.follows.exists()
    # The first follow has scheduled an email. Nothing is left of the others.
    assert Job.objects.count() == 1
    assert not Notification.objects.exists()


def test_repeated_follows_count_once(member, member_client, settings):
    settings.FOLLOW_LIMIT = (2, 600)
    UserFactory(username="bob")
    UserFactory(username="cleo")
    for _number in range(5):
        assert member_client.post("/@bob/follow/").status_code == 302

    assert member_client.post("/@cleo/follow/").status_code == 302


@pytest.mark.parametrize(("do", "undo"), [("like", "unlike"), ("bookmark", "remove-bookmark")])
def test_reactions_count_even_if_they_are_undone_and_repeated_ones_count_once(
    member, member_client, settings, do, undo
):
    setattr(settings, f"{do.upper()}_LIMIT", (3, 600))
    post = PostFactory()

    def press(action, **kwargs):
        return member_client.post(f"/posts/{post.pk}/{action}/", **kwargs)

    for action in (do, do, do, undo, undo, do):
        assert press(action).status_code == 302
    page, fragment = press(undo), press(undo, headers={"HX-Request": "true"})
    for response in (page, fragment):
        assert_refused(response, 600)
        assert "Try again in 10\xa0minutes" in response.content.decode()
    # The button offers what was refused.
    assert f"/{undo}/" in fragment.content.decode()


def test_muted_conversations_count_with_those_turned_on_again(member_client, settings):
    settings.BOOKMARK_LIMIT = (2, 600)
    path = f"/posts/{PostFactory().pk}/"
    for action in ("mute", "mute", "unmute"):
        assert member_client.post(f"{path}{action}-conversation/").status_code == 302
    assert_refused(member_client.post(f"{path}mute-conversation/"), 600)
    assert "Stop notifications" in member_client.get(path).content.decode()


def test_blocks_and_unblocks_count_together(member_client, settings):
    settings.BLOCK_LIMIT = (3, 600)
    UserFactory(username="bob")
    answers = [
        member_client.post(f"/@bob/{action}/").status_code
        for action in ("block", "unblock", "block", "unblock")
    ]

    assert answers == [302, 302, 302, 429]
    assert Block.objects.count() == 1


def test_removed_followers_count(member, member_client, settings):
    settings.FOLLOW_LIMIT = (1, 600)
    for name in ("bob", "cleo"):
        UserFactory(username=name).follow(member)
    answers = [member_client.post(f"/@{name}/remove-follower/").status_code for name in ("bob", "cleo")]

    assert answers == [302, 429]
    assert member.followers.count() == 1


def test_changes_of_the_public_profile_are_limited_and_the_text_is_kept(member, member_client, settings):
    settings.PROFILE_LIMIT = (1, 600)
    for name in ("Ada", "Augusta"):
        response = member_client.post("/users/settings/profile/", {"display_name": name, "bio": ""})

    assert_refused(response, 600)
    assert response.context["form"]["display_name"].value() == "Augusta"
    member.refresh_from_db()
    assert member.display_name == "Ada"
    # Changes that only the member sees are not counted.
    data = {"display_name": "Ada", "bio": "", "noindex": "on"}
    assert member_client.post("/users/settings/profile/", data).status_code == 302


def test_data_downloads_are_limited(member_client, settings):
    settings.EXPORT_LIMIT = (1, 600)
    assert member_client.get("/users/export/").status_code == 200
    assert_refused(member_client.get("/users/export/"), 600)


def sign_up(name, address="198.51.100.7", password=PASSWORD):
    data = {"username": name, "email": f"{name}@example.org", "password1": password}
    return Client(REMOTE_ADDR=address).post("/users/signup/", data)


def test_one_address_can_create_five_accounts_an_hour(db):
    answers = [sign_up(f"person{number}") for number in range(6)]

    assert [answer.status_code for answer in answers] == [302] * 5 + [429]
    assert_refused(answers[-1], 3600)
    assert answers[-1].context["form"]["username"].value() == "person5"
    assert not User.objects.filter(username="person5").exists()
    assert sign_up("person6", "198.51.100.8").status_code == 302


def test_a_refused_sign_up_does_not_count(db, settings):
    settings.SIGNUP_LIMIT = (1, 600)
    assert sign_up("person", password="short").status_code == 200
    assert sign_up("person").status_code == 302


def test_an_ipv6_network_counts_as_one_address(db, settings):
    settings.SIGNUP_LIMIT = (1, 600)
    assert sign_up("person1", "2001:db8:1:2::1").status_code == 302
    assert sign_up("person2", "2001:db8:1:2:ffff::2").status_code == 429
    assert sign_up("person3", "2001:db8:1:3::1").status_code == 302


def test_a_login_over_the_limit_is_refused_even_with_a_full_or_empty_cache(member):
    def log_in(password):
        return Client().post("/users/login/", {"login": "ada", "password": password})

    for number in range(20):
        assert log_in(f"guess {number}").status_code == 200
    assert_refused(log_in(PASSWORD), 60)

    for number in range(400):
        cache.set(f"page-{number}", "a card")
    cache.clear()
    assert_refused(log_in(PASSWORD), 60)


def test_guesses_for_an_unknown_name_are_counted_together_in_any_spelling_and_host(db):
    spellings = ["nobody@example.org", "NOBODY@Example.org", "nobody\u200b@example.org"]
    for number in range(60):
        client = Client(REMOTE_ADDR=f"198.51.100.{number}", headers={"host": f"testserver:{8000 + number}"})
        data = {"login": spellings[number % len(spellings)], "password": "wrong"}
        assert client.post("/users/login/", data).status_code == 200

    assert_refused(Client().post("/users/login/", data), 600)


def test_a_successful_login_does_not_count(member):
    for _number in range(30):
        assert Client().post("/users/login/", {"login": "ada", "password": PASSWORD}).status_code == 302


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("/users/login/", {"login": "ada", "password": "wrong"}),
        ("/users/password/reset/", {"email": "ada@example.org"}),
        ("/users/password/change/", {"oldpassword": "wrong", "password1": "x"}),
        ("/users/reauthenticate/", {"password": "wrong"}),
        ("/users/leave/", {"password": "wrong", "sure": "on"}),
        ("/users/email/", {"email": "not an address", "action_add": ""}),
    ],
)
def test_every_form_over_its_limit_is_a_429_that_says_when_to_try_again(member, path, data):
    client = Client()
    if path not in ("/users/login/", "/users/password/reset/"):
        client.force_login(member)
    for _number in range(25):
        response = client.post(path, data)
        cache.clear()

    assert_refused(response, 600)


def test_one_mailbox_gets_at_most_twenty_password_resets_an_hour(member):
    with time_machine.travel(NOON, tick=False) as clock:
        for number in range(25):
            client = Client(REMOTE_ADDR=f"198.51.100.{number}")
            response = client.post("/users/password/reset/", {"email": "ada@example.org"})
            clock.shift(61)

    assert_refused(response, 3600)
    assert Delivery.objects.count() == 20


def test_refused_and_failed_actions_do_not_count(db):
    with transaction.atomic():
        rate_limits.hit("try", 1, (1, 600))
        transaction.set_rollback(True)
    rate_limits.hit("try", 1, (1, 600))
    with pytest.raises(rate_limits.RateLimitExceeded):
        rate_limits.hit("try", 1, (1, 600))
    # Other members and other actions are not affected.
    rate_limits.hit("try", 2, (1, 600))
    rate_limits.hit("other", 1, (1, 600))


def test_a_window_starts_with_its_first_action_and_refused_ones_dont_extend_it(db):
    with time_machine.travel(NOON, tick=False) as clock:
        rate_limits.hit("try", 1, (1, 600))
        clock.shift(599)
        with pytest.raises(rate_limits.RateLimitExceeded) as refused:
            rate_limits.hit("try", 1, (1, 600))
        assert refused.value.wait.total_seconds() == 1
        clock.shift(1)
        rate_limits.hit("try", 1, (1, 600))


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (1, "1\xa0minute."),
        (61, "2\xa0minutes."),
        (3600, "1\xa0hour."),
        (3601, "2\xa0hours."),
        (86400, "1\xa0day."),
        (86401, "2\xa0days."),
    ],
)
def test_a_wait_is_rounded_up(seconds, words):
    assert words in rate_limits.wait_message(timedelta(seconds=seconds))


def test_counters_hold_no_names_and_are_deleted_after_their_window(db):
    with time_machine.travel(NOON, tick=False) as clock:
        rate_limits.hit("login", "ada@example.org", (5, 600))
        assert "ada" not in RateLimitCounter.objects.get().key
        call_command("prune", verbosity=0)
        assert RateLimitCounter.objects.count() == 1
        clock.shift(601)
        call_command("prune", verbosity=0)
        assert not RateLimitCounter.objects.exists()


def test_a_success_resets_the_failures_of_the_account_but_not_of_the_address(rf, db):
    facts = {"action": "login_failed", "key": "ada"}
    elsewhere = rf.post("/", REMOTE_ADDR="198.51.100.8")
    for number in range(60):
        assert ratelimit.consume(rf.post("/", REMOTE_ADDR=f"198.51.100.{100 + number // 15}"), **facts)
    assert not ratelimit.consume(elsewhere, **facts)
    here = rf.post("/", REMOTE_ADDR="198.51.100.7")
    for _number in range(20):
        ratelimit.consume(here, **facts | {"key": "bob"})

    ratelimit.clear(here, **facts)

    assert ratelimit.consume(elsewhere, **facts)
    assert not ratelimit.consume(here, **facts)


def test_ipv4_addresses_in_ipv6_notation_are_counted_separately(db, settings):
    settings.SIGNUP_LIMIT = (1, 600)
    assert sign_up("person1", "::ffff:198.51.100.1").status_code == 302
    assert sign_up("person2", "::ffff:198.51.100.2").status_code == 302
    # The same address as a server without IPv6 sees it.
    assert sign_up("person3", "198.51.100.1").status_code == 429


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_other_methods_over_a_limit_also_say_when_to_try_again(db, settings, method):
    settings.ACCOUNT_RATE_LIMITS = {"login": "1/m/ip"}
    for _number in range(2):
        response = getattr(Client(), method)("/users/login/")

    assert_refused(response, 60)


def test_get_requests_use_up_no_attempts(db, settings):
    settings.ACCOUNT_RATE_LIMITS = {"login": "1/m/ip"}
    for method in ("head", "options", "head"):
        assert getattr(Client(), method)("/users/login/").status_code == 200
    assert Client().post("/users/login/", {"login": "ada", "password": "wrong"}).status_code == 200


def test_the_longest_window_also_counts_lists_and_ignores_settings_of_others(settings):
    settings.FOLLOW_LIMIT = [5, 7 * 86400]
    settings.SEARCH_LIMIT, settings.PAGE_LIMIT = ("title", "text"), (100,)
    assert rate_limits.longest_window() == timedelta(days=7)
