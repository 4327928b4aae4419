"""The site in Chinese: no page, email or error has a word of English."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP
from django.conf import settings
from django.test import Client

from accounts.models import User
from accounts.tests.factories import PASSWORD, UserFactory
from posts.filters.models import Filter
from posts.ids import first_id_at
from posts.models import Post
from posts.tests.factories import PostFactory
from socializer.tests.browser.conftest import make_network
from socializer.tests.browser.test_every_page import (
    pages_of_a_member,
    pages_of_a_visitor,
    with_an_edited_post,
)
from socializer.tests.words import Page, foreign_words

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
# Search terms, and the people in previews of emails.
NAMES = ("nobody at all", "Grace Hopper", "Alan Turing", "Katherine Johnson")
# For operators, who also read the logs in English.
IN_ENGLISH = {"/healthz/"}


@pytest.fixture
def chinese_client(db):
    return Client(headers={"accept-language": "zh-CN,zh;q=0.9,en;q=0.5"})


@pytest.fixture
def network(db):
    # Emails and their previews are in the language that the member chose.
    network = with_an_edited_post(make_network())
    User.objects.filter(username="ada").update(language="zh-hans")
    return network


def written_by_people():
    people = User.objects.values_list("username", "display_name", "bio", "email")
    texts = Post.objects.values_list("content", flat=True)
    return [
        *(string for person in people for string in person if string),
        *(part for text in texts for part in (text, text[:159], text[:79])),
        *Filter.objects.values_list("phrase", flat=True),
    ]


def english_in(response):
    page = Page(response.content.decode())
    known = [*written_by_people(), *NAMES, *dict(settings.LANGUAGES).values()]
    found = {text: words for text in page.words if (words := foreign_words(text, known))}
    return found | ({} if page.language == "zh-hans" else {"lang": page.language})


def walk(client, paths):
    """Return the English words on the pages, by path."""
    answers = {path: client.get(path) for path in paths if path not in IN_ENGLISH}
    return {
        path: english
        for path, answer in answers.items()
        if answer["Content-Type"].startswith("text/html")
        and answer.content
        and (english := english_in(answer))
    }


def test_pages_for_visitors(chinese_client, network):
    assert walk(chinese_client, pages_of_a_visitor(network)) == {}


def test_pages_for_members(chinese_client, network):
    chinese_client.force_login(network["ada"])
    chinese_client.post("/users/reauthenticate/", {"password": PASSWORD})

    assert walk(chinese_client, pages_of_a_member(network)) == {}


def test_pages_about_active_two_step_login(chinese_client, member):
    chinese_client.force_login(member)
    chinese_client.post("/users/reauthenticate/", {"password": PASSWORD})
    key = Authenticator.objects.create(user=member, type="webauthn", data={"name": "手机"})
    used = Authenticator.objects.create(
        user=member,
        type="webauthn",
        data={"name": "钥匙", "credential": {"clientExtensionResults": {"credProps": {"rk": False}}}},
        last_used_at=NOON,
    )
    TOTP.activate(member, "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
    RecoveryCodes.activate(member)
    keys = [f"/users/2fa/webauthn/keys/{row.pk}/{act}/" for row in (key, used) for act in ("edit", "remove")]
    paths = ["", "webauthn/", "recovery-codes/", "recovery-codes/generate/", "totp/deactivate/"]
    pages = [*keys, *(f"/users/2fa/{path}" for path in paths)]

    assert {path: chinese_client.get(path).status_code for path in pages} == dict.fromkeys(pages, 200)
    assert walk(chinese_client, pages) == {}


def test_empty_pages(chinese_client):
    newcomer = UserFactory(username="newcomer", display_name="")
    assert walk(chinese_client, ["/", "/explore/", "/@newcomer/"]) == {}
    chinese_client.force_login(newcomer)

    paths = [
        "/",
        "/explore/",
        "/users/",
        "/bookmarks/",
        "/@newcomer/",
        "/@newcomer/followers/",
        "/@newcomer/following/",
    ]
    assert walk(chinese_client, paths) == {}


@pytest.mark.parametrize(
    ("path", "data", "words"),
    [
        ("/users/signup/", {}, "请填写用户名。"),
        (
            "/users/signup/",
            {"username": "taken", "email": "a@b.org", "password1": "x"},
            "这个用户名已被占用，请换一个。",
        ),
        (
            "/users/signup/",
            {"username": "a b", "email": "nonsense", "password1": "12345678"},
            "请输入有效的邮箱地址。",
        ),
        ("/users/signup/", {"username": "abc", "email": "a@b.org", "password1": "abc"}, "密码太短"),
        ("/users/login/", {"login": "taken", "password": "wrong"}, "用户名或密码不正确"),
        ("/users/password/reset/", {"email": "nonsense"}, "请输入有效的邮箱地址。"),
    ],
)
def test_errors_in_forms_for_visitors(chinese_client, path, data, words):
    UserFactory(username="taken")
    response = chinese_client.post(path, data)

    assert words in response.content.decode()
    assert english_in(response) == {}


@pytest.mark.parametrize(
    ("path", "data", "words"),
    [
        ("/posts/add/", {"content": ""}, "请先写点什么。"),
        ("/posts/add/", {"content": "字" * 520}, "帖子最多 500\xa0个字符，请删去 20\xa0个。"),
        ("/users/settings/profile/", {}, "表单不完整"),
        ("/users/leave/", {"password": "wrong"}, "密码不正确，请重试。"),
        ("/users/password/change/", {"oldpassword": "wrong"}, "当前密码不正确，请重试。"),
    ],
)
def test_errors_in_forms_for_members(chinese_client, member, path, data, words):
    chinese_client.force_login(member)
    response = chinese_client.post(path, data)

    assert words in response.content.decode()
    assert english_in(response) == {}


def test_a_rate_limit(chinese_client, member, settings):
    settings.POST_LIMIT = (1, 600)
    with time_machine.travel(NOON, tick=False):
        chinese_client.force_login(member)
        chinese_client.post("/posts/add/", {"content": "第一条"})
        response = chinese_client.post("/posts/add/", {"content": "又一条"})

    assert "请 10\xa0分钟后再试。" in response.content.decode()
    assert english_in(response) == {}


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/nope/", 404, "页面不存在"),
        ("/?before=nonsense", 404, "页面不存在"),
        ("/@member/follow/", 405, "无法直接打开这个页面"),
    ],
)
def test_error_pages(chinese_client, member, path, status, words):
    response = chinese_client.get(path.replace("member", member.username))

    assert response.status_code == status
    assert words in response.content.decode()
    assert english_in(response) == {}


def test_emails_for_sign_up_and_password_reset(chinese_client, run_jobs, mailoutbox):
    chinese_client.post(
        "/users/signup/", {"username": "grace", "email": "grace@b.org", "password1": PASSWORD}
    )
    assert User.objects.get(username="grace").language == "zh-hans"
    chinese_client.post("/users/logout/")
    chinese_client.post("/users/password/reset/", {"email": "grace@b.org"})
    chinese_client.post("/users/password/reset/", {"email": "nobody@b.org"})
    chinese_client.post(
        "/users/signup/", {"username": "other", "email": "grace@b.org", "password1": PASSWORD}
    )
    run_jobs()

    assert len(mailoutbox) >= 3
    for mail in mailoutbox:
        assert foreign_words(mail.subject, ["grace"]) == [], mail.subject
        assert foreign_words(mail.body, ["grace", "在 localhost:8000"]) == [], mail.body


def test_security_emails(chinese_client, member, run_jobs, mailoutbox):
    member.language = "zh-hans"
    member.save()
    EmailAddress.objects.get_or_create(user=member, email=member.email, primary=True, verified=True)
    chinese_client.force_login(member)
    chinese_client.post(
        "/users/password/change/",
        {"oldpassword": PASSWORD, "password1": "another horse 1", "password2": "another horse 1"},
    )
    run_jobs()

    (mail,) = mailoutbox
    assert foreign_words(mail.subject) == []
    assert "密码" in mail.subject + mail.body
    lines = [line for line in mail.body.splitlines() if "浏览器" not in line and "时间" not in line]
    assert foreign_words("\n".join(lines), [member.username, member.display_name]) == []


def test_times_and_numbers_are_written_as_in_chinese(chinese_client):
    author = UserFactory(username="ada")
    for ago in (
        timedelta(minutes=3),
        timedelta(hours=3),
        timedelta(days=3),
        timedelta(days=265),
        timedelta(days=995),
    ):
        PostFactory(id=first_id_at(NOON - ago), author=author)
    with time_machine.travel(NOON, tick=False):
        text = chinese_client.get("/@ada/").content.decode()

    for words in (
        "3\xa0分钟前",
        "3\xa0小时前",
        "3\xa0天前",
        "3月5日",
        "2024年3月5日",
        "2026年11月25日 11:57",
        "<strong>0</strong>\xa0关注者",
    ):
        assert words in text
