"""Events about posts.

Each event is sent once per change, in the transaction of the change. Seeding sends no events about posts.

`by` is the moderator who made the change, or None if the author, a command or other code made it. `reason` is the moderator's
reason, or "". If there is a moderator, the ModerationAction is stored before the event is sent.
"""

from django.dispatch import Signal

# Sent by Post.publish(). Arguments: post; mentioned, a list of the members whom the text mentions, in that order, without the
# author. They are locked, as is the person to whom the post replies.
post_published = Signal()

# Sent by Post.edit(). Arguments: post, with its new text; mentioned, those members whom the old text didn't mention.
post_edited = Signal()

# Sent by Post.delete(). Arguments: post, which still has its id; by; reason.
post_deleted = Signal()

# Sent by Post.like(). Arguments: like, the new Like. The author and the member are locked.
post_liked = Signal()

# Sent by Post.unlike(). Arguments: post; member.
post_unliked = Signal()

# Sent by Post.hide(). Arguments: post, by, reason.
post_hidden = Signal()

# Sent by Post.restore(). Arguments: post, by, reason.
post_restored = Signal()
