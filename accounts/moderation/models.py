from datetime import timedelta

from django.apps import apps
from django.conf import settings
from django.db import models
from django.db.models import Case, Exists, ExpressionWrapper, F, Min, OuterRef, Q, Value, When
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _

from accounts import signals
from accounts.common.append_only import AppendOnly, AppendOnlyQuerySet
from accounts.common.cursors import MAX_POSITION
from accounts.common.fields import FreeTextField
from accounts.common.text import fit, truncate
from accounts.moderation import subjects
from accounts.notifications.models import Notification

# The number of code points to copy from a reported or moderated text.
MAX_SUBJECT_TEXT = 5000
# How long a decision can be undone. Emails about it wait that long.
UNDO_FOR = timedelta(minutes=5)
# The type of the notifications about decisions: see `notifications`.
OUTCOME = "moderation_outcome"
# The rules of a new site. Until an administrator changes a title, everyone sees it in their own language.
FIRST_RULES = [
    gettext_noop("Be kind. Disagree with what people say, not with who they are."),
    gettext_noop("Don't threaten or harass anyone, or reveal their private information."),
    gettext_noop("No spam, no scams, nothing illegal."),
    gettext_noop("Use your own name or one you made up, not someone else's."),
]


def localized_rule(title):
    """Return the title of a rule as readers see it: a rule of a new site in their language, any other as it was written."""
    return gettext(title) if title in FIRST_RULES else title


class RuleQuerySet(models.QuerySet):
    def in_force(self):
        return self.filter(is_active=True)

    def create_first(self):
        """Store the rules of a new site if there are no rules."""
        if not self.exists():
            self.bulk_create(Rule(title=title, position=n) for n, title in enumerate(FIRST_RULES, 1))


class Rule(models.Model):
    """A rule of the site. Administrators edit the rules in the admin, and a decision can name one."""

    title = FreeTextField(_("rule"), characters=100, one_line=True)
    text = FreeTextField(_("explanation"), characters=1000, blank=True)
    position = models.PositiveSmallIntegerField(
        _("position"), default=0, help_text=_("Lower numbers come first.")
    )
    is_active = models.BooleanField(
        _("in force"), default=True, help_text=_("Rules that aren't in force are shown nowhere.")
    )

    objects = RuleQuerySet.as_manager()

    class Meta:
        verbose_name = _("rule")
        verbose_name_plural = _("rules")
        ordering = ["position", "pk"]

    def __str__(self):
        return localized_rule(self.title)


class ReportQuerySet(models.QuerySet):
    """Queries for reports."""

    def open(self):
        return self.filter(closed_on=None)

    def about(self, *rows):
        """Return the reports about `rows`, which are objects of one model."""
        return self.about_keys(type(rows[0]), [row.pk for row in rows])

    def about_keys(self, model, keys):
        """Return the reports about the rows of `model` with these primary keys."""
        subject = subjects.find(model)
        return self.filter(subject_type=subject.name, subject_id__in=keys) if subject else self.none()

    def by_subject(self):
        """Return the subjects of the open reports as dicts with `count` and `position`, most urgent first.

        The `position` decreases along the list: most reports first, then oldest report. It fits 2**22 reports about one subject
        and 2**40 reports in all.
        """
        position = ExpressionWrapper(
            F("count") * Value(2**40, models.BigIntegerField()) - Min("pk"), models.BigIntegerField()
        )
        return (
            self.open()
            .order_by()
            .values("subject_type", "subject_id")
            .annotate(count=models.Count("pk"), position=position)
            .order_by("-position")
        )

    def lock(self):
        """Lock these reports until the transaction ends. All code locks them in this order, which prevents deadlocks."""
        list(self.order_by("pk").select_for_update(no_key=True).values_list("pk"))

    def close(self, action=None):
        """Close those of these reports that are open, and return how many there were. Call it in a transaction.

        `action` is the ModerationAction that settles them, or None.
        """
        self.open().lock()
        return self.open().update(closed_on=timezone.now(), closed_by=action)

    def reopen(self, action):
        """Open the reports that `action` closed again, and return how many there were. Call it in a transaction."""
        closed = self.filter(closed_by=action)
        closed.lock()
        return closed.update(closed_on=None, closed_by=None)


