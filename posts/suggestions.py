"""Suggests people who have written something lately to new members. This registers itself."""

from datetime import timedelta

from django.utils import timezone

from accounts import suggestions
from posts.ids import first_id_at
from posts.models import Post

# Someone who wrote a post within this time is active.
ACTIVE = timedelta(days=30)
# Only so many of the newest posts are read.
SCANNED = 500


@suggestions.register
def recent_authors(limit):
    """Return the keys of at most `limit` people who wrote the newest posts, newest first. Hidden posts don't count."""
    newest = Post.objects.filter(pk__gte=first_id_at(timezone.now() - ACTIVE)).order_by("-pk")
    rows = newest.values_list("author", "hidden_on")[:SCANNED]
    return list(dict.fromkeys(author for author, hidden_on in rows if hidden_on is None))[:limit]
