from datetime import timedelta
from itertools import repeat

from django.contrib.sessions.models import Session
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from accounts.common.installed import HAS_USER_SESSIONS
from accounts.emails.models import Delivery, SuppressedAddress
from accounts.jobs.models import ClockReading, Job
from accounts.joining.decisions import discard_refused
from accounts.joining.models import KEEP_REFUSED, Application, Invitation
from accounts.models import User
from accounts.notifications.models import Notification
from accounts.notifications.types import kept_types
from accounts.pictures import discard, stored_keys
from accounts.security.models import RateLimitCounter

if HAS_USER_SESSIONS:
    from allauth.usersessions.models import UserSession

# A Delivery prevents an email from being sent twice. No job is older than this.
KEEP_DELIVERIES = timedelta(days=90)
KEEP_NOTIFICATIONS = timedelta(days=90)
# A mailbox that failed may work again later.
KEEP_SUPPRESSIONS = timedelta(days=90)
# Somebody may ask why their invitation didn't work.
KEEP_INVITATIONS = timedelta(days=30)
# How long people have to confirm their address before their username becomes available again.
KEEP_UNCONFIRMED = timedelta(days=7)
# A picture's files are stored before the row that refers to them.
KEEP_PICTURES = timedelta(days=1)


# The number of rows deleted per transaction. Longer transactions would block the site.
BATCH = 1_000


def delete_in_batches(rows):
    """Delete the queryset `rows`, and return how many rows were deleted. Skips rows that other transactions have locked."""
    count = 0
    while True:
        with transaction.atomic():
            found = rows.order_by("pk").select_for_update(skip_locked=True)
            keys = list(found.values_list("pk", flat=True)[:BATCH])
            rows.model._base_manager.filter(pk__in=keys).delete()
        count += len(keys)
        if len(keys) < BATCH:
            return count


class Command(BaseCommand):
    help = (
        "Deletes expired sessions, old jobs, records of old emails, accounts whose address was never confirmed or whose "
        "application was refused, old invitations that nobody used, and unused pictures. It can be run again at any time."
    )

    def add_arguments(self, parser):
        parser.add_argument(
            "--trust-clock",
            action="store_true",
            help="Delete even if the clock has jumped ahead since the last run.",
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="Print what would be deleted, and delete nothing."
        )

    def handle(self, *, dry_run, trust_clock, verbosity, **options):
        now = timezone.now()
        if not dry_run:
            self.check_clock(now, trust_clock)
        for name, rows in self.old_rows(now):
            count = rows.count() if dry_run else delete_in_batches(rows)
            self.report(count, name, dry_run, verbosity)
        self.report(self.discard_unconfirmed(now, dry_run), "unconfirmed accounts", dry_run, verbosity)
        self.report(self.discard_refused(now, dry_run), "accounts of refused applicants", dry_run, verbosity)
        # These are pictures of people who left, or from failed uploads. Recent ones may belong to an upload in progress.
        keys = User.orphaned_pictures(stored_keys(), now - KEEP_PICTURES)
        if not dry_run:
            for key in keys:
                discard(key)
        self.report(len(keys), "unused pictures", dry_run, verbosity)

    def check_clock(self, now, trust_clock):
        """Raise CommandError if the clock may be ahead, because then everything would look old."""
        reading = ClockReading.record(now, trust=trust_clock)
        if not reading.is_trusted:
            raise CommandError(
                f"Nothing was pruned, because the clock has jumped ahead to {now:%Y-%m-%d %H:%M} UTC. If that is right, wait: "
                f"pruning continues at {reading.trusted_from:%Y-%m-%d %H:%M}. To prune now, use --trust-clock."
            )

    def report(self, count, name, dry_run, verbosity):
        if verbosity:
            self.stdout.write(f"{'Would delete' if dry_run else 'Deleted'} {count:,} {name}.")

    def old_rows(self, now):
        """Yield (name, queryset) pairs of the rows to delete, in order."""
        yield "expired sessions", Session.objects.filter(expire_date__lt=now)
        if HAS_USER_SESSIONS:
            session = Session.objects.filter(session_key=OuterRef("session_key"))
            yield "records of ended sessions", UserSession.objects.filter(~Exists(session))
        yield "finished jobs", Job.objects.expired(now)
        yield "records of emails", Delivery.objects.filter(created_on__lt=now - KEEP_DELIVERIES)
        yield "notifications", Notification.objects.expired(now - KEEP_NOTIFICATIONS, kept_types())
        yield (
            "unused invitations",
            Invitation.objects.filter(uses=None, expires_on__lt=now - KEEP_INVITATIONS),
        )
        yield "counters of ended limits", RateLimitCounter.objects.filter(ends_on__lt=now)
        yield (
            "suppressed addresses",
            SuppressedAddress.objects.filter(suppressed_on__lt=now - KEEP_SUPPRESSIONS),
        )

    def discard_refused(self, now, dry_run):
        """Delete accounts whose application was refused long ago, and return their number. With `dry_run`, only count them."""
        before = now - KEEP_REFUSED
        refused = Application.objects.refused_before(before)
        if dry_run:
            return refused.count()
        return sum(map(discard_refused, list(refused.select_related("person")), repeat(before)))

    def discard_unconfirmed(self, now, dry_run):
        """Delete accounts whose address was never confirmed, and return their number. With `dry_run`, only count them."""
        before = now - KEEP_UNCONFIRMED
        unconfirmed = User.objects.never_confirmed(before)
        if dry_run:
            return unconfirmed.count()
        return sum(user.discard_unconfirmed(before) for user in list(unconfirmed.only("pk")))
