"""Each check of `manage.py audit` finds errors that the test stored in the database, and repairs them if it can."""

import json
from contextlib import suppress
from datetime import timedelta
from io import StringIO
from unittest import mock

import pytest
from allauth.account.models import EmailAddress
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection
from django.test import Client
from django.utils import timezone
from django_tasks import TaskResultStatus

from accounts import audit, pictures, tasks
from accounts.common import auditing
from accounts.emails import outbox
from accounts.emails.models import Delivery
from accounts.jobs import registry
from accounts.jobs.models import Job
from accounts.joining.invitations import create_invitation
from accounts.joining.models import Application, InvitationUse
from accounts.models import Block, Follow, NameWord, RetiredUsername, User
from accounts.moderation.decisions import Decision, answer_appeal, decide
from accounts.moderation.models import Appeal, ModerationAction, Report
from accounts.notifications.models import Notification
from accounts.security.models import AccountSnapshot, RateLimitCounter
from accounts.tests.factories import FollowFactory, UserFactory

LONG_AGO = timezone.now() - timedelta(days=30)


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch, empty_storage):
    monkeypatch.setattr(auditing, "PAUSE", 0)


@pytest.fixture
def bob(db):
    return UserFactory(username="bob")


def report(**options):
    """Run the command, and return its JSON report as a dict by name of the check."""
    out = StringIO()
    with suppress(CommandError):
        call_command("audit", json=True, stdout=out, **options)
    return {row["check"]: row for row in json.loads(out.getvalue())}


def wrong(**options):
    return {name: row["wrong"] for name, row in report(**options).items() if row["wrong"]}


def plant_follow_across_a_block(member, bob):
    FollowFactory(follower=bob, followed=member)
    Block.objects.create(blocker=member, blocked=bob)


def plant_mute_that_has_ended(member, bob):
    member.mute(bob, until=LONG_AGO)


def plant_wrong_count(member, bob):
    User.objects.filter(pk=member.pk).update(follower_count=7)


def plant_missing_word(member, bob):
    NameWord.objects.filter(user=member, word=b"lovelace").delete()


def plant_retired_name(member, bob):
    RetiredUsername.objects.create(username="bob")


def plant_other_primary_address(member, bob):
    EmailAddress.objects.filter(user=member).update(primary=False)
    EmailAddress.objects.create(user=member, email="other@example.org", primary=True)


def plant_unknown_state(member, bob):
    User.objects.filter(pk=member.pk).update(date_joined=LONG_AGO)
    AccountSnapshot.objects.filter(pk=member.pk).delete()


def plant_notification_of_ended_follow(member, bob):
    Notification.objects.create(recipient=member, actor=bob, type="new_follower", subject=1)


def plant_delivery_without_job(member, bob):
    Delivery.objects.create(recipient=member, type="new_follower", key="k")


def plant_job_of_a_dead_worker(member, bob):
    tasks.recount.enqueue([member.pk])
    Job.objects.update(
        status=TaskResultStatus.RUNNING,
        started_at=timezone.now() - timedelta(hours=1),
        worker_ids=["gone:1:x"],
    )


def plant_job_that_takes_no_arguments(member, bob):
    tasks.recount.enqueue([member.pk])
    Job.objects.update(args_kwargs={"args": [1, 2, 3], "kwargs": {}})


def plant_unknown_session(member, bob):
    client = Client()
    client.force_login(member)
    UserSession.objects.all().delete()


def plant_session_of_a_suspended_member(member, bob):
    User.objects.filter(pk=member.pk).update(suspended_on=timezone.now(), is_active=False)
    UserSession.objects.create(user=member, ip="127.0.0.1", session_key="s")


def plant_endless_window(member, bob):
    RateLimitCounter.objects.create(key="k", count=1, ends_on=timezone.now() + timedelta(days=5))


def plant_lost_picture(member, bob):
    User.objects.filter(pk=member.pk).update(picture="0" * 32)


def plant_orphaned_picture(member, bob):
    default_storage.save(pictures.path("f" * 32, pictures.SMALL), ContentFile(b"x"))


def plant_invitation_used_too_often(member, bob):
    invitation = create_invitation(None, limit=1, days=1)
    for person in (member, bob):
        InvitationUse.objects.create(invitation=invitation, person=person)


def plant_pending_member_without_application(member, bob):
    User.objects.filter(pk=bob.pk).update(pending_since=LONG_AGO)


def plant_report_about_a_deleted_post(member, bob):
    Report.objects.create(reporter=member, person=bob, subject_type="post", subject_id=10**9, reason="spam")


def warn(member, bob):
    return ModerationAction.record("warn", member, by=bob, reason="Too loud")


