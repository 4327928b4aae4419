"""Who can join: the modes of sign-up, invitations, and approval by moderators."""

import re
import threading
from datetime import timedelta
from io import StringIO

import pytest
import time_machine
from allauth.account.adapter import get_adapter
from django.core import mail
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.emails import outbox
from accounts.emails.models import Delivery
from accounts.joining import admission
from accounts.joining.decisions import approve, refuse
from accounts.joining.invitations import budget_of, create_invitation
from accounts.joining.models import Application, Invitation, InvitationRefused, InvitationUse
from accounts.models import RetiredUsername, SiteSettings, User
from accounts.moderation.decisions import DecisionRefused
from accounts.moderation.models import ModerationAction
from accounts.notifications.models import Notification
from accounts.suggestions import suggest_people
from accounts.tests.factories import PASSWORD, UserFactory

URL = "/users/signup/"
GOOD = {"username": "grace", "email": "grace@example.org", "password1": PASSWORD}


@pytest.fixture(autouse=True)
def _many_sign_up(settings):
    settings.SIGNUP_LIMIT = (100, 3600)


@pytest.fixture
def site(db):
    """Return a function that changes the site settings."""

    def change(**values):
        SiteSettings.create_first()
        SiteSettings.objects.update(**values)

    return change


@pytest.fixture
def moderator(db):
    UserFactory(username="mo")
    call_command("appoint_moderator", "mo", stdout=StringIO())
    return User.objects.get(username="mo")


@pytest.fixture
def moderator_client(moderator):
    client = Client()
    client.force_login(moderator)
    return client


def invite(creator=None, limit=1, days=7, **options):
    """Make an invitation. Where members can't invite anyone yet, they can now."""
    SiteSettings.create_first()
    SiteSettings.objects.filter(invitations_per_member=0).update(invitations_per_member=50)
    return create_invitation(creator, limit=limit, days=days, **options)


def path_of(invitation):
    return reverse("accounts:invited", args=[invitation.token])


def sign_up(path=URL, client=None, **changes):
    return (client or Client()).post(path, GOOD | changes)


def errors_of(response):
    return " ".join(sum(response.context["form"].errors.values(), []))


# Modes


@pytest.mark.parametrize(
    ("mode", "words", "link"),
    [
        ("open", "Sign up", "Sign up"),
        ("approval", "A moderator decides who can join.", "Ask to join"),
        ("invitation", "You can join with an invitation.", None),
        ("closed", "Sign-up is closed at the moment.", None),
    ],
)
def test_the_landing_and_login_pages_say_who_can_join(client, site, mode, words, link):
    site(signup_mode=mode)
    landing = client.get("/").text
    assert words in landing
    login = client.get("/users/login/").text
    main = login.partition("<main")[2]
    assert (f'href="{URL}"' in landing, f'href="{URL}"' in login) == (link is not None, link is not None)
    if link:
        assert f">{link}</a>" in landing
        assert f"New here? {link}" in main
    else:
        assert "New here?" in main
        assert URL not in client.get("/explore/").text


@pytest.mark.parametrize(
    ("mode", "words"), [("invitation", "To join, you need an invitation."), ("closed", "Sign-up is closed")]
)
def test_without_an_invitation_there_is_no_form(client, site, mode, words):
    site(signup_mode=mode)
    page = client.get(URL).text
    assert words in page
    assert "<form" not in page.partition("<main")[2].partition("<footer")[0]

    response = sign_up()
    assert words in errors_of(response)
    assert response.context["form"]["username"].value() == "grace"
    assert not User.objects.exists()


def test_the_mode_at_the_request_counts(client, site):
    site(signup_mode="open")
    assert client.get(URL).context["form"]
    site(signup_mode="closed")
    assert sign_up(client=client).status_code == 200
    assert not User.objects.exists()
    site(signup_mode="open")
    assert sign_up(client=client).status_code == 302


