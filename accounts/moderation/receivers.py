from accounts import signals
from accounts.moderation import notifications, tasks
from accounts.moderation.models import ModerationAction, Report


def connect():
    """Connect the receivers of this room. Called by AccountsConfig.ready()."""
    signals.moderation_action_taken.connect(record_action)
    signals.user_suspended.connect(close_reports)
    signals.clock_was_ahead.connect(tasks.correct_future_times)
    notifications.connect()


def record_action(sender, action, user, by, reason, details, **kwargs):
    if action == ModerationAction.Action.SUSPEND:
        # A suspension settles everything that was reported about this person.
        details = {"closes": Report.objects.filter(person=user)} | details
    ModerationAction.record(action, user, by=by, reason=reason, **details)


def close_reports(sender, user, **kwargs):
    """Close the reports about someone who was suspended without a moderator."""
    Report.objects.filter(person=user).close()
