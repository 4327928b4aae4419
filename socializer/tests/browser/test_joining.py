"""Who runs the site closes it, invites people and approves somebody."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.joining.models import Application, Invitation
from accounts.models import SiteSettings
from accounts.tests.factories import UserFactory
from socializer.tests.browser.conftest import log_in


@pytest.fixture
def applicant(transactional_db):
    UserFactory(username="root", is_staff=True, is_superuser=True)
    person = UserFactory(username="grace", pending_since=timezone.now())
    Application.objects.create(person=person, text="I keep bees, too.", submitted_on=timezone.now())
    return person


def test_closing_the_site_inviting_ten_people_and_approving_one_takes_twelve_presses(open_page, applicant):
    page = open_page()
    log_in(page, "root")
    presses = 0

    def press(locator):
        nonlocal presses
        presses += 1
        locator.click()

    press(page.get_by_role("navigation").get_by_role("link", name="Moderation"))
    press(page.get_by_role("link", name="Site settings"))
    press(page.get_by_label("By invitation: only people with an invitation can sign up"))
    press(page.get_by_label("Members only"))
    press(page.get_by_role("button", name="Save", exact=True))
    press(page.get_by_role("link", name="Moderation", exact=False).first)
    press(page.get_by_role("button", name="Approve @grace"))
    page.get_by_text("@grace can join.").wait_for()
    press(page.get_by_role("link", name="Invitations"))
    press(page.get_by_label("How many people can use it?"))
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("10")
    press(page.get_by_role("button", name="Create invitation"))
    press(page.get_by_role("button", name="Copy link"))
    page.get_by_role("button", name="Link copied.").wait_for()

    assert presses <= 12
    site = SiteSettings.load()
    assert (site.signup_mode, site.members_only) == ("invitation", True)
    assert Invitation.objects.get().limit == 10
    applicant.refresh_from_db()
    assert not applicant.is_pending
    assert page.trouble == []


@pytest.mark.parametrize("scripts", [True, False])
def test_somebody_who_is_invited_meets_those_who_invited_them(open_page, applicant, scripts):
    SiteSettings.create_first()
    SiteSettings.objects.update(signup_mode="invitation", invitations_per_member=5)
    page = open_page(java_script_enabled=scripts)
    ada = UserFactory(username="ada")
    invitation = Invitation.objects.create(
        creator=ada, creator_name="ada", expires_on=timezone.now() + timedelta(days=1)
    )
    page.goto(f"/users/invited/{invitation.token}/")
    page.get_by_text("@ada has invited you").wait_for()
    page.get_by_label("Username").fill("heidi")
    page.get_by_label("Email").fill("heidi@example.org")
    page.get_by_label("Password").fill("a longer word than that")
    page.get_by_role("main").get_by_role("button", name="Sign up").click()
    page.get_by_role("link", name="Continue to your home").wait_for()
    page.goto("/users/welcome/people/")
    page.get_by_role("link", name="@ada").first.wait_for()
