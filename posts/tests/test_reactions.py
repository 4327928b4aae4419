"""Members like and bookmark posts, and undo both."""

import re
import threading

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from accounts.tests.factories import UserFactory
from accounts.tests.locking import checked_during, needs_row_locks
from posts import reactions
from posts.models import Bookmark, Like, Post
from posts.models.post import PostGone
from posts.signals import post_liked, post_unliked
from posts.tests.factories import PostFactory

DO = [Post.like, Post.bookmark]
UNDO = {Post.like: Post.unlike, Post.bookmark: Post.remove_bookmark}
MODEL = {Post.like: Like, Post.bookmark: Bookmark}
PATHS = {"like": Like, "bookmark": Bookmark}
HTMX = {"HX-Request": "true"}
either = pytest.mark.parametrize("do", DO, ids=["like", "bookmark"])


@pytest.fixture
def post(db):
    return PostFactory()


@pytest.fixture
def events():
    """A list to which each event adds its kind, the post and the member."""
    found = []

    def liked(sender, like, **kwargs):
        found.append(("liked", like.post, like.member))

    def unliked(sender, post, member, **kwargs):
        found.append(("unliked", post, member))

    post_liked.connect(liked)
    post_unliked.connect(unliked)
    yield found
    post_liked.disconnect(liked)
    post_unliked.disconnect(unliked)


def make_invisible(post, member, how):
    if how == "hidden":
        post.hide()
    elif how == "suspended":
        post.author.suspend()
    elif how == "blocked":
        member.block(post.author)
    else:
        post.author.block(member)


class TestModel:
    @either
    def test_done_and_undone_once(self, post, member, do):
        undo = UNDO[do]
        assert [do(post, member), do(post, member)] == [True, False]
        assert list(MODEL[do].objects.values_list("post", "member")) == [(post.pk, member.pk)]
        assert [undo(post, member), undo(post, member)] == [True, False]
        assert not MODEL[do].objects.exists()

    def test_each_change_sends_one_event_and_a_bookmark_none(self, post, member, events):
        for do in DO:
            for act in (do, do, UNDO[do], UNDO[do]):
                act(post, member)
        assert events == [("liked", post, member), ("unliked", post, member)]

    @either
    @pytest.mark.parametrize("how", ["hidden", "suspended", "blocked", "blocks"])
    def test_an_invisible_post_is_refused_but_what_was_done_can_be_undone(self, post, member, do, how):
        late = UserFactory()
        do(post, member)
        make_invisible(post, member, how)
        if how == "blocked":
            late.block(post.author)
        elif how == "blocks":
            post.author.block(late)
        with pytest.raises(PostGone):
            do(post, late)
        assert UNDO[do](post, member)
        assert not MODEL[do].objects.exists()

    @either
    def test_a_deleted_post_is_refused(self, post, member, do):
        Post.objects.get(pk=post.pk).delete()
        with pytest.raises(PostGone):
            do(post, member)
        assert not UNDO[do](post, member)

    @either
    def test_ones_own_post(self, post, do):
        assert do(post, post.author)

    @either
    def test_reactions_go_with_the_post_and_with_the_member(self, post, member, do):
        other = PostFactory()
        for each in (post, other):
            do(each, member)
        Post.objects.get(pk=post.pk).delete()
        assert MODEL[do].objects.count() == 1
        member.leave()
        assert not MODEL[do].objects.exists()


