from datetime import timedelta

from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from accounts.models import (
    ClockReading,
    Delivery,
    FollowerChange,
    FollowNotice,
    Job,
    RateLimitCounter,
    RefusedAddress,
    User,
)
from accounts.pictures import discard, stored_keys

# A delivery row keeps a mail from being sent twice, and no job is older than this.
KEEP_DELIVERIES = timedelta(days=90)
# What mails have told. A statement covers a week, and waits for a mail server for a day or until somebody mends it.
KEEP_NEWS = timedelta(days=30)
# A mailbox may come back.
KEEP_REFUSALS = timedelta(days=90)
# Long enough to find the email and confirm it; then the name is free again.
KEEP_UNCONFIRMED = timedelta(days=7)
# A picture's files are there a moment before the row that names them.
KEEP_PICTURES = timedelta(days=1)


# So many rows are deleted in one transaction: none holds up the rest of the site for long.
BATCH = 1_000


def delete_in_batches(rows):
    """Delete `rows`, a queryset. Returns how many. What somebody else is about to change is left for the next time."""
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
        "Deletes what has served its time: ended sessions, old jobs, the record of old mails, "
        "accounts whose address was never confirmed, pictures that nobody has any more. Harmless to repeat."
    )

    def add_arguments(self, parser):
        parser.add_argument(
            "--trust-clock",
            action="store_true",
            help="Delete also if the clock has jumped ahead since the last time.",
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="Say what would be deleted, and delete nothing."
        )

    def handle(self, *, dry_run, trust_clock, verbosity, **options):
        now = timezone.now()
        if not dry_run:
            self.check_clock(now, trust_clock)
        for words, rows in self.old_rows(now):
            count = rows.count() if dry_run else delete_in_batches(rows)
            self.say(count, words, dry_run, verbosity)
        self.say(self.discard_unconfirmed(now, dry_run), "unconfirmed accounts", dry_run, verbosity)
        # Of those who left, or of an upload that broke off. What is stored and named meanwhile is not among them.
        keys = User.orphaned_pictures(stored_keys(), now - KEEP_PICTURES)
        if not dry_run:
            for key in keys:
                discard(key)
        self.say(len(keys), "pictures of nobody", dry_run, verbosity)

    def check_clock(self, now, trust_clock):
        """Raise CommandError if the clock may be wrong: everything would look old to one that is ahead."""
        reading = ClockReading.take(now, trust=trust_clock)
        if not reading.is_trusted:
            raise CommandError(
                f"Nothing was pruned: the clock has jumped ahead, and says {now:%Y-%m-%d %H:%M} UTC. If that is right, "
                f"pruning goes on by itself from {reading.trusted_from:%Y-%m-%d %H:%M} on; --trust-clock prunes now."
            )

    def say(self, count, words, dry_run, verbosity):
        if verbosity:
            self.stdout.write(f"{'Would delete' if dry_run else 'Deleted'} {count:,} {words}.")

    def old_rows(self, now):
        """Yield what is deleted, in order, and which rows that are."""
        yield "expired sessions", Session.objects.filter(expire_date__lt=now)
        alive = Session.objects.filter(session_key=OuterRef("session_key"))
        yield "records of ended sessions", UserSession.objects.filter(~Exists(alive))
        yield "finished jobs", Job.objects.served(now)
        yield "records of mails", Delivery.objects.filter(created_on__lt=now - KEEP_DELIVERIES)
        told = FollowNotice.objects.exclude(told_in="")
        yield "follows told of by mail", told.filter(created_on__lt=now - KEEP_NEWS)
        yield "changes of followers", FollowerChange.objects.filter(happened_on__lt=now - KEEP_NEWS)
        yield "counters of ended limits", RateLimitCounter.objects.filter(ends_on__lt=now)
        yield "refused addresses", RefusedAddress.objects.filter(refused_on__lt=now - KEEP_REFUSALS)

    def discard_unconfirmed(self, now, dry_run):
        """Delete accounts whose address was never confirmed. Returns how many."""
        before = now - KEEP_UNCONFIRMED
        unconfirmed = User.objects.never_confirmed(before)
        if dry_run:
            return unconfirmed.count()
        return sum(user.discard_unconfirmed(before) for user in list(unconfirmed.only("pk")))
