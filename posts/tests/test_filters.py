"""Filters fold posts that contain a word, phrase or hashtag to one line. Nothing is missing from any page."""

import json
import re
from datetime import timedelta
from zipfile import ZipFile

import pytest
import time_machine
from django.db import connection
from django.db.utils import IntegrityError
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from accounts.notifications import digests, types
from accounts.tests.factories import FollowFactory, UserFactory
from posts.export import export_data
from posts.feeds.models import HomeFeed
from posts.filters import tasks
from posts.filters.matching import Matcher, normalize
from posts.filters.models import LIMIT, Filter, Place
from posts.filters.reading import Filters
from posts.models import Post
from posts.tests.factories import FilterFactory, PostFactory

PAGE = "/users/filters/"
VALID = {"phrase": "Spoilers", "places": ["home", "notifications"], "duration": "week"}
FOLDED = '<details class="folded-post"><summary>Filtered: <bdi>spoilers</bdi></summary>'


def page(client, path="/"):
    response = client.get(path)
    assert response.status_code == 200
    return response.content.decode()


def folded(html):
    """Return the texts of the posts on a page that are folded."""
    return re.findall(
        r'<details class="folded-post">.*?<div class="post-text"[^>]*>(.*?)</div>', html, re.DOTALL
    )


# What matches


@pytest.mark.any_engine
@pytest.mark.parametrize(
    ("phrase", "text"),
    [
        ("spoilers", "No SPOILERS, please"),
        ("Spoilers", "spoilers"),
        ("spoilers", "#spoilers ahead"),
        ("spoilers", "See https://spoilers.example/"),
        ("season finale", "The season\n  finale!"),
        ("café", "at the CAFE\u0301"),
        ("strasse", "Straße"),
        ("fish", "\ufb01sh and ｆｉｓｈ"),
        ("spoilers", "spoi\u00adlers spoi\u200blers"),
        ("剧透", "我不喜欢剧透的内容"),
        ("の話", "映画の話だ"),
        ("스포일러", "스포일러가 있어요"),
        ("spoiler", "这里有spoiler吗"),
        ("电影abc", "看电影ABC吧"),
        ("#cats", "My #Cats!"),
        ("#cats", "看#cats"),
        ("#剧透", "#剧透# 今天"),
        ("中", "在中国"),
        ("🎃", "boo 🎃🎃"),
        ("🎃", "boo 🎃\ufe0f"),
        ("c++", "I like C++."),
        ("don't", "Don't"),
        ("हिन्दी", "यह हिन्दी है"),
    ],
)
def test_a_filter_matches(phrase, text):
    assert Matcher(["something else", phrase, "another"]).first_in(text) == phrase


@pytest.mark.any_engine
@pytest.mark.parametrize(
    ("phrase", "text"),
    [
        ("art", "party, start, artist, art_1 and art2"),
        ("season finale", "season's finale"),
        ("finale", "finaleé finale\u0301s"),
        ("#cats", "cats, #cats2, #catsé, x#cats, https://example.org/#cats and &#cats"),
        ("#剧透", "#剧透内容 剧透"),
        ("#cats", "#cats剧透"),
        ("हिन्द", "हिन्दी"),
        ("ताब", "किताब"),
        (".*", "anything"),
        ("a|b", "a b"),
        ("spoil", "spoilers"),
    ],
)
def test_a_filter_does_not_match(phrase, text):
    assert Matcher([phrase]).first_in(text) is None


@pytest.mark.any_engine
def test_the_line_names_the_filter_that_matches():
    phrases = ["new", "New York", "York city", "#york", "yorks"]
    matcher = Matcher(phrases)

    assert [matcher.first_in(f"Some {phrase} here") for phrase in phrases] == [
        "new", "New York", "York city", "#york", "yorks",
    ]  # fmt: skip
    assert matcher.first_in("a newer York") is None
    assert Matcher([]).first_in("anything") is None


@pytest.mark.any_engine
def test_matching_takes_linear_time():
    """A hundred filters that share long beginnings. An expression that goes back would not finish."""
    words = Matcher(
        [f"{'aa ' * 30}b{n}" for n in range(50)] + [f"{'中' * 90}{chr(0x5000 + n)}" for n in range(50)]
    )
    for text in ("aa " * 160, "中" * 500, "aa 中" * 120):
        assert words.first_in(text) is None
    assert words.first_in(f"{'aa ' * 40}b7 c") == f"{'aa ' * 30}b7"


@pytest.mark.any_engine
@pytest.mark.parametrize("text", ["", " ", "\u00ad", "x" * 500, "İ", "ﷺ" * 5, "\u0301"])
def test_normalizing_twice_changes_nothing(text):
    assert normalize(normalize(text)) == normalize(text)


# The settings page


