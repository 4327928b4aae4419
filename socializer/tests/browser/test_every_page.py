"""Every page and state: accessible, valid, inside its window, and at peace with the browser."""

import gzip
import os
import shutil
import subprocess
from datetime import timedelta
from io import StringIO
from itertools import product

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.staticfiles import finders
from django.core.management import call_command
from django.test import override_settings
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from accounts.announcements.models import Announcement
from accounts.emails.unsubscribe import unsubscribe_url
from accounts.joining.models import Application, Invitation, InvitationUse
from accounts.models import Mute, SiteSettings, User
from accounts.moderation.models import Appeal, ModerationAction, Report, Rule
from accounts.notifications import types
from accounts.tests.factories import PASSWORD, UserFactory
from accounts.tests.pictures import picture_bytes
from posts.ids import RANDOM_BITS
from posts.models import Post
from posts.reading.models import ReadMarker
from posts.tests.factories import FilterFactory, PostFactory, ReportFactory
from socializer.tests.browser.conftest import log_in

LEVELS = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
LOCALES = {"en": "en-US", "zh-hans": "zh-CN"}
# In which windows and schemes every page is judged in each language: each width and scheme once. ALL_LOOKS=1 adds the other
# combinations, which takes three times as long.
LOOKS = {"en": [(768, "dark"), (1280, "light")], "zh-hans": [(320, "light"), (1920, "dark")]}
if os.environ.get("ALL_LOOKS"):
    LOOKS = dict.fromkeys(LOOKS, list(product((320, 768, 1280, 1920), ("light", "dark"))))

# A new property that forms.js sets.
UNKNOWN_TO_CHECKER = ".*field-sizing.*"


@pytest.fixture
def network(network):
    return with_an_edited_post(network)


def with_an_edited_post(network):
    """With a post that was edited, and can be again."""
    edited = Post(author=network["ada"], content="Frist!")
    edited.publish()
    edited.edit("First!")
    edited.like(network["bob"])
    Post.objects.by(network["bob"]).visible().latest("pk").bookmark(network["ada"])
    network["bob"].follow(network["ada"])
    Post(author=network["bob"], content="Well done, @ada", in_reply_to=edited).publish()
    Post(author=network["bob"], content="@ada was first").publish()
    action = ModerationAction.record(
        "warn", network["ada"], by=network["bob"], reason="Be kind.", rule_title="§ 1"
    )
    thread = [network["other"]]
    for author in ("ada", "bob", "zoe", "ada", "bob", "zoe"):
        thread.append(
            PostFactory(author=network[author], in_reply_to=thread[-1], content=f"A reply by {author}")
        )
    Post.objects.get(pk=thread[2].pk).delete()
    PostFactory(author=network["bob"], in_reply_to=edited, content="Congratulations")
    FilterFactory(member=network["ada"], phrase="was first")
    until = timezone.now() + timedelta(days=7)
    filter = FilterFactory(member=network["ada"], phrase="#ephemeral", until=until)
    Mute.objects.create(muter=network["ada"], muted=network["zoe"])
    return network | {"edited": edited, "decision": action, "reply": thread[4], "filter": filter}


def pages_of_a_visitor(network):
    unsubscribe = unsubscribe_url(network["ada"], types.get("new_follower")).partition("8000")[2]
    return [
        "/", "/explore/", "/help/", "/about/", "/rules/", "/privacy/", "/@bob/", f"/@{'z' * 40}/", f"/posts/{network['own'].pk}/", f"/posts/{network['edited'].pk}/history/", f"/posts/{network['edited'].pk}/likes/", "/users/login/", "/users/signup/", "/users/invited/x.y/",
        "/users/password/reset/", "/users/password/reset/done/", "/users/inactive/", "/users/confirm-email/",
        unsubscribe, "/users/unsubscribe/broken/", "/nope/", "/healthz/", "/@bob/?before=1", f"/posts/{network['other'].pk}/", "/@bob/replies/", "/explore/?language=en",
    ]  # fmt: skip


