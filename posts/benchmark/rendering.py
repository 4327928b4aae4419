"""`render`: what showing twenty posts costs beside finding them."""

from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from accounts.quiet import without_request_log
from posts import cards
from posts.benchmark.measuring import Candidate, compare
from posts.timelines import home_timeline


def compare_rendering(member, rounds, **where):
    """Return the Results of the timeline alone, its cards without and with the cache, and the whole page."""
    posts = home_timeline().posts(member, limit=20)
    cards.render_cards(posts)
    client = Client(SERVER_NAME="localhost")
    client.force_login(get_user_model().objects.get(pk=member.pk))

    def from_cache():
        cards.remembered.clear()
        cards.render_cards(posts)

    def cold_page():
        cards.remembered.clear()
        cache.clear()
        return page()

    def page():
        with without_request_log():
            return client.get(reverse("posts:home"), secure=True).status_code

    found = "timeline, ORM"
    return compare(
        [
            Candidate(found, lambda: home_timeline().posts(member, limit=20), found),
            Candidate("cards, rendered", lambda: cards.render_and_keep(posts, None), found),
            Candidate("cards, cached", from_cache, found),
            Candidate("cards, remembered", lambda: cards.render_cards(posts), found),
            Candidate("page, nothing cached", cold_page, found, 200),
            Candidate("page, cached", page, found, 200),
        ],
        rounds,
        page=1,
        **where,
    )
