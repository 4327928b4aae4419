import os

from django.conf import settings
from django.core.cache import cache
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import Error as DatabaseError
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from accounts import poolers
from accounts.models import OutboxHold
from accounts.seeding.command import DEMO_PASSWORD
from posts.management.commands.seed_demo import DEMO_USERNAME, demo_member
from posts.models import TimelineEpoch

LOOPBACK = ("", "127.0.0.1", "::1", "localhost")


class Command(BaseCommand):
    help = "Brings the database up to date before the site starts, and says how to get in. script/server runs it."
    requires_migrations_checks = False

    def add_arguments(self, parser):
        parser.add_argument(
            "--demo", action="store_true", help="Fill a database that is new with the demo network."
        )

    def handle(self, *, demo, **options):
        try:
            if poolers.is_unknown():
                raise CommandError(poolers.ADVICE)
            self.prepare(demo=demo)
        except DatabaseError as error:
            if poolers.is_refusal(error):
                raise CommandError(poolers.ADVICE) from error
            raise CommandError(
                f"The database cannot be used. Check DATABASE_URL. It says: {error}"
            ) from error
        self.say_how_to_get_in()

    def prepare(self, *, demo):
        new = not MigrationRecorder(connection).has_table()
        call_command("migrate", verbosity=0, interactive=False)
        self.prune()
        TimelineEpoch.renew_if_kept_by_another()
        if new and demo and settings.LOCAL:
            call_command("seed_demo", stdout=self.stdout, stderr=self.stderr)

    def prune(self):
        try:
            call_command("prune", verbosity=0)
        except CommandError as error:  # The clock may be wrong. The site starts all the same.
            self.stdout.write(self.style.WARNING(f"  {error}"))

    def say_how_to_get_in(self):
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
    """What works, but not as it should on the internet, each as a sentence that names the setting."""
    try:
        cache.set("set_up", True, timeout=1)
    except Exception as error:  # Each cache has its own. The site works without it, so it starts without it.
        yield f"The cache cannot be used. Check CACHE_URL. It says: {error}"
    if not settings.MAIL_LEAVES:
        yield "No mail leaves this machine: it is printed here. Set EMAIL_URL to change that."
    if os.environ.get("HOST", "127.0.0.1") not in LOOPBACK and not settings.TRUSTED_PROXIES:
        yield "HOST lets others in without a proxy, so a few slow clients can hold all up. See docs/deploy.md."
