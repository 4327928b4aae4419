"""A member gives themselves a picture, as people do it; and the style page as whoever works on it sees it."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from accounts.models import User
from accounts.tests.pictures import picture_bytes
from posts.feeds.models import HomeFeed
from socializer.tests.browser.conftest import log_in
from socializer.tests.browser.test_every_page import LEVELS

PHOTO = {"name": "me.jpg", "mimeType": "image/jpeg", "buffer": picture_bytes(size=(1200, 900))}


@pytest.mark.parametrize("javascript", [True, False], ids=["with JavaScript", "without JavaScript"])
def test_a_picture_is_uploaded_shown_everywhere_and_taken_away(open_page, network, javascript):
    page = open_page(390, java_script_enabled=javascript)
    log_in(page, "ada")
    page.goto("/users/settings/profile/")
    page.get_by_label("Picture", exact=True).set_input_files(PHOTO)
    expect(page.get_by_text("me.jpg")).to_have_count(1 if javascript else 0)
    page.get_by_role("button", name="Save").click()
    page.get_by_label("Remove my picture").wait_for()
    key = User.objects.get(username="ada").picture

    for path, edge in (("/@ada/", 256), ("/", 96), ("/users/", 96), ("/explore/", 96)):
        page.goto(path)
        image = page.locator(f'img.avatar[src$="{key}-{edge}.webp"]').first
        image.wait_for()
        assert image.evaluate("image => image.decode().then(() => image.naturalWidth)") == edge
        box = image.bounding_box()
        assert box["width"] == box["height"]

    page.goto("/users/settings/profile/")
    page.get_by_label("Remove my picture").check()
    page.get_by_role("button", name="Save").click()
    page.get_by_role("status").get_by_text("Saved.").wait_for()
    page.goto("/@ada/")
    assert page.locator("img.avatar").count() == 0
    assert page.trouble == []


def test_a_feed_address_is_made_and_revoked_without_javascript(open_page, network):
    page = open_page(320, java_script_enabled=False)
    log_in(page, "ada")
    page.goto("/users/settings/")
    page.get_by_role("link", name="Your private feed").click()
    page.get_by_role("button", name="Create feed link").click()
    address = page.get_by_label("Link for your feed reader").input_value()
    assert address.endswith(f"/feeds/{HomeFeed.objects.get().token}/home.atom")
    page.get_by_role("button", name="Delete feed link").click()
    page.get_by_text("You have no feed link yet.").wait_for()
    assert not HomeFeed.objects.exists()


@pytest.mark.parametrize("width", [320, 1920])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_style_page_is_accessible_and_inside_its_window(open_page, network, settings, scheme, width):
    settings.DEBUG = True
    page = open_page(width, color_scheme=scheme)
    page.goto("/style/")
    faults = [
        f"{violation['id']}: {[node['html'] for node in violation['nodes']]}"
        for violation in Axe().run(page, options=LEVELS).response["violations"]
    ]
    assert faults == []
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
