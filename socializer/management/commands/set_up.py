import os

from django.conf import settings
from django.core.cache import cache
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import Error as DatabaseError
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from accounts.common import poolers
from accounts.common.seeding import DEMO_PASSWORD
from accounts.emails.models import OutboxHold
from accounts.models import SiteSettings
from accounts.moderation.models import Rule
from posts.management.commands.seed_demo import DEMO_USERNAME, demo_member
from posts.timelines.redis.models import TimelineGeneration

LOOPBACK = ("", "127.0.0.1", "::1", "localhost")


class Command(BaseCommand):
    help = "Migrates the database before the site starts, and says how to log in. script/server runs it."
    requires_migrations_checks = False

    def add_arguments(self, parser):
        parser.add_argument("--demo", action="store_true", help="Fill a new database with the demo network.")

    def handle(self, *, demo, **options):
        try:
            if poolers.is_undeclared():
                raise CommandError(poolers.ADVICE)
            self.prepare(demo=demo)
        except DatabaseError as error:
            if poolers.is_refusal(error):
                raise CommandError(poolers.ADVICE) from error
            raise CommandError(
                f"The database can't be used. Check DATABASE_URL. The error is: {error}"
            ) from error
        self.print_summary()

    def prepare(self, *, demo):
        new = not MigrationRecorder(connection).has_table()
        call_command("migrate", verbosity=0, interactive=False)
        Rule.objects.create_first()
        SiteSettings.create_first()
        self.prune()
        TimelineGeneration.renew_if_timeline_changed()
        if new and demo and settings.LOCAL:
            call_command("seed_demo", stdout=self.stdout, stderr=self.stderr)

    def prune(self):
        try:
            call_command("prune", verbosity=0)
        except CommandError as error:  # The clock may be wrong. The site starts anyway.
            self.stdout.write(self.style.WARNING(f"  {error}"))

    def print_summary(self):
        say = self.stdout.write
        say("")
        say(f"  {settings.SITE_NAME}: {settings.SITE_URL}")
        if settings.LOCAL and (demo := demo_member()) and demo.check_password(DEMO_PASSWORD):
            say(f"  Log in as: {DEMO_USERNAME}, password {DEMO_PASSWORD}")
        say("  Make an administrator: .venv/bin/python manage.py createsuperuser")
        if OutboxHold.is_on():
            say(
                self.style.WARNING(
                    "  Emails are held after a restore: .venv/bin/python manage.py release_outbox"
                )
            )
        for warning in warnings():
            say(self.style.WARNING(f"  {warning}"))
        say("")


def warnings():
    """Yield a sentence for each setting that works but isn't suitable for a public site."""
    try:
        cache.set("set_up", True, timeout=1)
    except (
        Exception
    ) as error:  # Each cache has its own errors. The site starts anyway, because it works without a cache.
        yield f"The cache can't be used. Check CACHE_URL. The error is: {error}"
    if not settings.EMAIL_IS_DELIVERED:
        yield "Emails are printed here and not sent. Set EMAIL_URL to send them."
    if os.environ.get("HOST", "127.0.0.1") not in LOOPBACK and not settings.TRUSTED_PROXIES:
        yield "HOST is open to others without a proxy, so a few slow clients can block the site. See docs/deploy.md."
