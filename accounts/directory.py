"""Finding people by the beginnings of their names, the most followed first, as quickly among many as among few."""

from accounts.models import NameWord, User
from accounts.models.name import prefixes_in
from accounts.paging import fetch_from

# Up to so many people of a name are found and then sorted. A page of more is put together by walking through the most
# followed people, unless it takes more than so many of these.
SORTED = 1_000
WALKED = 2_000


def fetch_by_names(people, query):
    """Return the `fetch` for `paginate` of those of `people`, a queryset, in whose names each word of `query` begins one.

    Without any word that is all of them. The most followed come first.
    """
    prefixes = prefixes_in(query)
    everyone = fetch_from(people.most_followed())
    if not prefixes:
        return everyone
    all_found = fetch_from(people.named(prefixes).sorted_by_rank())
    # The longest prefix is most often the rarest.
    if NameWord.objects.beginning_with(prefixes[0])[:SORTED].count() < SORTED:
        return all_found

    def fetch(before, after, limit):
        near = among_the_next(people.bearing(prefixes), before, after)
        rows = fetch_from(near.most_followed())(before, after, limit)
        return rows if len(rows) == limit else all_found(before, after, limit)

    return fetch


def among_the_next(people, before, after):
    """Return those of `people` who are among the next WALKED members at this cursor."""
    ranks = User.objects.values_list("rank", flat=True)
    if after is None:
        ranks = (ranks if before is None else ranks.filter(rank__lt=before)).order_by("-rank")
        return people.filter(rank__gte=end) if (end := end_of(ranks)) else people
    ranks = ranks.filter(rank__gt=after).order_by("rank")
    return people.filter(rank__lte=end) if (end := end_of(ranks)) else people


def end_of(ranks):
    """Return the rank where the walk ends, or None if it reaches the last member before."""
    return next(iter(ranks[WALKED : WALKED + 1]), None)
