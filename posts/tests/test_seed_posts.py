import re
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db.models import Count, F, Q

from accounts.common import auditing
from accounts.common.seeding import DEMO_PASSWORD
from accounts.jobs.models import Job
from accounts.models import Block, Follow, User
from accounts.notifications.models import Notification
from accounts.seeding.people import language_of, seeded_people
from accounts.tests.factories import UserFactory
from accounts.tests.test_audit import wrong
from posts import ids
from posts.management.commands.seed_demo import DEMO_EMAIL
from posts.models import Bookmark, Like, Mention, Post
from posts.paths import depth_of, path_below
from posts.rendering.text import mentioned_names

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
        assert post.created_on == ids.time_of(post.pk)
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


def network():
    likes, mentions = (
        Like.objects.values_list("member", "post"),
        Mention.objects.values_list("person", "post"),
    )
    posts = Post.objects.values_list("author__username", "content", "created_on", "in_reply_to")
    return set(posts), set(likes), set(mentions)


def test_one_post_in_three_is_a_reply_mostly_to_people_whom_the_author_follows(people):
    seed()

    replies = list(Post.objects.exclude(thread=None).select_related("in_reply_to"))
    assert 400 < len(replies) < 600
    follows = set(Follow.objects.values_list("follower", "followed"))
    either = follows | {(other, one) for one, other in follows}
    assert (
        sum((reply.author_id, reply.in_reply_to_author_id) in either for reply in replies)
        > len(replies) * 0.7
    )
    for reply in replies:
        above = reply.in_reply_to
        assert above.pk < reply.pk
        assert reply.author_id != above.author_id == reply.in_reply_to_author_id
        assert reply.thread == above.conversation
        assert bytes(reply.path) == path_below(bytes(above.path or b""), reply.pk)
    assert len({depth_of(reply.path) for reply in replies}) > 3


def test_nobody_replies_across_a_block(people):
    everyone = list(User.objects.order_by("pk"))
    Follow.objects.all().delete()  # So all replies are to strangers.
    Block.objects.bulk_create(Block(blocker=everyone[0], blocked=other) for other in everyone[1:])
    seed(count=300)
    assert not Post.objects.exclude(thread=None).filter(
        Q(author=everyone[0]) | Q(in_reply_to_author=everyone[0])
    )
    assert Post.objects.exclude(thread=None).exists()


def test_posts_are_in_their_authors_language_and_answers_in_a_common_one(people):
    seed(count=500)

    languages = {
        person.pk: {"zh": "zh-hans"}.get(language_of(person), language_of(person))
        for person in seeded_people()
    }
    for post in Post.objects.all():
        expected = languages[post.author_id]
        if post.is_reply and expected != languages[post.in_reply_to_author_id]:
            expected = "en"
        assert post.language == expected


def test_mentions_are_rows(people):
    seed(count=500)

    found = {}
    for name, post in Mention.objects.values_list("person__username", "post"):
        found.setdefault(post, set()).add(name)
    written = {
        post.pk: set(mentioned_names(post.content)) for post in Post.objects.filter(content__contains="@")
    }
    assert found == {key: names for key, names in written.items() if names}
    assert found


