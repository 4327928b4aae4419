"""Names as long as they may be, on a phone."""

from playwright.sync_api import expect

from socializer.tests.browser.conftest import log_in


def top_and_bottom(locator):
    box = locator.bounding_box()
    return box["y"], box["y"] + box["height"]


def test_the_buttons_of_a_follower_stand_side_by_side(open_page, network):
    page = open_page(390)
    log_in(page, "ada")
    page.goto("/@ada/followers/")
    row = page.get_by_role("listitem").filter(has_text="Donaudampfschifffahrtsgesellschaft")

    following, remove = (row.get_by_role("button", name=name) for name in ("Following", "Remove"))
    assert top_and_bottom(following) == top_and_bottom(remove)


def test_a_profile_gives_the_name_the_line_and_puts_the_buttons_below(open_page, network):
    for width in (320, 390, 1280):
        page = open_page(width)
        log_in(page, "ada")
        page.goto(f"/@{'z' * 40}/")
        text = page.locator(".profile-text")
        button = page.get_by_role("button", name="Following")

        expect(button).to_be_visible()
        assert top_and_bottom(text)[1] <= top_and_bottom(button)[0]
        assert page.locator(".profile .avatar").bounding_box()["x"] < text.bounding_box()["x"]
