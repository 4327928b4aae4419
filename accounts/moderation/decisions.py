"""What moderators decide about reports, people and appeals. The pages for moderators call these functions.

Each function stores everything it does, or raises DecisionRefused and stores nothing.
"""

from datetime import timedelta
from hashlib import blake2s
from operator import attrgetter

from django.apps import apps
from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.common import deadlines
from accounts.common.database_errors import AccountGone
from accounts.models import User
from accounts.moderation import subjects
from accounts.moderation.models import ENDED_BY, UNDO_FOR, Appeal, ModerationAction, Report

Action = ModerationAction.Action

# How many days a timed suspension can last.
DAYS = (1, 7, 30)


class Decision(models.TextChoices):
    DISMISS = "dismiss", gettext_lazy("Dismiss")
    HIDE = "hide", gettext_lazy("Hide")
    WARN = "warn", gettext_lazy("Warn")
    SUSPEND = "suspend", gettext_lazy("Suspend")
    REINSTATE = "reinstate", gettext_lazy("Reinstate")


class DecisionRefused(Exception):
    """A decision isn't possible. The message is a sentence for the moderator. `field` is the name of a form field, or None."""

    def __init__(self, message, field=None):
        super().__init__(message)
        self.field = field


def decide(
    moderator,
    card_subjects,
    decision,
    *,
    reason="",
    rule=None,
    days=None,
    reported=True,
    seen=None,
    after=None,
):
    """Decide about objects such as posts or people, and close the reports about them. Returns the list of ModerationActions.

    A warning or suspension concerns the authors, and each of them once. A suspension closes all reports about a person, and
    lasts `days` or, with None, has no end. `rule` is the Rule that was broken, or None.

    With `reported`, each object must have open reports: if it has none, another moderator was faster. `seen` maps an object to
    what `version_of()` returned for it when the moderator saw it. `after` is the primary key of the newest action about these
    people that the moderator saw: if another moderator has done something since, nothing is decided.
    """
    if decision != Decision.DISMISS and not reason:
        raise DecisionRefused(_("Give a reason. The person concerned will read it."), "reason")
    if days is not None and days not in DAYS:
        raise DecisionRefused(_("Choose one of the lengths that are offered."))
    with transaction.atomic():
        rows = _lock(moderator, card_subjects)
        if after is not None and (newer := _newer_action(moderator, rows, after)):
            raise DecisionRefused(describe(newer))
        for row in rows:
            _check(moderator, row, decision, reported, (seen or {}).get(row))
        details = {"by": moderator, "reason": reason, "rule_title": rule.title if rule else ""}
        return _DECIDE[decision](rows, details, days)


def undo(moderator, *actions):
    """Take back decisions that are at most five minutes old. The reports that they closed open again.

    Only the moderator who decided, or an administrator whom the decision doesn't concern, can do so, and only once. Returns the
    list of ModerationActions.
    """
    with transaction.atomic():
        people = _lock_people(moderator, {action.person_name for action in actions})
        for action in actions:
            # The locks can take long, and emails are sent after five minutes.
            if refusal := why_not_undo(moderator, action):
                raise DecisionRefused(refusal)
        return [_take_back(moderator, action, people.get(action.person_name)) for action in actions]


def why_not_undo(moderator, action):
    """Return a sentence that says why `moderator` can't undo the action, whatever happened since, or None."""
    if action.action not in UNDONE_BY:
        return _("This can't be undone.")
    if action.moderator_id != moderator.pk:
        if not moderator.is_superuser:
            return _("Only %(name)s can undo this.") % {"name": f"@{action.moderator_name}"}
        if action.person_name == moderator.username:
            return _("You can't decide about yourself. Another moderator has to.")
    if not can_be_undone(action):
        return _("It's too late to undo this: more than five minutes have passed.")
    return None


def can_be_undone(action):
    """Return whether it's still time to undo the action."""
    # The time of an action that was recorded while a clock was ahead is in the future.
    return abs(timezone.now() - action.created_on) < UNDO_FOR


