"""A card is rendered once, is never out of date, and holds nothing that depends on the viewer."""

import inspect
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest import mock
from uuid import uuid4

import pytest
import time_machine
from django.core.cache import cache
from django.db import models
from django.template import engines
from django.template.loader import get_template
from django.test import Client
from django.urls import set_script_prefix
from django.utils import timezone, translation
from redis.exceptions import ConnectionError

from accounts.avatars import identicon
from accounts.forms import ProfileForm
from accounts.models import User
from accounts.templatetags.times import time_ago
from accounts.tests.factories import FollowFactory, UserFactory
from posts.ids import time_of
from posts.models import Post
from posts.rendering import cards
from posts.rendering.cards import render_cards
from posts.rendering.text import render_contents
from posts.tests.factories import PostFactory


@pytest.fixture
def shared_cache(monkeypatch):
    """Treat the cache of the tests as one that several processes share."""
    monkeypatch.setattr(cards, "cache_is_shared", lambda: True)


@contextmanager
def nothing_rendered():
    with mock.patch.object(cards, "render_card", side_effect=AssertionError("rendered again")):
        yield


@pytest.fixture
def bob(member):
    return FollowFactory(follower=member, followed=UserFactory(username="bob", display_name="Bob")).followed


def page(client, path="/"):
    return client.get(path).content.decode()


def test_a_process_renders_a_card_once(member_client, bob):
    for number in range(20):
        PostFactory(author=bob, content=f"text {number}")
    first = page(member_client)

    with nothing_rendered(), mock.patch.object(cache, "get_many") as get_many:
        assert page(member_client).count("<article") == first.count("<article") == 20
    assert not get_many.called  # Nobody else sees this cache.


def test_processes_with_a_shared_cache_render_a_card_once(member_client, bob, shared_cache):
    for number in range(20):
        PostFactory(author=bob, content=f"text {number}")
    first = page(member_client)

    cards.local_cache.clear()  # Another process starts with this.
    with nothing_rendered(), mock.patch.object(cache, "get_many", wraps=cache.get_many) as get_many:
        for _ in range(2):
            assert page(member_client).count("<article") == first.count("<article") == 20
    assert get_many.call_count == 1


@pytest.mark.django_db
def test_cards_with_mentions_are_not_shared(shared_cache):
    with mock.patch.object(cache, "set_many") as set_many:
        mentioning, plain = render_cards([PostFactory(content="@bob"), PostFactory(content="none")])
    set_many.assert_called_once_with({cards.shared_key(plain): tuple(plain.card)}, 24 * 3600)

    with mock.patch.object(cache, "set_many") as set_many:
        render_cards([mentioning])
    assert not set_many.called


def test_memory_is_limited(monkeypatch):
    monkeypatch.setattr(cards.local_cache, "size", 2)
    for number in range(3):
        cards.local_cache.keep(number, "card")
    assert cards.local_cache == {2: "card"}


def stored_fields(model):
    """Return the fields that can be set. The database computes generated fields from these."""
    return [field for field in model._meta.concrete_fields if not field.generated]


def other_values(field, value):
    """Return values that a field may have instead of `value`."""
    if field.is_relation:
        return [UserFactory()] if field.related_model is User else []
    by_type = {
        models.BooleanField: [True, False],
        models.DateTimeField: [
            datetime(2025, 3, 4, 5, 6, 7, tzinfo=UTC),
            datetime(2026, 8, 9, 10, 11, tzinfo=UTC),
        ],
        models.CharField: ["other", "another", *([""] if field.blank else [])],
        models.UUIDField: [uuid4()],
        models.BinaryField: [b"other"],
        models.IntegerField: [7_000_000_000, 9],
    }
    found = next((values for kind, values in by_type.items() if isinstance(field, kind)), None)
    assert found, f"Add other values that {field} may have."
    return [other for other in [*found, *([None] if field.null else [])] if other != value]


def posts_to_change():
    """Return functions that make a post: one with all optional fields empty, and one with all of them set."""
    time = datetime(2025, 1, 1, tzinfo=UTC)

    def bare():
        return Post(id=1 << 40, author=User(id=1, username="bob"), content="text", created_on=time)

    def full():
        post = bare()
        for instance in (post, post.author):
            for field in stored_fields(instance):
                if not (field.is_relation or getattr(instance, field.attname)):
                    value = other_values(field, getattr(instance, field.attname))[0]
                    setattr(instance, field.attname, value)
        return post

    return bare, full


