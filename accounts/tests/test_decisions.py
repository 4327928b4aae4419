"""People learn what moderators decided about them, can appeal once, and suspensions end by themselves."""

from datetime import timedelta
from io import StringIO

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value, yield_hotp_counters_from_time
from django.core.management import call_command
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.formats import date_format

from accounts import tasks as people_tasks
from accounts.emails.models import Delivery
from accounts.jobs.models import Job
from accounts.models import User
from accounts.moderation import notifications, tasks, unseen
from accounts.moderation.decisions import Decision, answer_appeal, decide, undo
from accounts.moderation.forms import AppealForm, AppealRefused
from accounts.moderation.models import UNDO_FOR, Appeal, ModerationAction, Report, Rule
from accounts.notifications import digests
from accounts.notifications.models import Notification
from accounts.tests.factories import PASSWORD, UserFactory
from accounts.tests.locking import begin, needs_row_locks
from accounts.views import DecisionsView

Action = ModerationAction.Action
WEEK = timedelta(days=7)


@pytest.fixture
def moderator(db):
    call_command("appoint_moderator", UserFactory(username="mo").username, stdout=StringIO())
    return User.objects.get(username="mo")


def warn(person, moderator, **details):
    return ModerationAction.record(Action.WARN, person, by=moderator, reason="Too loud", **details)


def suspend(person, moderator, **details):
    assert person.suspend(by=moderator, reason="Spam wave", rule_title="No spam", **details)
    return ModerationAction.objects.filter(action="suspend").latest("pk")


def log_in(client, person, password=PASSWORD):
    return client.post("/users/login/", {"login": person.username, "password": password})


# Suspensions that end


def test_a_timed_suspension_ends_by_itself_and_is_recorded(clock, member, moderator):
    suspend(member, moderator, until=timezone.now() + WEEK)
    clock.shift(WEEK - timedelta(seconds=1))
    tasks.end_suspensions.func()
    assert User.objects.suspended().exists()

    clock.shift(timedelta(seconds=1))
    tasks.end_suspensions.func()
    tasks.end_suspensions.func()
    member.refresh_from_db()
    assert (member.suspended_on, member.suspended_until, member.is_active) == (None, None, True)
    ended = ModerationAction.objects.get(action="end_suspension")
    assert (ended.moderator, ended.moderator_name, ended.person_name) == (None, "", "ada")


def test_a_suspension_without_end_stays(clock, member, moderator):
    suspend(member, moderator)
    clock.shift(timedelta(days=5000))
    tasks.end_suspensions.func()
    assert User.objects.suspended().exists()


def test_a_suspension_that_was_changed_meanwhile_does_not_end(clock, member, moderator):
    suspend(member, moderator, until=timezone.now() + WEEK)
    clock.shift(WEEK)
    found = User.objects.get(pk=member.pk)
    member.reinstate()
    suspend(member, moderator, until=timezone.now() + WEEK)
    assert not found.end_suspension()


def test_many_suspensions_end_in_several_jobs(clock, monkeypatch, run_jobs, moderator):
    monkeypatch.setattr(tasks, "BATCH", 2)
    for person in UserFactory.create_batch(5):
        person.suspend(until=timezone.now() + WEEK)
    clock.shift(WEEK)
    tasks.end_suspensions.func()
    run_jobs()
    assert not User.objects.suspended().exists()


def test_a_suspension_of_a_clock_that_was_ahead_lasts_as_long_as_intended(clock, member, moderator):
    clock.shift(timedelta(days=100))
    suspend(member, moderator, until=timezone.now() + WEEK)
    tasks.tell_moderators.enqueue(0)
    clock.shift(-timedelta(days=100))
    people_tasks.correct_future_times.func()
    member.refresh_from_db()
    assert member.suspended_on == timezone.now()
    assert member.suspended_until == timezone.now() + WEEK


# Emails


def test_a_suspended_member_is_told_after_five_minutes_what_why_and_until_when(
    clock, member, moderator, run_jobs, mailoutbox
):
    action = suspend(member, moderator, until=timezone.now() + WEEK)
    run_jobs()
    clock.shift(timedelta(minutes=4))
    run_jobs()
    assert mailoutbox == []
    clock.shift(timedelta(minutes=1))
    run_jobs()

    (mail,) = mailoutbox
    assert mail.subject == "A moderator suspended your account"
    for text in (
        "Spam wave",
        "Rule: No spam",
        "Until: 8 March 2026, ",
        f"/users/decisions/{action.pk}/appeal/",
    ):
        assert text in mail.body
    assert "mo" not in mail.body.replace("moderator", "").split()
    assert "List-Unsubscribe" not in mail.extra_headers
    assert Notification.objects.filter(
        recipient=member, type="moderation_outcome", subject=action.pk
    ).exists()


