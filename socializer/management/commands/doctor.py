import shutil
from pathlib import Path
from smtplib import SMTPException

from django.conf import settings
from django.core.cache import cache
from django.core.management.base import BaseCommand, CommandError
from django.db import Error as DatabaseError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone
from health_check.checks import Storage
from redis.exceptions import RedisError

from accounts.common import poolers
from accounts.emails.models import OutboxHold
from accounts.emails.smtp import server_reply
from accounts.jobs.models import UNKNOWN_EXPIRY, Job
from accounts.models import SiteSettings
from socializer import clocks, environment
from socializer.backups import rotation
from socializer.health import (
    greet_mail_server,
    late_emails,
    late_jobs,
    use_timeline_redis,
    write_to_database,
)

GIGABYTE = 1024**3


class Command(BaseCommand):
    help = "Reports problems with this site and how to fix them. Exits with an error if there are any."
    requires_system_checks = []

    def handle(self, **options):
        # Several checks may find the same problem. It is shown once.
        problems = dict.fromkeys(problem for check in CHECKS for problem in self.run_check(check))
        for problem in problems:
            self.stdout.write(self.style.WARNING(f"- {problem}"))
        for line in site_settings():
            self.stdout.write(line)
        if hint := rotation.hint(timezone.now()):
            self.stdout.write(hint)
        if problems:
            raise CommandError(f"Problems found: {len(problems)}.")
        self.stdout.write(self.style.SUCCESS("No problems found."))

    def run_check(self, check):
        try:
            return list(check())
        except DatabaseError as error:
            if poolers.is_refusal(error):
                return [poolers.ADVICE]
            return [f"The database doesn't answer: {error}. Check DATABASE_URL."]


def site_settings():
    """Yield a line for each of the site settings. It says if the environment would give another value to a new site."""
    try:
        stored, first = SiteSettings.load(), SiteSettings.first()
    except DatabaseError:
        return  # The checks say so.
    for field in SiteSettings._meta.fields:
        if field.primary_key:
            continue
        name = field.name.upper()
        value, first_value = getattr(stored, field.name), getattr(first, field.name)
        line = f"{name} is {value!r}, set in the admin"
        yield (
            f"{line}."
            if value == first_value
            else f"{line}. In the environment it is {first_value!r}, which has no effect."
        )


def check_settings():
    yield from environment.warnings()


def check_pooler():
    if poolers.is_undeclared():
        yield poolers.ADVICE


def check_migrations():
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        yield "The database is older than the code. Run: manage.py migrate"


def check_writing():
    try:
        write_to_database()
    except DatabaseError as error:
        yield f"Can't write to the database: {error}. Free some disk space, and check the permissions of its files."


def check_cache():
    try:
        cache.set("doctor", 1, timeout=5)
        if cache.get("doctor") != 1:
            yield "The cache doesn't keep values. Check CACHE_URL."
        cache.delete("doctor")
    except Exception as error:  # Each cache raises different errors.
        yield f"The cache doesn't answer: {error}. Check CACHE_URL."


def check_timeline_redis():
    try:
        use_timeline_redis()
    except (RedisError, OSError) as error:
        yield f"The Redis of the timelines doesn't work: {error}. Check TIMELINE_REDIS_URL."


def check_jobs():
    if late := late_jobs().count():
        yield f"{late} jobs have been waiting for over ten minutes. Start the worker: manage.py worker"
    if failed := Job.objects.failed().count():
        yield f"{failed} jobs have failed. The admin shows why, under failed jobs, and can retry them."


def check_unknown_jobs():
    unknown = Job.objects.unknown()
    names = sorted(set(unknown.order_by().values_list("task_path", flat=True)[:1000]))
    if names:
        yield (
            f"{unknown.count()} jobs wait for tasks that this release doesn't have: {', '.join(names[:5])}. They run once a "
            f"worker has these tasks, and fail when they are {UNKNOWN_EXPIRY.days} days old. Is an app turned off, or does the "
            "site need a newer release?"
        )


def check_email():
    if not settings.EMAIL_IS_DELIVERED:
        yield "Email isn't sent. Set EMAIL_URL."
    try:
        greet_mail_server()
    except (SMTPException, OSError) as error:
        yield f"The mail server doesn't answer, or rejects the login: {server_reply(error)}. Check EMAIL_URL."
    if late := late_emails().order_by("-pk").first():
        yield f"The mail server hasn't accepted emails for over an hour. Check EMAIL_URL. Its answer: {late.answer}"


def check_outbox():
    if OutboxHold.is_on():
        yield "Emails are held after a restore. Run: manage.py release_outbox"


def check_backups():
    yield from rotation.problems(timezone.now())


def check_pictures():
    try:
        Storage().run()
    except Exception as error:  # Each storage raises different errors.
        yield f"Pictures can't be stored: {error}. Check MEDIA_STORAGE."


def check_clocks():
    yield from clocks.problems()
    # There is no index for this query, so /healthz/ doesn't run it.
    if count := Job.objects.filter(enqueued_at__gt=timezone.now() + clocks.TOLERANCE).count():
        yield f"{count} jobs are dated in the future because a clock was ahead. Check the clocks."


def check_safety():
    if settings.DEBUG and not settings.LOCAL:
        yield "DEBUG shows settings and code to all visitors. Set DEBUG=0."
    if not settings.HTTPS and not settings.LOCAL:
        yield "Passwords are sent unencrypted. Put a proxy with https in front of the site, and set SITE_URL to https://."
    env_file = settings.BASE_DIR / ".env"
    if env_file.exists() and env_file.stat().st_mode & 0o077:
        yield "Other users of this machine can read .env. Run: chmod 600 .env"


def check_disk():
    for folder in dict.fromkeys(folders()):
        if shutil.disk_usage(folder).free < GIGABYTE:
            yield f"The disk of {folder} has less than 1 GB of free space."


def folders():
    """Yield the existing folders in which the site stores files on this machine."""
    yield settings.BASE_DIR
    if connection.vendor == "sqlite":
        yield from filter(Path.is_dir, [Path(connection.settings_dict["NAME"]).parent])
    yield from filter(Path.is_dir, [Path(settings.MEDIA_ROOT)])


CHECKS = [
    check_settings,
    check_pooler,
    check_migrations,
    check_writing,
    check_cache,
    check_timeline_redis,
    check_jobs,
    check_unknown_jobs,
    check_email,
    check_outbox,
    check_backups,
    check_pictures,
    check_clocks,
    check_safety,
    check_disk,
]
