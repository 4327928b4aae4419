"""A card is rendered once, never shows what is no more so, and holds nothing that depends on who looks."""

import inspect
from contextlib import contextmanager
from datetime import UTC, datetime
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
from accounts.templatetags.moments import say_when
from accounts.tests.factories import FollowFactory, UserFactory
from posts import cards
from posts.cards import render_cards
from posts.ids import moment_of
from posts.models import Post
from posts.rendering import render_contents
from posts.tests.factories import PostFactory


@pytest.fixture(autouse=True)
def _nothing_remembered():
    cards.remembered.clear()


@pytest.fixture
def bob(member):
    return FollowFactory(follower=member, followed=UserFactory(username="bob", display_name="Bob")).followed


def page(client, path="/"):
    return client.get(path).content.decode()


def test_a_page_of_cards_is_rendered_once_and_then_had_in_one_round_trip(member_client, bob):
    for number in range(20):
        PostFactory(author=bob, content=f"text {number}")
    first = page(member_client)

    with mock.patch.object(cards, "render_card", side_effect=AssertionError("rendered again")):
        with mock.patch.object(cache, "get_many", wraps=cache.get_many) as get_many:
            cards.remembered.clear()  # As another process would begin.
            for _ in range(2):
                assert page(member_client).count("<article") == first.count("<article") == 20
    assert get_many.call_count == 1


@pytest.mark.django_db
def test_a_process_remembers_no_more_cards_than_its_measure(monkeypatch):
    monkeypatch.setattr(cards, "REMEMBERED", 2)
    posts = render_cards([PostFactory(content="1"), PostFactory(content="2"), PostFactory(content="@bob")])
    assert set(cards.remembered) == {post.card_key for post in posts[:2]}
    render_cards([PostFactory(content="3")])
    assert len(cards.remembered) == 1


def stored_fields(model):
    """Those that can be changed: the database makes a generated one of the others."""
    return [field for field in model._meta.concrete_fields if not field.generated]


def other_values(field, value):
    """Values that a field may have in place of `value`, to see what shows."""
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
        models.IntegerField: [7_000_000_000, 9],
    }
    found = next((values for kind, values in by_type.items() if isinstance(field, kind)), None)
    assert found, f"Say here which other values {field} may have."
    return [other for other in [*found, *([None] if field.null else [])] if other != value]


def posts_to_change():
    """A function for each of several posts that shows anew what it can: without and with all that may be empty."""
    moment = datetime(2025, 1, 1, tzinfo=UTC)

    def bare():
        return Post(id=1 << 40, author=User(id=1, username="bob"), content="text", created_on=moment)

    def full():
        post = bare()
        for instance in (post, post.author):
            for field in stored_fields(instance):
                if not (field.is_relation or getattr(instance, field.attname)):
                    value = other_values(field, getattr(instance, field.attname))[0]
                    setattr(instance, field.attname, value)
        return post

    return bare, full


def shown_and_key(post):
    (post,) = render_contents([post])
    return cards.render_card(post), cards.key_of(post, cards.what_all_cards_depend_on())


def fields_that_show_without_a_new_key():
    """Change each field of a post and of its author alone. Return those that change the card, and not its key."""
    faults = set()
    for make in posts_to_change():
        before, key = shown_and_key(make())
        for model, part in ((Post, lambda post: post), (User, lambda post: post.author)):
            for field in stored_fields(model):
                for value in other_values(field, getattr(part(make()), field.name)):
                    post = make()
                    setattr(part(post), field.name, value)
                    html, other_key = shown_and_key(post)
                    if html != before and other_key == key:
                        faults.add(f"{model.__name__}.{field.name}")
    return faults


@pytest.mark.django_db
def test_all_that_a_card_shows_is_in_its_key():
    assert fields_that_show_without_a_new_key() == set()


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
def test_a_template_that_shows_more_is_found_out(added, field, monkeypatch):
    source = get_template(cards.TEMPLATE).template.source + added
    more = engines["django"].from_string(source)
    monkeypatch.setattr(cards, "get_template", lambda name: more)
    assert fields_that_show_without_a_new_key() == {field}


@pytest.mark.django_db
@pytest.mark.parametrize(
    "field", ["content", "created_on", "edited_on", "username", "display_name", "picture"]
)
def test_a_key_that_lacks_a_part_is_found_out(field, monkeypatch):
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

    monkeypatch.setattr(cards, "shown", without)
    assert {fault.partition(".")[2] for fault in fields_that_show_without_a_new_key()} >= {field}


@pytest.mark.django_db
def test_a_card_is_made_of_the_rows_at_hand_alone(django_assert_num_queries):
    """What it would ask the database for could change without a new key."""
    post = PostFactory(author=UserFactory(display_name="Bob"))
    (post,) = Post.objects.filter(pk=post.pk).for_lists()
    with django_assert_num_queries(0):
        render_cards([post])


