"""The main journey as a stranger takes it: with and without JavaScript, on a phone and on a desk."""

import pytest
from playwright.sync_api import expect

from accounts.models import Follow, User
from accounts.tests.factories import PASSWORD, FollowFactory, UserFactory
from posts.models import Post
from socializer.tests.browser.conftest import log_in


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("javascript", [True, False], ids=["with JavaScript", "without JavaScript"])
def test_sign_up_follow_read_post_delete_log_out_and_in(open_page, network, width, javascript):
    page = open_page(width, java_script_enabled=javascript)
    page.goto("/")
    page.get_by_role("banner").get_by_role("link", name="Sign up").click()
    page.get_by_label("Username").fill("ada")
    page.get_by_label("Email").fill("grace@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign up").click()

    expect(page.get_by_text("That name is taken. Try another.")).to_be_visible()
    expect(page.get_by_label("Email")).to_have_value("grace@example.org")
    page.get_by_label("Username").fill("Grace")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign up").click()

    page.wait_for_url("**/users/welcome/")
    page.get_by_label("Display name").fill("Grace")
    page.get_by_role("button", name="Save and continue").click()
    page.wait_for_url("**/users/welcome/people/")
    assert User.objects.get(username="grace").display_name == "Grace"
    bob = page.get_by_role("listitem").filter(has=page.get_by_role("link", name="@bob", exact=True))
    bob.get_by_role("button", name="Follow", exact=True).click()
    if javascript:
        expect(bob.get_by_role("button", name="Following")).to_be_visible()
        expect(bob.locator(".follow-form[action$='/unfollow/']")).to_be_visible()
    else:
        expect(bob).to_have_count(0)
    assert User.objects.get(username="grace").is_following(network["bob"])

    page.get_by_role("link", name="Continue to your home").click()
    articles = page.get_by_role("article")
    expect(articles).to_have_count(20)
    expect(articles.first).to_contain_text("Bob's post 44")
    page.get_by_role("link", name="Older").click()
    expect(page.get_by_text("Bob's post 24", exact=True)).to_be_visible()

    page.goto("/")
    page.get_by_label("New post").fill("Hello, @bob")
    page.get_by_role("button", name="Post", exact=True).click()
    expect(articles.first).to_contain_text("Hello, @bob")
    expect(articles.first.get_by_role("link", name="@bob")).to_have_attribute("href", "/@bob/")

    articles.first.locator("summary").click()
    articles.first.get_by_role("link", name="Delete").click()
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("status")).to_contain_text("Post deleted.")
    assert not Post.objects.filter(author__username="grace").exists()

    page.get_by_role("link", name="You", exact=True).click()
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("main").get_by_role("link", name="Sign up")).to_be_visible()
    log_in(page, "grace")
    expect(page.get_by_label("New post")).to_be_visible()
    assert page.trouble == []


def test_following_in_place_keeps_the_page_and_the_focus(open_page, network):
    page = open_page()
    log_in(page, "ada")
    page.goto("/@bob/")
    page.evaluate("window.same = true")
    button = page.get_by_role("button", name="Following")
    button.focus()
    with page.expect_response("**/@bob/unfollow/"):  # The button changes before the server answers.
        page.keyboard.press("Enter")

    expect(page.get_by_role("button", name="Follow", exact=True)).to_be_focused()
    assert page.evaluate("window.same")
    assert not Follow.objects.filter(follower=network["ada"], followed=network["bob"]).exists()


def test_older_posts_come_in_place_and_reading_goes_on_there(open_page, network):
    page = open_page()
    page.goto("/@bob/")
    page.evaluate("window.same = true")
    page.get_by_role("link", name="Older").click()

    expect(page.get_by_role("article")).to_have_count(40)
    assert page.evaluate("window.same")
    expect(page.get_by_role("article").nth(20)).to_be_focused()
    page.get_by_role("link", name="Older").click()
    expect(page.get_by_role("article")).to_have_count(45)
    expect(page.get_by_role("link", name="Older")).to_have_count(0)


def test_the_counter_appears_when_little_room_is_left_and_counts_as_the_server_does(open_page, network):
    page = open_page()
    log_in(page, "ada")
    box, counter = page.get_by_label("New post"), page.locator("[data-counter]")
    box.fill("x" * 419)
    expect(counter).to_be_hidden()
    box.fill("👨‍👩‍👧‍👦" * 420)
    expect(counter).to_have_text("80")
    box.fill("x" * 501)
    expect(counter).to_have_text("-1")


def test_two_quick_clicks_post_once(open_page, network):
    page = open_page()
    log_in(page, "ada")
    page.get_by_label("New post").fill("Only once")
    page.get_by_role("button", name="Post", exact=True).dblclick()
    expect(page.get_by_role("article").first).to_contain_text("Only once")

    assert Post.objects.filter(content="Only once").count() == 1


def test_a_session_that_ended_meanwhile_leads_back_to_the_profile(open_page, network):
    page = open_page(java_script_enabled=False)
    log_in(page, "ada")
    page.goto(f"/@{'z' * 40}/")
    network["ada"].end_sessions()
    FollowFactory._meta.model.objects.all().delete()
    page.get_by_role("button", name="Following").click()
    page.get_by_label("Username or email").fill("ada")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()

    expect(page.get_by_role("button", name="Follow", exact=True)).to_be_visible()


@pytest.mark.parametrize("javascript", [True, False], ids=["with JavaScript", "without JavaScript"])
def test_a_follow_over_the_limit_says_why_and_changes_nothing(open_page, network, settings, javascript):
    settings.FOLLOW_LIMIT = (1, 600)
    page = open_page(390, java_script_enabled=javascript)
    log_in(page, "ada")
    UserFactory(username="dora")
    page.goto("/@cleo/")
    page.get_by_role("button", name="Follow", exact=True).click()
    expect(page.locator(".follow-form[action$='/unfollow/']")).to_be_visible()
    page.goto("/@dora/")
    page.get_by_role("button", name="Follow", exact=True).click()

    expect(page.get_by_text("Try again in 10\xa0minutes.")).to_be_visible()
    if javascript:
        expect(page.get_by_role("button", name="Follow", exact=True)).to_be_visible()
    assert network["ada"].followings.count() == 3
    assert page.trouble == []