class Report(models.Model):
    """A member's report about a subject, such as a post. Each member can report a subject only once.

    There is no foreign key to the subject. The method that deletes a subject also deletes the reports about it. Deleting the
    account of the reported person deletes the reports too.
    """

    class Reason(models.TextChoices):
        SPAM = "spam", _("It's spam or a scam")
        ABUSE = "abuse", _("It attacks or threatens someone")
        ILLEGAL = "illegal", _("It's against the law")
        IDENTITY = "identity", _("It pretends to be someone else")
        PROFILE = "profile", _("Its name, picture or bio isn't acceptable")
        HARASSMENT = "harassment", _("It harasses or threatens people")
        OTHER = "other", _("Something else")

    reporter = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        db_index=False,
        related_name="reports",
        verbose_name=_("reporter"),
    )
    # The name of a ReportSubject, and the primary key of a row of its model
    subject_type = models.CharField(max_length=20)
    subject_id = models.BigIntegerField()
    # The text at the time of the report. The author may edit it later.
    subject_text = models.CharField(_("text"), max_length=MAX_SUBJECT_TEXT, blank=True)
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="reports_about", verbose_name=_("person")
    )
    reason = models.CharField(_("reason"), max_length=10, choices=Reason)
    note = FreeTextField(_("Anything else we should know?"), characters=500, blank=True)
    created_on = models.DateTimeField(_("reported"), default=timezone.now, editable=False)
    closed_on = models.DateTimeField(_("closed"), null=True, editable=False)
    # The action that closed the report, if a moderator did.
    closed_by = models.ForeignKey(
        "ModerationAction", models.PROTECT, null=True, editable=False, related_name="closed_reports"
    )

    objects = ReportQuerySet.as_manager()

    class Meta:
        verbose_name = _("report")
        verbose_name_plural = _("reports")
        constraints = [
            models.UniqueConstraint(
                fields=["reporter", "subject_type", "subject_id"], name="report_once_by_reporter"
            ),
        ]
        indexes = [
            # This index finds the reports to delete with their subject.
            models.Index(fields=["subject_type", "subject_id"], name="report_subject"),
            models.Index(
                fields=["subject_type", "subject_id", "id"],
                name="report_open_subject",
                condition=Q(closed_on=None),
            ),
        ]

    def __str__(self):
        return f"{self.reporter}: {self.get_reason_display()}"

    @classmethod
    def new(cls, subject, **fields):
        """Return an unsaved report about the object `subject`, with a copy of its text."""
        person, text = subject.audit_subject()
        return cls(
            subject_type=subjects.find(type(subject)).name,
            subject_id=subject.pk,
            subject_text=fit(text, MAX_SUBJECT_TEXT),
            person=person,
            **fields,
        )


class ModerationActionQuerySet(AppendOnlyQuerySet):
    """Queries for the record of moderators' actions."""

    def settled(self):
        """Leave out decisions that were undone before anyone was told, and what undid them. After an appeal, both stay."""
        undone = Q(undone_by__created_on__lte=F("created_on") + UNDO_FOR, appeal=None)
        undoing = Q(undoes__created_on__gte=F("created_on") - UNDO_FOR, undoes__appeal=None)
        return self.exclude(undone).exclude(undoing)

    def told_to(self, person):
        """Return the decisions that `person` is told about."""
        # An account whose address was never confirmed may have had the same name.
        since = person.date_joined
        return self.filter(person_name=person.username, created_on__gte=since, action__in=OUTCOMES).settled()

    def shown_to(self, person):
        """Return the decisions that `person` is told about, as pages show them.

        `is_over` says whether a decision is no longer in force. `is_told` says whether its reason may be shown: before members
        were told, moderators wrote reasons for other moderators.
        """
        later = ModerationAction.objects.filter(
            subject_model=OuterRef("subject_model"), subject_id=OuterRef("subject_id"), pk__gt=OuterRef("pk")
        )
        is_over = [
            When(Q(Exists(later.filter(action__in=ended_by))), action=action, then=Value(True))
            for action, ended_by in ENDED_BY.items()
            if ended_by
        ]
        notified = Notification.objects.filter(recipient=person, type=OUTCOME, subject=OuterRef("pk"))
        return (
            self.told_to(person)
            .select_related("appeal__answer", "answered_appeal")
            .annotate(
                is_over=Case(
                    When(undone_by__isnull=False, then=Value(True)),
                    *is_over,
                    default=Value(False),
                    output_field=models.BooleanField(),
                ),
                is_told=Exists(notified),
            )
        )