def plant_appeal_against_another_persons_decision(member, bob):
    Appeal.objects.create(action=warn(member, bob), person=bob, text="No")


def plant_appeal_that_another_decision_answers(member, bob):
    appealed = warn(member, bob)
    Appeal.objects.create(action=appealed, person=member, text="No", answer=warn(member, bob))


PLANTED = {
    audit.ReportSubjects: plant_report_about_a_deleted_post,
    audit.InvitationUses: plant_invitation_used_too_often,
    audit.PendingApplicants: plant_pending_member_without_application,
    audit.EndedMutes: plant_mute_that_has_ended,
    audit.AppealedDecisions: plant_appeal_against_another_persons_decision,
    audit.AppealAnswers: plant_appeal_that_another_decision_answers,
    audit.FollowsAcrossBlocks: plant_follow_across_a_block,
    audit.FollowCounts: plant_wrong_count,
    audit.NameWords: plant_missing_word,
    audit.RetiredUsernames: plant_retired_name,
    audit.PrimaryAddresses: plant_other_primary_address,
    audit.AccountSnapshots: plant_unknown_state,
    audit.WaitingNotifications: plant_notification_of_ended_follow,
    audit.WaitingDeliveries: plant_delivery_without_job,
    audit.RunningJobs: plant_job_of_a_dead_worker,
    audit.ReadyJobs: plant_job_that_takes_no_arguments,
    audit.MembersSessions: plant_unknown_session,
    audit.SessionsOfSuspended: plant_session_of_a_suspended_member,
    audit.RateLimitWindows: plant_endless_window,
    audit.PicturesOfMembers: plant_lost_picture,
    audit.PictureFiles: plant_orphaned_picture,
}
# Tested below, because constraints prevent such rows.
APART = {audit.References, audit.FollowPairs, audit.BlockPairs, audit.MutePairs}


def test_every_check_has_an_error_to_find():
    ours = {type(check) for check in auditing.all_checks() if type(check).__module__ == audit.__name__}
    assert ours == {*PLANTED, *APART}


def test_using_the_site_causes_no_errors(member, member_client, bob, run_jobs):
    bob.follow(member)
    member.follow(bob)
    member_client.post("/@bob/block/")
    member_client.post("/users/settings/profile/", {"display_name": "A. L.", "bio": ""})
    UserFactory().follow(member)
    bob.suspend()
    run_jobs()

    assert wrong() == {}


@pytest.mark.parametrize("check", PLANTED, ids=lambda check: check.__name__)
def test_an_error_is_found_and_repaired_if_that_is_safe(member, bob, monkeypatch, check):
    monkeypatch.setattr(audit, "PRUNED_AFTER", timedelta(0))
    assert wrong() == {}
    PLANTED[check](member, bob)

    found = report()[check.__name__]
    assert (found["wrong"], len(found["examples"])) == (1, 1)
    assert found["remedy"]

    assert wrong(fix=True) == ({} if check.can_fix else {check.__name__: 1})
    assert report()[check.__name__]["repaired"] == 0


def test_a_dangling_foreign_key_is_found_in_any_table(member):
    follow = Follow(follower=member, followed_id=10**9)
    Follow.objects.bulk_create([follow])

    found = report()["References"]
    assert (found["wrong"], found["examples"]) == (1, [f"accounts.Follow {follow.pk}"])
    # The database checks foreign keys at the end of the test.
    follow.delete()
    assert wrong() == {}


@pytest.mark.parametrize(
    ("model", "check", "sides"),
    [(Follow, "FollowPairs", ("follower", "followed")), (Block, "BlockPairs", ("blocker", "blocked"))],
)
def test_duplicate_rows_and_rows_with_oneself_are_found(member, bob, model, check, sides):
    table = connection.ops.quote_name(model._meta.db_table)
    with connection.cursor() as cursor:
        # This table hides the real one until the end of the test, and has no constraints.
        cursor.execute(f"CREATE TEMPORARY TABLE {table} AS SELECT * FROM {table}")  # noqa: S608
    pairs = [(member, bob), (member, bob), (member, member)]
    model.objects.bulk_create(
        model(pk=pk, **dict(zip(sides, pair, strict=True))) for pk, pair in enumerate(pairs, start=1)
    )
    User.objects.recount()

    assert wrong() == {check: 2}
    assert wrong(fix=True) == {}
    assert model.objects.get().pk == 1


