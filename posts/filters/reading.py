"""The filters that apply to what a member reads now."""

import json
import time

from django.contrib.auth import get_user_model
from django.utils.html import format_html
from django.utils.translation import gettext as _

from accounts.common.local_cache import LocalCache
from posts.filters.matching import Matcher
from posts.filters.models import Place, StoredFilters

# The name of the annotation with which each request loads its member: see PostsConfig.ready().
LOADED = "stored_filters"
# The place in the JSON of each filter that says whether it applies there.
COLUMNS = {place: column for column, place in enumerate(Place, start=1)}
parsed = LocalCache(100)
# One with 100 filters takes about 100 kB.
matchers = LocalCache(100)


class Filters:
    """The filters of `member` in one place."""

    def __init__(self, member, place):
        self.member = member
        self.matcher = matcher_for(active_phrases(stored_filters(member), place))

    def __bool__(self):
        return self.matcher is not None

    def match(self, post):
        """Return the phrase of the filter that folds `post`, or None. One's own posts are never folded."""
        if self.matcher is None or post.author_id == self.member.pk:
            return None
        return self.matcher.first_in(post.content)


def stored_filters(member):
    """Return the filters of `member` as StoredFilters has them. Makes a query unless they came with the member."""
    if not member.is_authenticated:
        return ""
    if not hasattr(member, LOADED):
        rows = get_user_model().objects.filter(pk=member.pk)
        setattr(member, LOADED, rows.values_list(StoredFilters("pk"), flat=True).first())
    return getattr(member, LOADED)


def active_phrases(stored, place):
    """Return a tuple of the phrases of stored filters that apply in a Place and haven't ended."""
    if not stored or stored == "[]":
        return ()
    rows = parsed.get(stored) or parsed.keep(stored, json.loads(stored))
    column, now = COLUMNS[place], time.time()
    return tuple(row[0] for row in rows if row[column] and (row[-1] is None or row[-1] > now))


def matcher_for(phrases):
    """Return the Matcher for a tuple of phrases, which this process keeps, or None if there are no phrases."""
    if not phrases:
        return None
    return matchers.get(phrases) or matchers.keep(phrases, Matcher(phrases))


def filtered_text(phrase):
    """Return the line in place of a folded post, as plain text."""
    return _("Filtered: {phrase}").format(phrase=phrase)


def filtered_html(phrase):
    """Return the line in place of a folded post, as safe HTML."""
    return format_html(_("Filtered: {phrase}"), phrase=format_html("<bdi>{}</bdi>", phrase))