def pages_of_a_member(network):
    return [
        "/", "/?before=1", "/unread/?after=1", "/help/", "/explore/", "/@ada/", "/@bob/", f"/@{'z' * 40}/", "/@ada/followers/", "/@bob/following/",
        "/users/welcome/", "/users/welcome/people/", "/users/", "/users/?q=nobody+at+all", "/users/settings/", "/users/settings/profile/", "/users/settings/emails/", "/users/settings/locale/", "/users/email/", "/users/password/change/",
        "/users/sessions/", "/users/2fa/", "/users/2fa/totp/activate/", "/users/2fa/webauthn/add/", "/users/2fa/webauthn/", "/users/settings/mail/new_follower/",
        "/users/settings/mail/home_by_mail/", "/users/settings/mail/reply/", "/users/settings/mail/like/", "/notifications/", "/notifications/?before=1", "/users/reauthenticate/", "/users/blocks/", "/users/mutes/", "/users/invitations/", "/users/filters/", f"/users/filters/{network['filter'].pk}/", "/@bob/mute/", "/users/decisions/", f"/users/decisions/{network['decision'].pk}/appeal/", "/@bob/report/", "/users/feeds/", "/users/leave/", "/users/logout/", "/posts/add/", f"/posts/{network['own'].pk}/",
        f"/posts/{network['other'].pk}/", f"/posts/{network['other'].pk}/report/",
        f"/posts/{network['edited'].pk}/", f"/posts/{network['edited'].pk}/likes/", f"/posts/{network['own'].pk}/likes/", "/bookmarks/", "/bookmarks/?before=1",
        f"/posts/{network['other'].pk}/reply/", f"/posts/{network['reply'].pk}/", "/@ada/replies/", f"/posts/{network['own'].pk}/replies/", "/explore/?language=zh-hans",
        f"/posts/{network['edited'].pk}/edit/", f"/posts/{network['edited'].pk}/history/",
        f"/posts/{network['own'].pk}/history/", f"/posts/{network['own'].pk}/delete/",
    ]  # fmt: skip