class ModerationAction(AppendOnly):
    """A moderator's action on a person or a post, with the reason. Rows are never changed or deleted.

    Names and texts are copied, so that the record outlives the accounts and posts.
    """

    class Action(models.TextChoices):
        HIDE = "hide", _("hid a post")
        RESTORE = "restore", _("restored a post")
        DELETE = "delete", _("deleted a post")
        DISMISS = "dismiss", _("dismissed reports")
        REOPEN = "reopen", _("reopened reports")
        WARN = "warn", _("warned a person")
        RETRACT = "retract", _("took back a warning")
        SUSPEND = "suspend", _("suspended a person")
        REINSTATE = "reinstate", _("reinstated a person")
        END_SUSPENSION = "end_suspension", _("ended a timed suspension")
        REMOVE_PICTURE = "remove_picture", _("removed a picture")
        REJECT_APPEAL = "reject_appeal", _("rejected an appeal")
        APPROVE = "approve", _("approved an application")
        REFUSE = "refuse", _("refused an application")

    created_on = models.DateTimeField(_("time"), auto_now_add=True)
    moderator = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="moderation_actions"
    )
    moderator_name = models.CharField(_("moderator"), max_length=40)
    action = models.CharField(_("action"), max_length=20, choices=Action)
    # The model's label and the primary key. There is no foreign key, because the row may be deleted.
    subject_model = models.CharField(max_length=60)
    subject_id = models.BigIntegerField()
    person_name = models.CharField(_("person"), max_length=40)
    subject_text = models.CharField(_("text"), max_length=MAX_SUBJECT_TEXT, blank=True)
    reason = FreeTextField(_("reason"), characters=500, blank=True)
    # The title of the rule at the time of the decision. Administrators may edit the rule later.
    rule_title = FreeTextField(_("rule"), characters=100, one_line=True, blank=True)
    # The end of a timed suspension.
    until = models.DateTimeField(_("until"), null=True)
    # The action that this one takes back. Each action can be taken back only once.
    undoes = models.OneToOneField("self", models.PROTECT, null=True, related_name="undone_by")

    objects = ModerationActionQuerySet.as_manager()

    class Meta(AppendOnly.Meta):
        verbose_name = _("moderation action")
        verbose_name_plural = _("moderation actions")
        indexes = [
            models.Index(fields=["subject_model", "subject_id"], name="moderation_subject"),
            models.Index(fields=["person_name"], name="moderation_person_name"),
            models.Index("action", models.F("id").desc(), name="moderation_action"),
            models.Index("moderator_name", models.F("id").desc(), name="moderation_moderator"),
        ]

    def __str__(self):
        return f"{self.moderator_name} {self.get_action_display()}: @{self.person_name}"

    @classmethod
    def record(cls, action, subject, *, by, reason, rule_title="", until=None, undoes=None, closes=None):
        """Record the `action` of the moderator `by` on the object `subject`. Returns the row.

        Without a moderator, only the end of a suspension is recorded. For other actions this returns None.

        `closes` is a queryset of reports, which this closes before `moderation_action_recorded` is sent, whoever `by` is. Call
        it in the transaction of the change, before sending the event about it.
        """
        if by is None and action != cls.Action.END_SUSPENSION:
            if closes is not None:
                closes.close()
            return None
        person, text = subject.audit_subject()
        action = cls.objects.create(
            moderator=by,
            moderator_name=by.username if by else "",
            action=action,
            subject_model=subject._meta.concrete_model._meta.label,
            subject_id=subject.pk,
            person_name=person.username,
            subject_text=fit(text, MAX_SUBJECT_TEXT),
            reason=reason,
            rule_title=rule_title,
            until=until,
            undoes=undoes,
        )
        if closes is not None:
            closes.close(action)
        signals.moderation_action_recorded.send(sender=cls, action=action, person=person)
        return action

    def follow_up(self, action, *, person, by, reason, undoes=None):
        """Record an `action` that answers this one, on the same subject, which may no longer exist. Returns the row."""
        copied = ("subject_model", "subject_id", "person_name", "subject_text")
        answer = type(self).objects.create(
            moderator=by,
            moderator_name=by.username,
            action=action,
            reason=reason,
            undoes=undoes,
            **{name: getattr(self, name) for name in copied},
        )
        signals.moderation_action_recorded.send(sender=type(self), action=answer, person=person)
        return answer

    @property
    def outcome(self):
        """A sentence that tells the person concerned what was done."""
        return OUTCOMES[self.action]

    @property
    def rule(self):
        """The title of the rule that was broken, as readers see it, or an empty string."""
        return localized_rule(self.rule_title)

    @property
    def is_appealable(self):
        """Whether the person concerned can appeal such a decision."""
        return self.action in ENDED_BY

    @property
    def appeal_made(self):
        """The appeal, or None."""
        return getattr(self, "appeal", None)

    @property
    def accepted_appeal(self):
        """The appeal that this action answers by taking the decision back, or None."""
        if self.action == self.Action.REJECT_APPEAL:
            return None
        return getattr(self, "answered_appeal", None)

    @property
    def quote(self):
        """The beginning of the text concerned, or an empty string if the action is about a person."""
        return "" if self.subject_model == settings.AUTH_USER_MODEL else truncate(self.subject_text, 200)

    @cached_property
    def subject(self):
        """The person or post concerned, or None if it no longer exists."""
        try:
            model = apps.get_model(self.subject_model)
        except LookupError:
            return None
        return model._base_manager.filter(pk=self.subject_id).first()

    def why_no_appeal(self):
        """Return why the person concerned can't appeal now, or an empty string. The row comes from `shown_to()`."""
        if self.appeal_made:
            return _("You've already appealed this decision.")
        if self.is_over:
            return _("This decision is no longer in force, so there's nothing to appeal.")
        if self.action == self.Action.HIDE and self.subject is None:
            return _("The post no longer exists, so there's nothing to appeal.")
        return ""