def test_in_open_mode_nothing_is_asked(site):
    site(signup_mode="open")
    assert sign_up().url == reverse("accounts:welcome")
    assert not User.objects.get().is_pending
    assert not Application.objects.exists()


@pytest.mark.parametrize("mode", ["invitation", "approval", "closed"])
def test_no_other_page_of_allauth_creates_accounts(rf, site, mode):
    site(signup_mode=mode)
    assert not get_adapter().is_open_for_signup(rf.get("/"))
    site(signup_mode="open")
    assert get_adapter().is_open_for_signup(rf.get("/"))


def test_the_email_to_an_unknown_address_has_a_link_only_if_people_can_sign_up(client, site, run_jobs):
    for mode, has_link in (("open", True), ("closed", False)):
        site(signup_mode=mode)
        client.post("/users/password/reset/", {"email": "nobody@example.org"})
        run_jobs()
        assert ("To sign up" in mail.outbox[-1].body) == has_link


def test_members_are_seeded_in_every_mode(site):
    site(signup_mode="closed")
    call_command("seed_users", count=3, stdout=StringIO())
    assert User.objects.visible().count() >= 3


# Invitations


@pytest.mark.parametrize("mode", ["open", "invitation", "approval"])
def test_an_invitation_admits_one_person_in_every_open_mode(site, member, mode):
    site(signup_mode=mode)
    invitation = invite(member)
    page = Client().get(path_of(invitation)).text
    assert "Ada Lovelace (@ada) has invited you" in page
    assert 'name="why"' not in page

    assert sign_up(path_of(invitation)).url == reverse("accounts:welcome")
    grace = User.objects.get(username="grace")
    assert not grace.is_pending
    assert grace.invitation_use.invitation == invitation
    response = sign_up(path_of(invitation), username="alan", email="alan@example.org")
    if mode == "invitation":
        assert "used up" in errors_of(response)
    assert InvitationUse.objects.count() == 1


def test_a_closed_site_accepts_no_invitation(site, member):
    site(signup_mode="closed")
    response = sign_up(path_of(invite(member)))
    assert "Sign-up is closed" in errors_of(response)
    assert not InvitationUse.objects.exists()


def expire(invitation):
    Invitation.objects.update(expires_on=timezone.now() - timedelta(days=1))


def suspend_creator(invitation):
    User.objects.get(pk=invitation.creator_id).suspend()


def creator_leaves(invitation):
    User.objects.get(pk=invitation.creator_id).leave()


BAD = {
    "expired": (expire, "This invitation expired on"),
    "taken back": (Invitation.revoke, "was taken back"),
    "creator suspended": (suspend_creator, "can&#x27;t invite anyone any more"),
    "creator left": (creator_leaves, "can&#x27;t invite anyone any more"),
    "deleted": (Invitation.delete, "link isn&#x27;t right"),
}


@pytest.mark.parametrize("case", BAD)
@pytest.mark.parametrize("mode", ["open", "invitation", "approval"])
def test_a_bad_invitation_says_why(site, member, mode, case):
    site(signup_mode=mode)
    invitation = invite(member)
    path = path_of(invitation)
    spoil, words = BAD[case]
    spoil(invitation)

    assert words in Client().get(path).text
    sign_up(path, why="I like it here.")
    assert not InvitationUse.objects.exists()
    assert User.objects.filter(username="grace", pending_since=None).exists() == (mode == "open")


def test_a_forged_invitation_is_refused(site, member):
    site(signup_mode="invitation")
    invitation = invite(member)
    for token in ("x", invitation.key, f"{invitation.key}.x", invitation.token[:-1], "a" * 300, "%00"):
        response = Client().get(f"/users/invited/{token}/")
        assert "link isn&#x27;t right" in response.text
        assert "link isn't right" in errors_of(sign_up(f"/users/invited/{token}/"))


def test_the_database_has_no_usable_link(member):
    invitation = invite(member)
    stored = str(list(Invitation.objects.values()))
    assert invitation.token not in stored
    assert invitation.token.partition(".")[2] not in stored