def test_an_address_that_was_never_confirmed_gets_no_decision(
    clock, member, moderator, run_jobs, mailoutbox, settings
):
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    member.emailaddress_set.update(verified=False)
    suspend(member, moderator)
    clock.shift(timedelta(minutes=5))
    run_jobs()
    assert mailoutbox == []


def test_suspended_members_get_no_other_emails(clock, member, moderator, follow, run_jobs, mailoutbox):
    follow()
    member.suspend()
    run_jobs()
    assert mailoutbox == []


def test_what_is_undone_within_five_minutes_is_told_to_nobody(clock, member, moderator, run_jobs, mailoutbox):
    action = warn(member, moderator)
    clock.shift(timedelta(minutes=3))
    ModerationAction.record(Action.RETRACT, member, by=moderator, reason="", undoes=action)
    clock.shift(timedelta(hours=1))
    run_jobs()
    run_jobs()
    assert mailoutbox == []
    assert not ModerationAction.objects.told_to(member).exists()


def test_what_is_undone_later_is_told(clock, member, moderator, run_jobs, mailoutbox):
    action = warn(member, moderator)
    clock.shift(timedelta(minutes=6))
    run_jobs()
    ModerationAction.record(Action.RETRACT, member, by=moderator, reason="", undoes=action)
    clock.shift(timedelta(minutes=6))
    run_jobs()
    assert [mail.subject for mail in mailoutbox] == [
        "A moderator warned you",
        "A moderator took back a warning",
    ]


def test_several_decisions_are_one_email_and_each_waits_five_minutes(
    clock, member, moderator, run_jobs, mailoutbox
):
    warn(member, moderator)
    warn(member, moderator)
    clock.shift(timedelta(minutes=3))
    late = warn(member, moderator)
    clock.shift(timedelta(minutes=2))
    run_jobs()
    assert [mail.subject for mail in mailoutbox] == ["Moderators made 2 decisions about you or your posts"]
    ModerationAction.record(Action.RETRACT, member, by=moderator, reason="", undoes=late)
    clock.shift(timedelta(minutes=10))
    run_jobs()
    assert len(mailoutbox) == 1


@pytest.fixture
def other_moderator(db):
    return UserFactory(username="chief", is_staff=True, is_superuser=True)


def test_a_rejected_appeal_is_told(clock, member, moderator, other_moderator, run_jobs, mailoutbox):
    appeal = Appeal.objects.create(action=warn(member, moderator), person=member, text="No")
    answer_appeal(other_moderator, appeal, grant=False, reason="We read it again")
    clock.shift(UNDO_FOR)
    run_jobs()
    (mail,) = mailoutbox
    assert "A moderator rejected your appeal." in mail.body
    assert "We read it again" in mail.body


def test_an_accepted_appeal_is_told_although_it_was_quick(
    clock, member, moderator, other_moderator, run_jobs, mailoutbox
):
    appeal = Appeal.objects.create(action=warn(member, moderator), person=member, text="No")
    answer_appeal(other_moderator, appeal, grant=True, reason="Right")
    clock.shift(UNDO_FOR)
    run_jobs()
    (mail,) = mailoutbox
    assert "We accepted your appeal. A moderator took back a warning." in mail.body


def test_a_decision_about_a_reported_person_is_told_and_one_that_is_undone_is_not(
    clock, bob, moderator, report, run_jobs, mailoutbox
):
    report()
    (action,) = decide(moderator, [bob], Decision.SUSPEND, reason="Spam", days=7)
    undo(moderator, action)
    clock.shift(UNDO_FOR)
    run_jobs()
    assert [mail.to for mail in mailoutbox] == [[moderator.email]]  # About the report.

    decide(moderator, [bob], Decision.WARN, reason="Be kind")
    clock.shift(UNDO_FOR)
    run_jobs()
    assert {mail.to[0]: mail.subject for mail in mailoutbox[1:]} == {
        "bob@example.org": "A moderator warned you",
        "ada@example.org": "We looked at your report about @bob",
    }


