"""What follows from an event: the home timeline is told of what it may have to store."""

from posts.models import PendingPost
from posts.timelines import home_timeline


def tell_timeline_of_post(sender, post, **kwargs):
    home_timeline().post_appeared(post)


def tell_timeline_of_follow(sender, follow, **kwargs):
    home_timeline().follows_changed(follow.follower)


def tell_timeline_of_unfollow(sender, follower, **kwargs):
    home_timeline().follows_changed(follower)


def forget_timelines(sender, **kwargs):
    home_timeline().forget()


def correct_future_times(sender, now, **kwargs):
    """What a worker was killed over is looked for by its age."""
    PendingPost.objects.filter(created_on__gt=now).update(created_on=now)