def html_and_key(post):
    (post,) = render_contents([post])
    return cards.render_card(post), cards.card_key(post, cards.cache_vary())


def fields_missing_from_the_key():
    """Change each field of a post and its author in turn. Return the names of those that change the card, but not its key."""
    faults = set()
    for make in posts_to_change():
        before, key = html_and_key(make())
        for model, part in ((Post, lambda post: post), (User, lambda post: post.author)):
            for field in stored_fields(model):
                for value in other_values(field, getattr(part(make()), field.name)):
                    post = make()
                    setattr(part(post), field.name, value)
                    html, other_key = html_and_key(post)
                    if html != before and other_key == key:
                        faults.add(f"{model.__name__}.{field.name}")
    return faults


@pytest.mark.django_db
def test_the_key_of_a_card_contains_everything_it_shows():
    assert fields_missing_from_the_key() == set()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("added", "field"),
    [
        ("{{ post.hidden_on }}", "Post.hidden_on"),
        ("{{ post.author.bio }}", "User.bio"),
        ("{% if post.author.noindex %}x{% endif %}", "User.noindex"),
        ("{% if post.author.picture and post.author.suspended_on %}x{% endif %}", "User.suspended_on"),
        ("{{ post.author.date_joined|date:'Y' }}", "User.date_joined"),
    ],
)
def test_a_template_that_shows_more_is_detected(added, field, monkeypatch):
    source = get_template(cards.TEMPLATE).template.source + added
    more = engines["django"].from_string(source)
    monkeypatch.setattr(cards, "get_template", lambda name: more)
    assert fields_missing_from_the_key() == {field}


@pytest.mark.django_db
@pytest.mark.parametrize(
    "field", ["content", "created_on", "edited_on", "username", "display_name", "picture"]
)
def test_a_missing_part_of_the_key_is_detected(field, monkeypatch):
    def without(post):
        return [
            getattr(part, name)
            for part, names in (
                (post, ["pk", "content", "created_on", "edited_on"]),
                (post.author, ["username", "display_name", "picture"]),
            )
            for name in names
            if name != field
        ]

    monkeypatch.setattr(cards, "shown_fields", without)
    assert {fault.partition(".")[2] for fault in fields_missing_from_the_key()} >= {field}


@pytest.mark.django_db
def test_rendering_a_card_makes_no_query(django_assert_num_queries):
    """What a query finds could change without a new key."""
    post = PostFactory(author=UserFactory(display_name="Bob"))
    (post,) = Post.objects.filter(pk=post.pk).for_lists()
    with django_assert_num_queries(0):
        render_cards([post])


@pytest.mark.django_db
def test_the_key_contains_what_all_cards_depend_on():
    def change_language():
        return translation.override("de")

    def change_time_zone():
        return timezone.override("Asia/Tokyo")

    @contextmanager
    def change_prefix():
        set_script_prefix("/below/")
        yield
        set_script_prefix("/")

    full = posts_to_change()[1]
    before, key = html_and_key(full())
    for change in (change_language, change_time_zone, change_prefix):
        with change():
            html, other_key = html_and_key(full())
        assert html != before
        assert other_key != key
    assert html_and_key(full()) == (before, key)


def test_an_update_of_the_template_or_the_code_changes_the_digest(tmp_path):
    (tmp_path / "rendering.py").write_text("one")
    (tmp_path / "tests").mkdir()
    before = cards.digest_of("template", tmp_path)
    (tmp_path / "tests" / "test_rendering.py").write_text("no matter")
    assert cards.digest_of("template", tmp_path) == before
    assert cards.digest_of("another", tmp_path) != before
    (tmp_path / "rendering.py").write_text("two")
    assert cards.digest_of("template", tmp_path) != before


def test_the_digest_covers_the_code_that_renders_cards(monkeypatch):
    folders = []
    monkeypatch.setattr(cards, "digest_of", lambda source, *found: folders.extend(found) or "state")
    cards.code_version.__wrapped__()
    made_by = {Path(inspect.getfile(each)) for each in (render_contents, identicon.__wrapped__, time_ago)}
    assert all(any(path.is_relative_to(folder) for folder in folders) for path in made_by)