def test_decisions_of_code_are_told_to_nobody(clock, member, run_jobs, mailoutbox):
    member.suspend()
    member.reinstate()
    clock.shift(timedelta(minutes=5))
    run_jobs()
    assert mailoutbox == []


# Reporters and moderators


@pytest.fixture
def report(member_client):
    """Return a function that reports bob as ada."""

    def report(client=member_client):
        client.post("/@bob/report/", {"reason": "harassment"})
        return Report.objects.latest("pk")

    return report


def test_moderators_are_emailed_about_a_report_unless_they_choose_otherwise(
    clock, bob, moderator, report, run_jobs, mailoutbox
):
    chosen_never = UserFactory(is_staff=True, is_superuser=True)
    chosen_never.notification_preferences.create(type="new_report", frequency="never")
    UserFactory(is_staff=True)  # May not moderate.
    report()
    run_jobs()
    (mail,) = mailoutbox
    assert mail.to == [moderator.email]
    assert mail.subject == "1 new report"
    assert "@bob: It harasses or threatens people" in mail.body
    assert "List-Unsubscribe" in mail.extra_headers


def test_nobody_is_emailed_about_a_report_by_or_about_them(member, bob, report, run_jobs, mailoutbox):
    User.objects.filter(pk__in=[member.pk, bob.pk]).update(is_staff=True, is_superuser=True)
    report()
    run_jobs()
    assert mailoutbox == []


def test_the_job_that_tells_moderators_can_run_twice(bob, moderator, report, run_jobs):
    made = report()
    tasks.tell_moderators.func(made.pk)
    tasks.tell_moderators.func(made.pk)
    assert Notification.objects.filter(type="new_report").count() == 1


def test_moderators_are_told_about_an_appeal_and_whoever_decided_is_not(
    member, moderator, other_moderator, appeal, run_jobs, mailoutbox
):
    UserFactory(is_staff=True)  # May not moderate.
    appeal(warn(member, moderator))
    run_jobs()
    (mail,) = mailoutbox
    assert mail.to == [other_moderator.email]
    assert mail.subject == "1 new appeal"
    assert "Appeal by @ada" in mail.body
    assert "Appeal by @ada" in mail.alternatives[0][0]
    assert "List-Unsubscribe" in mail.extra_headers


def test_the_only_moderator_is_told_about_an_appeal_against_their_decision(
    member, moderator, appeal, run_jobs, mailoutbox
):
    appeal(warn(member, moderator))
    run_jobs()
    assert [mail.to for mail in mailoutbox] == [[moderator.email]]


def test_reports_and_appeals_are_one_email_that_leaves_out_what_was_answered(
    bob, member, moderator, other_moderator, report, appeal, run_jobs, mailoutbox
):
    moderator.notification_preferences.create(type="new_report", frequency="never")
    report()
    for _number in range(3):
        appeal(warn(member, moderator))
    answered = Appeal.objects.first()
    answer_appeal(other_moderator, answered, grant=False, reason="No")
    run_jobs()
    mail = next(mail for mail in mailoutbox if mail.to == [other_moderator.email])
    assert mail.subject == "3 new reports and appeals"
    assert mail.body.count("Appeal by @ada") == 2


def test_an_email_names_ten_reports_and_ten_appeals_at_most(
    monkeypatch, bob, member, moderator, report, appeal, run_jobs, mailoutbox
):
    monkeypatch.setattr(notifications, "DESCRIBED", 1)
    report()
    for _number in range(3):
        appeal(warn(member, moderator))
    run_jobs()
    (mail,) = mailoutbox
    assert mail.body.count("Appeal by @ada") == 1
    assert "And 2 more." in mail.body


def test_nobody_is_emailed_about_their_own_appeal_or_one_by_someone_who_left(
    member, bob, moderator, appeal, run_jobs, mailoutbox
):
    # Only administrators answer appeals by an administrator.
    User.objects.filter(pk__in=[member.pk, moderator.pk]).update(is_staff=True, is_superuser=True)
    appeal(warn(member, bob))
    tasks.tell_moderators_of_appeal.func(Appeal.objects.get().pk)
    assert list(Notification.objects.filter(type="new_report").values_list("recipient", "actor")) == [
        (moderator.pk, member.pk)
    ]
    User.objects.get(pk=member.pk).leave()
    run_jobs()
    assert mailoutbox == []


