"""What the pages for moderators show: the cards of the queue, and what is known about a person. A fixed number of queries."""

from collections import defaultdict
from dataclasses import dataclass, field
from operator import itemgetter

from django.db.models import Count, F, Q, Value, Window
from django.db.models.functions import RowNumber
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.common.cursors import fetch_from, paginate
from accounts.joining.models import Application
from accounts.moderation import subjects
from accounts.moderation.decisions import (
    DAYS,
    UNDONE_BY,
    Decision,
    can_be_undone,
    describe,
    other_moderators,
    version_of,
    why_not,
    why_not_answer,
)
from accounts.moderation.models import Appeal, ModerationAction, Report

Action = ModerationAction.Action

CARDS = 20
# A card shows this many reports.
REPORTS_SHOWN = 10
# Counts that are only shown stop here: "99+".
COUNT_LIMIT = 99
# How many of a moderator's latest decisions a page shows.
DECIDED_SHOWN = 3


@dataclass
class Card:
    """A reported object with everything that a moderator needs to decide about it."""

    subject_type: object
    subject: object
    count: int
    reports: list = field(default_factory=list)
    facts: object = None
    refusal: str | None = None
    buttons: list = field(default_factory=list)
    form: object = None
    selected: bool = False
    # People don't learn who reported them, even if they are moderators.
    is_about_viewer: bool = False
    # Whether the form is in view.
    is_open: bool = False

    def __post_init__(self):
        self.person, self.text = self.subject.audit_subject()
        self.key = f"{self.subject_type.name}-{self.subject.pk}"
        self.version = version_of(self.subject)
        self.value = f"{self.key}:{self.version}"
        self.title = self.subject_type.card_title % {"name": self.person.username}
        self.is_hidden = self.subject_type.is_hidden(self.subject)

    @property
    def more_reports(self):
        return self.count - len(self.reports)

    @property
    def grouped_reports(self):
        """The reports as lists of those with the same reason and note."""
        groups = defaultdict(list)
        for report in self.reports:
            groups[report.reason, report.note].append(report)
        return list(groups.values())

    @property
    def reported_text(self):
        """The text that was reported, if it has changed since."""
        return next((r.subject_text for r in self.reports if r.subject_text != self.text), None)


@dataclass
class Facts:
    """What is known about a person: texts such as "Posts: 12", and counts of earlier reports and decisions."""

    person: object
    counts: list = field(default_factory=list)
    reports: list = field(default_factory=list)
    decisions: list = field(default_factory=list)


class UnknownCard(ValueError):
    """The value of a form names no card."""


def read_key(value):
    """Return the ReportSubject, the primary key and the version of a `Card.value`. Raises UnknownCard."""
    key, _colon, version = value.partition(":")
    name, _dash, pk = key.rpartition("-")
    if not (pk.isascii() and pk.isdigit() and len(pk) <= 18):
        raise UnknownCard
    try:
        return subjects.get(name), int(pk), version
    except KeyError as error:
        raise UnknownCard from error


def open_card_count():
    """Return how many cards wait for a decision, counted up to one more than COUNT_LIMIT. One query."""
    reported = Report.objects.open().order_by().values_list("subject_type", "subject_id")
    appeals = Appeal.objects.open().order_by().values_list(Value("appeal"), "pk")
    applications = Application.objects.waiting().order_by().values_list(Value("application"), "pk")
    return reported.union(appeals, applications)[: COUNT_LIMIT + 1].count()


def capped(count):
    """Return a count as text: "12" or "99+"."""
    return f"{COUNT_LIMIT}+" if count > COUNT_LIMIT else str(count)


def load_page(viewer, cursor):
    """Return the Page of the queue at `cursor` with its Appeals, Cards and Applications.

    Appeals come first, then cards, most urgent first, then applications, oldest first.
    """
    page = paginate(_fetch_queue, cursor, CARDS, position=itemgetter("position"))
    appeals = [row["appeal"] for row in page if "appeal" in row]
    applications = [row["application"] for row in page if "application" in row]
    groups = [row for row in page if not {"appeal", "application"} & row.keys()]
    return page, load_appeals(viewer, appeals), load_cards(viewer, groups), load_applications(applications)


