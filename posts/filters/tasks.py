from django.utils import timezone

from accounts.jobs.registry import task
from posts.filters.models import Filter

# How many filters one job deletes.
ENDED = 1_000


@task("posts.end_filters")
def end_filters():
    """Delete the filters whose time is over."""
    ended = Filter.objects.ended(timezone.now()).order_by("until")
    keys = list(ended.values_list("pk", flat=True)[:ENDED])
    # A member may have extended a filter in the meantime.
    ended.order_by().filter(pk__in=keys).delete()
    if len(keys) == ENDED:
        end_filters.enqueue()