Action = ModerationAction.Action
# What the person concerned is told about each decision.
OUTCOMES = {
    Action.HIDE: _("A moderator hid your post."),
    Action.RESTORE: _("A moderator restored your post."),
    Action.WARN: _("A moderator warned you."),
    Action.RETRACT: _("A moderator took back a warning."),
    Action.SUSPEND: _("A moderator suspended your account."),
    Action.REINSTATE: _("A moderator reinstated your account."),
    Action.END_SUSPENSION: _("Your suspension has ended."),
    Action.REMOVE_PICTURE: _("A moderator removed your picture."),
    Action.REJECT_APPEAL: _("A moderator rejected your appeal."),
}
# Decisions that the person concerned can appeal, and the later actions on the same subject that end them.
ENDED_BY = {
    Action.HIDE: [Action.HIDE, Action.RESTORE, Action.DELETE],
    Action.WARN: [],
    Action.SUSPEND: [Action.SUSPEND, Action.REINSTATE, Action.END_SUSPENSION],
}


class AppealQuerySet(models.QuerySet):
    def open(self):
        return self.filter(answer=None)

    def in_queue(self):
        """Return the open appeals, oldest first, with a `position` in the queue that is above those of all reports."""
        position = ExpressionWrapper(
            Value(MAX_POSITION, models.BigIntegerField()) - F("pk"), models.BigIntegerField()
        )
        return self.open().annotate(position=position).order_by("-position")


class Appeal(models.Model):
    """What the person concerned replied to a moderation action. They can appeal once.

    A moderator answers with another action: one that takes the first one back, or REJECT_APPEAL.
    """

    action = models.OneToOneField(ModerationAction, models.PROTECT, related_name="appeal")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="appeals")
    text = FreeTextField(_("your appeal"), characters=1000)
    created_on = models.DateTimeField(_("appealed"), default=timezone.now, editable=False)
    answer = models.OneToOneField(ModerationAction, models.PROTECT, null=True, related_name="answered_appeal")

    objects = AppealQuerySet.as_manager()

    class Meta:
        verbose_name = _("appeal")
        verbose_name_plural = _("appeals")
        indexes = [
            models.Index(fields=["id"], name="appeal_open", condition=Q(answer=None)),
        ]

    def __str__(self):
        return f"{self.person}: {self.text}"


class ModeratorNote(models.Model):
    """What a moderator wrote about a person, for other moderators only."""

    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="moderator_notes")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    author_name = models.CharField(_("moderator"), max_length=40)
    text = FreeTextField(_("note"), characters=1000)
    created_on = models.DateTimeField(_("time"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("moderators' note")
        verbose_name_plural = _("moderators' notes")

    def __str__(self):
        return f"{self.person}: {self.text}"
