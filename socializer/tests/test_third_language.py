"""A third language is one file, and everything on the site can be translated into it: see socializer/tests/pseudo.py."""

import re
import shutil

import pytest
from django.conf.locale import LANG_INFO
from django.core.management import call_command
from django.test import Client, override_settings
from django.urls import reverse
from django.utils import translation

from accounts.emails.models import Delivery, SuppressedAddress
from accounts.emails.samples import REQUESTED, all_samples
from accounts.jobs.models import Job
from accounts.models import Follow, User
from accounts.moderation.actions import moderate
from accounts.moderation.models import ModerationAction
from accounts.tests.factories import PASSWORD, UserFactory
from posts.models import Post
from posts.tests.factories import ReportFactory
from socializer.tests import pseudo
from socializer.tests.browser.conftest import make_network
from socializer.tests.browser.test_every_page import (
    pages_of_a_member,
    pages_of_a_visitor,
    with_an_edited_post,
)
from socializer.tests.test_chinese import IN_ENGLISH, NAMES, written_by_people
from socializer.tests.test_chinese_admin import ADMIN_IN_ENGLISH, CODE

# Names that are the same in every language.
BROWSER = ("Firefox", "Linux")
# What the admin shows as it is stored: names of jobs, notification types and permissions, arguments with times, and reasons.
AS_STORED = re.compile(rf"{CODE.pattern}|^(?:mention|reply)$| \| Can |^\d{{4}}-\d\d-\d\dT|^Be kind\.$")

pytestmark = pytest.mark.skipif(not shutil.which("msgmerge"), reason="needs gettext")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with nothing but the catalogue of the new language, made as a contributor makes it."""
    folder = tmp_path_factory.mktemp("locale")
    with override_settings(LOCALE_PATHS=[folder]):
        call_command("makemessages", locale=[pseudo.CODE], verbosity=0)
    pseudo.translate(folder / pseudo.CODE / "LC_MESSAGES" / "django.po")
    return folder


@pytest.fixture
def visitor(db, folder, settings, monkeypatch):
    """Someone whose browser asks for the new language, on a site that offers it."""
    info = {"bidi": False, "code": pseudo.CODE, "name": "Pseudo", "name_local": "Pseudo"}
    monkeypatch.setitem(LANG_INFO, pseudo.CODE, info)
    settings.LOCALE_PATHS = [folder]
    settings.LANGUAGES = [("en", "English"), (pseudo.CODE, "Pseudo")]
    return Client(headers={"accept-language": pseudo.CODE})


@pytest.fixture
def network(visitor):
    network = with_an_edited_post(make_network())
    User.objects.update(language=pseudo.CODE)
    return network


def known():
    return [
        *written_by_people(),
        *NAMES,
        *User.objects.values_list("username", flat=True),
        "English",
        "Pseudo",
    ]


def walk(client, paths):
    """Return the texts on the pages that can't be translated, by path."""
    answers = {path: client.get(path) for path in paths if path not in IN_ENGLISH}
    pages = {
        path: answer.content.decode()
        for path, answer in answers.items()
        if answer["Content-Type"].startswith("text/html") and answer.content
    }
    return {path: texts for path, html in pages.items() if (texts := pseudo.untranslatable(html, known()))}


def test_texts_without_marks_are_found():
    html = '<html lang="xx"><p title="A title">⟦Ƀóďý⟧ <b>Bold</b> ⟦ţéẋţ <i>í</i> éńđ⟧</p> <i>⟦ĥáś Word⟧</i> мир</html>'
    assert pseudo.untranslatable(html) == ["A title", "Bold", "⟦ĥáś Word⟧", "мир"]
    assert pseudo.untranslatable(html, ["Word", "Bold"]) == ["A title", "мир"]
    assert pseudo.untranslatable('<html lang="en"></html>') == ["lang=en"]


def test_pages_for_visitors(visitor, network):
    assert walk(visitor, pages_of_a_visitor(network)) == {}


