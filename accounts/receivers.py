"""What follows from an event. A receiver only enqueues a task: a row in the same transaction."""

from accounts import tasks


def mail_new_follower(sender, follow, **kwargs):
    tasks.mail_new_follower.enqueue(follow.pk)