def test_a_filter_is_added_changed_and_removed(member, member_client):
    assert "You have no filters." in page(member_client, PAGE)
    response = member_client.post(PAGE, VALID, follow=True)
    assert response.redirect_chain == [(PAGE, 302)]
    html = response.content.decode()
    assert "Filter added." in html
    assert ">Spoilers</bdi>" in html
    assert "Home · Notifications · Until <time" in html
    filter = Filter.objects.get()
    assert (filter.member, filter.places) == (member, [Place.HOME, Place.NOTIFICATIONS])
    assert (filter.until - timezone.now()).total_seconds() / 86400 == pytest.approx(7, abs=0.01)

    path = f"{PAGE}{filter.pk}/"
    form = page(member_client, path)
    assert 'value="keep"' in form
    assert 'value="Spoilers"' in form
    changed = {"phrase": "#spoilers", "places": ["explore"], "duration": "keep"}
    assert "Saved." in member_client.post(path, changed, follow=True).content.decode()
    before, filter = filter, Filter.objects.get()
    assert (filter.pk, filter.until, filter.key) == (before.pk, before.until, "#spoilers")
    assert filter.places == [Place.EXPLORE]
    member_client.post(path, changed | {"duration": "always"})
    assert Filter.objects.get().until is None
    assert 'value="keep"' not in page(member_client, path)

    response = member_client.post(f"{path}remove/", follow=True)
    assert "Filter removed." in response.content.decode()
    assert not Filter.objects.exists()
    assert "Filter removed." not in member_client.post(f"{path}remove/", follow=True).content.decode()
    assert member_client.get(path).status_code == 404


@pytest.mark.parametrize(
    ("phrase", "sentence"),
    [
        ("", "Write a word, a phrase or a hashtag."),
        (" \n", "Write a word, a phrase or a hashtag."),
        ("\u00ad", "Use letters, digits or emoji."),
        ("a", "One letter would match too much. Use at least two."),
        ("#a", "One letter would match too much. Use at least two."),
        ("の", "One letter would match too much. Use at least two."),
        ("7", "One letter would match too much. Use at least two."),
        ("?!", "Use letters, digits or emoji."),
        ("#", "Use letters, digits or emoji."),
        ("word " * 1000, "This text is too long"),
        ("word " * 30, "Use up to 100 characters. Remove 49."),
        ("ﷺ" * 50, "This text is too long"),
    ],
)
def test_a_phrase_that_makes_no_sense_is_refused(member_client, phrase, sentence):
    response = member_client.post(PAGE, VALID | {"phrase": phrase})
    assert sentence in response.content.decode()
    assert not Filter.objects.exists()


@pytest.mark.parametrize("phrase", ["剧", "🎃", "ab", "#中", "👍🏽", "a b", "‏سلام"])
def test_short_words_are_accepted(member_client, phrase):
    assert member_client.post(PAGE, VALID | {"phrase": phrase}).status_code == 302
    assert Filter.objects.count() == 1


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ({"places": []}, "Choose where."),
        ({"places": ["moon"]}, "Choose where."),
        ({"duration": ""}, "Choose how long."),
        ({"duration": "century"}, "Choose how long."),
        ({"duration": "keep"}, "Choose how long."),
    ],
)
def test_the_form_asks_where_and_how_long(member_client, data, sentence):
    assert sentence in member_client.post(PAGE, VALID | data).content.decode()
    assert not Filter.objects.exists()


def test_two_spellings_are_the_same_filter(member_client):
    member_client.post(PAGE, VALID)
    first = Filter.objects.get()
    member_client.post(PAGE, {"phrase": "  SPOILERS", "places": ["explore"], "duration": "always"})
    again = Filter.objects.get()
    assert (again.pk, again.phrase, again.places, again.until) == (
        first.pk,
        "SPOILERS",
        [Place.EXPLORE],
        None,
    )

    member_client.post(PAGE, VALID | {"phrase": "other"})
    other = Filter.objects.get(phrase="other")
    member_client.post(f"{PAGE}{other.pk}/", VALID)
    assert list(Filter.objects.values_list("pk", "key")) == [(other.pk, "spoilers")]


def test_the_database_keeps_filters_apart(member):
    FilterFactory(member=member)
    FilterFactory()
    with pytest.raises(IntegrityError):
        FilterFactory(member=member)


def test_the_number_of_filters_is_limited(member, member_client):
    for n in range(LIMIT - 1):
        FilterFactory(member=member, phrase=f"word {n}")
    ended = FilterFactory(member=member, phrase="old", until=timezone.now() - timedelta(seconds=1))
    assert member_client.post(PAGE, VALID).status_code == 302
    assert not Filter.objects.filter(pk=ended.pk).exists()
    response = member_client.post(PAGE, VALID | {"phrase": "one more"})
    assert "You have 100 filters, which is the limit. Remove one first." in response.content.decode()
    # Those that exist can be changed.
    assert member_client.post(PAGE, VALID | {"phrase": "SPOILERS"}).status_code == 302
    assert (
        member_client.post(f"{PAGE}{Filter.objects.last().pk}/", VALID | {"phrase": "new"}).status_code == 302
    )
    assert Filter.objects.count() == LIMIT