def test_a_use_counts_even_if_the_newcomer_leaves(site, member):
    site(signup_mode="invitation")
    invitation = invite(member)
    sign_up(path_of(invitation))
    User.objects.get(username="grace").leave()
    assert "used up" in errors_of(sign_up(path_of(invitation), username="alan", email="alan@example.org"))


def test_someone_who_takes_the_last_use_first_leaves_what_was_typed(site, member, monkeypatch):
    """The other person signs up after this one's form was checked."""
    site(signup_mode="invitation")
    invitation = invite(member)
    claim = Invitation.claim

    def be_slow(self):
        InvitationUse.objects.create(invitation=invitation, person=UserFactory())
        return claim(self)

    monkeypatch.setattr(Invitation, "claim", be_slow)
    response = sign_up(path_of(invitation))
    assert response.status_code == 200
    form = response.context["form"]
    assert "used up" in errors_of(response)
    assert (form["username"].value(), form["email"].value()) == ("grace", "grace@example.org")
    assert "Enter your password again." in errors_of(response)
    assert not User.objects.filter(username="grace").exists()


@pytest.mark.django_db(transaction=True)
def test_of_several_people_with_the_last_use_one_wins():
    SiteSettings.create_first()
    SiteSettings.objects.update(signup_mode="invitation")
    invitation = invite(UserFactory())
    start, responses = threading.Barrier(3), []

    def run(name):
        try:
            start.wait()
            responses.append(sign_up(path_of(invitation), username=name, email=f"{name}@example.org"))
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[name]) for name in ("anna", "bert", "carl")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert sorted(response.status_code for response in responses) == [200, 200, 302]
    assert all("used up" in errors_of(each) for each in responses if each.status_code == 200)
    assert InvitationUse.objects.count() == 1
    assert User.objects.filter(username__in=["anna", "bert", "carl"]).count() == 1


def test_a_member_who_opens_an_invitation_is_told_so(member_client, moderator):
    response = member_client.get(path_of(invite(moderator)), follow=True)
    assert "already a member" in response.text


def test_newcomers_are_offered_those_who_invited_them_first(site, member, moderator):
    bob, zoe = UserFactory(username="bob"), UserFactory(username="zoe")
    zoe.block(bob)
    sign_up(path_of(invite(member, people=[bob])))
    grace = User.objects.get(username="grace")
    assert [person.username for person in suggest_people(grace)][:2] == ["ada", "bob"]
    bob.suspend()
    assert "bob" not in [person.username for person in suggest_people(grace)]


# Making invitations


def test_a_member_invites_within_the_budget(site, member, member_client):
    site(signup_mode="invitation", invitations_per_member=3)
    assert "Invitations" in member_client.get("/users/settings/").text
    path = reverse("accounts:invitations")
    assert "You can invite 3 more people" in member_client.get(path).text
    data = {"limit": 2, "days": 7, "people": ""}
    response = member_client.post(path, data, follow=True)
    invitation = Invitation.objects.get()
    assert invitation.url in response.text
    assert "You can invite 1 more person" in response.text
    assert "You can invite 1 person at most." in errors_of(member_client.post(path, data))
    member_client.post(path, data | {"limit": 1})
    assert Invitation.objects.count() == 2
    response = member_client.get(path)
    assert "and you've done that" in response.text
    assert response.context["form"] is None
    assert "can't invite more people" in errors_of(member_client.post(path, data | {"limit": 1}))

    # What nobody used comes back when the invitation is taken back, or after 30 days.
    member_client.post(reverse("accounts:revoke-invitation", args=[invitation.pk]))
    assert budget_of(member, SiteSettings.load()) == 2
    with time_machine.travel(timezone.now() + timedelta(days=31)):
        assert budget_of(member, SiteSettings.load()) == 3


def test_a_use_is_never_given_back(site, member):
    site(invitations_per_member=2)
    invitation = invite(member, limit=2)
    sign_up(path_of(invitation))
    invitation.revoke()
    assert budget_of(member, SiteSettings.load()) == 1


