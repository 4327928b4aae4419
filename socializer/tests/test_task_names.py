"""Every later release must find waiting jobs, so the names of tasks never change."""

import inspect
import json
import subprocess
import sys
from importlib import import_module

import pytest

from accounts.emails.models import Delivery
from accounts.jobs import registry
from accounts.jobs.models import Job, PeriodicRun
from accounts.tests.factories import UserFactory
from accounts.tests.former_models import FormerApps
from socializer.management.commands.doctor import check_unknown_jobs

# To remove a name, call `registry.replace()` or `registry.retire()` for its waiting jobs.
NAMES = {
    "accounts.correct_future_times",
    "accounts.end_mutes",
    "accounts.prune",
    "accounts.record_follow",
    "accounts.record_unfollow",
    "accounts.recount",
    "accounts.recount_around",
    "accounts.recount_next",
    "announcements.notify_members",
    "backups.start",
    "emails.deliver",
    "emails.deliver_rendered",
    "emails.send_digest",
    "emails.send_digests",
    "joining.tell_moderators",
    "moderation.end_suspensions",
    "moderation.tell_moderators",
    "moderation.tell_moderators_of_appeal",
    "moderation.tell_reporters",
    "posts.end_filters",
    "security.reconcile_accounts",
    "sitemap.store_parts",
    "timelines.fan_out",
}
NOON = "2026-03-01T12:00:00+00:00"
RENDERED = ["Hi", "Hi", "<p>Hi</p>", None, {}]
# Every path under which a release stored jobs, with their arguments and today's name.
FORMER = [
    ("accounts.emails.outbox.deliver", [1, {}], {}, "emails.deliver"),
    ("accounts.emails.outbox.deliver_rendered", [1, *RENDERED], {}, "emails.deliver_rendered"),
    ("accounts.emails.plans.collect", [1], {}, "emails.send_digest"),
    ("accounts.outbox.deliver", [1, {}], {}, "emails.deliver"),
    ("accounts.outbox.deliver_rendered", [1, *RENDERED], {}, "emails.deliver_rendered"),
    ("accounts.plans.collect", [1], {}, "emails.send_digest"),
    ("accounts.tasks.make_digests", [], {}, "emails.send_digests"),
    ("accounts.tasks.mail_new_follower", [1], {"attempt": 2}, "accounts.record_follow"),
    ("accounts.tasks.note_follow", [1, 2, 3, NOON], {}, "accounts.record_follow"),
    ("accounts.tasks.note_unfollow", [1, 2, NOON], {}, "accounts.record_unfollow"),
    ("accounts.tasks.prune", [], {}, "accounts.prune"),
    ("accounts.tasks.recount", [[1, 2]], {}, "accounts.recount"),
    ("accounts.tasks.recount_around", [1], {}, "accounts.recount_around"),
    ("accounts.tasks.recount_some", [], {}, "accounts.recount_next"),
    (
        "accounts.tasks.send_mail",
        ["Hi", "Hi", "", "us@example.org", ["ada@example.org"], {}],
        {"attempt": 3},
        "emails.deliver_rendered",
    ),
    ("accounts.tasks.sweep_accounts", [], {}, "security.reconcile_accounts"),
    ("posts.tasks.carry_post", [1], {"attempt": 2}, "timelines.fan_out"),
    ("posts.tasks.carry_post", [1], {}, "timelines.fan_out"),
    ("socializer.sitemaps.store_parts", [], {}, "sitemap.store_parts"),
]


def test_no_task_name_is_missing_or_changed():
    """A new process imports only what a worker imports."""
    code = (
        "import django, json; django.setup(); from accounts.jobs import registry;"
        "print(json.dumps([sorted(registry.all_names()), registry.former_names()]))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)  # noqa: S603
    names, former = json.loads(run.stdout)
    assert set(names) == NAMES
    assert former == {path: name for path, _args, _kwargs, name in FORMER}


@pytest.mark.parametrize(("path", "args", "kwargs", "name"), FORMER)
def test_a_job_of_an_older_release_has_arguments_that_its_task_takes(db, path, args, kwargs, name):
    follower, followed = UserFactory.create_batch(2)
    follower.follow(followed)
    if path.endswith("mail_new_follower"):
        args = [follower.followings.get().pk]
    todays_name, args, kwargs = registry.convert(path, args, kwargs)
    assert todays_name == name
    inspect.signature(registry.find(path).func).bind(*args, **kwargs)


def test_an_email_of_the_first_release_gets_a_delivery(db):
    name, (pk, *rest), _kwargs = registry.convert(
        "accounts.tasks.send_mail", ["Hi", "text", "", "us@x.org", ["ada@example.org"], {}], {}
    )
    assert Delivery.objects.get(pk=pk).address == "ada@example.org"
    assert rest == ["Hi", "text", "", "us@x.org", {}]


def test_a_task_that_ran_under_an_old_name_does_not_run_again_in_the_same_period(db):
    migration = import_module("accounts.migrations.0019_stable_task_names")
    apps = FormerApps()
    PeriodicRun.objects.create(name="accounts.tasks.prune", period=2500)
    PeriodicRun.objects.create(name="another", period=7)
    migration.rename_forwards(apps, None)
    assert dict(PeriodicRun.objects.values_list("name", "period")) == {"accounts.prune": 2500, "another": 7}
    migration.rename_backwards(apps, None)
    assert PeriodicRun.objects.filter(name="accounts.tasks.prune", period=2500).exists()


def test_a_new_job_is_stored_under_its_name(member):
    member.follow(UserFactory())
    assert list(Job.objects.values_list("task_path", flat=True)) == ["emails.send_digest"]


def test_doctor_lists_tasks_that_this_release_does_not_know(member, run_jobs):
    assert list(check_unknown_jobs()) == []
    member.follow(UserFactory())
    Job.objects.update(task_path="newer.task")
    run_jobs()
    (complaint,) = check_unknown_jobs()
    assert complaint.startswith("1 jobs wait for tasks that this release doesn't have: newer.task.")