@pytest.mark.django_db
def test_the_circumstances_of_all_cards_are_in_their_keys():
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
    before, key = shown_and_key(full())
    for change in (change_language, change_time_zone, change_prefix):
        with change():
            html, other_key = shown_and_key(full())
        assert html != before
        assert other_key != key
    assert shown_and_key(full()) == (before, key)


def test_an_update_of_template_or_code_makes_new_cards(tmp_path):
    (tmp_path / "rendering.py").write_text("one")
    (tmp_path / "tests").mkdir()
    before = cards.state_of("template", tmp_path)
    (tmp_path / "tests" / "test_rendering.py").write_text("no matter")
    assert cards.state_of("template", tmp_path) == before
    assert cards.state_of("another", tmp_path) != before
    (tmp_path / "rendering.py").write_text("two")
    assert cards.state_of("template", tmp_path) != before


def test_the_state_covers_the_code_that_makes_cards(monkeypatch):
    folders = []
    monkeypatch.setattr(cards, "state_of", lambda source, *found: folders.extend(found) or "state")
    cards.code_state.__wrapped__()
    made_by = {Path(inspect.getfile(each)) for each in (render_contents, identicon.__wrapped__, say_when)}
    assert all(any(path.is_relative_to(folder) for folder in folders) for path in made_by)


def test_a_new_display_name_shows_at_once(member_client, bob):
    PostFactory(author=bob)
    assert '<bdi class="name">Bob</bdi>' in page(member_client)

    form = ProfileForm({"display_name": "Robert", "bio": ""}, instance=bob)
    assert form.is_valid()
    form.save()

    assert '<bdi class="name">Robert</bdi>' in page(member_client)


def test_a_hidden_post_is_gone_though_its_card_is_kept(member_client, bob):
    post = PostFactory(author=bob, content="unseemly")
    page(member_client)

    post.hide()

    assert "unseemly" not in page(member_client)


def test_only_the_author_sees_what_an_author_may_do(member_client, member, bob):
    post = PostFactory(author=bob, content="mine")
    delete = f"/posts/{post.pk}/delete/"
    author_client = Client()
    author_client.force_login(bob)

    for _ in range(2):
        assert delete in page(author_client)
        assert delete not in page(member_client)
    assert delete not in page(Client(), "/explore/")
    assert delete not in page(author_client, delete).partition("<form method")[0].partition("<article")[2]


def test_the_words_for_when_it_was_are_of_now(member_client, bob):
    post = PostFactory(author=bob)
    for seconds, words in ((130, ">2 min<"), (310, ">5 min<")):
        with time_machine.travel(moment_of(post.pk).timestamp() + seconds, tick=False):
            assert words in page(member_client)


def test_a_mention_ends_with_the_suspension_of_who_is_mentioned(
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


def test_cards_with_mentions_are_not_kept_for_long(member, bob, django_assert_num_queries):
    kept = {}

    def set_many(values, timeout):
        kept.update(dict.fromkeys(values, timeout))

    with mock.patch.object(cache, "set_many", set_many):
        mentioning, plain = render_cards([PostFactory(content="@bob"), PostFactory(content="none")])

    assert kept == {cards.cached_as(mentioning): 60, cards.cached_as(plain): 24 * 3600}


def test_marks_in_a_text_move_nothing(member):
    post = Post(pk=1, author=member, content="a\x01b\x02c", created_on=moment_of(1 << 40))
    render_cards([post])
    assert post.card.end.strip() == "</article>"
    assert "a\x01b\x02c" in post.card.before_actions


def test_a_cache_that_is_away_is_asked_once_and_costs_only_time(member_client, bob, monkeypatch):
    monkeypatch.setattr(cards, "breaker", type(cards.breaker)())
    PostFactory(author=bob, content="still here")
    with mock.patch.object(cache, "get_many", side_effect=ConnectionError("gone")) as get_many:
        for _ in range(3):
            cards.remembered.clear()
            assert "still here" in page(member_client)
    assert get_many.call_count == 1


@pytest.mark.parametrize("path", ["/", "/explore/", "/@bob/"])
def test_a_visitor_is_sent_a_timeline_again_only_when_it_changed(client, bob, path):
    post = PostFactory(author=bob)
    first = client.get(path)
    assert first["ETag"]
    assert client.get(path, headers={"if-none-match": first["ETag"]}).status_code == 304

    post.hide()
    assert client.get(path, headers={"if-none-match": first["ETag"]}).status_code == 200


@pytest.mark.parametrize("path", ["/", "/explore/", "/@bob/"])
def test_a_members_page_is_always_sent(member_client, client, bob, path):
    tag = client.get(path)["ETag"]
    response = member_client.get(path, headers={"if-none-match": tag})
    assert response.status_code == 200
    assert "ETag" not in response