def test_the_budget_is_checked_under_the_lock(site, member):
    site(invitations_per_member=1)
    invite(member)
    with pytest.raises(InvitationRefused):
        invite(member)


def test_where_members_cannot_invite_the_settings_do_not_offer_it(member_client):
    assert reverse("accounts:invitations") not in member_client.get("/users/settings/").text
    assert "only moderators invite" in member_client.get(reverse("accounts:invitations")).text


def test_moderators_invite_any_number(site, moderator, moderator_client):
    path = reverse("accounts:invitations")
    moderator_client.post(path, {"limit": 10, "days": 30, "people": "@mo, nobody"})
    assert not Invitation.objects.exists()
    UserFactory(username="ada")
    moderator_client.post(path, {"limit": 10, "days": 30, "people": "@Ada"})
    invitation = Invitation.objects.get()
    assert (invitation.limit, invitation.creator) == (10, moderator)
    assert [person.username for person in invitation.people.all()] == ["ada"]


def test_ten_people_need_one_link(site, moderator):
    site(signup_mode="invitation")
    invitation = invite(moderator, limit=10)
    for number in range(10):
        sign_up(path_of(invitation), username=f"guest{number}", email=f"guest{number}@example.org")
    assert User.objects.filter(invitation_use__invitation=invitation).count() == 10


def test_nobody_sees_or_takes_back_the_invitations_of_others(member_client, moderator):
    invitation = invite(moderator)
    assert invitation.url not in member_client.get(reverse("accounts:invitations")).text
    assert member_client.post(reverse("accounts:revoke-invitation", args=[invitation.pk])).status_code == 404


def test_the_list_names_who_used_an_invitation(site, moderator, moderator_client):
    invitation = invite(moderator, limit=20)
    for number in range(12):
        InvitationUse.objects.create(invitation=invitation, person=UserFactory(username=f"guest{number}"))
    page = moderator_client.get(reverse("accounts:invitations")).text
    assert "@guest9" in page
    assert "@guest11" not in page
    assert "and 2 more" in page


def test_moderators_see_who_invited_whom(site, member, moderator_client):
    sign_up(path_of(invite(member)))
    page = moderator_client.get(reverse("admin:moderation-person", args=["grace"])).text
    assert "Invited by <a" in page
    assert "@ada</a>" in page
    assert "@grace</a>" in moderator_client.get(reverse("admin:moderation-person", args=["ada"])).text
    assert "grace" in moderator_client.get(reverse("admin:accounts_invitationuse_changelist")).text
    listed = moderator_client.get(reverse("admin:accounts_invitation_changelist"))
    assert Invitation.objects.get().token not in listed.text
    member.leave()
    page = moderator_client.get(reverse("admin:moderation-person", args=["grace"])).text
    assert "Invited by @ada, who has left" in page


def test_moderators_take_back_invitations_in_the_admin(member, moderator_client):
    invitation = invite(member)
    url = reverse("admin:accounts_invitation_changelist")
    response = moderator_client.post(url, {"action": "revoke", "_selected_action": [invitation.pk]})
    assert response.status_code == 302
    assert "taken back" in Invitation.objects.get().why_not()


def test_the_command_prints_a_link(site):
    site(signup_mode="invitation")
    UserFactory(username="ada")
    out, err = StringIO(), StringIO()
    call_command("create_invitation", uses=2, days=3, follow=["@ada"], stdout=out, stderr=err)
    link = out.getvalue().strip()
    assert link.startswith("http")
    assert "For 2 people, until" in err.getvalue()
    assert sign_up(link.partition("/users")[1] + link.partition("/users")[2]).status_code == 302
    assert suggest_people(User.objects.get(username="grace"))[0].username == "ada"
    with pytest.raises(CommandError, match="@nobody"):
        call_command("create_invitation", follow=["nobody"])
    with pytest.raises(CommandError, match="--uses"):
        call_command("create_invitation", uses=0)
    with pytest.raises(CommandError, match="--days"):
        call_command("create_invitation", days=0)


