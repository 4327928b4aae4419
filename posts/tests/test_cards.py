"""A card is rendered once, never shows what is no more so, and holds nothing that depends on who looks."""

from unittest import mock

import pytest
import time_machine
from django.core.cache import cache
from django.test import Client
from django.utils import translation
from redis.exceptions import ConnectionError

from accounts.forms import ProfileForm
from accounts.tests.factories import FollowFactory, UserFactory
from posts import cards
from posts.cards import render_cards
from posts.ids import moment_of
from posts.models import Post
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


@pytest.mark.django_db
def test_all_that_a_card_shows_is_in_its_key():
    post = PostFactory(author=UserFactory(username="bob", display_name="Bob"))

    def key():
        return cards.key_of(post, cards.what_all_cards_depend_on())

    keys = {key()}
    for change in (
        lambda: setattr(post, "content", "other"),
        lambda: setattr(post.author, "display_name", "Robert"),
        lambda: setattr(post.author, "username", "robert"),
        lambda: setattr(post, "pk", post.pk + 1),
    ):
        change()
        keys.add(key())
    with translation.override("de"):
        keys.add(key())

    assert len(keys) == 6


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