def test_the_job_about_an_appeal_can_run_twice_and_after_the_person_left(
    member, moderator, appeal, monkeypatch
):
    appeal(warn(member, moderator))
    made = Appeal.objects.select_related("person").get()
    for _number in range(2):
        tasks.tell_moderators_of_appeal.func(made.pk)
    assert Notification.objects.filter(type="new_report").count() == 1

    Notification.objects.all().delete()
    member.leave()
    tasks.tell_moderators_of_appeal.func(made.pk)
    # Someone can also leave after the job has read the appeal.
    tasks._tell(lambda moderator: True, made.pk, actor=made.person)
    assert not Notification.objects.filter(type="new_report").exists()


def test_only_moderators_choose_about_new_reports(member_client, moderator):
    assert "new_report" not in member_client.get("/users/settings/emails/").content.decode()
    assert member_client.get("/users/settings/mail/new_report/").status_code == 404
    client = Client()
    client.force_login(moderator)
    assert "new_report" in client.get("/users/settings/emails/").content.decode()
    assert client.get("/users/settings/mail/new_report/").status_code == 200


# The list, and the message at login


def test_members_see_decisions_about_them_without_the_moderators_name(member, member_client, moderator):
    warn(member, moderator, rule_title="Be kind")
    warn(UserFactory(), moderator)
    page = member_client.get("/users/decisions/").content.decode()
    assert page.count("A moderator warned you.") == 1
    assert "Too loud" in page
    assert "Rule: Be kind" in page
    assert "@mo" not in page
    assert 'href="/users/decisions/"' in member_client.get("/users/settings/").content.decode()


def test_reasons_from_before_members_were_told_stay_hidden(member, member_client, moderator):
    warn(member, moderator)
    Notification.objects.all().delete()
    page = member_client.get("/users/decisions/").content.decode()
    assert "A moderator warned you." in page
    assert "Too loud" not in page


def test_a_new_member_with_a_freed_name_sees_nothing_of_the_earlier_one(
    clock, member, member_client, moderator
):
    warn(member, moderator)
    User.objects.filter(pk=member.pk).update(date_joined=timezone.now() + timedelta(seconds=1))
    assert "warned" not in member_client.get("/users/decisions/").content.decode()


@pytest.fixture
def is_pointed_to(member_client):
    """Return a function that returns whether pages point ada to a decision."""
    return lambda: "A moderator has made a decision" in member_client.get("/help/").content.decode()


def test_every_page_points_to_a_decision_until_the_list_is_opened(
    client, member, member_client, moderator, is_pointed_to
):
    assert not is_pointed_to()
    warn(member, moderator)
    assert is_pointed_to()
    page = member_client.get("/users/blocks/").content.decode()
    assert page.index('<main id="main"') < page.index('<a href="/users/decisions/">Read it</a>')
    log_in(client, member)
    assert "A moderator has made a decision" in client.get("/help/").content.decode()

    assert "A moderator has made a decision" not in member_client.get("/users/decisions/").content.decode()
    assert not is_pointed_to()


def test_pages_point_to_a_decision_until_it_is_opened(member, member_client, moderator, is_pointed_to):
    action = warn(member, moderator)
    assert "warned" in member_client.get(f"/users/decisions/{action.pk}/appeal/").content.decode()
    assert not is_pointed_to()


def test_pages_point_to_decisions_that_a_page_of_the_list_does_not_show(
    member, member_client, moderator, is_pointed_to, monkeypatch
):
    monkeypatch.setattr(DecisionsView, "page_size", 2)
    _first, second, _third = (warn(member, moderator) for _number in range(3))
    member_client.get("/users/decisions/")
    assert is_pointed_to()
    member_client.get(f"/users/decisions/?before={second.pk}")
    assert is_pointed_to()
    member_client.get("/users/decisions/")
    assert not is_pointed_to()


def test_pages_do_not_point_to_what_was_undone_at_once(member, moderator, is_pointed_to):
    first, second = warn(member, moderator), warn(member, moderator)
    undo(moderator, first)
    assert is_pointed_to()
    undo(moderator, second)
    assert not is_pointed_to()


def test_pages_point_to_a_warning_although_an_earlier_one_was_undone(
    member, member_client, moderator, is_pointed_to
):
    undo(moderator, warn(member, moderator))
    warn(member, moderator)
    assert is_pointed_to()


