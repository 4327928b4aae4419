"""Notifications about moderation: decisions, for those concerned and those who reported, and what moderators have to decide."""

from datetime import timedelta
from types import SimpleNamespace

from django.db.models import Exists, OuterRef, Q
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import signals
from accounts.common.links import absolute, home_path
from accounts.models import User
from accounts.moderation import permissions, tasks, unseen
from accounts.moderation.models import OUTCOME, OUTCOMES, UNDO_FOR, Appeal, ModerationAction, Report
from accounts.notifications import digests
from accounts.notifications.types import Frequency, NotificationType, register

Action = ModerationAction.Action
# How many decisions or reports an email describes. The others are only counted.
DESCRIBED = 10
# What a reporter hears. They learn nothing else about what happened to the person.
HEARD = {
    Action.HIDE: gettext_lazy("We hid it."),
    Action.DISMISS: gettext_lazy("We found that it doesn't break our rules, so we took no action."),
    Action.WARN: gettext_lazy("We took action."),
    Action.SUSPEND: gettext_lazy("We took action."),
    Action.REMOVE_PICTURE: gettext_lazy("We took action."),
}


def connect():
    """Connect the receivers of this module. Called by AccountsConfig.ready()."""
    signals.moderation_action_recorded.connect(tell_person)
    signals.moderation_action_recorded.connect(tell_reporters_later)
    signals.report_made.connect(tell_moderators)
    signals.appeal_made.connect(tell_moderators_of_appeal)


def tell_person(sender, action, person, **kwargs):
    """Notify the person concerned, who is locked. Pages point to the decision until they have opened it."""
    if person and action.action in OUTCOMES:
        digests.notify(OUTCOME, person, subject=action.pk)
        unseen.update(person, action)


def tell_reporters_later(sender, action, **kwargs):
    """Tell the reporters when the action can no longer be undone. A job does it, because they aren't locked."""
    if action.action in HEARD:
        tasks.tell_reporters.using(run_after=timezone.now() + UNDO_FOR).enqueue(action.pk)


def tell_moderators(sender, report, **kwargs):
    """Tell the moderators. A job does it, because they aren't locked."""
    tasks.tell_moderators.enqueue(report.pk)


def load_actions(recipient, ids):
    """Return a dict from ids to the ModerationActions, each with `heard`, what a reporter hears about it."""
    actions = ModerationAction.objects.in_bulk(ids)
    for action in actions.values():
        action.heard = HEARD.get(action.action, "")
    return actions


def tell_moderators_of_appeal(sender, appeal, **kwargs):
    """Tell the moderators who may answer. A job does it, because they aren't locked."""
    tasks.tell_moderators_of_appeal.enqueue(appeal.pk)


@register
class ModerationOutcome(NotificationType):
    """Decisions about the recipient and their posts. The subject is the id of the ModerationAction."""

    item_template = "accounts/notifications/_moderation_outcome.html"
    can_be_off_site = False
    load_subjects = staticmethod(load_actions)

    name = OUTCOME
    label = gettext_lazy("Decisions about me and my posts")
    template = "accounts/email/moderation_outcome"
    is_optional = False
    is_kept = True
    is_paced = False
    reaches_suspended = True
    frequencies = (Frequency.AT_ONCE,)
    delay = UNDO_FOR

    def condition(self, recipient):
        actions = ModerationAction.objects.told_to(recipient).filter(undone_by=None)
        return Q(Exists(actions.filter(pk=OuterRef("subject"))))

    def content_for(self, recipient, notifications):
        actions = ModerationAction.objects.shown_to(recipient).filter(pk__in=notifications.values("subject"))
        return self._context(list(actions.order_by("pk")[:DESCRIBED]), actions.count())

    def sample(self, recipient):
        action = ModerationAction(
            pk=0,
            action=Action.SUSPEND,
            subject_model=User._meta.label,
            reason=_("You have posted the same advertisement 30 times."),
            rule_title="No spam, no scams, nothing illegal.",
            until=timezone.now() + timedelta(days=7),
        )
        action.is_over, action.subject = False, recipient
        # A sample needs no database.
        action._state.fields_cache.update(appeal=None, answered_appeal=None)
        return self._context([action], 1)

    def _context(self, actions, count):
        if not actions:
            return None
        return {
            "decisions": [self._describe(action) for action in actions],
            "first": actions[0],
            "count": count,
            "more": count - len(actions),
            "decisions_url": absolute(reverse("accounts:decisions")),
        }

    def _describe(self, action):
        can_appeal = action.is_appealable and not action.why_no_appeal()
        appeal_url = absolute(reverse("accounts:appeal", args=[action.pk])) if can_appeal else ""
        is_post = action.quote and action.subject
        return SimpleNamespace(
            action=action,
            appeal_url=appeal_url,
            post_url=absolute(action.subject.get_absolute_url()) if is_post else "",
        )