@pytest.mark.django_db(transaction=True)
@either
def test_twice_at_once(do):
    """One of two presses changes something, and neither fails, whether they do or undo it."""
    post, member = PostFactory(), UserFactory()
    for act in (do, UNDO[do]):
        results, start = [], threading.Barrier(4)

        def press(act=act, results=results, start=start):
            try:
                start.wait(timeout=60)
                results.append(act(Post.objects.get(pk=post.pk), User.objects.get(pk=member.pk)))
            except Exception as error:
                results.append(error)
            finally:
                connection.close()

        threads = [threading.Thread(target=press) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert sorted(results, key=str) == [False, False, False, True]


@needs_row_locks
@pytest.mark.django_db(transaction=True)
def test_likes_of_whoever_leaves_and_of_their_posts_are_locked_before_anything_is_deleted(monkeypatch):
    """If two people who like each other's posts leave at once, they would otherwise wait for each other."""
    ada, bob = UserFactory(), UserFactory()
    PostFactory(author=bob).like(ada)
    PostFactory(author=ada).like(bob)
    mine, others = (Like.objects.filter(member=person) for person in (ada, bob))
    noted = checked_during(monkeypatch, User, "end_sessions", mine)
    noted_too = checked_during(monkeypatch, User, "end_sessions", others)
    assert ada.leave()
    assert noted == noted_too == [True]


class TestButtons:
    @pytest.mark.parametrize(("do", "undo"), [("like", "unlike"), ("bookmark", "remove-bookmark")])
    def test_without_scripts_they_lead_back_to_the_post_on_the_page(self, post, member_client, do, undo):
        there = f"#post-{post.pk}"
        answers = [
            member_client.post(f"/posts/{post.pk}/{action}/", {"next": "/explore/?before=9#x"})
            for action in (do, do)
        ]
        assert [answer.url for answer in answers] == [f"/explore/?before=9{there}"] * 2
        assert PATHS[do].objects.count() == 1
        assert member_client.post(f"/posts/{post.pk}/{undo}/").url == f"/posts/{post.pk}/{there}"
        assert not PATHS[do].objects.exists()

    @pytest.mark.parametrize("url", ["https://evil.example/", "//evil.example", "javascript:x"])
    def test_they_lead_nowhere_else(self, post, member_client, url):
        response = member_client.post(f"/posts/{post.pk}/like/", {"next": url})
        assert response.url == f"/posts/{post.pk}/#post-{post.pk}"

    def test_htmx_gets_the_new_buttons(self, post, member_client):
        data = {"next": "/explore/"}
        for action, labels in [
            ("like", ["Unlike", "Bookmark"]),
            ("bookmark", ["Unlike", "Remove bookmark"]),
            ("unlike", ["Like", "Remove bookmark"]),
            ("remove-bookmark", ["Like", "Bookmark"]),
        ]:
            response = member_client.post(f"/posts/{post.pk}/{action}/", data, headers=HTMX)
            html = response.content.decode()
            assert re.findall(r'aria-label="([^"]+)"', html) == labels
            assert 'name="next" value="/explore/"' in html
            assert "<html" not in html

    def test_a_visitor_logs_in_and_returns_to_the_post(self, post):
        for action in ("like", "unlike", "bookmark", "remove-bookmark"):
            url = f"/posts/{post.pk}/{action}/"
            assert Client().post(url).url == f"/users/login/?next=/posts/{post.pk}/"
            assert Client().post(url, headers=HTMX).headers["HX-Redirect"].endswith(f"/posts/{post.pk}/")

    @pytest.mark.parametrize("how", ["hidden", "suspended", "blocked", "blocks"])
    def test_invisible_posts_are_not_found_but_what_was_done_can_be_undone(
        self, post, member, member_client, how
    ):
        for do in DO:
            do(post, member)
        make_invisible(post, member, how)
        for _twice in range(2):
            for action in ("like", "bookmark"):
                assert member_client.post(f"/posts/{post.pk}/{action}/").status_code == 404
        for action in ("unlike", "remove-bookmark"):
            assert member_client.post(f"/posts/{post.pk}/{action}/").status_code == 302
            assert member_client.post(f"/posts/{post.pk}/{action}/").status_code == 404
        assert not Like.objects.exists()
        assert not Bookmark.objects.exists()

    def test_a_post_that_becomes_invisible_meanwhile_is_not_found(self, post, member_client, monkeypatch):
        def gone(self, member):
            raise PostGone

        monkeypatch.setattr(Post, "like", gone)
        assert member_client.post(f"/posts/{post.pk}/like/").status_code == 404


class TestState:
    def states_of(self, client, path="/explore/"):
        html = client.get(path).content.decode()
        return re.findall(r'/reply/">Reply ?([\d+]*)</a>.*?aria-label="([^"]+)".*?aria-label="([^"]+)"', html)

    def test_cards_show_what_the_viewer_did_and_the_number_of_visible_replies(self, member, member_client):
        plain, post = PostFactory(), PostFactory()
        post.like(member)
        post.bookmark(member)
        plain.like(UserFactory())
        hidden, suspended, _visible = (PostFactory(in_reply_to=post) for _ in range(3))
        hidden.hide()
        suspended.author.suspend()
        states = self.states_of(member_client)
        assert states == [("1", "Unlike", "Remove bookmark"), ("", "Like", "Bookmark")]

    def test_many_replies_are_capped(self, member, member_client, monkeypatch):
        monkeypatch.setattr(reactions, "COUNT_LIMIT", 2)
        post = PostFactory()
        for shown in ("1", "2", "2+", "2+"):
            PostFactory(in_reply_to=post)
            assert self.states_of(member_client)[0][0] == shown

    def test_visitors_see_no_buttons(self, post, client):
        for path in ("/", "/explore/", f"/posts/{post.pk}/"):
            assert "post-bar" not in client.get(path).content.decode()

    def test_a_hidden_post_has_only_the_menu(self, member, member_client):
        post = PostFactory(author=member)
        post.hide()
        html = member_client.get(f"/posts/{post.pk}/").content.decode()
        assert "post-more" in html
        assert "/like/" not in html

    @pytest.mark.parametrize(
        "path", ["/", "/explore/", "/@ada/", "/bookmarks/", "/unread/?after=1", "/posts/{}/"]
    )
    def test_one_query_for_a_page_of_any_length(self, member, member_client, path):
        def write():
            post = PostFactory(author=member)
            post.bookmark(member)
            PostFactory(author=member, in_reply_to=post)
            return post.pk

        def queries():
            with CaptureQueriesContext(connection) as captured:
                assert member_client.get(path).status_code == 200
            return [query["sql"] for query in captured.captured_queries]

        path = path.format(write())
        queries()
        few = queries()
        assert sum('EXISTS (SELECT 1 FROM "posts_bookmark" b' in sql for sql in few) == 1
        for _ in range(4):
            write()
        assert len(queries()) == len(few)

    def test_html_is_light(self, member, member_client):
        for _ in range(20):
            PostFactory(content="x" * 120).like(member)
        html = member_client.get("/explore/").content.decode()
        cards = html[html.index("<article") : html.rindex("</article>")]
        assert len(cards.encode()) / 20 < 1_800


class TestReplyCount:
    def counted(self, client, post):
        html = client.get(f"/posts/{post.pk}/").content.decode()
        return re.search(r'<a class="reply" [^>]*>Reply ?([^<]*)</a>', html)[1]

    def test_a_card_counts_the_replies_that_the_viewer_sees(self, post, member, member_client):
        assert self.counted(member_client, post) == ""
        visible, hidden, blocked, blocker, suspended = (PostFactory(in_reply_to=post) for _ in range(5))
        PostFactory(in_reply_to=visible)
        assert self.counted(member_client, post) == "5"
        hidden.hide()
        member.block(blocked.author)
        blocker.author.block(member)
        suspended.author.suspend()
        assert self.counted(member_client, post) == "1"

    def test_many_are_capped(self, post, member_client, monkeypatch):
        monkeypatch.setattr(reactions, "COUNT_LIMIT", 2)
        PostFactory.create_batch(3, in_reply_to=post)
        assert self.counted(member_client, post) == "2+"


class TestLikes:
    def test_the_page_of_a_post_links_to_the_visible_people_who_like_it(
        self, post, member, member_client, client
    ):
        blocked, suspended, bob, cleo = (UserFactory(username=name) for name in ("bad", "sus", "bob", "cleo"))
        page, likes = f"/posts/{post.pk}/", f"/posts/{post.pk}/likes/"
        assert likes not in member_client.get(page).content.decode()
        assert "Nobody has liked" in member_client.get(likes).content.decode()
        for person in (blocked, suspended, bob, cleo):
            post.like(person)
        member.block(blocked)
        suspended.suspend()
        assert "Liked by 2</a>" in member_client.get(page).content.decode()
        assert [person.username for person in member_client.get(likes).context["page"]] == ["cleo", "bob"]
        assert "Liked by 3</a>" in client.get(page).content.decode()
        assert len(client.get(likes).context["page"]) == 3

    def test_many_likes_are_capped_and_paged(self, post, member_client, monkeypatch):
        monkeypatch.setattr("posts.views.post.COUNT_LIMIT", 2)
        monkeypatch.setattr("posts.views.reactions.LikesView.page_size", 2)
        people = [UserFactory() for _ in range(3)]
        for person in people:
            post.like(person)
        assert "Liked by 2+</a>" in member_client.get(f"/posts/{post.pk}/").content.decode()
        page = member_client.get(f"/posts/{post.pk}/likes/").context["page"]
        rest = member_client.get(f"/posts/{post.pk}/likes/?before={page.older}").context["page"]
        assert [*page, *rest] == people[::-1]

    def test_the_list_is_as_private_as_the_post(self, post, member, member_client, client):
        post.hide()
        for visitor in (member_client, client):
            assert visitor.get(f"/posts/{post.pk}/likes/").status_code == 404


class TestBookmarks:
    def test_the_latest_bookmark_is_first_and_invisible_posts_are_left_out(self, member, member_client):
        posts = [PostFactory() for _ in range(25)]
        for post in posts[::-1]:
            post.bookmark(member)
        posts[0].hide()
        posts[1].author.suspend()
        posts[2].author.block(member)
        PostFactory().bookmark(UserFactory())
        page = member_client.get("/bookmarks/").context["page"]
        rest = member_client.get(f"/bookmarks/?before={page.older}").context["page"]
        assert len(page) == 20
        assert [*page, *rest] == posts[3:]

    def test_an_empty_page_says_what_to_do(self, member_client):
        html = member_client.get("/bookmarks/").content.decode()
        assert '<a href="/explore/">' in html

    def test_the_navigation_leads_there(self, member_client, client):
        assert member_client.get("/@ada/").content.decode().count('href="/bookmarks/"') == 2
        html = member_client.get("/bookmarks/").content.decode()
        assert 'href="/bookmarks/" aria-current="page"' in html
        assert 'href="/bookmarks/"' not in client.get("/explore/").content.decode()