# Approval


@pytest.fixture
def apply(site):
    """Return a function that applies, and returns the Application. The site decides about each."""
    site(signup_mode="approval")

    def apply(client=None, username="grace", why="I keep bees, too."):
        response = sign_up(client=client, username=username, email=f"{username}@example.org", why=why)
        assert response.status_code == 302, errors_of(response)
        return Application.objects.get(person__username=username)

    return apply


def test_an_applicant_says_why(apply):
    response = Client().post(URL, GOOD)
    assert "Say in a few words why you want to join." in errors_of(response)
    assert "Remove 1." in errors_of(sign_up(why="x" * 501))
    application = apply()
    assert application.text == "I keep bees, too."
    assert application.person.is_pending
    assert Application.objects.waiting().get() == application


def test_an_applicant_sees_only_the_application(client, apply):
    apply(client)
    response = client.get("/users/welcome/", follow=True)
    assert response.request["PATH_INFO"] == reverse("accounts:application")
    assert "Your application is waiting" in response.text
    assert "I keep bees, too." in response.text
    assert "site-nav" not in response.text
    for path in (
        "/",
        "/explore/",
        "/@grace/",
        "/users/",
        "/notifications/",
        "/users/settings/",
        "/posts/add/",
    ):
        assert client.get(path).url == reverse("accounts:application"), path
        assert client.post(path, {"content": "Hello"}).url == reverse("accounts:application"), path
    for path in ("/rules/", "/privacy/", "/about/", "/help/", "/users/leave/", "/users/export/"):
        assert client.get(path).status_code == 200, path
    assert client.post("/users/settings/locale/").status_code == 302
    assert client.post("/users/logout/").url == "/"


def test_members_have_no_application(member_client):
    assert member_client.get(reverse("accounts:application")).url == "/"


def test_nobody_sees_an_applicant(apply, member, member_client):
    grace = apply().person
    assert member_client.get("/@grace/").status_code == 404
    assert member_client.get("/@grace/feed.atom").status_code == 404
    assert "@grace" not in member_client.get("/users/", {"q": "grace"}).text
    assert "@grace" not in member_client.get("/users/").text
    assert member_client.post("/@grace/follow/").status_code == 404
    assert not member.follow(grace)
    assert grace.pk not in {person.pk for person in suggest_people(member)}
    assert not User.objects.indexable().filter(pk=grace.pk).exists()
    assert not User.objects.mentionable_by([member.pk], ["grace"])
    member_client.post("/posts/add/", {"content": "Hello @grace", "submission": "1"})
    assert not Notification.objects.filter(recipient=grace).exists()
    assert not grace.can_be_mailed()


def test_a_moderator_approves_in_the_queue(apply, client, moderator_client, run_jobs):
    apply(client)
    page = moderator_client.get("/admin/moderation/").text
    assert "Application of @grace" in page
    assert "I keep bees, too." in page
    pk = Application.objects.get().pk
    response = moderator_client.post("/admin/moderation/", {"application": pk, "approve": "1"}, follow=True)
    assert "@grace can join." in response.text.replace("&#x27;", "'")
    assert "Application of" not in response.text
    grace = User.objects.get(username="grace")
    assert grace.takes_part
    assert client.get("/").status_code == 200
    run_jobs()
    assert [message.to for message in mail.outbox if "approved your application" in message.body] == [
        ["grace@example.org"]
    ]
    action = ModerationAction.objects.get()
    assert (action.action, action.person_name, action.subject_text) == (
        "approve",
        "grace",
        "I keep bees, too.",
    )
    assert moderator_client.get("/@grace/").status_code == 200