def all_pages(page, network):
    """Go to every page and state in turn, in the active language, yielding where."""
    for path in pages_of_a_visitor(network):
        page.goto(path)
        yield f"visitor {path}"
    SiteSettings.create_first()
    SiteSettings.objects.update(members_only=True)
    page.goto("/")
    page.get_by_text(_("Only members can see posts and profiles.")).wait_for()
    yield "visitor on a site for members only"
    SiteSettings.objects.update(members_only=False)
    page.goto("/users/signup/")
    page.get_by_role("main").get_by_role("button", name=_("Sign up")).click()
    page.get_by_text(_("Choose a username.")).first.wait_for()
    yield "sign-up with errors"
    page.get_by_label(_("Password")).press_sequentially("password")
    page.get_by_text(_("This password is too common. Try three or four unrelated words.")).wait_for()
    yield "sign-up with an error while typing"
    page.goto("/users/login/")
    page.get_by_label(_("Username or email")).fill("ada")
    page.get_by_label(_("Password")).fill("wrong")
    page.get_by_role("button", name=_("Log in")).click()
    page.get_by_role("alert").wait_for()
    yield "log-in with errors"
    log_in(page, "ada")
    page.goto("/users/reauthenticate/?next=/users/2fa/")
    yield "reauthentication"
    page.get_by_label(_("Password")).fill(PASSWORD)
    page.get_by_role("button", name=_("Confirm")).click()
    page.wait_for_url("**/users/2fa/")
    for path in pages_of_a_member(network):
        page.goto(path)
        yield f"member {path}"
    page.get_by_role("button", name=_("Delete")).click()
    page.get_by_text(_("Post deleted.")).wait_for()
    yield "home with a message"
    page.get_by_label(_("New post")).fill("x" * 520)
    page.get_by_role("button", name=_("Post"), exact=True).click()
    page.locator("[name=content][aria-invalid=true]").wait_for()
    yield "home with a refused text"
    page.get_by_label(_("New post")).fill("Hello")
    page.get_by_role("button", name=_("Post"), exact=True).click()
    page.locator("article:focus").wait_for()
    yield "home with a post that was just written"
    page.get_by_label(_("New post")).fill("Not yet")
    page.reload()
    page.get_by_text(_("Draft restored.")).wait_for()
    yield "home with a draft"
    page.get_by_role("button", name=_("Discard")).click()
    page.goto("/posts/add/")
    page.get_by_label(_("New post")).fill("x" * 520)
    page.get_by_role("button", name=_("Post"), exact=True).click()
    page.locator("[name=content][aria-invalid=true]").wait_for()
    yield "post with errors"
    page.context.clear_cookies(name="csrftoken")
    page.get_by_role("button", name=_("Post"), exact=True).click()
    page.get_by_label(_("Your text is still here")).wait_for()
    yield "a page that was open too long, with a text"
    # Three of the posts, each of another minute, are new.
    read = network["other"].pk - (3 * 60_000 << RANDOM_BITS)
    ReadMarker.objects.filter(reader=network["ada"]).update(position=read, divider=read)
    page.goto("/")
    page.get_by_text(_("You've read everything below.")).wait_for()
    yield "home with something new"
    page.keyboard.press("?")
    page.get_by_role("dialog").wait_for()
    yield "the keys"
    page.goto("/users/settings/profile/")
    page.get_by_label(_("Picture"), exact=True).set_input_files(
        {"name": "x.svg", "mimeType": "image/svg+xml", "buffer": b"<svg/>"}
    )
    page.get_by_role("button", name=_("Save")).click()
    page.locator("[name=picture][aria-invalid=true]").wait_for()
    yield "settings with a picture that is none"
    page.get_by_label(_("Picture"), exact=True).set_input_files(
        {"name": "x.png", "mimeType": "image/png", "buffer": picture_bytes(format="PNG")}
    )
    page.get_by_role("button", name=_("Save")).click()
    page.get_by_label(_("Remove my picture")).wait_for()
    yield "settings with a picture"
    page.goto("/users/welcome/")
    page.get_by_label(_("Picture"), exact=True).set_input_files(
        {"name": "x.svg", "mimeType": "image/svg+xml", "buffer": b"<svg/>"}
    )
    page.get_by_role("button", name=_("Save and continue")).click()
    page.locator("[name=picture][aria-invalid=true]").wait_for()
    yield "welcome with a picture that is none"
    page.goto("/users/welcome/people/")
    with page.expect_response("**/follow/"):
        page.get_by_role("button", name=_("Follow"), exact=True).first.click()
    page.locator(".follow-form[action$='/unfollow/']").wait_for()
    yield "suggestions with a follow"
    with page.expect_response("**/unfollow/"):
        page.locator(".follow-button.followed").click()
    page.goto("/users/feeds/")
    page.get_by_role("button", name=_("Create feed link")).click()
    page.get_by_label(_("Link for your feed reader")).wait_for()
    yield "a private feed's address"
    yield from announcements(page)
    yield from refusals(page, network)


def announcements(page):
    """An announcement above home, and new rules."""
    tomorrow = timezone.now() + timedelta(days=1)
    text = "We're moving on Saturday. See https://example.org/" + "long" * 30
    Announcement.objects.create(text=text, language="en", ends_on=tomorrow)
    page.goto("/")
    page.locator(".announcement").wait_for()
    yield "home with an announcement"
    page.locator(".announcement").get_by_role("button", name=_("Dismiss")).click()
    page.locator(".announcement").wait_for(state="detached")
    rule = Rule.objects.create(title="Write in rhyme", text="All the time.")
    Announcement.objects.create(text=text, language="en", new_rules=True)
    page.goto("/explore/")
    page.get_by_role("heading", name=_("New rules")).wait_for()
    yield "new rules"
    page.get_by_role("button", name=_("I accept")).click()
    page.wait_for_url("**/explore/")
    rule.delete()


