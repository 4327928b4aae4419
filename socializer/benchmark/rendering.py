"""`render`: the cost of rendering twenty posts, compared with finding them."""

from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse

from accounts.common import local_cache
from posts.rendering import cards
from posts.timelines import home_timeline
from socializer.benchmark.measuring import Candidate, compare
from socializer.benchmark.quiet import without_request_log


def compare_rendering(member, rounds, **where):
    """Return the Results for the timeline alone, for its cards, rendered and from memory, and for the whole page."""
    posts = home_timeline().posts(member, limit=20)
    cards.render_cards(posts)
    client = Client(SERVER_NAME="localhost")
    client.force_login(get_user_model().objects.get(pk=member.pk))

    def rendered():
        local_cache.clear_all()
        cards.render_cards(posts)

    def cold_page():
        local_cache.clear_all()
        return page()

    def page():
        with without_request_log():
            return client.get(reverse("posts:home"), secure=True).status_code

    found = "timeline, ORM"
    return compare(
        [
            Candidate(found, lambda: home_timeline().posts(member, limit=20), found),
            Candidate("cards, rendered", rendered, found),
            Candidate("cards, from memory", lambda: cards.render_cards(posts), found),
            Candidate("page, nothing in memory", cold_page, found, 200),
            Candidate("page", page, found, 200),
        ],
        rounds,
        page=1,
        **where,
    )
