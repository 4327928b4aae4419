"""Counts and searches of the admin's lists on a large site."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.common import admin as common_admin
from accounts.emails.models import Delivery
from accounts.tests.factories import FollowFactory, UserFactory
from posts.models import Post
from posts.tests.factories import PostFactory


@pytest.fixture
def admin(db):
    client = Client()
    client.force_login(UserFactory(username="chief", is_staff=True, is_superuser=True))
    return client


def found(client, path):
    return [str(row) for row in client.get(f"/admin/{path}").context["cl"].result_list]


def test_only_the_first_rows_are_counted_and_the_page_says_so(admin, monkeypatch):
    monkeypatch.setattr(common_admin, "MAX_COUNT", 120)
    PostFactory.create_batch(120)
    assert "120 posts" in admin.get("/admin/posts/post/").content.decode()

    PostFactory.create_batch(30)
    page = admin.get("/admin/posts/post/")
    assert "more than 120 posts" in page.content.decode()
    assert page.context["cl"].paginator.num_pages == 2


def test_the_list_of_posts_links_replies_to_what_they_reply_to_without_loading_that(
    admin, django_assert_num_queries
):
    replied_to = PostFactory()
    PostFactory(in_reply_to=replied_to)
    with CaptureQueriesContext(connection) as one:
        page = admin.get("/admin/posts/post/").content.decode()
    assert f'<td class="field-replied_to"><a href="/posts/{replied_to.pk}/">' in page

    for _number in range(5):
        PostFactory(in_reply_to=PostFactory())
    with django_assert_num_queries(len(one)):
        admin.get("/admin/posts/post/")


def test_our_template_of_page_numbers_is_for_our_lists_only(admin):
    """Django finds a template by the app and the model, so the lists of a project's own models look as Django's do."""
    templates = {
        path: {template.name for template in admin.get(f"/admin/{path}").templates}
        for path in (
            "accounts/user/",
            "accounts/job/",
            "mfa/authenticator/",
            "auth/group/",
        )
    }
    for path, names in templates.items():
        assert ("admin/accounts/pagination.html" in names) == (path != "auth/group/"), path


def test_no_action_is_taken_on_more_than_are_counted(admin, monkeypatch):
    monkeypatch.setattr("accounts.common.admin.MAX_COUNT", 3)
    posts = PostFactory.create_batch(4)
    data = {"action": "hide", "_selected_action": [posts[0].pk], "select_across": "1", "reason": "x"}
    page = admin.post("/admin/posts/post/", data, follow=True).content.decode()
    assert "too many to change at once" in page
    assert not Post.objects.exclude(hidden_on=None).exists()

    posts[0].delete()
    admin.post("/admin/posts/post/", data | {"_selected_action": [posts[1].pk]}, follow=True)
    assert Post.objects.exclude(hidden_on=None).count() == 3


@pytest.mark.parametrize(
    ("query", "is_found"),
    [
        *(("LOVE", True), ("ada", True), ("@Ada", True), ("Ada Love", True), ("ada@example.org", True)),
        *(("ADA@EXAMPLE.ORG", True), ("velace", False), ("example.org", False), ("\x00", True)),
    ],
)
def test_people_are_searched_as_in_the_directory_or_by_full_address(admin, member, query, is_found):
    assert ("@ada" in found(admin, f"accounts/user/?q={query}")) == is_found


def test_follows_and_emails_are_searched_by_full_username(admin):
    follow = FollowFactory(follower=UserFactory(username="bob"), followed=UserFactory(username="bobby"))
    Delivery.objects.create(recipient=follow.follower, type="new_follower", key="1")
    Delivery.objects.create(address="new@example.org", type="email_confirmation", key="2")

    for name, number in (("@Bob", 1), ("bobby", 1), ("bo", 0)):
        assert len(found(admin, f"accounts/follow/?q={name}")) == number
    for words, number in (("bob", 1), ("bobby", 0), ("new@example.org", 1)):
        assert len(found(admin, f"accounts/delivery/?q={words}")) == number