def answer_appeal(moderator, appeal, *, grant, reason):
    """Grant an appeal, which takes back the action that it is about, or reject it. Returns the ModerationAction.

    Another moderator than the one who decided has to answer, if there is one.
    """
    if not reason:
        raise DecisionRefused(_("Give a reason. The person concerned will read it."), "reason")
    with transaction.atomic():
        action = appeal.action
        person = _lock_people(moderator, {action.person_name}).get(action.person_name)
        appeal = Appeal.objects.select_for_update(of=["self"]).filter(pk=appeal.pk).first()
        if appeal is None:
            raise DecisionRefused(
                _("@%(name)s has left, and the appeal with them.") % {"name": action.person_name}
            )
        if appeal.answer_id:
            raise DecisionRefused(describe(appeal.answer))
        if refusal := why_not_answer(moderator, appeal, other_moderators(moderator)):
            raise DecisionRefused(refusal)
        later = _ending(action)
        if grant and later and later.action == action.action:
            # Granting this appeal must not take back a newer decision, which the person can appeal, too.
            raise DecisionRefused(describe(later))
        details = {"by": moderator, "reason": reason}
        if grant:
            answer = _reverse(action, person, **details)
        else:
            answer = action.follow_up(Action.REJECT_APPEAL, person=person, **details)
        appeal.answer = answer
        appeal.save(update_fields=["answer"])
    return answer


def why_not_answer(moderator, appeal, others):
    """Return a sentence that says why `moderator` can't answer the appeal, or None. `others` are the other moderators."""
    person = appeal.person
    if person == moderator:
        return _("You can't answer your own appeal.")
    if refusal := why_not(moderator, person, Decision.WARN):
        return refusal
    if appeal.action.moderator_id == moderator.pk and any(
        not why_not(other, person, Decision.WARN) for other in others
    ):
        return _("You made this decision, so another moderator answers the appeal.")
    return None


def other_moderators(moderator):
    """Return the other people who may moderate."""
    permission = {"codename": "change_user", "content_type__app_label": "accounts"}
    allowed = Q(is_superuser=True)
    for path in ("groups__permissions", "user_permissions"):
        allowed |= Q(**{f"{path}__{name}": value for name, value in permission.items()})
    return User.objects.filter(allowed, is_staff=True, is_active=True).exclude(pk=moderator.pk)


def why_not(moderator, person, decision):
    """Return a sentence that says why `moderator` can't make this decision about `person`, or None."""
    harmless = decision in (Decision.DISMISS, Decision.HIDE)
    if person.pk == moderator.pk and not (moderator.is_superuser and harmless):
        return _("You can't decide about yourself. Another moderator has to.")
    names = {"name": f"@{person.username}"}
    if person.is_superuser and (decision == Decision.SUSPEND or not moderator.is_superuser):
        return (
            _(
                "%(name)s is an administrator, so only administrators can hide their posts, and nobody can suspend them."
            )
            % names
        )
    if person.is_staff and not moderator.is_superuser:
        return _("%(name)s is a moderator, so only an administrator can decide about them.") % names
    return None


def version_of(row):
    """Return a short text that changes when the text of the object `row` changes."""
    return blake2s(row.audit_subject()[1].encode(), digest_size=6).hexdigest()


def describe(action):
    """Return a sentence about an action, such as "@ada hid a post 2 minutes ago: It's spam."."""
    recent = timezone.now() - action.created_on < timedelta(minutes=1)
    words = {
        # Nobody in particular ends a timed suspension.
        "moderator": f"@{action.moderator_name}" if action.moderator_name else _("The site"),
        "action": action.get_action_display(),
        "when": _("just now")
        if recent
        else _("%(time)s ago") % {"time": timesince(action.created_on, depth=1)},
        "reason": action.reason,
    }
    if action.reason:
        return _("%(moderator)s %(action)s %(when)s: %(reason)s") % words
    return _("%(moderator)s %(action)s %(when)s.") % words