def refusals(page, network):
    """What a limit refuses, in its place and on a page of its own, and a text that arrives after the session has ended."""
    with override_settings(FOLLOW_LIMIT=(0, 600), EXPORT_LIMIT=(0, 600)):
        page.goto("/@cleo/")
        page.get_by_role("button", name=_("Follow"), exact=True).click()
        page.locator(".follow-form [role=alert]").wait_for()
        yield "a follow over the limit"
        page.goto("/users/export/")
        page.get_by_text(_("Slow down a little")).wait_for()
        yield "a page over the limit"
    page.goto("/posts/add/")
    page.locator("input[name=writer]").evaluate("field => field.remove()")
    page.get_by_label(_("New post")).fill("Too late")
    page.context.clear_cookies(name="sessionid")
    page.get_by_role("button", name=_("Post"), exact=True).click()
    page.get_by_label(_("Your text is still here")).wait_for()
    yield "a text whose writer is unknown"
    User.objects.get(username="ada").suspend(
        by=User.objects.get(username="bob"), reason="Spam.", until=timezone.now() + timedelta(days=7)
    )
    page.context.clear_cookies()
    page.goto("/users/login/")
    page.get_by_label(_("Username or email")).fill("ada")
    page.get_by_label(_("Password")).fill(PASSWORD)
    page.get_by_role("button", name=_("Log in")).click()
    page.get_by_role("heading", name=_("Your account is suspended")).wait_for()
    yield "a suspended member"
    yield from moderation(page, network)


def moderation(page, network):
    """The pages for moderators, with a card of each kind, an appeal, and a refused decision."""
    call_command("appoint_moderator", UserFactory(username="mo").username, stdout=StringIO())
    Rule.objects.create(title="No spam")
    ReportFactory(post=network["other"], reporter=network["bob"], note="Look at this")
    Post.objects.filter(pk=network["other"].pk).update(content="Harmless")
    ReportFactory(post=Post.objects.filter(author=network["zoe"]).latest("pk"))
    ReportFactory(post=PostFactory(author=User.objects.get(username="mo")))
    Report.new(network["bob"], reporter=network["zoe"], reason="identity").save()
    Appeal.objects.create(action=network["decision"], person=network["ada"], text="But why?")
    page.context.clear_cookies()
    log_in(page, "mo")
    for path in ("", "people/ada/", "people/bob/", "record/", "record/?q=nothing"):
        page.goto(f"/admin/moderation/{path}")
        yield f"moderator {path}"
    page.goto("/admin/moderation/")
    card = page.locator(f"#card-post-{network['other'].pk}")
    card.get_by_role("button", name=_("Hide post")).click()
    page.get_by_text(_("Give a reason. The person concerned will read it.")).wait_for()
    yield "a refused decision"
    card.get_by_label(_("Reason")).fill("It's spam.")
    card.get_by_role("button", name=_("Hide post")).click()
    page.get_by_text(_("Post by @%(name)s hidden.") % {"name": "cleo"}).first.wait_for()
    yield "a decision"
    page.goto("/admin/moderation/")
    yield "the queue after a decision"
    yield from joining(page)