def test_a_moderator_refuses_with_a_reason(apply, client, moderator_client, run_jobs):
    pk = apply(client).pk
    data = {"application": pk, "reason": ""}
    assert "Give a reason." in moderator_client.post("/admin/moderation/", data).text
    moderator_client.post("/admin/moderation/", data | {"reason": "You don't keep bees."})
    run_jobs()
    body = next(message.body for message in mail.outbox if "can't join" in message.body)
    assert "You don't keep bees." in body
    page = client.get("/", follow=True).text
    assert "Your application was refused" in page
    assert "You don&#x27;t keep bees." in page
    assert "you can apply again" in page

    # A moderator can change the decision on the page of the person.
    url = reverse("admin:moderation-person", args=["grace"])
    assert "Approve @grace" in moderator_client.get(url).text
    moderator_client.post(url, {"application": pk, "approve": "1"})
    assert User.objects.get(username="grace").takes_part


def test_a_refused_applicant_who_applies_again_is_told_to_log_in(apply, moderator):
    refuse(moderator, apply(), "No.")
    response = sign_up(username="grace2", why="Please!")
    assert "already belongs to an account. Log in" in errors_of(response)
    response = Client().post("/users/login/", {"login": "grace", "password": PASSWORD}, follow=True)
    assert "Your application was refused" in response.text


def test_accounts_of_refused_applicants_are_deleted_after_30_days(apply, moderator):
    refuse(moderator, apply(), "No.")
    approve(moderator, apply(username="alan"))
    with time_machine.travel(timezone.now() + timedelta(days=29)):
        call_command("prune", trust_clock=True, stdout=StringIO())
    assert User.objects.filter(username="grace").exists()
    with time_machine.travel(timezone.now() + timedelta(days=31)):
        out = StringIO()
        call_command("prune", dry_run=True, stdout=out)
        assert "Would delete 1 accounts of refused applicants." in out.getvalue()
        call_command("prune", trust_clock=True, stdout=StringIO())
    assert set(User.objects.values_list("username", flat=True)) == {"mo", "alan"}
    assert not RetiredUsername.objects.exists()
    assert sign_up(why="Again").status_code == 302


def test_unused_invitations_are_deleted_a_month_after_they_expired(site, moderator):
    used, unused = invite(moderator), invite(moderator)
    sign_up(path_of(used))
    with time_machine.travel(timezone.now() + timedelta(days=40)):
        call_command("prune", trust_clock=True, stdout=StringIO())
    assert Invitation.objects.get() == used
    assert unused != used


