"""Jobs that wait must be found by every later release: their names are a promise."""

import inspect
import json
import subprocess
import sys
from importlib import import_module

import pytest
from django.apps import apps

from accounts.jobs import registry
from accounts.models import Delivery, Job, Turn
from accounts.tests.factories import UserFactory
from socializer.management.commands.doctor import check_unknown_jobs

# A name may be added. If one is to go, `registry.replace()` or `registry.retire()` says what becomes of its jobs.
NAMES = {
    "accounts.correct_future_times",
    "accounts.prune",
    "accounts.record_follow",
    "accounts.record_unfollow",
    "accounts.recount",
    "accounts.recount_around",
    "accounts.recount_next",
    "backups.start",
    "emails.deliver",
    "emails.deliver_rendered",
    "emails.send_digest",
    "emails.send_digests",
    "security.reconcile_accounts",
    "sitemap.store_parts",
    "timelines.fan_out",
}
NOON = "2026-03-01T12:00:00+00:00"
RENDERED = ["Hi", "Hi", "<p>Hi</p>", None, {}]
# Every path under which a release stored jobs, their arguments, and the name of today.
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


def test_no_name_of_a_task_is_lost_or_changed():
    """Looked at in a new process, which has imported what a worker imports."""
    code = (
        "import django, json; django.setup(); from accounts.jobs import registry;"
        "print(json.dumps([sorted(registry.all_names()), registry.former_names()]))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)  # noqa: S603
    names, former = json.loads(run.stdout)
    assert set(names) == NAMES
    assert former == {path: name for path, _args, _kwargs, name in FORMER}


@pytest.mark.parametrize(("path", "args", "kwargs", "name"), FORMER)
def test_a_job_of_an_older_release_fits_the_task_of_today(db, path, args, kwargs, name):
    follower, followed = UserFactory.create_batch(2)
    follower.follow(followed)
    if path.endswith("mail_new_follower"):
        args = [follower.followings.get().pk]
    now, args, kwargs = registry.update(path, args, kwargs)
    assert now == name
    inspect.signature(registry.find(path).func).bind(*args, **kwargs)


def test_an_email_of_the_first_release_gets_a_delivery(db):
    name, (pk, *rest), _kwargs = registry.update(
        "accounts.tasks.send_mail", ["Hi", "text", "", "us@x.org", ["ada@example.org"], {}], {}
    )
    assert Delivery.objects.get(pk=pk).address == "ada@example.org"
    assert rest == ["Hi", "text", "", "us@x.org", {}]


def test_what_ran_in_a_period_under_an_old_name_does_not_run_in_it_again(db):
    migration = import_module("accounts.migrations.0019_stable_task_names")
    Turn.objects.create(name="accounts.tasks.prune", period=2500)
    Turn.objects.create(name="another", period=7)
    migration.rename_forwards(apps, None)
    assert dict(Turn.objects.values_list("name", "period")) == {"accounts.prune": 2500, "another": 7}
    migration.rename_backwards(apps, None)
    assert Turn.objects.filter(name="accounts.tasks.prune", period=2500).exists()


def test_a_new_job_is_stored_under_its_name(member):
    member.follow(UserFactory())
    assert list(Job.objects.values_list("task_path", flat=True)) == ["accounts.record_follow"]


def test_the_doctor_names_tasks_that_this_release_does_not_know(member, run_jobs):
    assert list(check_unknown_jobs()) == []
    member.follow(UserFactory())
    Job.objects.update(task_path="newer.task")
    run_jobs()
    (complaint,) = check_unknown_jobs()
    assert complaint.startswith("1 jobs wait for tasks that this release does not know: newer.task.")
