"""What must hold about members, their follows, emails, jobs and sessions; see accounts/auditing.py."""

from datetime import timedelta

from allauth.account.models import EmailAddress
from allauth.usersessions.models import UserSession
from django.apps import apps
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.models import Session
from django.db import models, transaction
from django.db.models import Count, Exists, F, OuterRef, Q
from django.utils import timezone
from django_tasks import TaskResultStatus

from accounts import pictures, rate_limits
from accounts.auditing import Check, RowCheck, reading, register
from accounts.emails import outbox
from accounts.jobs import registry
from accounts.jobs.worker import is_dead_here
from accounts.models import (
    Block,
    Delivery,
    Follow,
    FollowNotice,
    Job,
    NameWord,
    RateLimitCounter,
    RetiredUsername,
    ToldState,
    User,
)
from accounts.models.job import LOST_AFTER, ArgumentMismatch
from accounts.models.name import words_of
from accounts.tasks import recount, recount_around, recount_now

# Everybody who came in bulk has been looked at by the worker's sweep after this.
SWEPT_AFTER = timedelta(days=1)
# Daily, a job deletes pictures that nobody has had for a day.
PRUNED_AFTER = timedelta(days=2)


def unfinished_jobs(**conditions):
    """Yield the jobs that wait or run, read some at a time; only their names and arguments."""
    states = [TaskResultStatus.READY, TaskResultStatus.RUNNING]
    jobs = Job.objects.filter(status__in=states, **conditions).only("task_path", "args_kwargs").order_by("pk")
    page = jobs
    while True:
        with reading():
            some = list(page[: RowCheck.batch])
        yield from some
        if len(some) < RowCheck.batch:
            return
        page = jobs.filter(pk__gt=some[-1].pk)


def first_argument(job):
    """Return the first positional argument of `job`, or None if it has none or they are damaged."""
    try:
        args, _kwargs = job.arguments
    except ArgumentMismatch:
        return None
    return args[0] if args else None


@register
class References(Check):
    """Rows that refer to others by a foreign key, in all tables. Databases are asked to keep this, and can be talked out of it."""

    title = "Every reference leads to a row"
    remedy = "Restore the rows that are missing from a backup, or delete those that refer to them."
    batch = 10_000

    def batches(self):
        for model in apps.get_models(include_auto_created=True):
            references = self.references_of(model)
            if references and model._meta.managed and not model._meta.proxy:
                for looked_at, wrong in ModelReferences(model, references).batches():
                    yield looked_at, [(model._meta.label, key) for key in wrong]

    def still_wrong(self, keys):
        found = []
        for label in dict.fromkeys(label for label, _key in keys):
            model = apps.get_model(label)
            check = ModelReferences(model, self.references_of(model))
            found += [
                (label, key) for key in check.still_wrong([key for other, key in keys if other == label])
            ]
        return found

    def describe(self, key):
        return " ".join(map(str, key))

    @staticmethod
    def references_of(model):
        return [field for field in model._meta.concrete_fields if isinstance(field, models.ForeignKey)]


class ModelReferences(RowCheck):
    """The references of one model."""

    batch = 10_000

    def __init__(self, model, references):
        self.model, self.references = model, references

    def rows(self):
        return self.model._base_manager.all()

    def wrong(self, rows):
        lost = Q()
        for reference in self.references:
            target = reference.remote_field
            there = target.model._base_manager.filter(**{target.field_name: OuterRef(reference.attname)})
            lost |= Q(~Exists(there), **{f"{reference.attname}__isnull": False})
        return rows.filter(lost)


class PairCheck(RowCheck):
    """Rows that join two different people, once. The database has constraints for it."""

    batch = 5_000
    can_fix = True
    remedy = "The second row, or the one of a person with themselves, is deleted."
    sides = ()

    def rows(self):
        return self.model.objects.all()

    def wrong(self, rows):
        one, other = self.sides
        earlier = self.model.objects.filter(
            **{side: OuterRef(side) for side in self.sides}, pk__lt=OuterRef("pk")
        )
        return rows.filter(Q(**{one: F(other)}) | Exists(earlier))

    def fix_row(self, row):
        people = [getattr(row, f"{side}_id") for side in self.sides]
        with transaction.atomic():
            User.objects.lock(*people)
            self.model.objects.filter(pk=row.pk).delete()
            User.objects.filter(pk__in=people).recount()


@register
class FollowPairs(PairCheck):
    title = "Nobody follows somebody twice, or themselves"
    model, sides = Follow, ("follower", "followed")


@register
class BlockPairs(PairCheck):
    title = "Nobody blocks somebody twice, or themselves"
    model, sides = Block, ("blocker", "blocked")


