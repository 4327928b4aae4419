"""The journey in Chinese: a browser that asks for it, and nothing but Chinese to read and to press."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from accounts.models import User
from accounts.tests.factories import PASSWORD
from socializer.tests.browser.test_every_page import LEVELS


def faults_of(page):
    """What axe finds, and whether the page scrolls sideways or speaks another language than it says."""
    faults = [violation["id"] for violation in Axe().run(page, options=LEVELS).response["violations"]]
    if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
        faults.append("scrolls sideways")
    if page.locator("html").get_attribute("lang") != "zh-hans":
        faults.append("not Chinese")
    return faults


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("javascript", [True, False], ids=["with JavaScript", "without JavaScript"])
def test_sign_up_follow_post_settings_log_out(open_page, network, width, javascript):
    page = open_page(width, java_script_enabled=javascript, locale="zh-CN")
    faults = {}

    def look(where):
        if javascript:
            faults[where] = faults_of(page)

    page.goto("/")
    look("landing")
    page.get_by_role("banner").get_by_role("link", name="注册").click()
    page.get_by_label("用户名").fill("ada")
    page.get_by_label("邮箱").fill("grace@example.org")
    page.get_by_label("密码").fill(PASSWORD)
    page.get_by_role("button", name="注册").click()
    expect(page.get_by_text("这个用户名已被占用，请换一个。")).to_be_visible()
    look("sign-up with an error")
    page.get_by_label("用户名").fill("grace")
    page.get_by_label("密码").fill(PASSWORD)
    page.get_by_role("button", name="注册").click()

    page.wait_for_url("**/users/welcome/")
    look("welcome")
    page.get_by_role("button", name="保存并继续").click()
    page.wait_for_url("**/users/welcome/people/")
    look("people")
    bob = page.get_by_role("listitem").filter(has=page.get_by_role("link", name="@bob", exact=True))
    bob.get_by_role("button", name="关注", exact=True).click()
    if javascript:
        expect(bob.get_by_role("button", name="已关注")).to_be_visible()
        expect(bob.locator(".follow-form[action$='/unfollow/']")).to_be_visible()
    else:
        expect(bob).to_have_count(0)

    page.get_by_role("link", name="首页", exact=True).click()
    page.get_by_label("发帖").fill("你好，@bob。今天天气不错")
    page.get_by_role("button", name="发布", exact=True).click()
    newest = page.get_by_role("article").first
    expect(newest).to_contain_text("今天天气不错")
    expect(newest.get_by_role("link", name="@bob")).to_have_attribute("href", "/@bob/")
    expect(newest.locator("time")).to_have_text("刚刚")
    look("home")
    newest.locator("summary").click()
    newest.get_by_role("link", name="删除").click()
    page.wait_for_url("**/delete/")
    look("delete")
    page.get_by_role("button", name="删除").click()
    expect(page.get_by_role("status")).to_contain_text("帖子已删除。")

    page.get_by_role("link", name="我的主页", exact=True).click()
    page.get_by_role("link", name="设置", exact=True).click()
    page.wait_for_url("**/users/settings/")
    look("settings")
    page.get_by_role("link", name="个人资料", exact=True).click()
    page.wait_for_url("**/users/settings/profile/")
    look("profile settings")
    page.get_by_label("显示名称").fill("格蕾丝")
    page.get_by_role("button", name="保存").click()
    expect(page.get_by_role("status")).to_contain_text("已保存。")
    assert User.objects.get(username="grace").display_name == "格蕾丝"

    page.get_by_role("link", name="我的主页", exact=True).click()
    page.get_by_role("button", name="退出登录").click()
    expect(page.get_by_role("main").get_by_role("link", name="注册")).to_be_visible()
    assert {where: found for where, found in faults.items() if found} == {}
    assert page.trouble == []


@pytest.mark.parametrize("javascript", [True, False], ids=["with JavaScript", "without JavaScript"])
def test_a_visitor_changes_the_language_and_stays(open_page, network, javascript):
    page = open_page(390, java_script_enabled=javascript)
    page.goto("/@bob/?before=99999999999999")
    page.get_by_role("button", name="简体中文").click()

    expect(page.get_by_role("link", name="登录", exact=True)).to_be_visible()
    assert page.url.endswith("/@bob/?before=99999999999999")
    page.goto("/about/")
    expect(page.get_by_role("heading", name="关于")).to_be_visible()
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("heading", name="About")).to_be_visible()