def test_a_decision_that_comes_while_the_list_is_opened_is_still_pointed_to(member, moderator, is_pointed_to):
    opened = [warn(member, moderator)]
    warn(member, moderator)
    member.refresh_from_db()
    unseen.mark_opened(member, opened)
    assert is_pointed_to()


def test_pointing_to_a_decision_takes_no_query(member, member_client, moderator, django_assert_num_queries):
    warn(member, moderator)  # With new notifications, pages count them.
    member_client.get("/users/decisions/")
    with CaptureQueriesContext(connection) as without:
        member_client.get("/users/blocks/")
    warn(member, moderator)
    with django_assert_num_queries(len(without)):
        assert "Read it" in member_client.get("/users/blocks/").content.decode()


def test_a_suspended_member_who_read_why_is_not_pointed_to_it_later(client, member, moderator):
    suspend(member, moderator)
    log_in(client, member)
    client.get("/users/suspended/")
    member.refresh_from_db()
    assert member.unseen_decision is None


# Suspended members


def test_a_suspended_member_sees_why_and_can_appeal_and_export_and_nothing_else(client, member, moderator):
    action = suspend(member, moderator, until=timezone.now() + WEEK)
    response = log_in(client, member)
    assert response.url == "/users/suspended/"
    page = client.get("/users/suspended/").content.decode()
    assert "Spam wave" in page
    assert "Rule: No spam" in page
    end = date_format(action.until, "DATETIME_FORMAT")
    assert page.count(f"Your suspension ends on {end}\xa0UTC.") == page.count(end) == 1
    assert client.get("/users/decisions/").status_code == 200
    assert client.get("/users/export/").headers["Content-Type"] == "application/zip"
    assert "_auth_user_id" not in client.session
    for path in ("/users/settings/", "/posts/add/", "/users/leave/"):
        assert client.get(path).url.startswith("/users/login/")

    assert client.post(f"/users/decisions/{action.pk}/appeal/", {"text": "It was my cat"}).status_code == 302
    assert Appeal.objects.get().text == "It was my cat"

    client.post("/users/suspended/")
    assert client.get("/users/export/").url.startswith("/users/login/")


def test_the_links_of_a_suspended_member_lead_to_the_page_about_it(client, member, member_client, moderator):
    assert "Your suspension" not in member_client.get("/users/decisions/").content.decode()
    action = suspend(member, moderator)
    log_in(client, member)
    for path in ("/users/suspended/", "/users/decisions/", f"/users/decisions/{action.pk}/appeal/"):
        page = client.get(path).content.decode()
        assert '<a class="site-name" href="/users/suspended/">' in page
        assert "/users/login/" not in page
        assert "/users/signup/" not in page
        assert 'href="/users/settings/"' not in page
        assert ("Your suspension</a>" in page) == (path != "/users/suspended/")


def test_a_wrong_password_shows_nothing_about_the_suspension(client, member, moderator):
    suspend(member, moderator)
    assert log_in(client, member, "wrong").status_code == 200
    assert client.get("/users/suspended/").url == "/users/login/"


def test_a_suspended_member_needs_the_second_factor_first(client, member, moderator):
    secret = "JBSWY3DPEHPK3PXP"
    TOTP.activate(member, secret)
    suspend(member, moderator)
    assert log_in(client, member).url == "/users/2fa/authenticate/"
    assert client.get("/users/suspended/").url == "/users/login/"
    code = format_hotp_value(hotp_value(secret, next(yield_hotp_counters_from_time())))
    assert client.post("/users/2fa/authenticate/", {"code": code}).url == "/users/suspended/"
    assert Authenticator.objects.exists()
    assert client.get("/users/suspended/").status_code == 200


def test_the_visit_ends_after_half_an_hour_a_new_password_or_the_suspension(client, clock, member, moderator):
    suspend(member, moderator)
    log_in(client, member)
    clock.shift(timedelta(minutes=31))
    assert client.get("/users/suspended/").status_code == 302

    log_in(client, member)
    assert client.get("/users/suspended/").status_code == 200
    member.set_password("another one")
    member.save()
    assert client.get("/users/suspended/").status_code == 302

    log_in(client, member, "another one")
    assert client.get("/users/suspended/").status_code == 200
    member.reinstate()
    assert client.get("/users/suspended/").status_code == 302


