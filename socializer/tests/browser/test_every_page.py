"""Every page and state: accessible, valid, inside its window, and at peace with the browser."""

import gzip
import os
import shutil
import subprocess

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.staticfiles import finders
from django.test import override_settings

from accounts.emails import kinds
from accounts.emails.unsubscribe import unsubscribe_url
from accounts.tests.factories import PASSWORD
from accounts.tests.pictures import picture_bytes
from posts.ids import RANDOM_BITS
from posts.models import Post, ReadMark
from socializer.tests.browser.conftest import log_in

LEVELS = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


@pytest.fixture
def network(network):
    return with_an_edited_post(network)


def with_an_edited_post(network):
    """With a post that was edited, and can be again."""
    edited = Post(author=network["ada"], content="Frist!")
    edited.publish()
    edited.edit("First!")
    return network | {"edited": edited}


def pages_of_a_visitor(network):
    unsubscribe = unsubscribe_url(network["ada"], kinds.get("new_follower")).partition("8000")[2]
    return [
        "/", "/explore/", "/help/", "/about/", "/rules/", "/privacy/", "/@bob/", f"/@{'z' * 40}/", f"/posts/{network['own'].pk}/", f"/posts/{network['edited'].pk}/history/", "/users/login/", "/users/signup/",
        "/users/password/reset/", "/users/password/reset/done/", "/users/inactive/", "/users/confirm-email/",
        unsubscribe, "/users/unsubscribe/broken/", "/nope/", "/healthz/", "/@bob/?before=1",
    ]  # fmt: skip


def pages_of_a_member(network):
    return [
        "/", "/?before=1", "/unread/?after=1", "/help/", "/explore/", "/@ada/", "/@bob/", f"/@{'z' * 40}/", "/@ada/followers/", "/@bob/following/",
        "/users/", "/users/?q=nobody+at+all", "/users/settings/", "/users/email/", "/users/password/change/",
        "/users/sessions/", "/users/2fa/", "/users/2fa/totp/activate/", "/users/2fa/webauthn/add/", "/users/2fa/webauthn/", "/users/settings/mail/new_follower/",
        "/users/settings/mail/home_by_mail/", "/users/reauthenticate/", "/users/blocks/", "/users/feeds/", "/users/leave/", "/users/logout/", "/posts/add/", f"/posts/{network['own'].pk}/",
        f"/posts/{network['other'].pk}/", f"/posts/{network['other'].pk}/report/",
        f"/posts/{network['edited'].pk}/edit/", f"/posts/{network['edited'].pk}/history/",
        f"/posts/{network['own'].pk}/history/", f"/posts/{network['own'].pk}/delete/",
    ]  # fmt: skip


def all_pages(page, network):
    """Go to every page and state in turn, yielding where."""
    for path in pages_of_a_visitor(network):
        page.goto(path)
        yield f"visitor {path}"
    page.goto("/users/signup/")
    page.locator("main form").first.evaluate("form => { form.noValidate = true; form.submit() }")
    page.get_by_text("This field is required.").first.wait_for()
    yield "sign-up with errors"
    page.goto("/users/login/")
    page.get_by_label("Username or email").fill("ada")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("alert").wait_for()
    yield "log-in with errors"
    log_in(page, "ada")
    page.goto("/users/reauthenticate/?next=/users/2fa/")
    yield "reauthentication"
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Confirm").click()
    page.wait_for_url("**/users/2fa/")
    for path in pages_of_a_member(network):
        page.goto(path)
        yield f"member {path}"
    page.get_by_role("button", name="Delete").click()
    page.get_by_text("Post deleted.").wait_for()
    yield "home with a message"
    page.goto("/posts/add/")
    page.get_by_label("New post").fill("x" * 520)
    page.get_by_role("button", name="Post", exact=True).click()
    page.get_by_text("Take out 20.").wait_for()
    yield "post with errors"
    page.context.clear_cookies(name="csrftoken")
    page.get_by_role("button", name="Post", exact=True).click()
    page.get_by_label("Your text is still here").wait_for()
    yield "a page that was open too long, with a text"
    # Three of the posts, each of another minute, are new.
    read = network["other"].pk - (3 * 60_000 << RANDOM_BITS)
    ReadMark.objects.filter(reader=network["ada"]).update(position=read, line=read)
    page.goto("/")
    page.get_by_text("You are here").wait_for()
    yield "home with something new"
    page.keyboard.press("?")
    page.get_by_role("dialog").wait_for()
    yield "the keys"
    page.goto("/users/settings/")
    page.get_by_label("Picture", exact=True).set_input_files(
        {"name": "x.svg", "mimeType": "image/svg+xml", "buffer": b"<svg/>"}
    )
    page.get_by_role("button", name="Save").click()
    page.get_by_text("Use JPEG, PNG").last.wait_for()
    yield "settings with a picture that is none"
    page.get_by_label("Picture", exact=True).set_input_files(
        {"name": "x.png", "mimeType": "image/png", "buffer": picture_bytes(format="PNG")}
    )
    page.get_by_role("button", name="Save").click()
    page.get_by_label("Remove my picture").wait_for()
    yield "settings with a picture"
    page.goto("/users/feeds/")
    page.get_by_role("button", name="Make an address").click()
    page.get_by_label("Address for your feed reader").wait_for()
    yield "a private feed's address"
    yield from refusals(page)