@register
class FollowsAcrossBlocks(RowCheck):
    title = "Nobody follows somebody across a block"
    remedy = "Both follows are ended."
    can_fix = True

    def rows(self):
        return Block.objects.all()

    def wrong(self, rows):
        blocker, blocked = OuterRef("blocker"), OuterRef("blocked")
        either = Q(follower=blocker, followed=blocked) | Q(follower=blocked, followed=blocker)
        return rows.filter(Exists(Follow.objects.filter(either)))

    def fix_row(self, row):
        row.blocker.unfollow(row.blocked)
        row.blocked.unfollow(row.blocker)


@register
class FollowCounts(RowCheck):
    title = "The stored counts of followers are those of the rows"
    remedy = "The counts are corrected."
    can_fix = True

    def rows(self):
        return User.objects.all()

    def wrong(self, rows):
        return rows.miscounted()

    def still_wrong(self, keys):
        # Whoever leaves or is suspended goes from all counts at once, and from the stored ones when the jobs have run.
        expected = self.to_be_recounted()
        return [key for key in super().still_wrong(keys) if key not in expected]

    @staticmethod
    def to_be_recounted():
        """Return the primary keys of the people whom jobs are yet to count again, such as the neighbours of somebody suspended."""
        people = set()
        names = registry.names_of(recount) + registry.names_of(recount_around)
        for job in unfinished_jobs(task_path__in=names):
            match first_argument(job):
                case list(keys):
                    people.update(key for key in keys if isinstance(key, int))
                case int(key):
                    people.update([key, *Follow.objects.neighbours_of(key)])
        return people

    def fix(self, key):
        recount_now([key])


@register
class NameWords(RowCheck):
    title = "Everyone is found by the words of their names"
    remedy = "The words are stored anew."
    can_fix = True

    def rows(self):
        return User.objects.all()

    def wrong_keys(self, rows):
        stored = {}
        for user, word in NameWord.objects.filter(user__in=rows.values("pk")).values_list("user", "word"):
            stored.setdefault(user, set()).add(bytes(word))
        names = rows.values_list("pk", "username", "display_name")
        return [pk for pk, *words in names if stored.get(pk, set()) != words_of(*words)]

    def fix(self, key):
        with transaction.atomic():
            NameWord.store(list(User.objects.filter(pk=key).in_locking_order()))


@register
class RetiredUsernames(RowCheck):
    title = "Nobody has the name of a member who left"
    remedy = "Suspend whoever took the name, or delete its row from the retired usernames if it is theirs."

    def rows(self):
        return RetiredUsername.objects.all()

    def wrong(self, rows):
        return rows.filter(Exists(User.objects.filter(username=OuterRef("pk"))))


@register
class PrimaryAddresses(RowCheck):
    """The account's own field is what the site goes by; allauth has a row for each address beside it."""

    title = "Each member's email is their one primary address"
    remedy = "The address of the account is made the primary one."
    can_fix = True

    def rows(self):
        return User.objects.exclude(email=None)

    def wrong(self, rows):
        addresses = EmailAddress.objects.filter(user=OuterRef("pk"), primary=True)
        several = addresses.order_by().values("user").annotate(count=Count("pk")).filter(count__gt=1)
        return rows.filter(
            Exists(addresses.exclude(email=OuterRef("email"))) | Exists(several.values("user"))
        )

    def fix(self, key):
        with transaction.atomic():
            user = User.objects.filter(pk=key).in_locking_order().first()
            if user and user.email:
                addresses = EmailAddress.objects.filter(user=user)
                addresses.exclude(email=user.email).update(primary=False)
                if not addresses.filter(email=user.email).update(primary=True):
                    user.add_email_address(verified=False)


@register
class ToldStates(RowCheck):
    title = "The state of each account that its owner knows is stored"
    remedy = "The present state is stored."
    can_fix = True

    def rows(self):
        return User.objects.filter(date_joined__lt=timezone.now() - SWEPT_AFTER)

    def wrong(self, rows):
        return rows.filter(~Exists(ToldState.objects.filter(pk=OuterRef("pk"))))

    def fix(self, key):
        ToldState.remember_missing([key])


@register
class Notices(RowCheck):
    title = "Nobody will be told of a follow that is over"
    remedy = "The notice is deleted."
    can_fix = True

    def rows(self):
        return FollowNotice.objects.filter(told_in="")

    def wrong(self, rows):
        follows = Follow.objects.filter(
            pk=OuterRef("follow_id"), follower=OuterRef("follower"), followed=OuterRef("recipient")
        )
        return rows.filter(~Exists(follows))

    def fix(self, key):
        self.wrong(self.rows().filter(pk=key)).delete()


@register
class WaitingDeliveries(RowCheck):
    title = "Each email that waits has a job that will send it"
    remedy = "The email is recorded as given up."
    can_fix = True

    def rows(self):
        return Delivery.objects.filter(state=Delivery.State.WAITING)

    def batches(self):
        self.promised = self.deliveries_of_jobs()
        yield from super().batches()

    def wrong_keys(self, rows):
        return [key for key in rows.values_list("pk", flat=True) if key not in self.promised]

    def still_wrong(self, keys):
        self.promised = self.deliveries_of_jobs()
        return super().still_wrong(keys)

    @staticmethod
    def deliveries_of_jobs():
        """Return the primary keys of the emails that jobs are to send, read once however many emails wait."""
        return {outbox.delivery_of(job) for job in unfinished_jobs()}

    def fix(self, key):
        outbox.give_up(key)


