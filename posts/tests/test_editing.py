"""For some minutes, authors can edit their posts. Everyone can see the earlier versions."""

import io
import json
import zipfile
from datetime import timedelta
from unittest import mock

import pytest
import time_machine
from django.contrib.auth.models import Permission
from django.db import DatabaseError
from django.test import Client

from accounts.tests.factories import UserFactory
from posts import signals
from posts.models import Post, PostRevision
from posts.models.post import EditingClosed
from posts.tests.factories import PostFactory


@pytest.fixture
def own(member):
    """Return a post that the member has just published."""
    post = Post(author=member, content="Frist!")
    post.publish()
    return post


def url(post, page="edit"):
    return f"/posts/{post.pk}/{page}/"


def edit(client, post, content="First!"):
    return client.post(url(post), {"content": content})


@pytest.fixture
def edited(own):
    own.edit("First!")
    return own


def test_an_edited_post_is_marked(member_client, own):
    assert "Frist!" in member_client.get(url(own)).content.decode()

    response = edit(member_client, own, " First! ")

    assert response.url == f"/posts/{own.pk}/"
    text = member_client.get(response.url).content.decode()
    assert "First!" in text
    assert "Frist!" not in text
    assert ">edited</a>" in text
    assert f'href="{url(own, "history")}"' in text


def test_everyone_who_can_see_the_post_sees_its_earlier_versions(client, edited):
    for content in ("Second!", "Third <b>"):
        edited.edit(content)

    text = client.get(url(edited, "history")).content.decode()
    positions = [text.index(version) for version in ("Third &lt;b&gt;", "Second!", "First!", "Frist!")]
    assert positions == sorted(positions)


def test_only_the_author_and_moderators_see_the_history_of_a_hidden_post(edited):
    edited.hide()
    moderator, other = UserFactory(is_staff=True), UserFactory()
    moderator.user_permissions.set(Permission.objects.filter(codename__in=["view_post", "change_post"]))
    statuses = {}
    for who, user in (("author", edited.author), ("moderator", moderator), ("other", other)):
        client = Client()
        client.force_login(user)
        statuses[who] = client.get(url(edited, "history")).status_code

    assert statuses == {"author": 200, "moderator": 200, "other": 404}


def test_the_history_has_pages(client, edited):
    for number in range(30):
        edited.edit(f"Text {number}")

    first = client.get(url(edited, "history"))
    older = first.context["page"].older
    rest = client.get(url(edited, "history"), {"before": older}, headers={"HX-Request": "true"})
    assert len(first.context["page"]) == 20
    assert [revision.content for revision in rest.context["page"]][-1] == "Frist!"
    assert "<html" not in rest.content.decode()


def test_a_post_that_was_never_edited_is_not_marked(client, own):
    assert ">edited</a>" not in client.get(f"/posts/{own.pk}/").content.decode()
    assert "never been edited" in client.get(url(own, "history")).content.decode()


def test_other_peoples_posts_cannot_be_edited(client, member_client):
    other = PostFactory(content="Not yours")

    assert [member_client.get(url(other)).status_code, edit(member_client, other).status_code] == [404, 404]
    assert client.get(url(other)).url.startswith("/users/login/")
    assert Post.objects.get().content == "Not yours"


@pytest.mark.parametrize("minutes", [0, 15])
def test_after_some_minutes_editing_is_refused_and_the_page_shows_the_text(
    member_client, own, settings, minutes
):
    settings.EDIT_MINUTES = minutes
    with time_machine.travel(own.created_on + timedelta(minutes=minutes), tick=False):
        page = member_client.get(url(own), follow=True)
        response = edit(member_client, own, "Much better")
        assert url(own) not in member_client.get("/").content.decode()

    assert "edit this post any more" in page.content.decode()
    assert response.status_code == 409
    assert "Much better" in response.content.decode()
    assert Post.objects.get().content == "Frist!"


def test_home_links_to_the_edit_page_in_time(member_client, own, settings):
    with time_machine.travel(own.created_on + timedelta(minutes=14), tick=False):
        assert url(own) in member_client.get("/").content.decode()


def test_a_hidden_post_cannot_be_edited(own):
    own.hide()
    with pytest.raises(EditingClosed):
        own.edit("Harmless")


def test_saving_the_same_text_changes_nothing(member_client, own):
    edit(member_client, own, "Frist!")

    assert Post.objects.get().edited_on is None
    assert not PostRevision.objects.exists()


