"""What members can report. The app that owns a model registers it as a subject."""

from django.http import Http404
from django.utils.translation import gettext_lazy as _


class ReportSubject:
    """A kind of object that members can report, such as posts. For an example of a subclass, see posts/moderation.py.

    Its model needs `get_absolute_url()` and `audit_subject()`, which returns the member concerned and the reported text.
    The method that deletes a row must also delete `Report.objects.about(row)` in the same transaction.
    """

    # This name is stored in Report.subject_type, so it must never change.
    name = None
    model = None
    # The title and heading of the page with the report form, and the message for a member who has already reported the subject.
    title = ""
    question = ""
    already_reported = ""
    # Which values of Report.Reason fit.
    reasons = ("spam", "abuse", "illegal", "other")
    # The template that shows the subject above the form. Its context has `subject`.
    template_name = None
    # The heading of the card that moderators decide about. `name` is the username of the member, here and below.
    card_title = _("@%(name)s")
    # Whether moderators with the permission `hide_permission` can hide a row, and what their pages then say.
    can_be_hidden = False
    hide_permission = None
    hide_label = ""
    hidden_message = ""
    # The template that shows the newest rows of a member to moderators, or None. Its context has `rows` and `person`.
    person_template_name = None
    # What the number of rows of a member is called on the pages for moderators, or "" to leave it out. `count` is text.
    count_label = ""
    # The tab of the moderators' pages that leads to the rows in the admin, or "" without one.
    tab = ""
    # What moderators read about a row that its author deleted in the meantime.
    deleted_message = _("It was deleted in the meantime.")

    def reportable_by(self, reporter):
        """Return the queryset of the rows that `reporter` can see and report."""
        raise NotImplementedError

    def prepare(self, subject):
        """Load the data about `subject` that the template `template_name` shows."""

    def prepare_all(self, rows):
        """Do the same for a list of rows."""
        for subject in rows:
            self.prepare(subject)

    def with_people(self, keys):
        """Return the queryset of the rows with these primary keys, hidden or not, with what `audit_subject()` needs."""
        return self.model._base_manager.filter(pk__in=keys)

    def newest_of(self, person, limit):
        """Return a list of the newest rows of a member, prepared for `person_template_name`."""
        return []

    def counts_of(self, people, limit):
        """Return how many rows each of these people has, as a dict by primary key. It counts to `limit` at most."""
        return {}

    def is_hidden(self, subject):
        """Return whether `subject` is hidden."""
        return False

    def hide(self, subject, **details):
        """Hide `subject`. The `details` are those of `ModerationAction.record()`. Returns whether anything changed."""
        raise NotImplementedError

    def restore(self, subject, **details):
        """Undo `hide()`. The arguments and return value are the same."""
        raise NotImplementedError

    def get_or_404(self, reporter, pk):
        """Return the row with that primary key, prepared for the page. Raises Http404 if `reporter` may not report it."""
        subject = self.reportable_by(reporter).filter(pk=pk).first()
        if subject is None:
            raise Http404
        self.prepare(subject)
        return subject

    def lock(self, reporter, pk):
        """Return the row with that primary key, locked until the transaction ends to keep it from being hidden.

        Raises the model's DoesNotExist if `reporter` may no longer report it.
        """
        return self.reportable_by(reporter).select_for_update(no_key=True, of=["self"]).get(pk=pk)


_subjects = {}


def register(subject_class):
    """Register a ReportSubject. Use it as a decorator in a module that the app's `AppConfig.ready()` imports."""
    _subjects[subject_class.name] = subject_class()
    return subject_class


def all_subjects():
    """Return every registered ReportSubject, in the order of registration."""
    return list(_subjects.values())


def get(name):
    """Return the ReportSubject with that name. Raises KeyError if there is none."""
    return _subjects[name]


def find(model):
    """Return the ReportSubject for a model class or one of its proxies, or None if its rows can't be reported."""
    concrete = model._meta.concrete_model
    return next((subject for subject in _subjects.values() if subject.model is concrete), None)