def test_others_filters_are_out_of_reach(member_client):
    filter = FilterFactory()
    assert member_client.get(f"{PAGE}{filter.pk}/").status_code == 404
    assert member_client.post(f"{PAGE}{filter.pk}/", VALID).status_code == 404
    member_client.post(f"{PAGE}{filter.pk}/remove/")
    assert Filter.objects.get().phrase == "spoilers"
    assert "spoilers" not in page(member_client, PAGE)


# What is folded


@pytest.fixture
def posts(member, bob):
    """Three posts in the home timeline of `member`, of which the filter "spoilers" matches one by bob and one of their own."""
    PostFactory(author=bob, content="Quite harmless")
    PostFactory(author=member, content="My own spoilers")
    return PostFactory(author=bob, content="Spoilers: everybody lives")


@pytest.mark.parametrize("place", Place)
def test_posts_are_folded_where_the_filter_applies(member, member_client, posts, place):
    filter = FilterFactory.build(member=member)
    filter.places = [place]
    filter.save()
    FollowFactory(follower=member, followed=UserFactory(username="eve"))

    lists = {"/": "home", "/unread/?after=1": "home", "/explore/": "explore"}
    for path in (*lists, "/@bob/", "/bookmarks/", posts.get_absolute_url()):
        expected = ["Spoilers: everybody lives"] if lists.get(path) == place else []
        assert folded(page(member_client, path)) == expected, path


def test_a_page_with_filters_has_the_same_posts_and_cursors(member, member_client, bob):
    for n in range(45):
        PostFactory(author=bob, content=f"{'spoilers' if n % 2 else 'post'} {n}")

    def read():
        pages, path = [], "/"
        while path:
            response = member_client.get(path)
            listed = response.context["page"]
            pages.append(([post.pk for post in listed], listed.newer, listed.older))
            path = f"/?before={listed.older}" if listed.older is not None else None
        return pages

    before = read()
    FilterFactory(member=member)
    assert read() == before
    assert [len(keys) for keys, *_cursors in before] == [20, 20, 5]
    html = page(member_client)
    assert html.count('<article class="post"') == 20
    assert len(folded(html)) == 10
    assert member_client.get("/", headers={"HX-Request": "true"}).content.decode().count(FOLDED) == 10


def test_visitors_and_others_see_everything(client, member, posts):
    FilterFactory(member=member)
    assert "folded-post" not in page(client, "/explore/")
    client.force_login(UserFactory())
    assert "folded-post" not in page(client, "/explore/")
    # The cards are in the cache by now.
    client.force_login(member)
    assert page(client, "/explore/").count(FOLDED) == 1


def test_a_filter_ends_at_its_time(member, member_client, posts):
    now = timezone.now()
    FilterFactory(member=member, until=now + timedelta(days=1))
    assert FOLDED in page(member_client)
    with time_machine.travel(now + timedelta(days=1, seconds=1)):
        member_client.force_login(member)
        assert FOLDED not in page(member_client)
        assert "You have no filters." in page(member_client, PAGE)
        assert member_client.get(f"{PAGE}{Filter.objects.get().pk}/").status_code == 404


def test_a_task_deletes_ended_filters(member, monkeypatch, run_jobs):
    monkeypatch.setattr(tasks, "ENDED", 1)
    now = timezone.now()
    for phrase, until in (("a b", -2), ("c d", -1), ("e f", 1), ("g h", None)):
        FilterFactory(member=member, phrase=phrase, until=until and now + timedelta(hours=until))
    tasks.end_filters.call()
    run_jobs()
    assert set(Filter.objects.values_list("phrase", flat=True)) == {"e f", "g h"}


def test_a_quoted_excerpt_shows_nothing_that_is_filtered(member, member_client, posts, bob):
    PostFactory(author=bob, content="Do they?", in_reply_to=posts)
    assert page(member_client).count("everybody lives") == 2
    FilterFactory(member=member)
    html = page(member_client)
    assert html.count("everybody lives") == 1
    assert folded(html) == ["Spoilers: everybody lives"]


def test_the_phrase_is_escaped(member, member_client, bob):
    PostFactory(author=bob, content="<b>&amp;")
    FilterFactory(member=member, phrase="<b>&amp;")
    assert "<summary>Filtered: <bdi>&lt;b&gt;&amp;amp;</bdi></summary>" in page(member_client)
    assert "<b>" not in page(member_client, PAGE)


