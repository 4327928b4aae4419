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

from accounts import poolers
from accounts.jobs.trouble import answer_of
from accounts.models import Job, OutboxHold
from accounts.models.job import UNKNOWN_EXPIRY
from socializer import clocks
from socializer.backups import rotation
from socializer.health import (
    greet_mail_server,
    late_jobs,
    late_mails,
    use_timeline_redis,
    write_to_database,
)

GIGABYTE = 1024**3


class Command(BaseCommand):
    help = "Says what is wrong with this site and how to mend it. Ends with an error if anything is."
    requires_system_checks = []

    def handle(self, **options):
        # What several checks stumble over is said once.
        complaints = dict.fromkeys(complaint for check in CHECKS for complaint in self.look(check))
        for complaint in complaints:
            self.stdout.write(self.style.WARNING(f"- {complaint}"))
        if hint := rotation.hint(timezone.now()):
            self.stdout.write(hint)
        if complaints:
            raise CommandError(f"{len(complaints)} to mend.")
        self.stdout.write(self.style.SUCCESS("All is well."))

    def look(self, check):
        try:
            return list(check())
        except DatabaseError as error:
            if poolers.is_refusal(error):
                return [poolers.ADVICE]
            return [f"The database does not answer: {error}. Check DATABASE_URL."]


def check_pooler():
    if poolers.is_unknown():
        yield poolers.ADVICE


def check_migrations():
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        yield "The database is older than the code. Run: manage.py migrate"


def check_writing():
    try:
        write_to_database()
    except DatabaseError as error:
        yield f"The database can't be written to: {error}. Make room on its disk, and check who may write there."


def check_cache():
    try:
        cache.set("doctor", 1, timeout=5)
        if cache.get("doctor") != 1:
            yield "The cache forgets. Check CACHE_URL."
        cache.delete("doctor")
    except Exception as error:  # Each cache has its own.
        yield f"The cache does not answer: {error}. Check CACHE_URL."


def check_timeline_redis():
    try:
        use_timeline_redis()
    except (RedisError, OSError) as error:
        yield f"The Redis of the timelines does not answer as it should: {error}. Check TIMELINE_REDIS_URL."


def check_jobs():
    if late := late_jobs().count():
        yield f"{late} jobs wait for over ten minutes. Start the worker: manage.py worker"
    if failed := Job.objects.failed().count():
        yield f"{failed} jobs have failed. The admin shows why, under failed jobs, and lets them try again."


def check_unknown_jobs():
    unknown = Job.objects.unknown()
    names = sorted(set(unknown.order_by().values_list("task_path", flat=True)[:1000]))
    if names:
        yield (
            f"{unknown.count()} jobs wait for tasks that this release does not know: {', '.join(names[:5])}. They run as soon as a "
            f"worker knows these, and fail when they are {UNKNOWN_EXPIRY.days} days old. Is an app switched off, or a newer "
            "release to be installed?"
        )


def check_mail():
    if not settings.MAIL_LEAVES:
        yield "No mail leaves this machine. Set EMAIL_URL."
    try:
        greet_mail_server()
    except (SMTPException, OSError) as error:
        yield f"The mail server does not answer, or refuses the login: {answer_of(error)}. Check EMAIL_URL."
    if late := late_mails().order_by("-pk").first():
        yield f"The mail server has not taken mails for over an hour. Check EMAIL_URL. It said: {late.answer}"


def check_outbox():
    if OutboxHold.is_on():
        yield "Emails are held after a restore. Run: manage.py release_outbox"


def check_backups():
    yield from rotation.complaints(timezone.now())


def check_pictures():
    try:
        Storage().run()
    except Exception as error:  # Each storage has its own.
        yield f"Pictures cannot be stored: {error}. Check MEDIA_STORAGE."


def check_clocks():
    yield from clocks.problems()
    # No index leads to these, so /healthz/ does not look for them.
    if count := Job.objects.filter(enqueued_at__gt=timezone.now() + clocks.TOLERANCE).count():
        yield f"{count} jobs are from the future: a clock was ahead when they were enqueued. Check the clocks."


def check_safety():
    if settings.DEBUG and not settings.LOCAL:
        yield "DEBUG shows settings and code to everyone. Set DEBUG=0."
    if not settings.HTTPS and not settings.LOCAL:
        yield "Passwords travel in clear text. Put a proxy with https before the site, and https into SITE_URL."
    env_file = settings.BASE_DIR / ".env"
    if env_file.exists() and env_file.stat().st_mode & 0o077:
        yield "Others on this machine can read .env. Run: chmod 600 .env"


def check_disk():
    for folder in dict.fromkeys(folders()):
        if shutil.disk_usage(folder).free < GIGABYTE:
            yield f"Less than 1 GB of disk is free for {folder}."


def folders():
    """Where the site stores things on this machine, as far as these folders are there."""
    yield settings.BASE_DIR
    if connection.vendor == "sqlite":
        yield from filter(Path.is_dir, [Path(connection.settings_dict["NAME"]).parent])
    yield from filter(Path.is_dir, [Path(settings.MEDIA_ROOT)])


CHECKS = [
    check_pooler,
    check_migrations,
    check_writing,
    check_cache,
    check_timeline_redis,
    check_jobs,
    check_unknown_jobs,
    check_mail,
    check_outbox,
    check_backups,
    check_pictures,
    check_clocks,
    check_safety,
    check_disk,
]