@register
class RunningJobs(RowCheck):
    title = "Each job that runs has a living worker"
    remedy = "The job is put back, so that another worker runs it."
    can_fix = True

    def rows(self):
        return Job.objects.running()

    def wrong_keys(self, rows):
        long_ago = timezone.now() - LOST_AFTER
        return [
            job.pk
            for job in rows
            if job.started_at < long_ago or is_dead_here("".join(job.worker_ids[-1:]), own_id="")
        ]

    def fix_row(self, row):
        row.lose_worker()


@register
class ReadyJobs(RowCheck):
    title = "Each job that waits can be run"
    remedy = "Install the release or the app that knows the task; or delete the job in the admin."

    def rows(self):
        return Job.objects.filter(status=TaskResultStatus.READY)

    def wrong_keys(self, rows):
        return [job.pk for job in rows if not self.can_run(job)]

    @staticmethod
    def can_run(job):
        """Whether there is such a task, which takes these arguments, or those that the worker makes of them."""
        try:
            job.ensure_runnable()
        except (registry.UnknownTask, ArgumentMismatch):
            return False
        return True


@register
class MembersSessions(RowCheck):
    """A session that is not known outlives the suspension of its member."""

    title = "Each session is that of a member who may log in, and is known as theirs"
    remedy = "The session is ended; whoever uses it has to log in again."
    can_fix = True

    def rows(self):
        return Session.objects.filter(expire_date__gt=timezone.now())

    def wrong_keys(self, rows):
        # What can't be decoded is nobody's.
        sessions = {session.pk: session.get_decoded() for session in rows}
        known = UserSession.objects.filter(session_key__in=sessions, user__is_active=True)
        known = {(key, str(user)) for key, user in known.values_list("session_key", "user")}
        unknown = {
            key: data
            for key, data in sessions.items()
            if SESSION_KEY in data and (key, data[SESSION_KEY]) not in known
        }
        people = User.objects.in_bulk({int(data[SESSION_KEY]) for data in unknown.values()})
        return [
            key
            for key, data in unknown.items()
            # One from before the password was changed opens nothing.
            if (user := people.get(int(data[SESSION_KEY])))
            and user.get_session_auth_hash() == data.get(HASH_SESSION_KEY)
        ]

    def describe(self, key):
        # Whoever has the whole key is logged in.
        return f"{super().describe(key[:4])}..."

    def fix(self, key):
        with transaction.atomic():
            Session.objects.filter(pk=key).delete()
            UserSession.objects.filter(session_key=key).delete()


@register
class SessionsOfSuspended(RowCheck):
    title = "Nobody suspended has a session"
    remedy = "Their sessions are ended."
    can_fix = True

    def rows(self):
        return UserSession.objects.filter(user__suspended_on__isnull=False)

    def wrong(self, rows):
        return rows

    def fix_row(self, row):
        row.end()


@register
class RateLimitWindows(RowCheck):
    """A clock that ran ahead leaves windows behind that do not end for as long."""

    title = "No rate limit counts for longer than its window"
    remedy = "The counter begins anew."
    can_fix = True

    def rows(self):
        return RateLimitCounter.objects.all()

    def wrong(self, rows):
        return rows.filter(ends_on__gt=timezone.now() + rate_limits.longest_window() + timedelta(minutes=1))

    def fix(self, key):
        self.wrong(self.rows().filter(pk=key)).delete()


@register
class PicturesOfMembers(RowCheck):
    title = "The files of each member's picture are there"
    remedy = "Restore the files from a backup, or remove the picture in the admin. Check MEDIA_STORAGE first."

    def rows(self):
        return User.objects.exclude(picture="")

    def batches(self):
        # One list of all files: asking for each takes an object store a request.
        self.stored = pictures.stored_keys()
        yield from super().batches()

    def wrong_keys(self, rows):
        return [pk for pk, key in rows.values_list("pk", "picture") if key not in self.stored]

    def still_wrong(self, keys):
        self.stored = pictures.stored_keys()
        return super().still_wrong(keys)


@register
class PictureFiles(Check):
    title = "Each stored picture is a member's"
    remedy = "The files are deleted."
    can_fix = True

    def batches(self):
        keys = pictures.stored_keys()
        yield len(keys), self.orphaned(keys)

    def still_wrong(self, keys):
        return self.orphaned(set(keys) & pictures.stored_keys())

    @staticmethod
    def orphaned(keys):
        with reading():
            return User.orphaned_pictures(keys, timezone.now() - PRUNED_AFTER)

    def fix(self, key):
        pictures.discard(key)