def _fetch_queue(before, after, limit):
    """Fetch the rows of a page as dicts with `position`.

    They are those of `ReportQuerySet.by_subject()`. The others have only `appeal` or `application`, a primary key.
    """
    appeals = Appeal.objects.in_queue().values("position", appeal=F("pk"))
    to_newer, found = after is not None, []
    applications = Application.objects.in_queue().values("position", application=F("pk"))
    parts = [appeals, Report.objects.by_subject(), applications]
    for rows in reversed(parts) if to_newer else parts:
        if missing := limit - len(found):
            fetched = list(fetch_from(rows)(before, after, missing))
            found = fetched + found if to_newer else found + fetched
    return found


def load_card(viewer, subject_type, pk, reported=True):
    """Return the Card of one object, or None if it doesn't exist or, with `reported`, has no open reports."""
    groups = list(Report.objects.filter(subject_type=subject_type.name, subject_id=pk).by_subject())
    if not groups and not reported:
        groups = [{"subject_type": subject_type.name, "subject_id": pk, "count": 0}]
    cards = load_cards(viewer, groups)
    return cards[0] if cards else None


def load_open_cards(viewer, keys):
    """Return the Cards with these keys that have open reports, most urgent first, whatever their number in as many queries."""
    chosen = Q(pk__in=[])
    for key in keys:
        subject_type, pk, _version = read_key(key)
        chosen |= Q(subject_type=subject_type.name, subject_id=pk)
    return load_cards(viewer, list(Report.objects.filter(chosen).by_subject()[:CARDS]))


def load_cards(viewer, groups):
    """Return the Cards for the dicts of `ReportQuerySet.by_subject()`, without those whose object is gone."""
    keys = defaultdict(list)
    for group in groups:
        keys[group["subject_type"]].append(group["subject_id"])
    rows = {}
    for subject_type in subjects.all_subjects():
        if found := keys.get(subject_type.name):
            of_type = list(subject_type.with_people(found))
            subject_type.prepare_all(of_type)
            rows |= {(subject_type.name, row.pk): row for row in of_type}
    cards = {}
    for group in groups:
        key = group["subject_type"], group["subject_id"]
        if key in rows:
            cards[key] = Card(subjects.get(key[0]), rows[key], group["count"])
    for report in _first_reports(cards):
        cards[report.subject_type, report.subject_id].reports.append(report)
    facts = load_facts([card.person for card in cards.values()])
    for card in cards.values():
        card.facts = facts[card.person.pk]
        card.is_about_viewer = card.person == viewer
        card.refusal = why_not(viewer, card.person, Decision.DISMISS)
        card.buttons = buttons_for(viewer, card.person, card)
    return list(cards.values())


def _first_reports(cards):
    """Return the oldest open reports about each card."""
    found = Report.objects.none()
    for name in {name for name, _pk in cards}:
        found |= Report.objects.filter(
            subject_type=name, subject_id__in=[pk for of, pk in cards if of == name]
        )
    number = Window(RowNumber(), partition_by=[F("subject_type"), F("subject_id")], order_by=F("id").asc())
    return (
        found.open()
        .annotate(number=number)
        .filter(number__lte=REPORTS_SHOWN)
        .select_related("reporter")
        .order_by("pk")
    )


def load_facts(people):
    """Return the Facts about these people, by primary key."""
    facts = {person.pk: Facts(person) for person in people}
    by_name = {person.username: facts[person.pk] for person in people}
    for subject_type in subjects.all_subjects():
        if subject_type.count_label:
            for pk, count in subject_type.counts_of(facts, COUNT_LIMIT + 1).items():
                facts[pk].counts.append(subject_type.count_label % {"count": capped(count)})
    closed = Report.objects.filter(person__in=list(facts)).exclude(closed_on=None)
    for pk, reason, count in _counted(closed, "person", "reason"):
        facts[pk].reports.append((Report.Reason(reason).label if reason in Report.Reason else reason, count))
    decided = ModerationAction.objects.filter(person_name__in=list(by_name)).settled()
    for name, action, count in _counted(decided, "person_name", "action"):
        by_name[name].decisions.append((Action(action).label if action in Action else action, count))
    return facts


def _counted(rows, *names):
    return rows.order_by(*names).values_list(*names).annotate(count=Count("pk"))