def joining(page):
    """What a moderator who invites sees, and people who want to join, in each mode of the site."""
    page.goto("/users/invitations/")
    page.get_by_label(_("How many people can use it?")).fill("0")
    page.get_by_role("button", name=_("Create invitation")).click()
    page.locator("[name=limit][aria-invalid=true]").wait_for()
    yield "an invitation for nobody"
    page.get_by_label(_("How many people can use it?")).fill("10")
    page.get_by_role("button", name=_("Create invitation")).click()
    link = page.get_by_label(_("Invitation link")).input_value()
    InvitationUse.objects.create(invitation=Invitation.find(link.split("/")[-2]), person=UserFactory())
    page.goto("/users/invitations/")
    yield "invitations"
    page.context.clear_cookies()
    SiteSettings.create_first()
    for mode in ("invitation", "closed", "approval"):
        SiteSettings.objects.update(signup_mode=mode)
        for path in ("/", "/users/login/", "/users/signup/", link.partition("8000")[2] or link):
            page.goto(path)
            yield f"{mode} {path}"
    page.goto("/users/signup/")
    page.get_by_label(_("Username")).fill("heidi")
    page.get_by_label(_("Email")).fill("heidi@example.org")
    page.get_by_label(_("Password")).fill(PASSWORD)
    page.get_by_label(_("Why do you want to join?")).fill("I keep bees, too.")
    page.get_by_role("main").get_by_role("button", name=_("Ask to join")).click()
    page.get_by_role("heading", name=_("Your application is waiting")).wait_for()
    yield "an application that waits"
    for path in ("/users/settings/locale/", "/users/leave/", link.partition("8000")[2] or link):
        page.goto(path)
        yield f"applicant {path}"
    Application.objects.update(state="refused", decided_on=timezone.now(), reason="No.")
    page.goto("/")
    yield "an application that was refused"
    page.context.clear_cookies()
    Application.objects.update(state="waiting", decided_on=None, reason="")
    log_in(page, "mo")
    for path in ("", "people/heidi/"):
        page.goto(f"/admin/moderation/{path}")
        page.get_by_text("I keep bees, too.").wait_for()
        yield f"an application, for a moderator, {path}"


@pytest.mark.parametrize("language", LOOKS)
def test_accessible_and_inside_its_window(open_page, network, language):
    page = open_page(locale=LOCALES[language])
    axe = Axe()
    faults = []
    with translation.override(language):
        for where in all_pages(page, network):
            for width, scheme in LOOKS[language]:
                page.set_viewport_size({"width": width, "height": 800})
                page.emulate_media(color_scheme=scheme)
                look = f"{where}, {scheme}, {width} pixels"
                for violation in axe.run(page, options=LEVELS).response["violations"]:
                    nodes = [node["html"] for node in violation["nodes"]]
                    faults.append(f"{look}: {violation['id']}: {violation['help']}: {nodes}")
                if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                    faults.append(f"{look}: scrolls sideways")

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


@pytest.mark.parametrize("language", LOCALES)
def test_valid_html(open_page, network, tmp_path, language):
    """What the server sends, and where scripts have changed a page since then, what they made of it."""
    jar = os.environ.get("VNU_JAR")
    if not (jar and shutil.which("java")):
        pytest.skip("The Nu HTML checker is not on this machine: set VNU_JAR.")
    page = open_page(locale=LOCALES[language])
    documents = []
    page.on(
        "response",
        lambda response: documents.append(response) if response.request.is_navigation_request() else None,
    )
    where = {}
    with translation.override(language):
        for number, place in enumerate(all_pages(page, network)):
            file = tmp_path / f"{number}.html"
            file.write_bytes(documents[-1].body() if documents else page.content().encode())
            documents.clear()
            where[file.name] = place
    checked = subprocess.run(  # noqa: S603
        ["java", "-jar", jar, "--errors-only", "--format", "gnu", "--filterpattern", UNKNOWN_TO_CHECKER, *map(str, sorted(tmp_path.iterdir()))],  # noqa: S607
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert checked.stderr == "", where


def test_valid_css():
    jar = os.environ.get("VNU_JAR")
    if not (jar and shutil.which("java")):
        pytest.skip("The Nu HTML checker is not on this machine: set VNU_JAR.")
    sheets = [finders.find(name) for name in ("accounts/site.css", "socializer/style.css")]
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
