"""Bringing posts to stored timelines, after the request: `manage.py worker`."""

from datetime import timedelta

from django.utils import timezone

from accounts.jobs import registry
from accounts.jobs.registry import task
from posts.models import PendingPost
from posts.timelines import home_timeline

# Long after a worker that lives is done with a post.
LEFT_BEHIND = timedelta(minutes=1)
AT_ONCE = 100


def without_attempt(post_id, attempt=1):
    """Return the arguments of `timelines.fan_out` for those of an older release."""
    return [post_id], {}


registry.replace("posts.tasks.carry_post", "timelines.fan_out", without_attempt)


@task("timelines.fan_out")
def carry_post(post_id):
    """Bring a post to the stored timelines, and with it those that a worker was killed over."""
    late = timezone.now() - LEFT_BEHIND
    carry(PendingPost.objects.filter(pk=post_id))
    carry(PendingPost.objects.filter(created_on__lt=late).order_by("created_on")[:AT_ONCE])


def carry(pending_posts):
    timeline = home_timeline()
    for pending in pending_posts.select_related("post"):
        timeline.carry(pending)
        # Not if it was restored meanwhile, and begins anew.
        PendingPost.objects.filter(pk=pending.pk, reached=pending.reached).delete()