@pytest.mark.parametrize(
    "action", set(ModerationAction.Action) - {"warn", "hide", "suspend"} | {"later_release"}
)
def test_an_appeal_against_what_cannot_be_appealed_is_found(member, bob, action):
    made = ModerationAction.record(action, member, by=bob, reason="x")
    Appeal.objects.create(action=made, person=member, text="No")
    assert wrong() == {"AppealedDecisions": 1}


def test_a_second_appeal_against_a_decision_is_found(member, bob):
    appeal = Appeal.objects.create(action=warn(member, bob), person=member, text="No")
    table = connection.ops.quote_name(Appeal._meta.db_table)
    with connection.cursor() as cursor:
        # As above: this table has no constraints.
        cursor.execute(f"CREATE TEMPORARY TABLE {table} AS SELECT * FROM {table}")  # noqa: S608
    second = Appeal(pk=appeal.pk + 1, action=appeal.action, person=member, text="No again")
    Appeal.objects.bulk_create([second])

    found = report()["AppealedDecisions"]
    assert found["examples"] == [f"accounts.Appeal {second.pk}"]


def test_an_answer_about_something_else_or_from_before_the_decision_is_found(member, bob):
    earlier = ModerationAction.record("reject_appeal", member, by=bob, reason="x")
    about_bob = ModerationAction.record("reject_appeal", bob, by=bob, reason="x")
    first, second = warn(member, bob), warn(bob, member)
    Appeal.objects.create(action=first, person=member, text="No", answer=earlier)
    Appeal.objects.create(action=second, person=bob, text="No", answer=about_bob)
    assert wrong() == {"AppealAnswers": 2}


def test_appeals_that_moderators_answered_are_right(member, bob):
    mo = UserFactory(username="mo", is_staff=True, is_superuser=True)
    for grant, decision in [(True, "warn"), (False, "warn"), (True, "suspend"), (None, "suspend")]:
        (made,) = decide(mo, [member], Decision(decision), reason="x", reported=False)
        appeal = Appeal.objects.create(action=made, person=member, text="No")
        if grant is None:
            decide(mo, [User.objects.get(pk=member.pk)], Decision.REINSTATE, reason="x", reported=False)
        else:
            answer_appeal(mo, appeal, grant=grant, reason="x")
        member.refresh_from_db()
    assert Appeal.objects.exclude(answer=None).count() == 4
    assert wrong() == {}


def test_ending_a_follow_across_a_block_corrects_the_counts(member, bob, run_jobs):
    plant_follow_across_a_block(member, bob)
    assert wrong(fix=True) == {}

    assert not Follow.objects.exists()
    assert not User.objects.exclude(follower_count=0, following_count=0).exists()


def test_an_error_that_is_gone_at_the_second_look_is_not_reported(member, bob, monkeypatch):
    plant_wrong_count(member, bob)
    monkeypatch.setattr(auditing.time, "sleep", lambda seconds: tasks.recount_now([member.pk]))

    assert wrong() == {}


@pytest.mark.parametrize("end", ["suspend", "reinstate", "leave"])
def test_counts_that_a_waiting_job_will_correct_are_not_reported(member, bob, run_jobs, end):
    bob.follow(member)
    member.follow(bob)
    if end == "reinstate":
        bob.suspend()
    run_jobs()
    getattr(bob, end)()
    assert User.objects.miscounted().filter(pk=member.pk).exists()
    assert wrong() == {}

    # The count of someone without such a job is reported.
    eve = UserFactory(follower_count=3)
    found = report()["FollowCounts"]
    assert found["examples"] == [f"accounts.User {eve.pk}"]

    Job.objects.filter(task_path__contains="recount").delete()
    # A job that can't run doesn't count.
    for arguments in DAMAGED:
        store_job("accounts.recount", arguments)
    assert report()["FollowCounts"]["wrong"] == 2


DAMAGED = [
    3,
    [],
    {},
    {"x": 1},
    {"args": 3},
    {"args": [[]]},
    {"args": [[{}]], "kwargs": {}},
    {"args": [], "kwargs": []},
]


def store_job(name, arguments):
    now = timezone.now()
    Job.objects.create(
        task_path=name, args_kwargs=arguments, backend_name="default", enqueued_at=now, run_after=now
    )


@pytest.mark.parametrize(
    "name", ["emails.deliver", "emails.deliver_rendered", "accounts.recount_around", "gone"]
)
def test_jobs_with_damaged_arguments_are_found_and_do_not_stop_the_audit(member, bob, name):
    plant_delivery_without_job(member, bob)
    for arguments in DAMAGED:
        store_job(name, arguments)

    found = wrong()
    assert found.pop("ReadyJobs") >= len(DAMAGED) - 1
    assert found == {"WaitingDeliveries": 1}


