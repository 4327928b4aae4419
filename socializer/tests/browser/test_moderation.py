"""A moderator on a phone: quick, without JavaScript, on the keyboard."""

from io import StringIO

import pytest
from django.core.management import call_command

from accounts.moderation import queue
from accounts.moderation.models import Report
from accounts.tests.factories import UserFactory
from posts.models import Post
from posts.tests.factories import PostFactory, ReportFactory
from socializer.tests.browser.conftest import log_in


@pytest.fixture
def reported(transactional_db):
    """Ten reports about the posts of six people."""
    call_command("appoint_moderator", UserFactory(username="mo").username, stdout=StringIO())
    posts = [
        PostFactory(author=UserFactory(username=f"author{n}"), content=f"Reported {n}") for n in range(6)
    ]
    for number in range(10):
        ReportFactory(post=posts[number % 6], note="Look at this")
    return posts


def card_of(page, post):
    return page.locator(f"#card-post-{post.pk}")


class Counter:
    """Counts the presses and page loads of a page."""

    def __init__(self, page):
        self.presses = self.loads = 0
        page.on("framenavigated", lambda frame: self.count_load())

    def count_load(self):
        self.loads += 1

    def press(self, locator):
        self.presses += 1
        locator.click()

    @property
    def total(self):
        return self.presses + self.loads


def test_ten_reports_about_six_people_take_twelve_presses_and_page_loads(open_page, reported):
    page = open_page(390, has_touch=True)
    log_in(page, "mo")
    counter = Counter(page)
    counter.press(page.get_by_role("banner").get_by_role("link", name="Moderation"))
    page.get_by_role("heading", name="Moderation").wait_for()
    for number, post in enumerate(reported):
        card = card_of(page, post)
        if number < 2:
            counter.press(card.get_by_label("Reason"))
            page.keyboard.type("It's spam.")
            counter.press(card.get_by_role("button", name="Hide post"))
            said = f"Post by @{post.author.username} hidden."
        elif number == 2:
            counter.press(card.get_by_label("Reason"))
            page.keyboard.type("Keeps sending spam.")
            counter.press(card.get_by_role("button", name=f"Suspend @{post.author.username} for 7 days"))
            said = f"@{post.author.username} suspended for 7 days."
        else:
            counter.press(card.get_by_role("button", name="Dismiss"))
            said = f"Reports about @{post.author.username} dismissed."
        page.get_by_text(said).first.wait_for()

    assert not Report.objects.open().exists()
    assert Post.objects.visible().count() == 3
    assert counter.total <= 12, (counter.presses, counter.loads)
    assert page.trouble == []


def test_several_cards_are_decided_at_once_without_javascript(open_page, reported):
    page = open_page(390, java_script_enabled=False)
    log_in(page, "mo")
    page.goto("/admin/moderation/")
    for post in reported[:4]:
        card_of(page, post).get_by_label("Select").check()
    together = page.get_by_role("form", name="Decide about the selected reports")
    together.get_by_text("Decide…").click()
    together.get_by_role("button", name="Hide selected").click()
    page.get_by_text("Give a reason.").wait_for()
    assert card_of(page, reported[0]).get_by_label("Select").is_checked()
    together.get_by_label("Reason").fill("Spam wave.")
    together.get_by_role("button", name="Hide selected").click()
    page.get_by_text("hidden.").first.wait_for()

    assert Post.objects.visible().count() == 2


def test_without_javascript_the_next_card_takes_the_place(open_page, reported):
    page = open_page(390, java_script_enabled=False)
    log_in(page, "mo")
    page.goto("/admin/moderation/")
    first, second = reported[:2]
    card_of(page, first).get_by_role("button", name="Dismiss").click()
    page.wait_for_url("**#decided")
    top = page.locator("#decided").bounding_box()["y"]
    assert 0 <= top < card_of(page, second).bounding_box()["y"] < 800
    page.get_by_role("button", name="Undo").click()
    page.get_by_text("Undone.").wait_for()
    assert card_of(page, first).is_visible()


