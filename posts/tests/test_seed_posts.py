from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
import time_machine
from django.core.management import CommandError, call_command

from accounts.models import User
from accounts.seeding.command import DEMO_PASSWORD
from accounts.tests.factories import UserFactory
from posts import ids
from posts.models import Post

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def run(name, **options):
    out = StringIO()
    call_command(name, stdout=out, stderr=out, **options)
    return out.getvalue()


def seed(**options):
    with time_machine.travel(NOW, tick=False):
        return run("seed_posts", **({"count": 1500, "days": 90, "seed": 7} | options))


@pytest.fixture
def people(db):
    run("seed_users", count=60, follows=5, seed=7)


def test_the_same_seed_makes_the_same_posts(people):
    def posts():
        return list(
            Post.objects.order_by("pk").values_list("pk", "author__username", "content", "created_on")
        )

    seed()
    first = posts()
    Post.objects.all().delete()
    seed()

    assert posts() == first
    assert len(first) == 1500


def test_posts_are_valid_and_spread_with_bursts_and_silences(people):
    seed()

    posts = list(Post.objects.order_by("pk"))
    for post in posts:
        assert post.created_on == ids.moment_of(post.pk)
        post.full_clean(exclude=["author"])
    assert posts[0].created_on < NOW - timedelta(days=80)
    assert NOW - timedelta(days=3) < posts[-1].created_on < NOW
    by_author = {}
    for post in posts:
        by_author.setdefault(post.author_id, []).append(post.created_on)
    assert max(map(len, by_author.values())) > 4 * 1500 / len(by_author)
    gaps = [
        later - earlier
        for times in by_author.values()
        for earlier, later in zip(times, times[1:], strict=False)
    ]
    assert sum(gap < timedelta(minutes=40) for gap in gaps) > len(gaps) / 5
    assert any(times[-1] < NOW - timedelta(days=20) for times in by_author.values())


def test_running_again_makes_as_many_more_with_ids_of_their_own(people):
    seed()
    seed()

    assert Post.objects.count() == 3000


def test_only_made_up_people_are_made_to_write(people):
    UserFactory(username="real")
    seed()

    assert not Post.objects.filter(author__username="real").exists()


def test_without_people_it_says_what_to_do_first(db):
    with pytest.raises(CommandError, match="seed_users"):
        seed()


def test_posts_older_than_their_ids_can_say_are_refused(people):
    with pytest.raises(CommandError, match="2015"):
        seed(days=6000)


def test_a_dry_run_makes_nothing(people):
    assert "Would make 1,500 posts by 60 people over 90 days." in seed(dry_run=True)
    assert not Post.objects.exists()


def test_the_demo_network_has_a_member_to_log_in_as(client, db):
    run("seed_demo")

    assert client.post("/users/login/", {"login": "demo", "password": DEMO_PASSWORD}).url == "/"
    assert len(client.get("/").context["page"]) == 20
    demo = User.objects.get(username="demo")
    assert (demo.following_count, demo.follower_count) == (45, 35)
    with pytest.raises(CommandError, match="there already"):
        run("seed_demo")


class TestSetUp:
    """The database of the tests is there already, so only what set_up says and does not do can be seen here."""

    def test_it_says_how_to_get_in(self, db):
        said = run("set_up", demo=True)

        assert "http://localhost:8000" in said
        assert "createsuperuser" in said
        assert "No mail leaves this machine" in said
        # A database that was there is not filled.
        assert "Log in as" not in said
        assert not User.objects.exists()

    def test_it_names_the_demo_log_in_where_there_is_one(self, db):
        UserFactory(username="demo")

        assert f"Log in as: demo, password {DEMO_PASSWORD}" in run("set_up", demo=True)
