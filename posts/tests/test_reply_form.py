"""Replying on the page of a post and on a page of its own, and choosing who may."""

import re
from uuid import uuid4

import pytest
from django.test import Client
from pytest_django.asserts import assertContains

from accounts.models import Follow
from accounts.tests.factories import UserFactory
from posts import drafts
from posts.models import Post
from posts.models.post import ReplyPolicy
from posts.tests.factories import PostFactory

pytestmark = pytest.mark.django_db

GONE = "This post isn&#x27;t available any more. Your text is still here."


@pytest.fixture
def post():
    return PostFactory(author=UserFactory(username="bob"), content="What do you think?")


def send(client, post, content="I think so", **data):
    return client.post(f"/posts/{post.pk}/reply/", {"content": content} | data)


def test_the_form_is_below_the_post_and_on_a_page_of_its_own(member_client, post):
    for path in (f"/posts/{post.pk}/", f"/posts/{post.pk}/reply/"):
        html = member_client.get(path).content.decode()
        assert 'Replying to <a href="/@bob/">@bob</a>' in html
        assert f'action="/posts/{post.pk}/reply/"' in html
        assert re.search(r'<label for="id_content">Reply</label>', html)
        assert re.search(r'<button class="button">Reply</button>', html)
        assert "What do you think?" in html


def test_a_reply_is_shown_on_the_page_of_the_post(member, member_client, post):
    response = send(member_client, post)
    reply = Post.objects.get(author=member)
    assert (reply.in_reply_to, reply.content) == (post, "I think so")
    assert response.url == f"/posts/{post.pk}/#post-{reply.pk}"
    page = member_client.get(response.url).content.decode()
    assert f'id="post-{reply.pk}"' in page
    assert 'class="message success stored"' in page or "stored" in page


def test_after_a_long_thread_the_page_that_ends_with_the_reply_is_shown(member, member_client, post):
    for reply in PostFactory.create_batch(15, in_reply_to=post):
        PostFactory(in_reply_to=reply)
    response = send(member_client, post)
    reply = Post.objects.get(author=member)
    path, _, anchor = response.url.partition("#")
    assert anchor == f"post-{reply.pk}"
    page = member_client.get(path).content.decode()
    assert page.count('<div class="reply') == 20
    assert re.findall(r'id="post-(\d+)"', page.partition('id="replies"')[2])[19] == str(reply.pk)


def test_a_repeated_request_makes_one_reply(member, member_client, post):
    submission = uuid4()
    responses = [send(member_client, post, submission=submission) for _ in range(2)]
    reply = Post.objects.get(author=member)
    assert {response.url for response in responses} == {f"/posts/{post.pk}/#post-{reply.pk}"}
    Post.objects.get(pk=post.pk).delete()
    # It isn't known any more what this replied to, so the text is shown again.
    assert send(member_client, post, submission=submission).status_code == 409


def test_members_reply_to_themselves(member, member_client):
    own = PostFactory(author=member, reply_policy=ReplyPolicy.NOBODY)
    assert send(member_client, own).status_code == 302
    assert own.replies.get().author == member


@pytest.mark.parametrize("how", ["deleted", "hidden", "suspended", "blocked", "left"])
def test_a_reply_to_a_post_that_has_gone_keeps_the_text(how, member, member_client, post):
    {
        "deleted": lambda: Post.objects.get(pk=post.pk).delete(),
        "hidden": post.hide,
        "suspended": post.author.suspend,
        "blocked": lambda: post.author.block(member),
        "left": post.author.leave,
    }[how]()
    response = send(member_client, post, "A long <text>")
    html = response.content.decode()
    assert response.status_code == 409
    assert GONE in html
    assert "A long &lt;text&gt;</textarea>" in html
    assert "What do you think?" not in html
    assert "@bob" not in html
    assert not Post.objects.by(member).exists()
    assert send(member_client, post, "").status_code == 404
    assert member_client.get(f"/posts/{post.pk}/reply/").status_code == 404


def test_a_reply_to_someone_who_left_is_replied_to_and_their_post_is_not(member, member_client, post):
    theirs = PostFactory(in_reply_to=post)
    reply = PostFactory(author=member, in_reply_to=theirs)
    theirs.author.leave()
    response = member_client.post(f"/posts/{reply.pk}/reply/", {"content": "And another thing"}, follow=True)
    assert "And another thing" in response.content.decode()
    response = member_client.post(f"/posts/{theirs.pk}/reply/", {"content": "Are you there?"})
    assert response.status_code == 409
    assert "Are you there?" in response.content.decode()


def test_a_post_that_goes_while_the_reply_is_sent_keeps_the_text(member, member_client, post, monkeypatch):
    lock = Post._lock_replied_to

    def too_late(reply):
        Post.objects.get(pk=post.pk).delete()
        lock(reply)

    monkeypatch.setattr(Post, "_lock_replied_to", too_late)
    response = send(member_client, post)
    assert response.status_code == 409
    assert GONE in response.content.decode()
    assert "I think so</textarea>" in response.content.decode()


SENTENCES = {
    ReplyPolicy.FOLLOWED: "Only people whom @bob follows can reply.",
    ReplyPolicy.MENTIONED: "Only people whom this post mentions can reply.",
    ReplyPolicy.NOBODY: "@bob doesn&#x27;t accept replies to this post.",
}