def test_on_the_keyboard_the_focus_goes_to_what_was_decided_and_on_to_the_next_card(open_page, reported):
    page = open_page()
    log_in(page, "mo")
    page.goto("/admin/moderation/")
    first, second = reported[:2]
    card_of(page, first).get_by_role("button", name="Hide post").press("Enter")
    page.get_by_text("Give a reason.").wait_for()
    assert page.evaluate("document.activeElement.name") == "reason"
    page.keyboard.type("It's spam.")
    card_of(page, first).get_by_role("button", name="Hide post").press("Enter")
    page.get_by_text("hidden.").first.wait_for()
    assert page.evaluate("document.activeElement.id") == f"card-post-{first.pk}"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent").startswith("Undo")
    page.keyboard.press("Tab")
    assert (
        page.evaluate("document.activeElement.closest('article.moderation-card').id")
        == f"card-post-{second.pk}"
    )
    assert page.trouble == []


def test_the_number_in_the_navigation_follows_decisions_and_undo_brings_the_card_back(open_page, reported):
    page = open_page()
    log_in(page, "mo")
    page.goto("/admin/moderation/")
    number = page.get_by_role("navigation", name="Main").locator(".moderation-count")
    assert number.text_content().split()[0] == "6"
    page.evaluate("window.kept = true")
    first = reported[0]
    card_of(page, first).get_by_role("button", name="Dismiss").click()
    page.get_by_text("Reports about @author0 dismissed.").first.wait_for()
    assert number.text_content().split()[0] == "5"

    card_of(page, first).get_by_role("button", name="Undo").click()
    card_of(page, first).get_by_role("button", name="Dismiss").wait_for()
    page.locator(f"#card-post-{first.pk}:focus").wait_for()
    assert number.text_content().split()[0] == "6"
    assert Report.objects.open().count() == 10
    card_of(page, first).get_by_role("button", name="Dismiss").click()
    page.get_by_text("Reports about @author0 dismissed.").first.wait_for()
    assert number.text_content().split()[0] == "5"
    assert page.evaluate("window.kept")
    assert page.trouble == []


def test_the_button_to_suspend_says_for_how_long(open_page, reported):
    page = open_page(java_script_enabled=False)
    log_in(page, "mo")
    page.goto("/admin/moderation/")
    card = card_of(page, reported[0])
    for length, said in (("7 days", "for 7 days"), ("1 day", "for 1 day"), ("until we lift it",) * 2):
        card.get_by_label("Suspend for").select_option(length)
        assert card.get_by_role("button", name=f"Suspend @author0 {said}", exact=True).is_visible()


def test_a_suspension_removes_the_other_cards_of_the_person(open_page, reported):
    other = PostFactory(author=reported[0].author)
    ReportFactory(post=other)
    page = open_page()
    log_in(page, "mo")
    page.goto("/admin/moderation/")
    card = card_of(page, reported[0])
    assert card_of(page, other).is_visible()
    card.get_by_label("Reason").fill("Spam")
    card.get_by_role("button", name="Suspend @author0").click()
    card_of(page, other).wait_for(state="detached")
    card.get_by_role("button", name="Undo").click()
    card_of(page, other).wait_for()
    assert page.trouble == []


@pytest.mark.parametrize("java_script", [True, False])
def test_the_next_card_takes_the_place_on_a_later_page_too(open_page, reported, monkeypatch, java_script):
    monkeypatch.setattr(queue, "CARDS", 2)
    page = open_page(390, java_script_enabled=java_script)
    log_in(page, "mo")
    page.goto("/admin/moderation/")
    page.get_by_role("link", name="More cards").click()
    page.get_by_role("link", name="Previous cards").wait_for()
    third, fourth = reported[2:4]
    card_of(page, third).get_by_role("button", name="Dismiss").click()
    page.get_by_text("Reports about @author2 dismissed.").first.wait_for()
    assert card_of(page, fourth).is_visible()
    assert not card_of(page, reported[0]).is_visible()
    page.get_by_role("button", name="Undo").click()
    card_of(page, third).get_by_role("button", name="Dismiss").wait_for()
    assert page.trouble == []