def test_an_account_that_an_administrator_deactivated_is_not_suspended(client, member):
    User.objects.filter(pk=member.pk).update(is_active=False)
    assert log_in(client, member).url == "/users/inactive/"


# Appeals


@pytest.fixture
def appeal(member, member_client):
    """Return a function that appeals a decision as ada, and returns the response."""
    return lambda action, text="No": member_client.post(
        f"/users/decisions/{action.pk}/appeal/", {"text": text}, follow=True
    )


def test_a_member_appeals_once(member, moderator, appeal):
    action = warn(member, moderator)
    assert "We&#x27;ve received your appeal" in appeal(action).content.decode()
    assert "already appealed" in appeal(action, "Again").content.decode()
    assert Appeal.objects.get().text == "No"


@pytest.mark.parametrize("text", ["", " ", "x" * 1001])
def test_an_appeal_has_a_text_of_at_most_1000_characters(member, moderator, appeal, text):
    appeal(warn(member, moderator), text)
    assert not Appeal.objects.exists()


@pytest.mark.parametrize("text", ["", " \n"])
def test_an_empty_appeal_is_not_sent_and_the_form_stays(member, moderator, appeal, text):
    page = appeal(warn(member, moderator), text).content.decode()
    assert not Appeal.objects.exists()
    assert "Write why you think the decision is wrong." in page
    assert "already appealed" not in page
    assert "<textarea" in page


def test_only_the_person_concerned_appeals(moderator, appeal):
    assert appeal(warn(UserFactory(), moderator)).status_code == 404


def test_some_decisions_cannot_be_appealed(member, moderator, appeal):
    for action in (Action.RETRACT, Action.REMOVE_PICTURE, Action.DISMISS, Action.REJECT_APPEAL):
        assert appeal(ModerationAction.record(action, member, by=moderator, reason="x")).status_code == 404


def test_after_a_reinstatement_there_is_nothing_to_appeal(member, moderator, appeal):
    action = suspend(member, moderator)
    member.reinstate(by=moderator, reason="x")
    client = Client()
    client.force_login(User.objects.get(pk=member.pk))
    page = client.post(f"/users/decisions/{action.pk}/appeal/", {"text": "No"}).content.decode()
    assert "no longer in force" in page
    assert not Appeal.objects.exists()


def test_what_was_undone_at_once_has_no_page(member, moderator, appeal):
    action = warn(member, moderator)
    ModerationAction.record(Action.RETRACT, member, by=moderator, reason="", undoes=action)
    assert appeal(action).status_code == 404


@needs_row_locks
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("first", ["appeal", "reinstate"])
def test_an_appeal_and_another_change_at_the_same_time_take_turns(first):
    member, moderator = UserFactory(), UserFactory()
    action = suspend(member, moderator)

    def appeal():
        form = AppealForm({"text": "No"}, instance=Appeal(action=action, person=member))
        assert form.is_valid()
        return form.save()

    with transaction.atomic():
        if first == "appeal":
            appeal()
        else:
            User.objects.get(pk=member.pk).reinstate(by=moderator, reason="x")
        other = begin(appeal)
    with pytest.raises(AppealRefused):
        other.result(timeout=60)
    assert Appeal.objects.count() == (first == "appeal")


@needs_row_locks
@pytest.mark.django_db(transaction=True)
def test_a_suspension_that_a_moderator_ends_at_the_same_time_ends_once():
    member, moderator = UserFactory(), UserFactory()
    suspend(member, moderator, until=timezone.now())
    found = User.objects.get(pk=member.pk)
    with transaction.atomic():
        User.objects.get(pk=member.pk).reinstate(by=moderator, reason="x")
        other = begin(found.end_suspension)
    assert other.result(timeout=60) is False
    assert not ModerationAction.objects.filter(action="end_suspension").exists()


def test_appeals_leave_with_the_person(member, moderator):
    Appeal.objects.create(action=warn(member, moderator), person=member, text="No")
    member.leave()
    assert not Appeal.objects.exists()
    assert ModerationAction.objects.exists()


# Rules


