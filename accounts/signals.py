"""Events about people.

Each is sent once per change, in the transaction of the change. A receiver that writes to the same database commits or rolls
back with it.

`by` is the moderator who did it, or None if it was the member, a command or other code; `reason` is what the moderator wrote,
or "". If there is a moderator, the ModerationAction is stored before the event is sent.
"""

from django.dispatch import Signal

# Sent by User.save() after it stored a new member, but not by bulk_create(). Arguments: user.
user_created = Signal()

# Sent by User.save() when a member's password or email changes. Arguments: user; previous_password, a hash, and
# previous_email, which may be None. The password may be the same if the email differs, and the other way round.
credentials_changed = Signal()

# Sent by User.check_password() when it replaced an outdated hash of the same password. Arguments: user; previous_password,
# the old hash.
password_rehashed = Signal()

# Sent by User.follow(). Arguments: follow, the new Follow.
user_followed = Signal()

# Sent by User.unfollow(). Arguments: follower, followed, both User.
user_unfollowed = Signal()

# Sent by User.follow() after user_followed, when the followed person reaches 10, 100, 1,000 and so on followers for the first
# time. If they reach several at once, only the highest is sent. Arguments: user, threshold.
follower_milestone_reached = Signal()

# Sent by User.block(), after user_unfollowed for each follow that it ended. Arguments: block, the new Block.
user_blocked = Signal()

# Sent by User.unblock(). Arguments: blocker, blocked, both User.
user_unblocked = Signal()

# Sent by User.suspend() and User.reinstate(). Arguments: user, by, reason.
user_suspended = Signal()
user_reinstated = Signal()

# Sent by methods of User that moderators use, before the event of the method. The receiver in accounts.moderation stores the
# ModerationAction if there is a moderator, or if a suspension ended by itself. Arguments: action, a value of
# ModerationAction.Action; user; by; reason; details, the other arguments of ModerationAction.record().
moderation_action_taken = Signal()

# Sent by User.leave() and User.discard_unconfirmed(), after the account was deleted. Arguments: username; neighbours, the
# primary keys of the people they followed and of their followers.
user_left = Signal()

# Sent by ProfileForm.save() if the display name, the bio or the picture changed, and by User.remove_picture(). Arguments: user;
# by and reason, if a moderator removed the picture.
profile_changed = Signal()

# Sent once by seeding, after it has stored many follows without sending an event for each. No arguments.
follows_seeded = Signal()

# Sent by Job when a job has failed and won't be retried. Arguments: job.
job_failed = Signal()

# Sent by the periodic task that finds times stored by a clock that was ahead. Receivers correct stored times that are in the
# future and would cause delays of several days. Arguments: now.
clock_was_ahead = Signal()

# Sent by ModerationAction.record(). Arguments: action, the new ModerationAction; person, the member concerned.
moderation_action_recorded = Signal()

# Sent by ReportForm.save(). Arguments: report, the new Report.
report_made = Signal()

# Sent by AppealForm.save(). Arguments: appeal, the new Appeal.
appeal_made = Signal()

# Sent by accounts.joining when moderators can decide about an application. Arguments: application.
application_submitted = Signal()

# Sent by accounts.joining when an application was approved or refused. Arguments: application; by, the moderator, or None if
# the applicant used an invitation; reason, for a refusal.
application_decided = Signal()