@register
class ReportOutcome(NotificationType):
    """What became of the recipient's report. The subject is the id of the ModerationAction that closed it."""

    item_template = "accounts/notifications/_report_outcome.html"
    can_be_off_site = False
    load_subjects = staticmethod(load_actions)

    name = "report_outcome"
    label = gettext_lazy("Moderators decide about something I reported")
    template = "accounts/email/report_outcome"
    frequencies = (Frequency.AT_ONCE, Frequency.DAILY, Frequency.NEVER)

    def condition(self, recipient):
        # The recipient knows whom they reported, so a block or a suspension doesn't matter.
        people = User.objects.filter(username=OuterRef("person_name"))
        actions = ModerationAction.objects.filter(Exists(people), undone_by=None)
        return Q(Exists(actions.filter(pk=OuterRef("subject"))))

    def content_for(self, recipient, notifications):
        actions = ModerationAction.objects.filter(pk__in=notifications.values("subject"))
        return self._context(list(actions.order_by("pk")[:DESCRIBED]), actions.count())

    def sample(self, recipient):
        action = ModerationAction(action=Action.HIDE, person_name="grace", subject_text="Buy followers!")
        return self._context([action], 1)

    def _context(self, actions, count):
        if not actions:
            return None
        outcomes = [SimpleNamespace(action=action, heard=HEARD.get(action.action, "")) for action in actions]
        return {"outcomes": outcomes, "first": actions[0], "count": count, "more": count - len(actions)}


@register
class NewReport(NotificationType):
    """New reports and appeals, for moderators.

    Without an actor, the subject is the id of the Report. With one, it is the id of that person's Appeal.
    """

    item_template = "accounts/notifications/_new_report.html"

    name = "new_report"
    label = gettext_lazy("New reports and appeals")
    template = "accounts/email/new_report"
    frequencies = (Frequency.AT_ONCE, Frequency.DAILY, Frequency.NEVER)

    def offered_to(self, user):
        return permissions.may_moderate(user)

    def shown_to(self, user):
        return permissions.may_moderate(user)

    def skip_reason(self, recipient):
        if not permissions.may_moderate(recipient):
            return "The recipient isn't a moderator."
        return super().skip_reason(recipient)

    def condition(self, recipient):
        reports = Report.objects.open().exclude(person=recipient)
        appeals = Appeal.objects.open().exclude(person=recipient)
        return Q(Exists(reports.filter(pk=OuterRef("subject"))), actor=None) | Q(
            Exists(appeals.filter(pk=OuterRef("subject"), person=OuterRef("actor")))
        )

    def group(self, subject):
        return ""

    def content_for(self, recipient, notifications):
        reports = Report.objects.filter(pk__in=notifications.filter(actor=None).values("subject"))
        appeals = Appeal.objects.filter(pk__in=notifications.exclude(actor=None).values("subject"))
        return self._context(
            list(reports.select_related("person").order_by("pk")[:DESCRIBED]),
            list(appeals.select_related("person").order_by("pk")[:DESCRIBED]),
            reports.count(),
            appeals.count(),
        )

    def sample(self, recipient):
        grace = User(username="grace", display_name="Grace Hopper")
        report = Report(person=grace, subject_type="post", reason="spam", subject_text="Buy followers!")
        appeal = Appeal(person=User(username="alan"))
        return self._context([report], [appeal], 1, 1)

    def _context(self, reports, appeals, report_count, appeal_count):
        if not reports and not appeals:
            return None
        count = report_count + appeal_count
        return {
            "reports": reports,
            "appeals": appeals,
            "people": [each.person for each in [*reports, *appeals]],
            "report_count": report_count,
            "appeal_count": appeal_count,
            "count": count,
            "more": count - len(reports) - len(appeals),
            "queue_url": absolute(queue_path()),
        }


def queue_path():
    """Return the path of the moderators' queue, or of the home page if the site has no admin."""
    try:
        return reverse("admin:moderation")
    except NoReverseMatch:
        return home_path()