def test_few_posts_get_most_likes(people):
    seed()

    counts = sorted(Post.objects.annotate(n=Count("likes")).values_list("n", flat=True), reverse=True)
    assert sum(counts[:150]) > sum(counts) / 3
    assert counts[len(counts) * 2 // 3] <= 1
    assert not Like.objects.filter(Q(created_on__lt=F("post__created_on")) | Q(created_on__gt=NOW)).exists()


def test_the_audit_finds_nothing_wrong(people, monkeypatch):
    monkeypatch.setattr(auditing, "PAUSE", 0)
    seed(count=300)
    assert wrong() == {}


def test_nobody_is_notified_or_emailed(people):
    seed(count=300)
    assert not Notification.objects.exists()
    assert not Job.objects.exists()


def test_running_again_later_adds_nothing(people):
    seed()
    before = network()
    with time_machine.travel(NOW + timedelta(days=3), tick=False):
        output = run("seed_posts", count=1500, days=90, seed=7)

    assert "Made 0 posts by 0 people." in output
    assert network() == before


@pytest.mark.parametrize("options", [{"days": 30}, {"count": 400}])
def test_other_days_or_a_smaller_number_add_nothing(people, options):
    seed()
    before = network()
    assert "Made 0 posts by 0 people." in seed(**options)
    assert network() == before


def test_a_larger_number_adds_posts_over_the_whole_period(people):
    seed(count=1000)
    before = set(Post.objects.values_list("pk", flat=True))
    output = seed(count=1500)

    added = Post.objects.exclude(pk__in=before).order_by("pk")
    assert Post.objects.count() == 1500
    assert output == f"Made 500 posts by {added.values('author').distinct().count()} people.\n"
    assert added.first().created_on < NOW - timedelta(days=60)
    assert added.last().created_on > NOW - timedelta(days=30)
    assert "Made 0 posts" in seed(count=1500)


def test_deleted_posts_are_made_again(people):
    seed()
    Post.objects.filter(pk__in=list(Post.objects.values_list("pk", flat=True)[100:140])).delete()
    assert "Made 40 posts by " in seed()
    assert Post.objects.count() == 1500


def test_posts_keep_their_authors_when_there_are_more_people(people):
    seed()
    run("seed_users", count=80, follows=5, seed=7)
    assert "Made 0 posts by 0 people." in seed()
    assert Post.objects.count() == 1500


def test_another_seed_makes_other_posts(people):
    seed()
    assert "Made 1,500 posts" in seed(seed=8)
    assert Post.objects.count() == 3000
    assert "Made 0 posts" in seed()


def test_only_people_who_have_written_are_counted(people):
    output = seed(count=10)
    writers = Post.objects.values("author").distinct().count()
    assert writers < 10
    assert output == f"Made 10 posts by {writers} people.\n"


def test_only_made_up_people_write_posts(people):
    UserFactory(username="real")
    seed()

    assert not Post.objects.filter(author__username="real").exists()


def test_without_people_the_command_says_what_to_do_first(db):
    with pytest.raises(CommandError, match="seed_users"):
        seed()


def test_posts_before_2015_are_refused(people):
    with pytest.raises(CommandError, match="2015"):
        seed(days=6000)


def test_a_dry_run_makes_nothing(people):
    assert "Would make 1,500 posts by 60 people." in seed(dry_run=True)
    assert not Post.objects.exists()
    assert "Made 1,500 posts by 60 people." in seed()
    assert "Would make 0 posts by 0 people." in seed(dry_run=True)


def test_the_demo_network_has_a_member_to_log_in_as(client, db):
    run("seed_demo")

    assert client.post("/users/login/", {"login": "demo", "password": DEMO_PASSWORD}).url == "/"
    assert len(client.get("/").context["page"]) == 20
    demo = User.objects.get(username="demo")
    assert (demo.following_count, demo.follower_count) == (45, 35)


def test_the_demo_member_has_bookmarks_and_notifications_some_of_them_new(client, db, mailoutbox, run_jobs):
    run("seed_demo")

    demo = User.objects.get(username="demo")
    client.force_login(demo)
    content = client.get("/").content.decode()
    assert re.search(r"Notifications \(\d+ new\)", content)
    notifications = Notification.objects.filter(recipient=demo)
    unseen = notifications.filter(pk__gt=demo.notifications_seen)
    assert {*unseen.values_list("type", flat=True)} == {"reply", "mention", "like", "new_follower"}
    assert 5 < unseen.count() < notifications.count()
    assert set(notifications.values_list("emailed_in", flat=True)) == {Notification.NOT_WANTED}
    shown = client.get("/notifications/").content.decode()
    assert "follow" in shown
    assert client.get("/bookmarks/").content.count(b"<article") == 6
    run_jobs()
    assert not mailoutbox


def test_the_demo_network_is_made_once(db):
    run("seed_demo")

    def rows():
        others = (Bookmark, Follow, Notification, User)
        return [model.objects.count() for model in others], network()

    before = rows()
    output = run("seed_demo")

    assert rows() == before
    assert output == "Added 0 people and 0 follows.\nMade 0 posts by 0 people.\n"


def test_the_demo_network_adds_what_is_missing(db):
    run("seed_users", seed=1, count=100, follows=25)
    output = run("seed_demo")
    assert "Added 200 people" in output
    assert "Made the member demo." in output
    assert User.objects.count() == 301


def test_a_member_called_demo_is_left_alone(db):
    UserFactory(username="demo")
    with pytest.raises(CommandError, match="Another member has the name demo."):
        run("seed_demo")
    assert User.objects.count() == 1


def test_nobody_can_log_in_as_the_demo_member_on_the_internet(db, settings):
    settings.SITE_URL = "https://social.example.com"
    run("seed_demo", force=True)
    assert not any(person.has_usable_password() for person in User.objects.all())


class TestSetUp:
    """The test database already exists, so these tests can only see what set_up prints and what it leaves alone."""

    def test_it_says_how_to_log_in(self, db):
        output = run("set_up", demo=True)

        assert "http://localhost:8000" in output
        assert "createsuperuser" in output
        assert "Emails are printed here" in output
        # An existing database is not filled.
        assert "Log in as" not in output
        assert not User.objects.exists()

    def test_the_site_starts_with_a_clock_that_has_jumped(self, db):
        with time_machine.travel(datetime(2026, 3, 1, tzinfo=UTC)):
            run("set_up", demo=False)
        with time_machine.travel(datetime(2036, 3, 1, tzinfo=UTC)):
            output = run("set_up", demo=False)
        assert "Nothing was pruned, because the clock has jumped ahead" in output
        assert "http://localhost:8000" in output

    def test_it_names_the_demo_member_if_there_is_one(self, db):
        line = f"Log in as: demo, password {DEMO_PASSWORD}"
        demo = UserFactory(username="demo")
        demo.set_password(DEMO_PASSWORD)
        demo.save()
        assert line not in run("set_up", demo=True)  # Another member has the name.

        demo.email = DEMO_EMAIL
        demo.save()
        assert line in run("set_up", demo=True)

        demo.set_password("changed since then")
        demo.save()
        assert line not in run("set_up", demo=True)