@pytest.mark.parametrize("path", ["/", "/explore/", "/@bob/", "/notifications/"])
def test_filters_cost_no_query(member, member_client, posts, path):
    def queries():
        with CaptureQueriesContext(connection) as queries:
            page(member_client, path)
        return len(queries)

    queries()
    before = queries()
    for n in range(LIMIT - 1):
        FilterFactory(member=member, phrase=f"word {n}")
    FilterFactory(member=member)
    assert queries() == before


# Notifications and emails


@pytest.fixture
def mentions(member, bob):
    own = PostFactory(author=member, content="Any spoilers?")
    Post(author=bob, content="@ada here are spoilers: they live").publish()
    Post(author=bob, content="Spoilers they do", in_reply_to=own).publish()
    Post(author=bob, content="@ada nothing").publish()
    own.like(bob)


def test_notifications_fold_the_text(member, member_client, mentions):
    before = page(member_client, "/notifications/")
    assert "folded-text" not in before
    filter = FilterFactory(member=member, in_notifications=False)
    assert "folded-text" not in page(member_client, "/notifications/")
    Filter.objects.filter(pk=filter.pk).update(in_notifications=True)
    html = page(member_client, "/notifications/")
    found = re.findall(r'<details class="folded-text"><summary>(.*?)</summary>.*?<a [^>]*>(.*?)</a>', html)
    assert found == [
        ("Filtered: <bdi>spoilers</bdi>", "Spoilers they do"),
        ("Filtered: <bdi>spoilers</bdi>", "@ada here are spoilers: they live"),
    ]
    # The like is about their own post.
    assert html.count("Any spoilers?") == before.count("Any spoilers?") == 1


@pytest.mark.parametrize("name", ["mention", "reply"])
def test_emails_about_posts_have_a_line_in_place_of_the_text(member, mentions, run_jobs, mailoutbox, name):
    FilterFactory(member=member)
    digests.choose(member, types.get(name), types.Frequency.AT_ONCE)
    Post(author=User.objects.get(username="bob"), content="@ada more spoilers: they all live").publish()
    run_jobs()
    sent = [
        mail
        for mail in mailoutbox
        if "bob" in mail.subject or "mention" in mail.subject or "repl" in mail.subject
    ]
    assert sent
    for mail in sent:
        for text in (mail.body, mail.alternatives[0].content):
            assert "live" not in text
            assert "they do" not in text
    assert any("Filtered: spoilers" in mail.body for mail in sent)


def test_home_by_email_has_a_line_in_place_of_the_text(member, posts):
    until = timezone.now()
    digest = types.get("home_by_mail")

    def texts():
        found = digest.content(member, "2024-01-01T00:00:00+00:00", until.isoformat())["posts"]
        return [(str(post.text), str(post.html)) for post in found]

    assert [text for text, _html in texts()] == ["Spoilers: everybody lives", "Quite harmless"]
    FilterFactory(member=member)
    member = User.objects.get(pk=member.pk)  # Without the filters that were loaded above.
    assert texts() == [
        ("Filtered: spoilers", "Filtered: <bdi>spoilers</bdi>"),
        ("Quite harmless", "Quite harmless"),
    ]


def test_the_private_feed_has_a_line_in_place_of_the_text(client, member, posts, bob):
    PostFactory(author=bob, content="Do they?", in_reply_to=posts)
    HomeFeed.renew(member, timezone.now())
    path = f"/feeds/{HomeFeed.objects.get().token}/home.atom"
    assert page(client, path).count("everybody lives") == 3
    FilterFactory(member=member, in_explore=False)
    feed = page(client, path)
    assert "everybody lives" not in feed
    assert "<title>Filtered: spoilers</title>" in feed
    assert f"{posts.get_absolute_url()}" in feed
    assert "My own spoilers" in feed
    assert "everybody lives" in page(client, "/@bob/feed.atom")


# The member's data


def test_the_export_has_the_filters(member):
    filter = FilterFactory(member=member, in_explore=False, until=timezone.now())
    FilterFactory()
    with ZipFile(export_data(member)) as archive:
        [exported] = json.loads(archive.read("filters.json"))
    assert exported == {
        "phrase": "spoilers",
        "in_home": True,
        "in_explore": False,
        "in_notifications": True,
        "since": filter.created_on.isoformat(),
        "until": filter.until.isoformat(),
    }


def test_filters_go_with_the_account(member):
    FilterFactory(member=member)
    other = FilterFactory()
    member.leave()
    assert list(Filter.objects.all()) == [other]


def test_a_person_read_from_elsewhere_loads_their_filters_once(member, django_assert_num_queries):
    FilterFactory(member=member)
    fresh = User.objects.get(pk=member.pk)
    with django_assert_num_queries(1):
        assert Filters(fresh, Place.HOME)
        assert Filters(fresh, Place.EXPLORE)