def _lock_people(moderator, names):
    """Lock the moderator and the people with these usernames. Returns those who exist, by username."""
    keys = list(User.objects.filter(username__in=names).values_list("pk", flat=True))
    if not User.objects.lock(moderator.pk, *keys).get(moderator.pk):
        raise AccountGone
    # All locks are held now or follow shortly, but many rows can take longer than the usual time limit of a request.
    deadlines.extend()
    return {person.username: person for person in User.objects.filter(pk__in=keys)}


def _lock(moderator, card_subjects):
    """Lock the moderator, the people concerned, the rows and the reports, and return the rows as they are now."""
    people = {row.audit_subject()[0].pk for row in card_subjects}
    if not User.objects.lock(moderator.pk, *people).get(moderator.pk):
        raise AccountGone
    deadlines.extend()
    keys = {}
    for row in card_subjects:
        keys.setdefault(row._meta.concrete_model, []).append(row.pk)
    found, reports = {}, Report.objects.none()
    for model in sorted(keys, key=attrgetter("_meta.label")):
        rows = model._base_manager.filter(pk__in=keys[model]).order_by("pk")
        if model is not User:
            list(rows.select_for_update(no_key=True).values_list("pk"))
            rows = rows.select_related(*_relations_to_people(model))
        found |= {(model, row.pk): row for row in rows}
        reports |= Report.objects.about_keys(model, keys[model])
    reports.open().lock()
    for row in card_subjects:
        if (row._meta.concrete_model, row.pk) not in found:
            raise DecisionRefused(_gone(row._meta.concrete_model, row.audit_subject()[0].username))
    return [found[row._meta.concrete_model, row.pk] for row in card_subjects]


def _relations_to_people(model):
    return [field.name for field in model._meta.fields if field.related_model is User]


def _gone(model, name):
    """Return a sentence that says that a row of `model` no longer exists."""
    if model is User:
        return _("@%(name)s has left.") % {"name": name}
    subject_type = subjects.find(model)
    return str(subject_type.deleted_message) if subject_type else _("It was deleted in the meantime.")


def _check(moderator, row, decision, reported, seen):
    """Raise DecisionRefused if the decision about the locked `row` isn't possible."""
    person = row.audit_subject()[0]
    if refusal := why_not(moderator, person, decision):
        raise DecisionRefused(refusal)
    if reported and not Report.objects.about(row).open().exists():
        raise DecisionRefused(_already_decided(row, person))
    if seen is not None and version_of(row) != seen:
        raise DecisionRefused(_("The author edited this in the meantime. Look at the new text, then decide."))
    names = {"name": f"@{person.username}"}
    if decision == Decision.HIDE:
        subject_type = subjects.find(type(row))
        if not (subject_type and subject_type.can_be_hidden):
            raise DecisionRefused(_("You can't hide %(name)s. Choose another decision.") % names)
        if subject_type.is_hidden(row):
            raise DecisionRefused(
                _("This is already hidden. Dismiss the reports, or choose another decision.")
            )
    if decision == Decision.SUSPEND and person.suspended_on:
        raise DecisionRefused(_("%(name)s is already suspended.") % names)
    if decision == Decision.REINSTATE and not person.suspended_on:
        raise DecisionRefused(_("%(name)s isn't suspended.") % names)


def _already_decided(row, person):
    """Return a sentence about the action that closed the reports about `row`."""
    closed = (
        Report.objects.about(row).exclude(closed_by=None).order_by("-closed_by").select_related("closed_by")
    )
    last = closed.first()
    return describe(last.closed_by) if last else _("There are no open reports about this any more.")


def _newer_action(moderator, rows, after):
    names = {row.audit_subject()[0].username for row in rows}
    newer = ModerationAction.objects.filter(person_name__in=names, pk__gt=after).exclude(moderator=moderator)
    return newer.order_by("-pk").first()


def _latest_action(row):
    return _actions_on(row).latest("pk")


def _actions_on(row):
    return ModerationAction.objects.filter(
        subject_model=row._meta.concrete_model._meta.label, subject_id=row.pk
    )