@pytest.mark.parametrize(
    ("name", "arguments", "can_run"),
    [
        ("accounts.tasks.mail_new_follower", [1], True),
        ("accounts.tasks.mail_new_follower", [1, 2], True),
        ("accounts.tasks.mail_new_follower", [1, 2, 3], False),
        ("tests.retired", [1, 2, 3], True),
        ("accounts.tasks.recount", [[1]], True),
        ("accounts.tasks.recount", [], False),
        ("tests.unknown", [], False),
    ],
)
def test_jobs_of_older_releases_are_fine_if_the_worker_adapts_them(member, name, arguments, can_run):
    store_job(name, {"args": arguments, "kwargs": {}})
    with mock.patch.dict(registry._former_names):
        registry.retire("tests.retired")
        assert wrong() == ({} if can_run else {"ReadyJobs": 1})


def test_the_jobs_are_read_once_however_many_emails_wait(member, bob, monkeypatch):
    monkeypatch.setattr(auditing.RowCheck, "batch", 2)
    for number in range(7):
        outbox.enqueue("new_follower", member, f"key {number}", emailed_in="x")
    Delivery.objects.filter(key="key 3").delete()
    Delivery.objects.create(recipient=member, type="new_follower", key="k")

    read = mock.Mock(wraps=audit.unfinished_jobs)
    monkeypatch.setattr(audit, "unfinished_jobs", read)

    assert report()["WaitingDeliveries"]["wrong"] == 1
    assert read.mock_calls.count(mock.call()) == 2  # Once for each of the two looks.


def test_all_rows_are_checked_in_batches(member, bob, monkeypatch):
    UserFactory.create_batch(5)
    User.objects.update(follower_count=1)
    monkeypatch.setattr(auditing.RowCheck, "batch", 3)

    found = report()["FollowCounts"]
    assert (found["looked_at"], found["wrong"], len(found["examples"])) == (7, 7, 5)


def test_the_report_says_what_to_do_and_the_command_fails(member, bob):
    out = StringIO()
    call_command("audit", stdout=out)
    assert "No errors found." in out.getvalue()

    plant_wrong_count(member, bob)
    with pytest.raises(CommandError, match="1 error found"):
        call_command("audit", stdout=out)
    assert f"1 wrong\n  accounts.User {member.pk}\n  With --fix: The counts are corrected." in out.getvalue()


def test_nothing_can_be_written_while_it_reads(member):
    with pytest.raises(DatabaseError), auditing.reading():
        User.objects.update(bio="Written")


@pytest.mark.django_db
def test_an_empty_database_has_no_errors():
    assert set(report()) >= {check.__name__ for check in PLANTED}
    assert wrong() == {}


def test_a_missing_or_outdated_database_is_explained(db, monkeypatch, tmp_path):
    missing = mock.Mock(vendor="sqlite", settings_dict={"NAME": tmp_path / "missing.sqlite3"})
    missing.is_in_memory_db.return_value = False
    with (
        mock.patch("accounts.management.commands.audit.connection", missing),
        pytest.raises(CommandError, match="no database"),
    ):
        call_command("audit")

    plan = "django.db.migrations.executor.MigrationExecutor.migration_plan"
    with mock.patch(plan, return_value=["something"]), pytest.raises(CommandError, match="manage.py migrate"):
        call_command("audit")
    with (
        mock.patch(plan, side_effect=DatabaseError("gone")),
        pytest.raises(CommandError, match="DATABASE_URL"),
    ):
        call_command("audit")


def test_a_session_from_before_a_password_change_is_not_reported(member, bob):
    plant_unknown_session(member, bob)
    assert wrong() == {"MembersSessions": 1}

    member.set_password("another battery")
    member.save()
    assert wrong() == {}


def test_the_report_does_not_contain_whole_session_keys(member, bob):
    plant_unknown_session(member, bob)
    key = Session.objects.get().session_key
    assert report()["MembersSessions"]["examples"] == [f"sessions.Session {key[:4]}..."]


@pytest.mark.parametrize("state", ["waiting", "refused", "approved"])
def test_the_state_of_the_application_decides_who_waits(member, bob, state):
    """`bob` waits for approval if `state` isn't "approved", and the rows disagree."""
    decided_on = None if state == "waiting" else LONG_AGO
    Application.objects.create(person=bob, submitted_on=LONG_AGO, state=state, decided_on=decided_on)
    User.objects.filter(pk=bob.pk).update(pending_since=LONG_AGO if state == "approved" else None)
    assert wrong() == {"PendingApplicants": 1}
    report(fix=True)
    assert not wrong()
    bob.refresh_from_db()
    assert bob.is_pending == (state != "approved")