@pytest.mark.parametrize("policy", SENTENCES)
def test_readers_see_who_may_reply(policy, member, member_client, client, post):
    Post.objects.update(reply_policy=policy)
    for reader in (client, member_client):
        html = reader.get(f"/posts/{post.pk}/").content.decode()
        assert SENTENCES[policy] in html
        assert "<textarea" not in html
        assert "Log in to reply" not in html
    html = member_client.get(f"/posts/{post.pk}/reply/").content.decode()
    assert SENTENCES[policy] in html
    assert "<textarea" not in html
    response = send(member_client, post)
    assert response.status_code == 409
    assert "You can&#x27;t reply to this post. Your text is still here." in response.content.decode()
    assert SENTENCES[policy] in response.content.decode()
    assert "I think so</textarea>" in response.content.decode()


def test_those_who_may_reply_see_the_form(member, member_client, post):
    Post.objects.update(reply_policy=ReplyPolicy.FOLLOWED)
    Follow.objects.create(follower=post.author, followed=member)
    html = member_client.get(f"/posts/{post.pk}/").content.decode()
    assert SENTENCES[ReplyPolicy.FOLLOWED] in html
    assert "<textarea" in html
    assert send(member_client, post).status_code == 302


def test_visitors_are_asked_to_log_in(client, post):
    html = client.get(f"/posts/{post.pk}/").content.decode()
    assert f'<a href="/users/login/?next=/posts/{post.pk}/reply/">Log in to reply</a>' in html
    assert "<textarea" not in html


def test_a_hidden_post_has_no_form(member, member_client):
    own = PostFactory(author=member)
    own.hide()
    assert "<textarea" not in member_client.get(f"/posts/{own.pk}/").content.decode()


def test_a_reply_after_the_session_has_ended_is_kept(member, client, post):
    writer = drafts.sign_writer(member)
    response = send(client, post, writer=writer)
    assert response.url == f"/users/login/?next=/posts/{post.pk}/reply/"
    client.force_login(member)
    assert "I think so</textarea>" in client.get(f"/posts/{post.pk}/reply/").content.decode()


def test_a_kept_reply_outlives_the_post(member, client, post):
    send(client, post, writer=drafts.sign_writer(member))
    client.force_login(member)
    Post.objects.get(pk=post.pk).delete()
    html = client.get(f"/posts/{post.pk}/reply/").content.decode()
    assert "I think so</textarea>" in html
    assert "available any more. Your text is still here." in html
    assert client.get(f"/posts/{post.pk}/reply/").status_code == 404


def test_replies_are_limited_like_posts(member, member_client, post, settings):
    settings.POST_LIMIT = (1, 600)
    assert send(member_client, post, "one").status_code == 302
    response = send(member_client, post, "two")
    assert response.status_code == 429
    assert "two</textarea>" in response.content.decode()


def test_a_text_that_is_too_long_is_shown_with_the_post(member_client, post):
    html = send(member_client, post, "x" * 501).content.decode()
    assert "Remove 1." in html
    assert "What do you think?" in html


def test_the_writer_chooses_who_may_reply(member, member_client):
    member_client.post("/posts/add/", {"content": "one", "reply_policy": "followed"})
    member_client.post("/", {"content": "two"})
    assert dict(Post.objects.values_list("content", "reply_policy")) == {"one": "followed", "two": "everyone"}
    response = member_client.post("/posts/add/", {"content": "three", "reply_policy": "x"})
    assertContains(response, "three</textarea>")
    assertContains(response, "Choose one of the options. x isn&#x27;t one of them.")


def test_the_form_says_how_many_mentioned_people_are_notified(member_client, post):
    for path in ("/posts/add/", f"/posts/{post.pk}/", f"/posts/{post.pk}/reply/"):
        html = member_client.get(path).content.decode()
        assert "If you mention more than 20 people, we notify the first 20." in html
        described_by = re.search(r'<textarea [^>]*aria-describedby="([^" ]+)', html)[1]
        assert f'id="{described_by}"' in html


def test_the_language_of_the_page_is_chosen(member_client, post):
    for path in ("/", "/posts/add/", f"/posts/{post.pk}/", f"/posts/{post.pk}/reply/"):
        assertContains(member_client.get(path), '<option value="en" selected>')


def test_the_author_changes_later_who_may_reply(member, member_client):
    own = PostFactory(author=member)
    path = f"/posts/{own.pk}/replies/"
    assert path in member_client.get(own.get_absolute_url()).content.decode()
    assert "Who may reply" in member_client.get(path).content.decode()
    assert member_client.post(path, {"reply_policy": "nobody"}).url == own.get_absolute_url()
    own.refresh_from_db()
    assert own.reply_policy == ReplyPolicy.NOBODY
    refused = member_client.post(path, {"reply_policy": "x"})
    assertContains(refused, "Choose one of the options. x isn&#x27;t one of them.")
    own.refresh_from_db()
    assert own.reply_policy == ReplyPolicy.NOBODY
    stranger = Client()
    stranger.force_login(UserFactory())
    assert stranger.post(path, {"reply_policy": "everyone"}).status_code == 404


def test_deleting_and_editing_say_what_happens_to_replies(member, member_client):
    own = Post(author=member, content="Hello")
    own.publish()
    for path in ("delete", "edit"):
        assert "replied" not in member_client.get(f"/posts/{own.pk}/{path}/").content.decode()
    ada = UserFactory()
    PostFactory.create_batch(2, in_reply_to=own, author=ada)
    PostFactory(in_reply_to=own, author=member)
    page = member_client.get(f"/posts/{own.pk}/delete/").content.decode()
    assert "1 person has replied." in page
    assert "Their replies stay, and say that this post isn't available." in page
    PostFactory.create_batch(2, in_reply_to=own)
    assert "3 people have replied." in member_client.get(f"/posts/{own.pk}/edit/").content.decode()
    PostFactory.create_batch(100, in_reply_to=own)
    assert "More than 99 people have replied." in member_client.get(f"/posts/{own.pk}/edit/").content.decode()