def refusals(page):
    """What a limit refuses, in its place and on a page of its own, and a text that arrives after the session has ended."""
    with override_settings(FOLLOW_LIMIT=(0, 600), EXPORT_LIMIT=(0, 600)):
        page.goto("/@cleo/")
        page.get_by_role("button", name="Follow", exact=True).click()
        page.get_by_text("Try again in").wait_for()
        yield "a follow over the limit"
        page.goto("/users/export/")
        page.get_by_text("Slow down a little").wait_for()
        yield "a page over the limit"
    page.goto("/posts/add/")
    page.locator("input[name=writer]").evaluate("field => field.remove()")
    page.get_by_label("New post").fill("Too late")
    page.context.clear_cookies(name="sessionid")
    page.get_by_role("button", name="Post", exact=True).click()
    page.get_by_label("Your text is still here").wait_for()
    yield "a text whose writer is unknown"


@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_accessible_and_inside_its_window(open_page, network, scheme, width):
    page = open_page(width, color_scheme=scheme)
    axe = Axe()
    faults = []
    for where in all_pages(page, network):
        for violation in axe.run(page, options=LEVELS).response["violations"]:
            nodes = [node["html"] for node in violation["nodes"]]
            faults.append(f"{where}: {violation['id']}: {violation['help']}: {nodes}")
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            faults.append(f"{where} scrolls sideways")

    assert faults == []
    assert page.trouble == []


def test_twice_the_text_size_on_a_small_phone_stays_inside(open_page, network):
    page = open_page(320)
    faults = []
    for where in all_pages(page, network):
        page.evaluate("document.documentElement.style.fontSize = '200%'")
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            faults.append(where)

    assert faults == []


def test_valid_html(open_page, network, tmp_path):
    jar = os.environ.get("VNU_JAR")
    if not (jar and shutil.which("java")):
        pytest.skip("The Nu HTML checker is not on this machine: set VNU_JAR.")
    page = open_page(java_script_enabled=False)
    where = {}
    answers = []
    page.on(
        "response",
        lambda response: answers.append(response) if response.request.is_navigation_request() else None,
    )
    for number, place in enumerate(pages_of_a_visitor(network) + ["log in"] + pages_of_a_member(network)):
        if place == "log in":
            log_in(page, "ada")
            continue
        answers.clear()
        page.goto(place)
        file = tmp_path / f"{number}.html"
        file.write_bytes(answers[-1].body())
        where[file.name] = place
    checked = subprocess.run(  # noqa: S603
        ["java", "-jar", jar, "--errors-only", "--format", "gnu", *map(str, sorted(tmp_path.iterdir()))],  # noqa: S607
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert checked.stderr == "", where


def test_valid_css():
    jar = os.environ.get("VNU_JAR")
    if not (jar and shutil.which("java")):
        pytest.skip("The Nu HTML checker is not on this machine: set VNU_JAR.")
    sheets = [finders.find(f"socializer/{name}.css") for name in ("site", "style")]
    checked = subprocess.run(  # noqa: S603
        ["java", "-jar", jar, "--css", "--errors-only", "--format", "gnu", *sheets],  # noqa: S607
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (checked.returncode, checked.stderr) == (0, "")


def test_the_first_visit_to_home_is_light(open_page, network):
    """At most 45 kB with everything, as gzip has it; brotli, which a real site serves, is smaller."""
    known = open_page()
    log_in(known, "ada")
    page = open_page(storage_state=known.context.storage_state())
    responses = []
    page.on("response", lambda response: responses.append(response))
    page.goto("/")
    page.wait_for_load_state("networkidle")
    bodies = {response.url: response.body() for response in responses}

    assert {url.rpartition(".")[2] for url in bodies} >= {"css", "js"}
    assert sum(len(gzip.compress(body)) for body in bodies.values()) <= 45_000
