from django import forms
from django.db import transaction
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from accounts import signals
from accounts.common.app_settings import app_settings
from accounts.common.database_errors import AccountGone
from accounts.common.fields import FreeTextFormField
from accounts.models import User
from accounts.moderation import subjects
from accounts.moderation.decisions import DAYS
from accounts.moderation.models import Appeal, ModerationAction, ModeratorNote, Report
from accounts.security import rate_limits


class ReportForm(forms.ModelForm):
    """The form to report a subject. Its instance must come from `Report.new()`."""

    class Meta:
        model = Report
        fields = ["reason", "note"]
        widgets = {"reason": forms.RadioSelect, "note": forms.Textarea(attrs={"rows": 3})}
        error_messages = {"reason": {"required": _("Choose a reason.")}}

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        reasons = subjects.get(self.instance.subject_type).reasons
        self.fields["reason"].choices = [
            (value, label) for value, label in Report.Reason.choices if value in reasons
        ]

    def save(self):
        """Store the report, unless this member has already reported the subject. Returns whether it is new.

        Raises the subject's DoesNotExist if the member can no longer see it, AccountGone if they have left or were suspended,
        and RateLimitExceeded if they have reported too much recently.
        """
        reporter, report = self.instance.reporter, self.instance
        subject_type = subjects.get(report.subject_type)
        with transaction.atomic():
            # These locks prevent a concurrent block, and ensure that hiding the subject also closes this report.
            if not User.objects.lock(reporter.pk, report.person_id).get(reporter.pk):
                raise AccountGone
            subject = subject_type.lock(reporter, report.subject_id)
            same = {"subject_type": report.subject_type, "subject_id": report.subject_id}
            if reporter.reports.filter(**same).exists():
                return False
            report = Report.new(subject, reporter=reporter, **self.cleaned_data)
            report.save()
            rate_limits.hit("report", reporter.pk, app_settings.REPORT_LIMIT)
            signals.report_made.send(sender=Report, report=report)
        return True


class AppealRefused(Exception):
    """The decision can't be appealed now. The message says why."""


class AppealForm(forms.ModelForm):
    """The form to appeal a decision. Its instance must have the `action` and the `person`."""

    class Meta:
        model = Appeal
        fields = ["text"]
        widgets = {"text": forms.Textarea(attrs={"rows": 6})}
        error_messages = {"text": {"required": _("Write why you think the decision is wrong.")}}

    def save(self):
        """Store the appeal and send `appeal_made`. Returns the Appeal.

        Raises AppealRefused if the decision was appealed or ended meanwhile, ModerationAction.DoesNotExist if it was undone, and
        AccountGone if the member has left.
        """
        appeal = self.instance
        with transaction.atomic():
            # Moderators lock the person, too, so nobody decides at the same time.
            appeal.person.lock()
            action = ModerationAction.objects.shown_to(appeal.person).get(pk=appeal.action_id)
            if reason := action.why_no_appeal():
                raise AppealRefused(reason)
            appeal.save()
            signals.appeal_made.send(sender=Appeal, appeal=appeal)
        return appeal


class ReasonForm(forms.Form):
    """The reason for a decision. `key` makes the ids of several forms on one page different."""

    reason = FreeTextFormField(
        label=_("Reason"),
        help_text=_("The person concerned will read this."),
        characters=500,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
    )

    def __init__(self, *args, key, **kwargs):
        super().__init__(*args, auto_id=f"id-{key}-%s", **kwargs)


def suspension_lengths():
    """Return the choices for how many days a suspension lasts."""
    days = [(number, ngettext("%(days)d day", "%(days)d days", number) % {"days": number}) for number in DAYS]
    return [*days, ("", gettext("until we lift it"))]


class DecisionForm(ReasonForm):
    """The reason for a decision, the rule that was broken, and how many days a suspension lasts, None for no end.

    `rules` is the list of the Rules in force.
    """

    rule = forms.TypedChoiceField(label=_("Rule"), required=False, empty_value=None)
    days = forms.TypedChoiceField(
        label=_("Suspend for"),
        choices=suspension_lengths,
        coerce=int,
        initial=DAYS[1],
        required=False,
        empty_value=None,
    )

    def __init__(self, *args, rules, **kwargs):
        super().__init__(*args, **kwargs)
        if not rules:
            del self.fields["rule"]
            return
        by_key = {str(rule.pk): rule for rule in rules}
        self.fields["rule"].choices = [
            ("", _("No particular rule")),
            *((key, str(rule)) for key, rule in by_key.items()),
        ]
        self.fields["rule"].coerce = by_key.get


class NoteForm(forms.ModelForm):
    """A moderator's note about a person, which only moderators see."""

    class Meta:
        model = ModeratorNote
        fields = ["text"]
        labels = {"text": _("New note")}
        widgets = {"text": forms.Textarea(attrs={"rows": 2})}
