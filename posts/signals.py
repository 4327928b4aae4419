"""What happens to posts, published to whoever wants to act on it.

Each is sent exactly once per change that happened, inside the transaction of the change. Seeding is silent.
"""

from django.dispatch import Signal

# Sent by Post.publish(). Arguments: post.
post_published = Signal()

# Sent by Post.edit(). Arguments: post, with its new text.
post_edited = Signal()

# Sent by Post.delete() and Post.hide(). Arguments: post, which has its id even if it is deleted.
post_removed = Signal()

# Sent by Post.restore(). Arguments: post.
post_restored = Signal()
