"""Receivers that update the tables of the fan-out timelines. Other timelines don't need them."""

from posts.timelines import home_timeline
from posts.timelines.redis.models import PendingPost, TimelineVersion
from posts.timelines.redis.tasks import fan_out_post


def enqueue_fan_out(sender, post, **kwargs):
    """Enqueue the fan-out of a post after `post_published` and `post_restored`."""
    if home_timeline().needs_redis:
        PendingPost.objects.update_or_create(post=post, defaults={"reached": 0})
        fan_out_post.enqueue(post.pk)


def renew_version_on_follow(sender, follow, **kwargs):
    """Change the version of the follower's timeline after `user_followed`."""
    if home_timeline().needs_redis:
        TimelineVersion.renew(follow.follower)


def renew_version_on_unfollow(sender, follower, **kwargs):
    """Change the version of the follower's timeline after `user_unfollowed`."""
    if home_timeline().needs_redis:
        TimelineVersion.renew(follower)


def invalidate_timelines(sender, **kwargs):
    """Invalidate all timelines after `follows_seeded`, because seeding sends no other events."""
    home_timeline().invalidate()


def correct_future_times(sender, now, **kwargs):
    """Correct the times of pending posts after `clock_was_ahead`, because interrupted fan-outs are found by their age."""
    PendingPost.objects.filter(created_on__gt=now).update(created_on=now)