@pytest.mark.parametrize(("submitted", "error"), [("", "Write something first."), ("x" * 501, "Remove 1.")])
def test_an_invalid_text_is_refused(member_client, own, submitted, error):
    response = edit(member_client, own, submitted)

    assert error in response.content.decode()
    assert Post.objects.get().content == "Frist!"


def test_the_form_on_an_error_page_does_not_say_which_version_was_seen(member_client, own):
    """Error pages send only the text. The field must be empty then, and not "None"."""
    again = member_client.post(f"/posts/{own.pk}/edit/", {"content": ""}).content.decode()
    assert 'name="seen" value=""' in again
    assert "None" not in again


def test_a_post_that_was_deleted_meanwhile_cannot_be_edited_but_the_page_shows_the_text(member_client, own):
    Post.objects.get().delete()

    assert own.edit("Too late") is False
    response = edit(member_client, own, "Too late")
    assert response.status_code == 404
    assert "Too late</textarea>" in response.content.decode()


def test_if_the_database_fails_neither_text_is_lost(member_client, own, caplog):
    with mock.patch.object(Post, "save", side_effect=DatabaseError("disk full")):
        response = edit(member_client, own)

    assert response.status_code == 503
    assert "First!" in response.content.decode()
    assert Post.objects.get().content == "Frist!"
    assert not PostRevision.objects.exists()


def test_edits_are_limited(member_client, own, settings):
    settings.POST_LIMIT = (3, 600)
    responses = [edit(member_client, own, f"Text {number}") for number in range(4)]

    assert [response.status_code for response in responses] == [302, 302, 302, 429]
    assert "Text 3" in responses[-1].content.decode()


def test_the_event_is_sent_once_for_each_change(own):
    received = []

    def listen(sender, post, **kwargs):
        received.append((post.pk, post.content))

    signals.post_edited.connect(listen)
    try:
        for _twice in range(2):
            own.edit("First!")
    finally:
        signals.post_edited.disconnect(listen)

    assert received == [(own.pk, "First!")]


def test_if_a_receiver_fails_the_edit_is_rolled_back(own):
    def fail(**kwargs):
        raise RuntimeError("receiver")

    signals.post_edited.connect(fail)
    try:
        with pytest.raises(RuntimeError):
            own.edit("First!")
    finally:
        signals.post_edited.disconnect(fail)

    assert Post.objects.get().content == "Frist!"
    assert not PostRevision.objects.exists()


def test_revisions_are_deleted_with_the_post(edited):
    assert PostRevision.objects.exists()
    edited.delete()

    assert not PostRevision.objects.exists()


def test_the_export_has_earlier_versions(member_client, edited):
    response = member_client.get("/users/export/")
    archive = zipfile.ZipFile(io.BytesIO(b"".join(response.streaming_content)))

    (post,) = json.loads(archive.read("posts.json"))
    assert post["content"] == "First!"
    assert [text["content"] for text in post["earlier"]] == ["Frist!"]
    assert post["edited_on"] == post["earlier"][0]["replaced_on"]


def test_the_admin_links_to_the_history(client, edited):
    client.force_login(UserFactory(is_staff=True, is_superuser=True))

    assert url(edited, "history") in client.get("/admin/posts/post/").content.decode()


def test_edits_from_two_tabs_are_both_stored(own):
    other_tab = Post.objects.get()
    own.edit("From one tab")
    other_tab.edit("From the other")

    texts = [revision.content for revision in own.revisions.order_by("pk")]
    assert (texts, Post.objects.get().content) == (["Frist!", "From one tab"], "From the other")


def test_a_version_from_another_window_is_not_replaced_without_a_warning(member, member_client):
    post = Post(author=member, content="one")
    post.publish()
    path = f"/posts/{post.pk}/edit/"
    first, second = (member_client.get(path).context["form"]["seen"].value() for _ in range(2))
    assert member_client.post(path, {"content": "two", "seen": first}).status_code == 302

    refused = member_client.post(path, {"content": "three", "seen": second})
    assert "in another window" in refused.content.decode()
    assert refused.context["form"]["content"].value() == "three"
    post.refresh_from_db()
    assert post.content == "two"

    again = refused.context["form"]["seen"].value()
    assert member_client.post(path, {"content": "three", "seen": again}).status_code == 302
    post.refresh_from_db()
    assert post.content == "three"
