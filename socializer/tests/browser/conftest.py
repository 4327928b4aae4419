"""A real Chromium: Debian's, or whatever is on the PATH. Never downloaded.

Without one the tests here are skipped, but not in CI, where they must run.
"""

import os
import re
import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.tests.factories import PASSWORD, FollowFactory, UserFactory
from posts import ids
from posts.models import Post
from posts.tests.factories import PostFactory

SCREENSHOTS = Path(__file__).resolve().parents[3] / "var" / "failed-tests"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def pytest_collection_modifyitems(items):
    for item in items:
        if "/browser/" in str(item.path):
            item.add_marker(pytest.mark.browser)
            if CHROMIUM is None and not os.environ.get("CI"):
                item.add_marker(pytest.mark.skip(reason="There is no Chromium on this machine."))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """A test that failed leaves a picture of each page that it had open, and says where."""
    report = yield
    if report.when == "call" and report.failed:
        files = [picture(page, item.name, number) for number, page in enumerate(getattr(item, "pages", []))]
        report.sections.append(("Screenshots", "\n".join(files)))
    return report


def picture(page, name, number):
    file = SCREENSHOTS / f"{re.sub(r'[^a-zA-Z0-9]+', '-', name)}-{number}.png"
    try:
        page.screenshot(path=file, full_page=True)
    except Exception as error:  # What failed may be the page itself.
        return f"none: {error}"
    return str(file)


@pytest.fixture(scope="session", autouse=True)
def _queries_beside_playwrights_event_loop():
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    yield
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args):
    arguments = ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    if os.getuid() == 0:
        arguments.append("--no-sandbox")
    return browser_type_launch_args | {"executable_path": CHROMIUM, "args": arguments}


@pytest.fixture
def open_page(browser, live_server, request):
    """Returns a function that opens a page of its own; its arguments are those of a browser context.

    `page.trouble` collects what the browser complains of, and requests to anywhere else.
    """
    contexts = []
    request.node.pages = []

    def open_page(width=1280, **options):
        context = browser.new_context(
            base_url=live_server.url, viewport={"width": width, "height": 800}, **options
        )
        context.set_default_timeout(10_000)
        contexts.append(context)
        page = context.new_page()
        request.node.pages.append(page)
        page.trouble = []
        page.on("console", lambda message: note_console(page, message))
        page.on("pageerror", lambda error: page.trouble.append(str(error)))
        page.on("request", lambda request: note_request(page, request, live_server.url))
        return page

    yield open_page
    for context in contexts:
        context.close()


def note_console(page, message):
    # A page that answers 404 is said to have failed to load, which is what a test of it wants.
    if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
        page.trouble.append(message.text)


def note_request(page, request, home):
    if not request.url.startswith((home, "data:", "blob:")):
        page.trouble.append(f"asked for {request.url}")


def log_in(page, username):
    """Log in on a page in the active language."""
    page.goto("/users/login/")
    page.get_by_label(_("Username or email")).fill(username)
    page.get_by_label(_("Password")).fill(PASSWORD)
    page.get_by_role("button", name=_("Log in")).click()
    page.wait_for_url("**/")


@pytest.fixture
def network(transactional_db):
    return make_network()


def make_network():
    """Ada, who follows Bob, who has written a lot; Zoë with forty letters; and texts that try to break out."""
    ada = UserFactory(username="ada", display_name="Ada Lovelace", bio="Numbers.")
    bob = UserFactory(username="bob", display_name="Bob")
    zoe = UserFactory(username="z" * 40, display_name="Zoë von und zu Donaudampfschifffahrtsgesellschaft")
    FollowFactory(follower=ada, followed=bob)
    FollowFactory(follower=zoe, followed=ada)
    FollowFactory(follower=ada, followed=zoe)
    for number in range(45):
        PostFactory(author=bob, content=f"Bob's post {number}")
    for content in (
        "x" * 500,
        "<script>alert(1)</script> & “quotes”",
        "مرحبا بالعالم، هذا نص من اليمين إلى اليسار",
        "ภาษาไทย" * 70,
        "👨‍👩‍👧‍👦 👩🏽‍🚀 🏳️‍🌈",
        "z" + "\u0336" * 8 + " https://example.org/" + "path/" * 60,
        "Hello @ada and @nobody\n\nsecond paragraph",
    ):
        PostFactory(author=zoe, content=content)
    other = PostFactory(author=UserFactory(username="cleo"), content="Judge me")
    own = PostFactory(author=ada, content="My own post")
    return {"ada": ada, "bob": bob, "zoe": zoe, "own": own, "other": other}


def write_now(author, count=1):
    now = timezone.now() - timedelta(seconds=10)
    return [
        PostFactory(author=author, content=f"Fresh {n}", id=ids.first_id_at(now + timedelta(seconds=n)))
        for n in range(count)
    ]


def top_of(page, post):
    return page.locator(f"#post-{post.pk}").evaluate("post => post.getBoundingClientRect().top")


@pytest.fixture
def old_posts(network):
    """Bob's posts, newest first."""
    return list(Post.objects.by(network["bob"]).order_by("-id"))