def buttons_for(viewer, person, card=None):
    """Return the decisions that `viewer` can make, as dicts with `value` and `label`.

    A suspension has `labels` instead, one for each of `forms.suspension_lengths()`.
    """
    name = {"name": f"@{person.username}"}
    offered = []
    if card:
        offered.append((Decision.DISMISS, _("Dismiss")))
        if (
            card.subject_type.can_be_hidden
            and not card.is_hidden
            and viewer.has_perm(card.subject_type.hide_permission)
        ):
            offered.append((Decision.HIDE, card.subject_type.hide_label))
    offered.append((Decision.WARN, _("Warn %(name)s") % name))
    if person.suspended_on:
        if not card:
            offered.append((Decision.REINSTATE, _("Reinstate %(name)s") % name))
    else:
        offered.append((Decision.SUSPEND, suspend_labels(**name)))
    return [button(*each) for each in offered if not why_not(viewer, person, each[0])]


def button(decision, label):
    return {"value": str(decision), "labels" if isinstance(label, list) else "label": label}


def suspend_labels(name):
    """Return what the button to suspend says for each length of a suspension."""
    labels = [
        ngettext("Suspend %(name)s for %(days)d day", "Suspend %(name)s for %(days)d days", days)
        % {"name": name, "days": days}
        for days in DAYS
    ]
    return [*labels, _("Suspend %(name)s until we lift it") % {"name": name}]


def load_appeals(viewer, keys):
    """Return the appeals with these primary keys, oldest first, each with `refusal` and the labels of its buttons."""
    appeals = list(Appeal.objects.filter(pk__in=keys).select_related("action", "person").order_by("pk"))
    others = list(other_moderators(viewer)) if appeals else []
    for appeal in appeals:
        appeal.refusal = why_not_answer(viewer, appeal, others)
        appeal.grant_label = grant_label(appeal.action)
        appeal.form = None
    return appeals


def load_applications(keys):
    """Return the applications with these primary keys, oldest first, if there are any."""
    if not keys:
        return []
    return list(Application.objects.filter(pk__in=keys).select_related("person").order_by("pk"))


def grant_label(action):
    name = {"name": f"@{action.person_name}"}
    return {
        Action.HIDE: _("Grant the appeal and restore the post"),
        Action.SUSPEND: _("Grant the appeal and reinstate %(name)s"),
        Action.WARN: _("Grant the appeal and take back the warning"),
    }.get(action.action, _("Grant the appeal of %(name)s")) % name


def recent_decisions(moderator):
    """Return the moderator's decisions of the last minutes that weren't undone, newest first, each with `message`."""
    latest = ModerationAction.objects.filter(moderator_name=moderator.username)
    latest = latest.select_related("undone_by", "answered_appeal")
    found = [
        action
        for action in latest.order_by("-id")[:CARDS]
        if (action.action in UNDONE_BY or answers_appeal(action))
        and can_be_undone(action)
        and not getattr(action, "undone_by", None)
    ]
    return with_messages(found[:DECIDED_SHOWN])


def settled_keys(actions):
    """Return the set of the `Card.key` of everything whose reports these actions closed."""
    closed = Report.objects.filter(closed_by__in=actions).order_by().values_list("subject_type", "subject_id")
    return {f"{name}-{pk}" for name, pk in closed.distinct()}


def answers_appeal(action):
    # An undo closes the appeal with the action that undoes, without an answer.
    return getattr(action, "answered_appeal", None) is not None and action.reason != ""


def with_messages(actions):
    for action in actions:
        action.message = announce(action)
        action.is_undoable = action.action in UNDONE_BY
    return actions


def announce(action):
    """Return a short sentence about what was just done."""
    name = {"name": action.person_name}
    if action.action == Action.HIDE:
        model = action.subject_model
        for subject_type in subjects.all_subjects():
            if subject_type.model._meta.label == model:
                return subject_type.hidden_message % name
    if action.action == Action.SUSPEND and action.until:
        days = round((action.until - action.created_on).total_seconds() / 86400)
        text = ngettext(
            "@%(name)s suspended for %(days)d day.", "@%(name)s suspended for %(days)d days.", days
        )
        return text % {**name, "days": days}
    return {
        Action.DISMISS: _("Reports about @%(name)s dismissed."),
        Action.WARN: _("@%(name)s warned."),
        Action.SUSPEND: _("@%(name)s suspended."),
        Action.REINSTATE: _("@%(name)s reinstated."),
        Action.RESTORE: _("Post by @%(name)s restored."),
        Action.RETRACT: _("Warning of @%(name)s taken back."),
        Action.REJECT_APPEAL: _("Appeal of @%(name)s rejected."),
        Action.APPROVE: _("@%(name)s can join. We've emailed them."),
        Action.REFUSE: _("@%(name)s can't join. We've emailed them the reason."),
    }.get(action.action, describe(action).replace("%", "%%")) % name
