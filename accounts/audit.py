"""Audit checks of members, follows, reports, appeals, emails, jobs, sessions and pictures. See accounts/common/auditing.py."""

from datetime import timedelta

from allauth.account.models import EmailAddress
from django.apps import apps
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.models import Session
from django.db import models, transaction
from django.db.models import Count, Exists, F, OuterRef, Q, Subquery
from django.utils import timezone
from django_tasks import TaskResultStatus

from accounts import pictures
from accounts.common.auditing import Check, RowCheck, reading, register
from accounts.common.installed import HAS_USER_SESSIONS
from accounts.emails import outbox
from accounts.emails.models import Delivery
from accounts.jobs import registry
from accounts.jobs.models import LOST_AFTER, ArgumentMismatch, Job
from accounts.jobs.worker import is_known_dead
from accounts.joining.admission import apply
from accounts.joining.models import Application, Invitation, InvitationUse
from accounts.models import Block, Follow, Mute, NameWord, RetiredUsername, User
from accounts.models.name import words_of
from accounts.moderation import subjects
from accounts.moderation.decisions import UNDONE_BY
from accounts.moderation.models import ENDED_BY, Appeal, ModerationAction, Report
from accounts.notifications.followers import NewFollower
from accounts.notifications.models import Notification
from accounts.security import rate_limits
from accounts.security.models import AccountSnapshot, RateLimitCounter
from accounts.tasks import recount, recount_around, recount_now

if HAS_USER_SESSIONS:
    from allauth.usersessions.models import UserSession

# After this time, the periodic task has created the missing snapshots of users who were created in bulk.
RECONCILED_AFTER = timedelta(days=1)
# A daily job deletes pictures that nobody has used for a day.
PRUNED_AFTER = timedelta(days=2)
# A task ends mutes once a minute. If one is still there after this time, no worker runs.
OVERDUE = timedelta(hours=1)


def unfinished_jobs(**conditions):
    """Yield the jobs that are waiting or running, with only their names and arguments, read in batches."""
    states = [TaskResultStatus.READY, TaskResultStatus.RUNNING]
    jobs = Job.objects.filter(status__in=states, **conditions).only("task_path", "args_kwargs").order_by("pk")
    rest = jobs
    while True:
        with reading():
            batch = list(rest[: RowCheck.batch])
        yield from batch
        if len(batch) < RowCheck.batch:
            return
        rest = jobs.filter(pk__gt=batch[-1].pk)


def first_argument(job):
    """Return the first positional argument of `job`, or None if it has none or its arguments are damaged."""
    try:
        args, _kwargs = job.arguments
    except ArgumentMismatch:
        return None
    return args[0] if args else None


@register
class References(Check):
    """Checks the foreign keys of all tables. Databases enforce them, but enforcement can be switched off."""

    title = "Every foreign key refers to an existing row"
    remedy = "Restore the missing rows from a backup, or delete the rows that refer to them."
    batch = 10_000

    def batches(self):
        for model in apps.get_models(include_auto_created=True):
            references = self.references_of(model)
            if references and model._meta.managed and not model._meta.proxy:
                for checked, wrong in ModelReferences(model, references).batches():
                    yield checked, [(model._meta.label, key) for key in wrong]

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
    """The foreign keys of one model."""

    batch = 10_000

    def __init__(self, model, references):
        self.model, self.references = model, references

    def rows(self):
        return self.model._base_manager.all()

    def wrong(self, rows):
        dangling = Q()
        for reference in self.references:
            target = reference.remote_field
            existing = target.model._base_manager.filter(**{target.field_name: OuterRef(reference.attname)})
            dangling |= Q(~Exists(existing), **{f"{reference.attname}__isnull": False})
        return rows.filter(dangling)


@register
class ReportSubjects(RowCheck):
    """Reports have no foreign key to their subject, so our code must delete them together with the subject."""

    title = "Every report is about something that exists"
    remedy = "The reports about it are deleted."
    can_fix = True

    def rows(self):
        return Report.objects.all()

    def wrong(self, rows):
        orphaned = Q(pk__in=[])
        for subject in subjects.all_subjects():
            existing = subject.model._base_manager.filter(pk=OuterRef("subject_id"))
            orphaned |= Q(~Exists(existing), subject_type=subject.name)
        return rows.filter(orphaned)

    def fix(self, key):
        self.rows().filter(pk=key).delete()


@register
class AppealedDecisions(RowCheck):
    """A database constraint ensures that each decision has at most one appeal. Appeals leave with the person."""

    title = (
        "Each appeal is by the person concerned, against a decision that can be appealed, and the only one"
    )
    remedy = "Restore the decision from a backup, or delete the appeal: nobody can answer it."

    def rows(self):
        return Appeal.objects.all()

    def wrong(self, rows):
        earlier = Appeal.objects.filter(action=OuterRef("action"), pk__lt=OuterRef("pk"))
        possible = Q(action__action__in=list(ENDED_BY), action__person_name=F("person__username"))
        return rows.filter(~possible | Exists(earlier))