def test_pages_for_members(visitor, network):
    visitor.force_login(network["ada"])
    visitor.post("/users/reauthenticate/", {"password": PASSWORD})
    assert walk(visitor, pages_of_a_member(network)) == {}


def test_pages_of_someone_new(visitor):
    newcomer = UserFactory(username="newcomer", language=pseudo.CODE)
    visitor.force_login(newcomer)
    lists = [
        "/",
        "/explore/",
        "/users/",
        "/bookmarks/",
        "/notifications/",
        "/users/filters/",
        "/users/mutes/",
    ]
    assert walk(visitor, [*lists, "/@newcomer/", "/@newcomer/followers/", "/@newcomer/following/"]) == {}


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("/users/signup/", {}),
        ("/users/signup/", {"username": "a b", "email": "nonsense", "password1": "12345678"}),
        ("/users/login/", {"login": "taken", "password": "wrong"}),
        ("/users/password/reset/", {"email": "nonsense"}),
        ("/posts/add/", {"content": ""}),
        ("/posts/add/", {"content": "x" * 520}),
        ("/users/settings/profile/", {}),
        ("/users/leave/", {"password": "wrong"}),
        ("/users/password/change/", {"oldpassword": "wrong"}),
        ("/users/email/", {"email": "nonsense", "action_add": ""}),
        ("/users/filters/", {"phrase": "a"}),
        ("/@member/mute/", {}),
    ],
)
def test_errors_in_forms(visitor, path, data):
    UserFactory(username="member")
    if not path.startswith(("/users/signup", "/users/login", "/users/password/reset")):
        visitor.force_login(UserFactory(language=pseudo.CODE))
    response = visitor.post(path, data)
    values = [*known(), *(value for value in data.values() if len(value) > 1)]
    assert pseudo.untranslatable(response.content.decode(), values) == []


@pytest.mark.parametrize("path", ["/nope/", "/?before=nonsense", "/@member/follow/"])
def test_error_pages(visitor, path):
    UserFactory(username="member")
    assert walk(visitor, [path]) == {}


@pytest.mark.parametrize("name", all_samples())
def test_emails(visitor, settings, name):
    settings.LANGUAGE_CODE = pseudo.CODE  # The recipients of samples have chosen no language.
    with translation.override(pseudo.CODE):
        mail = all_samples()[name].message("you@example.org")
    html, _type = mail.alternatives[0]
    values = [*known(), "you@example.org", "Ada Lovelace", *BROWSER, *REQUESTED["login_code"].values()]
    assert pseudo.untranslatable_texts([mail.subject], values) == []
    assert pseudo.untranslatable_texts(mail.body.splitlines(), values) == []
    assert pseudo.untranslatable(html, values) == []


def test_pages_of_the_admin(network, visitor, run_jobs):
    root = UserFactory(username="root", is_staff=True, is_superuser=True, language=pseudo.CODE)
    visitor.force_login(root)
    network["bob"].follow(network["ada"])
    run_jobs()
    SuppressedAddress.objects.create(address="x@b.org", answer="550")
    ReportFactory(post=network["other"], reporter=network["bob"])
    moderate(root, Post.hide, Post.objects.filter(pk=network["own"].pk), "⟦⟧")
    rows = [model.objects.first() for model in (Follow, ModerationAction, Delivery, SuppressedAddress, Job)]
    rows += [Post.objects.get(pk=network["own"].pk), network["ada"]]
    paths = ["/admin/accounts/user/", "/admin/accounts/job/?state=all", "/admin/"]
    paths += ["/admin/moderation/", "/admin/moderation/people/bob/", "/admin/moderation/record/"]
    for row in rows:
        name = f"admin:{row._meta.app_label}_{row._meta.model_name}"
        paths += [reverse(f"{name}_changelist"), reverse(f"{name}_change", args=[row.pk])]
    found = {text for texts in walk(visitor, paths).values() for text in texts}
    assert {text for text in found - ADMIN_IN_ENGLISH if not AS_STORED.search(text)} == set()