def test_an_application_is_decided_once(apply, moderator):
    application, other = apply(), UserFactory(is_staff=True, is_superuser=True)
    stale = Application.objects.get()
    approve(moderator, application)
    with pytest.raises(DecisionRefused, match="@mo approved an application just now"):
        refuse(other, stale, "No.")
    with pytest.raises(DecisionRefused, match="@mo approved an application"):
        approve(other, stale)
    assert User.objects.get(username="grace").takes_part
    assert ModerationAction.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_moderators_one_decides():
    one, two = UserFactory.create_batch(2, is_staff=True, is_superuser=True)
    person = UserFactory(pending_since=timezone.now())
    application = Application.objects.create(person=person, submitted_on=timezone.now())
    start, outcomes = threading.Barrier(2), []

    def run(act):
        try:
            start.wait()
            outcomes.append(act().action)
        except DecisionRefused as error:
            outcomes.append(str(error))
        finally:
            connection.close()

    acts = [lambda: approve(one, application), lambda: refuse(two, application, "No.")]
    threads = [threading.Thread(target=run, args=[act]) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    # A refused applicant can still be approved, so both may happen in that order.
    decided = list(ModerationAction.objects.order_by("pk").values_list("action", flat=True))
    assert decided in (["approve"], ["refuse", "approve"])
    assert len(outcomes) == 2
    assert Application.objects.get().state == "approved"


def test_approval_after_the_applicant_left(apply, moderator_client):
    application = apply()
    application.person.leave()
    assert not RetiredUsername.objects.exists()
    data = {"application": application.pk, "approve": "1"}
    response = moderator_client.post("/admin/moderation/", data, follow=True)
    assert "the person has left" in response.text


def test_approval_while_the_applicant_leaves(apply, moderator):
    apply()
    application = Application.objects.select_related("person").get()
    User.objects.get(username="grace").leave()
    with pytest.raises(DecisionRefused, match="has left, and the application"):
        approve(moderator, application)


def test_moderators_get_one_notification(apply, moderator, run_jobs):
    for number in range(5):
        apply(username=f"guest{number}")
        run_jobs()
    notification = Notification.objects.get(type="new_application")
    assert notification.recipient == moderator
    client = Client()
    client.force_login(moderator)
    assert "People are waiting for approval." in client.get("/notifications/").text
    # After they have seen it, they hear of the next application.
    apply(username="guest5")
    run_jobs()
    assert Notification.objects.get(type="new_application").pk > notification.pk
    for application in Application.objects.all():
        approve(moderator, application)
    assert "People are waiting" not in client.get("/notifications/").text


def test_moderators_hear_again_after_somebody_has_decided(apply, moderator, run_jobs):
    approve(moderator, apply())
    run_jobs()
    first = apply(username="guest1")
    run_jobs()
    approve(moderator, first)
    second = apply(username="guest2")
    run_jobs()
    assert Notification.objects.get(type="new_application").subject == second.pk


def test_the_email_to_moderators_counts_everyone(apply, moderator, run_jobs):
    for number in range(12):
        apply(username=f"guest{number}")
    run_jobs()
    [body] = [message.body for message in mail.outbox if message.to == [moderator.email]]
    assert "12 people are waiting for approval" in body
    assert "And 2 more." in body


def test_where_addresses_must_be_confirmed_moderators_see_only_confirmed_applicants(
    apply, client, settings, moderator_client, run_jobs
):
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    apply(client)
    assert not Application.objects.waiting().exists()
    assert "Application of" not in moderator_client.get("/admin/moderation/").text
    run_jobs()
    assert not Notification.objects.exists()
    client.post(re.search(r"/users/confirm-email/[^/]+/", mail.outbox[-1].body)[0])
    assert Application.objects.waiting().exists()
    assert "Application of @grace" in moderator_client.get("/admin/moderation/").text


def test_an_applicant_who_is_invited_joins_at_once(apply, client, moderator, run_jobs):
    application = apply(client)
    path = path_of(invite(moderator))
    assert "you don't have to wait" in client.get(path).text
    assert client.post(path).url == reverse("accounts:welcome")
    application.refresh_from_db()
    assert (application.state, application.person.is_pending) == ("approved", False)
    assert InvitationUse.objects.get().person == application.person
    with pytest.raises(DecisionRefused, match="has been decided"):
        approve(moderator, application)


def test_an_applicant_with_a_used_invitation_keeps_waiting(apply, client, moderator):
    apply(client)
    invitation = invite(moderator)
    InvitationUse.objects.create(invitation=invitation, person=UserFactory())
    assert "used up" in client.post(path_of(invitation)).text
    assert User.objects.get(username="grace").is_pending


def test_an_applicant_who_was_not_asked_can_still_say_why(client, member):
    """Such as somebody who has to wait because too many people signed up."""
    User.objects.filter(pk=member.pk).update(pending_since=timezone.now())
    application = admission.apply(member)
    client.force_login(member)
    path = reverse("accounts:application")
    assert "Say in a few words" in client.post(path, {"text": ""}).text
    client.post(path, {"text": "I keep bees."})
    application.refresh_from_db()
    assert application.text == "I keep bees."
    assert "<textarea" not in client.get(path).text
    client.post(path, {"text": "Other"})
    application.refresh_from_db()
    assert application.text == "I keep bees."


def test_security_emails_reach_applicants_and_others_do_not(apply, run_jobs):
    grace = apply().person
    Delivery.objects.all().delete()
    outbox.enqueue("new_device", grace, "1", when=timezone.now().isoformat(), ip="", browser="")
    outbox.enqueue("home_by_mail", grace, "1", since="", until="")
    run_jobs()
    states = dict(Delivery.objects.values_list("type", "state"))
    assert states == {"new_device": "sent", "home_by_mail": "skipped"}