@register
class AppealAnswers(RowCheck):
    title = "Each answered appeal names the later action that took the decision back or rejected the appeal"
    remedy = "The appeal is opened again, and moderators find it in their queue."
    can_fix = True

    def rows(self):
        return Appeal.objects.exclude(answer=None)

    def wrong(self, rows):
        outcome = Q(answer__action=ModerationAction.Action.REJECT_APPEAL)
        for action, undoing in UNDONE_BY.items():
            outcome |= Q(action__action=action, answer__action=undoing)
        same_subject = Q(
            answer__subject_model=F("action__subject_model"), answer__subject_id=F("action__subject_id")
        )
        return rows.exclude(outcome & same_subject, answer__gt=F("action"))

    def fix(self, key):
        self.rows().filter(pk=key).update(answer=None)


@register
class InvitationUses(RowCheck):
    title = "No invitation was used more often than it allows"
    remedy = "Look at who joined with it in the admin, and at how rows were written without the sign-up form."

    def rows(self):
        return Invitation.objects.all()

    def wrong(self, rows):
        uses = InvitationUse.objects.filter(invitation=OuterRef("pk")).order_by()
        counts = uses.values("invitation").annotate(count=Count("pk")).values("count")
        return rows.annotate(counted=Subquery(counts)).filter(counted__gt=F("limit"))


@register
class PendingApplicants(RowCheck):
    """Somebody who waits without an application would wait forever, because no moderator sees them."""

    title = "People wait for approval if, and only if, they have an application that isn't approved"
    remedy = "Those without an application get one. For the others, the state of the application counts."
    can_fix = True

    def rows(self):
        return User.objects.all()

    def wrong(self, rows):
        undecided = Exists(
            Application.objects.filter(person=OuterRef("pk")).exclude(state=Application.State.APPROVED)
        )
        return rows.filter(Q(undecided, pending_since=None) | (Q(pending_since__isnull=False) & ~undecided))

    def fix_row(self, row):
        with transaction.atomic():
            row.lock()
            stored = self.wrong(User.objects.filter(pk=row.pk)).first()
            if stored is None:
                return
            application = Application.objects.filter(person=stored).first()
            if application is None:
                apply(stored)
            elif application.state == Application.State.APPROVED:
                User.objects.filter(pk=stored.pk).update(pending_since=None)
            else:
                User.objects.filter(pk=stored.pk).update(pending_since=application.created_on)


class PairCheck(RowCheck):
    """Checks rows that relate two people. Database constraints ensure that the people differ and that the pair is unique."""

    batch = 5_000
    can_fix = True
    remedy = "Duplicate rows, and rows that relate a person to themselves, are deleted."
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
    title = "Nobody follows someone twice, or themselves"
    model, sides = Follow, ("follower", "followed")


@register
class BlockPairs(PairCheck):
    title = "Nobody blocks someone twice, or themselves"
    model, sides = Block, ("blocker", "blocked")


@register
class MutePairs(PairCheck):
    title = "Nobody mutes someone twice, or themselves"
    model, sides = Mute, ("muter", "muted")


@register
class EndedMutes(RowCheck):
    title = "No mute outlasts its time"
    remedy = "Start a worker, which ends mutes. With --fix, they end now."
    can_fix = True

    def rows(self):
        return Mute.objects.all()

    def wrong(self, rows):
        return rows.ended(timezone.now() - OVERDUE)

    def fix_row(self, row):
        self.rows().ended(timezone.now()).filter(pk=row.pk).delete()


@register
class FollowsAcrossBlocks(RowCheck):
    title = "Nobody follows someone across a block"
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
    title = "The stored follower counts match the rows"
    remedy = "The counts are corrected."
    can_fix = True

    def rows(self):
        return User.objects.all()

    def wrong(self, rows):
        return rows.miscounted()

    def still_wrong(self, keys):
        # When someone leaves or is suspended, jobs correct the stored counts of others a moment later.
        pending = self.to_be_recounted()
        return [key for key in super().still_wrong(keys) if key not in pending]

    @staticmethod
    def to_be_recounted():
        """Return the set of primary keys of people whose counts waiting jobs will correct."""
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
    title = "Searching finds everyone by their names"
    remedy = "The words of the names are stored again."
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
    remedy = (
        "Suspend the person who took the name. If it is rightly theirs, delete it from the retired usernames."
    )

    def rows(self):
        return RetiredUsername.objects.all()

    def wrong(self, rows):
        return rows.filter(Exists(User.objects.filter(username=OuterRef("pk"))))


@register
class PrimaryAddresses(RowCheck):
    """The site uses the email field of the account. allauth also has a row for each address."""

    title = "Each member's email is their one primary address"
    remedy = "The address of the account becomes the primary one."
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
class AccountSnapshots(RowCheck):
    title = "Each account has a snapshot of what its owner knows about"
    remedy = "A snapshot of the current state is created."
    can_fix = True

    def rows(self):
        return User.objects.filter(date_joined__lt=timezone.now() - RECONCILED_AFTER)

    def wrong(self, rows):
        return rows.filter(~Exists(AccountSnapshot.objects.filter(pk=OuterRef("pk"))))

    def fix(self, key):
        AccountSnapshot.create_missing([key])


