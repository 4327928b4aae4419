"""Tasks that fan posts out to stored timelines. `manage.py worker` runs them after the request."""

from datetime import timedelta

from django.utils import timezone

from accounts.jobs import registry
from accounts.jobs.registry import task
from posts.timelines import home_timeline
from posts.timelines.redis.models import PendingPost

# A fan-out that takes longer than this was interrupted because its worker was killed.
ABANDONED_AFTER = timedelta(minutes=1)
ABANDONED_PER_JOB = 100


def without_attempt(post_id, attempt=1):
    """Return the arguments of `timelines.fan_out` for a job from an older release."""
    return [post_id], {}


registry.replace("posts.tasks.carry_post", "timelines.fan_out", without_attempt)


@task("timelines.fan_out")
def fan_out_post(post_id):
    """Fan out the post, and also some posts whose fan-out was interrupted because a worker was killed."""
    abandoned = PendingPost.objects.filter(created_on__lt=timezone.now() - ABANDONED_AFTER)
    fan_out(PendingPost.objects.filter(pk=post_id))
    fan_out(abandoned.order_by("created_on")[:ABANDONED_PER_JOB])


def fan_out(pending_posts):
    """Fan out the posts in a queryset of PendingPost, and delete these rows.

    If timelines aren't stored, this only deletes the rows, which are left over from another HOME_TIMELINE.
    """
    timeline = home_timeline()
    for pending in pending_posts.select_related("post"):
        if timeline.needs_redis:
            timeline.fan_out(pending)
        # If the post was restored in the meantime, `reached` is 0 again and the row stays for the next job.
        PendingPost.objects.filter(pk=pending.pk, reached=pending.reached).delete()