def test_a_new_display_name_shows_at_once(member_client, bob):
    PostFactory(author=bob)
    assert '<bdi class="name">Bob</bdi>' in page(member_client)

    form = ProfileForm({"display_name": "Robert", "bio": ""}, instance=bob)
    assert form.is_valid()
    form.save()

    assert '<bdi class="name">Robert</bdi>' in page(member_client)


def test_a_hidden_post_disappears_although_its_card_is_in_memory(member_client, bob):
    post = PostFactory(author=bob, content="unseemly")
    page(member_client)

    post.hide()

    assert "unseemly" not in page(member_client)


def test_only_the_author_sees_the_authors_links(member_client, member, bob):
    post = PostFactory(author=bob, content="mine")
    delete = f"/posts/{post.pk}/delete/"
    author_client = Client()
    author_client.force_login(bob)

    for _ in range(2):
        assert delete in page(author_client)
        assert delete not in page(member_client)
    assert delete not in page(Client(), "/explore/")
    assert delete not in page(author_client, delete).partition("<form method")[0].partition("<article")[2]


def test_how_long_ago_a_post_was_written_is_never_out_of_date(member_client, bob):
    post = PostFactory(author=bob)
    for seconds, words in ((130, ">2 min<"), (310, ">5 min<")):
        with time_machine.travel(time_of(post.pk).timestamp() + seconds, tick=False):
            assert words in page(member_client)


def test_a_mention_is_no_link_while_the_member_is_suspended_or_blocked(
    member_client, bob, django_capture_on_commit_callbacks
):
    cleo = UserFactory(username="cleo")
    PostFactory(author=bob, content="hello @cleo")
    link = '<a href="/@cleo/">@cleo</a>'

    for change, linked in ((cleo.suspend, False), (cleo.reinstate, True), (lambda: cleo.block(bob), False)):
        assert (link in page(member_client)) is not linked
        with django_capture_on_commit_callbacks(execute=True):
            change()
        assert (link in page(member_client)) is linked


def test_a_card_with_mentions_is_rendered_once_a_minute(member_client, bob):
    """Processes without a shared cache don't learn of each other's blocks and suspensions sooner."""
    cleo = UserFactory(username="cleo")
    PostFactory(author=bob, content="hello @cleo")
    link = '<a href="/@cleo/">@cleo</a>'
    start = timezone.now().replace(second=0)
    with time_machine.travel(start, tick=False):
        assert link in page(member_client)
        cleo.suspend()  # Without a commit, as in another process.
    with time_machine.travel(start + timedelta(seconds=59), tick=False), nothing_rendered():
        assert link in page(member_client)
    with time_machine.travel(start + timedelta(seconds=60), tick=False):
        assert link not in page(member_client)


def test_placeholders_in_a_text_change_nothing(member):
    post = Post(pk=1, author=member, content="a\x01b\x02c", created_on=time_of(1 << 40))
    render_cards([post])
    assert post.card.end.strip() == "</article>"
    assert "a\x01b\x02c" in post.card.before_actions


def test_an_unavailable_cache_is_asked_once_and_only_costs_time(
    member_client, bob, monkeypatch, shared_cache
):
    monkeypatch.setattr(cards, "breaker", type(cards.breaker)())
    PostFactory(author=bob, content="still here @cleo")
    PostFactory(author=bob, content="and this")
    with mock.patch.object(cache, "get", side_effect=ConnectionError("gone")) as get:
        for _ in range(3):
            cards.local_cache.clear()
            text = page(member_client)
            assert "still here" in text
            assert "and this" in text
    assert get.call_count == 1


@pytest.mark.parametrize("path", ["/", "/explore/", "/@bob/"])
def test_a_visitor_downloads_a_timeline_again_only_if_it_changed(client, bob, path):
    post = PostFactory(author=bob)
    first = client.get(path)
    assert first["ETag"]
    assert client.get(path, headers={"if-none-match": first["ETag"]}).status_code == 304

    post.hide()
    assert client.get(path, headers={"if-none-match": first["ETag"]}).status_code == 200


@pytest.mark.parametrize("path", ["/", "/explore/", "/@bob/"])
def test_a_member_always_downloads_the_page(member_client, client, bob, path):
    tag = client.get(path)["ETag"]
    response = member_client.get(path, headers={"if-none-match": tag})
    assert response.status_code == 200
    assert "ETag" not in response
