"""Finds people by the first letters of their names, most followed first. The search is fast for both common and rare names."""

from accounts.common.cursors import fetch_from
from accounts.models import NameWord, User
from accounts.models.name import prefixes_in

# If fewer words than this match, the search finds all people with these names and sorts them.
SORTED = 1_000
# Otherwise, each page comes from a scan of this many members, most followed first.
SCANNED = 2_000


def fetch_by_names(people, query):
    """Return a `fetch` function for `paginate()` that finds people in the queryset `people` who match each word of `query`.

    A person matches a word if a word in their names begins with it. An empty query matches everyone. The most followed people
    come first.
    """
    prefixes = prefixes_in(query)
    everyone = fetch_from(people.most_followed())
    if not prefixes:
        return everyone
    all_found = fetch_from(people.named(prefixes).sorted_by_rank())
    # The longest prefix is usually the rarest.
    if NameWord.objects.beginning_with(prefixes[0])[:SORTED].count() < SORTED:
        return all_found

    def fetch(before, after, limit):
        next_people = among_the_next(people.named_row_by_row(prefixes), before, after)
        rows = fetch_from(next_people.most_followed())(before, after, limit)
        return rows if len(rows) == limit else all_found(before, after, limit)

    return fetch


def among_the_next(people, before, after):
    """Filter `people` to those among the next SCANNED members at this cursor."""
    ranks = User.objects.values_list("rank", flat=True)
    if after is None:
        ranks = (ranks if before is None else ranks.filter(rank__lt=before)).order_by("-rank")
        return people.filter(rank__gte=end) if (end := end_of(ranks)) else people
    ranks = ranks.filter(rank__gt=after).order_by("rank")
    return people.filter(rank__lte=end) if (end := end_of(ranks)) else people


def end_of(ranks):
    """Return the rank where the scan ends, or None if there are fewer than SCANNED members."""
    return next(iter(ranks[SCANNED : SCANNED + 1]), None)
