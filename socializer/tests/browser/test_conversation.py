"""Replying and reading a conversation in a browser, with and without JavaScript."""

import pytest
from playwright.sync_api import expect

from posts.models import Post
from posts.tests.factories import PostFactory
from socializer.tests.browser.conftest import log_in, top_of

both = pytest.mark.parametrize("javascript", [True, False], ids=["with JavaScript", "without JavaScript"])


@both
def test_a_reply_is_shown_below_its_post(open_page, network, javascript):
    page = open_page(320, java_script_enabled=javascript)
    log_in(page, "ada")
    page.goto("/@cleo/")
    page.get_by_role("article").get_by_role("link", name="Reply").click()
    box, button = page.get_by_label("Reply", exact=True), page.get_by_role("button", name="Reply", exact=True)
    expect(page.get_by_label("Language")).to_have_value("en")
    box.fill("x" * 501)
    button.click()
    expect(page.get_by_text("Remove 1.")).to_be_visible()
    expect(box).to_have_value("x" * 501)
    box.fill("By what right?")
    button.click()

    expect(page.get_by_role("status").get_by_text("Replied.")).to_be_visible()
    reply = Post.objects.get(in_reply_to=network["other"])
    assert page.url.endswith(f"/posts/{network['other'].pk}/#post-{reply.pk}")
    card = page.get_by_role("region", name="Replies").get_by_role("article")
    expect(card).to_contain_text("By what right?")
    expect(card).to_contain_text("Replying to @cleo")
    expect(card).to_be_in_viewport()
    expect(box).to_have_value("")
    assert page.trouble == []


@both
def test_more_replies(open_page, network, javascript):
    replies = [PostFactory(in_reply_to=network["other"], content=f"Reply {n}") for n in range(25)]
    page = open_page(java_script_enabled=javascript)
    page.goto(f"/posts/{network['other'].pk}/")
    cards = page.get_by_role("region", name="Replies").get_by_role("article")
    expect(cards).to_have_count(20)
    last = page.locator(f"#post-{replies[19].pk}")
    last.scroll_into_view_if_needed()
    where = top_of(page, replies[19])
    page.get_by_role("link", name="More replies").click()
    if javascript:
        expect(cards).to_have_count(25)
        assert top_of(page, replies[19]) == where
        expect(page.locator(".reply", has=page.locator(f"#post-{replies[20].pk}"))).to_be_focused()
    else:
        expect(cards).to_have_count(5)
        page.get_by_role("link", name="Earlier replies").click()
        expect(cards).to_have_count(20)
    expect(page.get_by_role("link", name="More replies")).to_have_count(0 if javascript else 1)
    assert page.trouble == []


def test_the_author_changes_who_may_reply_from_the_menu(open_page, network):
    page = open_page(320)
    log_in(page, "ada")
    page.goto("/@ada/")
    card = page.locator(f"#post-{network['own'].pk}")
    card.locator("summary").click()
    card.get_by_role("link", name="Who may reply").click()
    page.get_by_label("Who may reply").select_option("nobody")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status").get_by_text("Saved.")).to_be_visible()
    expect(page.get_by_text("@ada doesn't accept replies to this post.")).to_be_visible()
    assert page.trouble == []