def _dismiss(rows, details, days):
    return [
        ModerationAction.record(Action.DISMISS, row, closes=Report.objects.about(row), **details)
        for row in rows
    ]


def _hide(rows, details, days):
    done = []
    for row in rows:
        subjects.find(type(row)).hide(row, **details)
        done.append(_latest_action(row))
    return done


def _warn(rows, details, days):
    return [
        # The record has the text that the warning is about, if there is one.
        ModerationAction.record(Action.WARN, of_person[0], closes=_reports_about(of_person), **details)
        for of_person in _by_person(rows)
    ]


def _reports_about(rows):
    about = Report.objects.none()
    for row in rows:
        about |= Report.objects.about(row)
    return about


def _suspend(rows, details, days):
    until = timezone.now() + timedelta(days=days) if days else None
    done = []
    for of_person in _by_person(rows):
        person = of_person[0].audit_subject()[0]
        person.suspend(until=until, **details)
        done.append(_latest_action(person))
    return done


def _reinstate(rows, details, days):
    done = []
    for person in rows:
        suspension = _actions_on(person).filter(action=Action.SUSPEND, undone_by=None).order_by("-pk").first()
        person.reinstate(undoes=suspension, **details)
        done.append(_latest_action(person))
        if suspension:
            Appeal.objects.open().filter(action=suspension).update(answer=done[-1])
    return done


def _by_person(rows):
    """Return the rows of each person as a list of lists."""
    of_person = {}
    for row in rows:
        of_person.setdefault(row.audit_subject()[0].pk, []).append(row)
    return list(of_person.values())


_DECIDE = {
    Decision.DISMISS: _dismiss,
    Decision.HIDE: _hide,
    Decision.WARN: _warn,
    Decision.SUSPEND: _suspend,
    Decision.REINSTATE: _reinstate,
}
# The action that takes back another. After an action in ENDED_BY, that is no longer possible.
UNDONE_BY = {
    Action.DISMISS: Action.REOPEN,
    Action.HIDE: Action.RESTORE,
    Action.WARN: Action.RETRACT,
    Action.SUSPEND: Action.REINSTATE,
}


def _take_back(moderator, action, person):
    if later := _ending(action) or ModerationAction.objects.filter(answered_appeal__action=action).first():
        raise DecisionRefused(describe(later))
    subject = _subject_of(action)
    if subject is None or person is None:
        raise DecisionRefused(_gone(apps.get_model(action.subject_model), action.person_name))
    undoing = _reverse(action, person, by=moderator, reason="")
    # What was decided is open again, as if nobody had decided.
    Report.objects.reopen(action)
    Appeal.objects.open().filter(action=action).update(answer=undoing)
    return undoing


def _ending(action):
    """Return the newest action that took this one back or replaced it, or None if this one is still in force."""
    ended = Q(
        subject_model=action.subject_model,
        subject_id=action.subject_id,
        action__in=ENDED_BY.get(action.action, []),
        pk__gt=action.pk,
    )
    return ModerationAction.objects.filter(Q(undoes=action) | ended).order_by("-pk").first()


def _subject_of(action):
    """Return the object that the action is about, locked, or None if it no longer exists."""
    model = apps.get_model(action.subject_model)
    rows = model._base_manager.filter(pk=action.subject_id)
    if model is not User:
        list(rows.select_for_update(no_key=True).values_list("pk"))
    return rows.first()


def _reverse(action, person, *, by, reason):
    """Do and record the opposite of the action. If it has no effect any more, only record it."""
    details = {"by": by, "reason": reason, "undoes": action}
    if getattr(action, "undone_by", None):
        details["undoes"] = None
    subject, changed = _subject_of(action), False
    if subject and action.action == Action.HIDE:
        changed = subjects.find(type(subject)).restore(subject, **details)
    elif subject and action.action == Action.SUSPEND:
        changed = subject.reinstate(**details)
    if changed:
        return _latest_action(subject)
    return action.follow_up(UNDONE_BY.get(action.action, Action.RETRACT), person=person, **details)
