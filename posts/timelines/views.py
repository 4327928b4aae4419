"""The base class of all pages with posts."""

from operator import attrgetter

from django.utils.cache import get_conditional_response, set_response_etag

from accounts.common.cursors import fetch_from, paginate
from accounts.common.lists import CursorListView
from posts.ids import MAX_ID
from posts.reactions import load_states
from posts.rendering.cards import render_cards


def conditional_response(request, response):
    """Add an ETag to the response, or return a 304 if the visitor's browser already has this page.

    This is for visitors only. A member's page has a new CSRF token each time, and messages and counts that are shown once.
    Also, a 304 must not reveal what was on the page to another member who uses the same browser.
    """
    if "CSRF_COOKIE" in request.META:
        return response
    set_response_etag(response)
    return get_conditional_response(request, etag=response["ETag"], response=response)


class TimelineView(CursorListView):
    """A page of posts. The context contains it as `page`, and each post has a rendered card."""

    fragment_name = "posts/_timeline.html"
    max_position = MAX_ID
    # The posts.filters.models.Place whose filters fold posts of this page, if any.
    filtered_in = None

    def get_page(self):
        cursor = self.get_cursor()
        return paginate(
            fetch_from(self.get_queryset().newest_first().for_lists()),
            cursor,
            self.page_size,
            settled=attrgetter("settled"),
        )

    def get_context_data(self, **kwargs):
        context = super().get_context_data(filtered_in=self.filtered_in, **kwargs)
        render_cards(context["page"])
        load_states(context["page"], self.request.user)
        return context

    def render_to_response(self, context, **kwargs):
        response = super().render_to_response(context, **kwargs)
        if self.request.user.is_authenticated:
            return response
        return conditional_response(self.request, response.render())
