"""How a stranger arrives: presses to the first follow and the first post, sign-up, and times in the zone of the browser."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone, translation
from playwright.sync_api import expect

from accounts.models import User
from accounts.templatetags.times import time_ago
from accounts.tests.factories import PASSWORD, UserFactory
from posts.ids import first_id_at
from posts.models import Post
from posts.tests.factories import PostFactory


class Presses:
    """Counts presses of links and buttons. Typing isn't a press: the Tab key leads from field to field."""

    def __init__(self, page):
        self.page, self.count = page, 0

    def press(self, role, name, within=None):
        (within or self.page).get_by_role(role, name=name, exact=True).first.click()
        self.count += 1


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("javascript", [True, False], ids=["with JavaScript", "without JavaScript"])
def test_from_the_landing_page_to_the_first_follow_and_the_first_post(open_page, network, width, javascript):
    page = open_page(width, java_script_enabled=javascript)
    presses = Presses(page)
    page.goto("/")
    presses.press("link", "Sign up", page.get_by_role("banner"))
    page.get_by_label("Username").fill("grace")
    page.get_by_label("Email").fill("grace@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    presses.press("button", "Sign up")
    presses.press("button", "Save and continue")
    # Both are in view without scrolling.
    expect(page.get_by_role("button", name="Follow", exact=True).first).to_be_in_viewport()
    expect(page.get_by_role("link", name="Continue to your home")).to_be_in_viewport(ratio=1)
    presses.press("button", "Follow")
    if javascript:
        page.locator(".follow-form[action$='/unfollow/']").wait_for()
    else:
        page.locator("a.button.to-home").wait_for()
    assert User.objects.get(username="grace").followings.count() == 1
    to_follow = presses.count
    presses.press("link", "Continue to your home")
    page.get_by_label("New post").fill("Hello")
    presses.press("button", "Post")
    expect(page.get_by_role("article").filter(has_text="Hello").first).to_be_visible()
    assert Post.objects.filter(author__username="grace").exists()

    assert (to_follow, presses.count) == (4, 6)
    assert page.trouble == []


def test_continue_becomes_prominent_without_a_reload(open_page, network):
    page = signed_up(open_page())
    page.goto("/users/welcome/people/")
    page.evaluate("window.same = true")
    on = page.get_by_role("link", name="Continue to your home")

    def background():
        return on.evaluate("link => getComputedStyle(link).backgroundColor")

    before = background()
    page.get_by_role("button", name="Follow", exact=True).first.click()
    page.locator(".follow-form[action$='/unfollow/']").wait_for()
    page.mouse.move(0, 0)
    expect(on).not_to_have_css("background-color", before)
    page.get_by_role("button", name="Following").click()
    page.mouse.move(0, 0)
    expect(on).to_have_css("background-color", before)
    assert page.evaluate("window.same")
    assert page.trouble == []


def signed_up(page, **fields):
    page.goto("/users/signup/")
    fields = {"Username": "grace", "Email": "grace@example.org", "Password": PASSWORD} | fields
    for label, text in fields.items():
        page.get_by_label(label).fill(text)
    page.get_by_role("main").get_by_role("button", name="Sign up").click()
    page.wait_for_url("**/users/welcome/")
    return page


@pytest.mark.parametrize(
    ("zone", "javascript", "stored"),
    [
        ("America/New_York", True, "America/New_York"),
        ("Asia/Calcutta", True, "Asia/Kolkata"),
        ("America/New_York", False, ""),
    ],
)
def test_the_zone_of_the_browser_is_detected(open_page, network, zone, javascript, stored):
    signed_up(open_page(timezone_id=zone, java_script_enabled=javascript))

    assert User.objects.get(username="grace").time_zone == stored


@pytest.mark.parametrize("javascript", [True, False], ids=["with JavaScript", "without JavaScript"])
def test_an_empty_form_shows_our_messages_and_focuses_the_first_error(open_page, network, javascript):
    page = open_page(java_script_enabled=javascript)
    page.goto("/users/signup/")
    page.get_by_role("main").get_by_role("button", name="Sign up").click()

    for message in ("Choose a username.", "Enter your email.", "Choose a password."):
        expect(page.get_by_text(message)).to_be_visible()
    if javascript:
        expect(page.get_by_label("Username")).to_be_focused()


def test_a_password_is_checked_while_it_is_typed(open_page, network):
    page = open_page(390)
    page.goto("/users/signup/")
    page.get_by_label("Username").fill("grace")
    field = page.get_by_label("Password")
    field.press_sequentially("password")
    live = page.locator("[aria-live]").filter(has_text="Try three or four unrelated words.")

    expect(live).to_be_visible()
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_have_accessible_description(
        "At least 8 characters. This password is too common. Try three or four unrelated words."
    )
    expect(field).to_be_focused()
    field.fill(PASSWORD)
    expect(live).to_have_count(0)
    expect(field).not_to_have_attribute("aria-invalid", "true")
    assert page.trouble == []


AGES = [
    timedelta(hours=hours, minutes=30)
    for hours in (6, 9, 13, 18, 23, 30, 40, 60, 100, 140, 200, 1000, 12_000)
]


@pytest.mark.parametrize("zone", ["America/Los_Angeles", "Europe/Berlin", "Pacific/Kiritimati"])
@pytest.mark.parametrize("language", ["en", "zh-Hans"])
def test_visitors_see_times_in_the_zone_of_their_browser(open_page, transactional_db, zone, language):
    now, bob = timezone.now(), UserFactory(username="bob")
    posts = [PostFactory(author=bob, id=first_id_at(now - age)) for age in AGES]
    page = open_page(timezone_id=zone, locale=language)
    page.clock.set_fixed_time(now)
    page.goto("/@bob/")

    here = now.astimezone(ZoneInfo(zone))
    with translation.override(language.lower()):
        expected = [time_ago(post.created_on.astimezone(here.tzinfo), here) for post in posts]
    expect(page.locator("article time")).to_have_text(expected)
    titles = [each.get_attribute("title") for each in page.locator("article time").all()]
    assert not [title for title in titles if "UTC" in title]
    hours = [str(post.created_on.astimezone(here.tzinfo).minute).zfill(2) for post in posts]
    assert all(f":{minute}" in title for minute, title in zip(hours, titles, strict=True))
    assert page.trouble == []


def test_posts_that_are_loaded_later_are_converted_too(open_page, network):
    page = open_page(timezone_id="Asia/Tokyo")
    page.goto("/@bob/")
    page.get_by_role("link", name="Older").click()
    expect(page.get_by_role("article")).to_have_count(40)
    expect(page.locator("article time[title*='UTC']")).to_have_count(0)


def test_without_javascript_visitors_see_a_named_zone(open_page, network):
    page = open_page(java_script_enabled=False, timezone_id="Asia/Tokyo")
    page.goto("/@bob/")
    expect(page.locator("article time[title*='UTC']")).to_have_count(20)


def test_a_page_with_a_time_of_day(open_page, network):
    edited = Post(author=network["ada"], content="Frist!")
    edited.publish()
    edited.edit("First!")
    plain = open_page(java_script_enabled=False)
    plain.goto(f"/posts/{edited.pk}/history/")
    expect(plain.locator(".revision time")).to_contain_text("UTC")
    page = open_page(timezone_id="Asia/Kathmandu")
    page.goto(f"/posts/{edited.pk}/history/")
    there = Post.objects.get(pk=edited.pk).edited_on.astimezone(ZoneInfo("Asia/Kathmandu"))
    expect(page.locator(".revision time")).to_have_text(there.strftime("%H:%M"))