def test_the_rules_of_a_new_site_are_rows_that_administrators_edit(client, db):
    before = client.get("/rules/").content.decode()
    Rule.objects.create_first()
    Rule.objects.create_first()
    assert Rule.objects.count() == 4
    after = client.get("/rules/").content.decode()
    assert all(
        str(rule).partition("'")[0] in before and str(rule).partition("'")[0] in after
        for rule in Rule.objects.all()
    )
    Rule.objects.filter(position=1).update(title="Be quiet", text="After ten")
    Rule.objects.filter(position=2).update(is_active=False)
    page = client.get("/rules/").content.decode()
    assert "Be quiet" in page
    assert "After ten" in page
    assert "Be kind" not in page
    assert "private information" not in page


@pytest.mark.parametrize(
    ("title", "shown"),
    [
        ("No spam, no scams, nothing illegal.", "不发垃圾信息，不诈骗，不违法。"),
        ("Rules", "Rules"),  # The catalogue has this word, but an administrator wrote it.
    ],
)
def test_only_rules_of_a_new_site_are_translated(
    clock, member, member_client, moderator, run_jobs, mailoutbox, title, shown
):
    rule = Rule.objects.create(title=title)
    User.objects.filter(pk__in=[member.pk, moderator.pk]).update(language="zh-hans")
    mo = Client()
    mo.force_login(moderator)
    page = mo.get(f"/admin/moderation/people/{member.username}/").content.decode()
    assert f'<option value="{rule.pk}">{shown}</option>' in page
    assert f"<li>{shown}</li>" in member_client.get("/rules/").content.decode()

    (action,) = decide(moderator, [member], Decision.WARN, reason="Stop", rule=rule, reported=False)
    assert action.rule_title == title
    clock.shift(UNDO_FOR)
    run_jobs()
    (mail,) = mailoutbox
    assert shown in mail.body
    assert shown in mail.alternatives[0][0]
    assert shown in member_client.get("/users/decisions/").content.decode()
    assert shown in mo.get("/admin/moderation/record/").content.decode()


def test_moderators_read_the_rules_and_administrators_edit_them(moderator):
    Rule.objects.create_first()
    path = f"/admin/accounts/rule/{Rule.objects.first().pk}/change/"
    mo, chief = Client(), Client()
    mo.force_login(moderator)
    chief.force_login(UserFactory(is_staff=True, is_superuser=True))
    assert mo.get(path).status_code == 200
    data = {"title": "Be nice", "text": "", "position": "1", "is_active": "on"}
    assert mo.post(path, data).status_code == 403
    assert chief.post(path, data).status_code == 302
    assert Rule.objects.filter(title="Be nice").count() == 1


def test_no_notification_waits_for_ever_if_a_job_is_lost(clock, member, moderator, run_jobs, mailoutbox):
    warn(member, moderator)
    Job.objects.all().delete()
    clock.shift(timedelta(minutes=5))
    digests.send_digests.func()
    run_jobs()
    assert len(mailoutbox) == 1
    assert Delivery.objects.get().state == "sent"


def test_a_clock_that_is_briefly_ahead_ends_no_suspension(clock, member, moderator):
    call_command("prune", verbosity=0)  # Runs every day.
    suspend(member, moderator, until=timezone.now() + WEEK)
    clock.shift(timedelta(days=2000))
    tasks.end_suspensions.func()
    people_tasks.prune.func()
    tasks.end_suspensions.func()
    assert User.objects.suspended().exists()
    clock.shift(-timedelta(days=2000))
    tasks.end_suspensions.func()
    assert User.objects.suspended().exists()
    for _day in range(7):
        clock.shift(timedelta(days=1))
        call_command("prune", verbosity=0)
        tasks.end_suspensions.func()
    assert not User.objects.suspended().exists()


def test_after_a_long_break_suspensions_end_half_a_day_later(clock, member, moderator):
    call_command("prune", verbosity=0)
    suspend(member, moderator, until=timezone.now() + WEEK)
    clock.shift(timedelta(days=40))
    people_tasks.prune.func()
    tasks.end_suspensions.func()
    assert User.objects.suspended().exists()
    clock.shift(timedelta(hours=12))
    tasks.end_suspensions.func()
    assert not User.objects.suspended().exists()


def test_the_next_member_in_the_same_browser_does_not_see_the_suspension(client, member, bob, moderator):
    suspend(member, moderator)
    log_in(client, member)
    assert client.get("/users/suspended/").status_code == 200
    log_in(client, bob)
    assert client.get("/users/suspended/").url == "/users/login/"
