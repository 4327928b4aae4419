"""Likes and bookmarks in a browser, with and without JavaScript."""

import pytest
from playwright.sync_api import expect

from posts.models import Bookmark, Like, Post
from socializer.tests.browser.conftest import log_in


@pytest.mark.parametrize("javascript", [True, False], ids=["with JavaScript", "without JavaScript"])
@pytest.mark.parametrize(
    ("do", "undo", "model"), [("Like", "Unlike", Like), ("Bookmark", "Remove bookmark", Bookmark)]
)
def test_done_and_undone_where_the_reader_is(open_page, network, javascript, do, undo, model):
    page = open_page(320, java_script_enabled=javascript)
    log_in(page, "ada")
    page.goto("/@bob/")
    post = Post.objects.by(network["bob"]).visible().latest("pk")
    card = page.locator(f"#post-{post.pk}")
    card.get_by_role("button", name=do, exact=True).click()
    button = card.get_by_role("button", name=undo, exact=True)
    expect(button).to_be_visible()
    if javascript:
        expect(button).to_be_focused()
        expect(page.locator(".reactions.htmx-request")).to_have_count(0)
    else:
        assert page.url.endswith(f"/@bob/#post-{post.pk}")
    assert list(model.objects.values_list("post", "member")) == [(post.pk, network["ada"].pk)]
    button.click()
    expect(card.get_by_role("button", name=do, exact=True)).to_be_visible()
    page.goto("/bookmarks/")
    assert not model.objects.exists()
    assert page.trouble == []


def test_the_button_changes_at_once_and_back_if_the_request_fails(open_page, network):
    page = open_page()
    log_in(page, "ada")
    page.goto("/@bob/")
    card = page.get_by_role("article").first
    requests = []
    page.route("**/like/", lambda route: requests.append(route))
    card.get_by_role("button", name="Like", exact=True).click()
    expect(card.get_by_role("button", name="Unlike", exact=True)).to_be_visible()
    assert len(requests) == 1
    requests[0].abort()
    expect(card.get_by_role("alert")).to_have_text("That didn't work. Try again.")
    expect(card.get_by_role("button", name="Like", exact=True)).to_be_visible()
    assert not Like.objects.exists()


def test_too_many_likes_say_when_to_go_on(open_page, network, settings):
    settings.LIKE_LIMIT = (1, 600)
    page = open_page()
    log_in(page, "ada")
    page.goto("/@bob/")
    card = page.get_by_role("article").first
    card.get_by_role("button", name="Like", exact=True).click()
    expect(page.locator(".reactions.htmx-request")).to_have_count(0)
    card.get_by_role("button", name="Unlike", exact=True).click()
    expect(card.get_by_role("alert")).to_contain_text("Try again in")
    expect(card.get_by_role("button", name="Unlike", exact=True)).to_be_visible()
    assert page.trouble == []


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_the_row_fits_on_a_small_phone_and_is_easy_to_touch(open_page, network, language):
    network["ada"].language = language
    network["ada"].save()
    page = open_page(320, has_touch=True)
    log_in(page, "ada")
    page.goto("/explore/")
    bar = page.locator(".post-bar").first
    text = page.locator(".post-text").first.bounding_box()
    parts = [part.bounding_box() for part in bar.locator("a.reply, button, summary").all()]
    assert all(part["height"] >= 44 and part["width"] >= 44 for part in parts)
    assert len({round(part["y"] + part["height"] / 2) for part in parts}) == 1
    assert parts[0]["x"] == text["x"]
