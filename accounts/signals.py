"""What happens to people, published to whoever wants to act on it.

Each is sent exactly once per change that happened, inside the transaction of the change: a receiver that writes
to the same database commits or rolls back with it. ARCHITECTURE.md lists the receivers.
"""

from django.dispatch import Signal

# Sent by User.follow(). Arguments: follow, the new Follow.
user_followed = Signal()

# Sent by User.unfollow(). Arguments: follower, followed, both User.
user_unfollowed = Signal()

# Sent by the worker when it finds that somebody has 10, 100, 1,000 ... followers, once for each ever; of several at
# once the highest only. Arguments: user, threshold.
follower_milestone_reached = Signal()

# Sent by User.block(), after user_unfollowed for each follow that it ended. Arguments: block, the new Block.
user_blocked = Signal()

# Sent by User.unblock(). Arguments: blocker, blocked, both User.
user_unblocked = Signal()

# Sent by User.suspend() and User.reinstate(). Arguments: user.
user_suspended = Signal()
user_reinstated = Signal()

# Sent by User.leave(), when the account is gone. Arguments: username; neighbours, the primary keys of those whom they followed
# or who followed them.
user_left = Signal()

# Sent by ProfileForm.save() when the display name or the text about oneself is another. Arguments: user.
profile_changed = Signal()

# Sent once after many follows were stored without an event of their own, by seeding. No arguments.
follows_seeded = Signal()

# Sent by Job when a job has failed for good. Arguments: job.
job_failed = Signal()

# Sent by the periodic task that finds rows of a clock that was ahead. A receiver corrects stored times that lie in the future
# and would make something wait for days. Arguments: now.
clock_was_ahead = Signal()