@register
class WaitingNotifications(RowCheck):
    title = "No notification waits for the email about a follow that has ended"
    remedy = "The notification is deleted."
    can_fix = True

    def rows(self):
        return Notification.objects.waiting().filter(type=NewFollower.name)

    def wrong(self, rows):
        follows = Follow.objects.filter(
            pk=OuterRef("subject"), follower=OuterRef("actor"), followed=OuterRef("recipient")
        )
        return rows.filter(~Exists(follows))

    def fix(self, key):
        self.wrong(self.rows().filter(pk=key)).delete()


@register
class WaitingDeliveries(RowCheck):
    title = "Each waiting email has a job that will send it"
    remedy = "The email is marked as failed."
    can_fix = True

    def rows(self):
        return Delivery.objects.filter(state=Delivery.State.WAITING)

    def batches(self):
        self.with_job = self.deliveries_of_jobs()
        yield from super().batches()

    def wrong_keys(self, rows):
        return [key for key in rows.values_list("pk", flat=True) if key not in self.with_job]

    def still_wrong(self, keys):
        self.with_job = self.deliveries_of_jobs()
        return super().still_wrong(keys)

    @staticmethod
    def deliveries_of_jobs():
        """Return the set of primary keys of the emails that jobs will send. Reads all unfinished jobs once."""
        return {outbox.delivery_of(job) for job in unfinished_jobs()}

    def fix(self, key):
        outbox.mark_failed(key)


@register
class RunningJobs(RowCheck):
    title = "Each running job has a live worker"
    remedy = "The job is requeued, so that another worker runs it."
    can_fix = True

    def rows(self):
        return Job.objects.running()

    def wrong_keys(self, rows):
        long_ago = timezone.now() - LOST_AFTER
        return [
            job.pk for job in rows if job.started_at < long_ago or is_known_dead(job.worker_id, own_id="")
        ]

    def fix_row(self, row):
        row.worker_lost()


@register
class ReadyJobs(RowCheck):
    title = "Each waiting job can be run"
    remedy = "Install the release or app that has the task, or delete the job in the admin."

    def rows(self):
        return Job.objects.filter(status=TaskResultStatus.READY)

    def wrong_keys(self, rows):
        return [job.pk for job in rows if not self.can_run(job)]

    @staticmethod
    def can_run(job):
        """Return whether the task exists and accepts the arguments of the job."""
        try:
            job.ensure_runnable()
        except (registry.UnknownTask, ArgumentMismatch):
            return False
        return True


class MembersSessions(RowCheck):
    """Suspending a member only ends sessions that have a UserSession."""

    title = "Each session belongs to an active member and is recorded"
    remedy = "The session is ended. The member has to log in again."
    can_fix = True

    def rows(self):
        return Session.objects.filter(expire_date__gt=timezone.now())

    def wrong_keys(self, rows):
        # A session that can't be decoded has no data.
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
            # A session from before a password change is no longer valid.
            if (user := people.get(int(data[SESSION_KEY])))
            and user.get_session_auth_hash() == data.get(HASH_SESSION_KEY)
        ]

    def describe(self, key):
        # Anyone who knows the whole key is logged in.
        return f"{super().describe(key[:4])}..."

    def fix(self, key):
        with transaction.atomic():
            Session.objects.filter(pk=key).delete()
            UserSession.objects.filter(session_key=key).delete()


class SessionsOfSuspended(RowCheck):
    title = "No suspended member has a session"
    remedy = "Their sessions are ended."
    can_fix = True

    def rows(self):
        return UserSession.objects.filter(user__suspended_on__isnull=False)

    def wrong(self, rows):
        return rows

    def fix_row(self, row):
        row.end()


if HAS_USER_SESSIONS:
    register(MembersSessions)
    register(SessionsOfSuspended)


@register
class RateLimitWindows(RowCheck):
    """If the clock was ahead, windows may end too late."""

    title = "No rate limit counter lasts longer than its window"
    remedy = "The counter is reset."
    can_fix = True

    def rows(self):
        return RateLimitCounter.objects.all()

    def wrong(self, rows):
        return rows.filter(ends_on__gt=timezone.now() + rate_limits.longest_window() + timedelta(minutes=1))

    def fix(self, key):
        self.wrong(self.rows().filter(pk=key)).delete()


@register
class PicturesOfMembers(RowCheck):
    title = "The files of each member's picture exist"
    remedy = "Restore the files from a backup, or remove the picture in the admin. Check MEDIA_STORAGE first."

    def rows(self):
        return User.objects.exclude(picture="")

    def batches(self):
        # Lists all files at once. Checking one by one would take a request to the object store for each.
        self.stored = pictures.stored_keys()
        yield from super().batches()

    def wrong_keys(self, rows):
        return [pk for pk, key in rows.values_list("pk", "picture") if key not in self.stored]

    def still_wrong(self, keys):
        self.stored = pictures.stored_keys()
        return super().still_wrong(keys)


@register
class PictureFiles(Check):
    title = "Each stored picture belongs to a member"
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
