"""Lists of posts: home, public and author timelines."""

from operator import attrgetter

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpResponsePermanentRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.cache import get_conditional_response, set_response_etag
from django.utils.decorators import method_decorator

from accounts.models import User
from accounts.pages import CursorListView
from accounts.paging import Cursor, fetch_from, paginate
from posts import reading
from posts.cards import render_cards
from posts.forms import PostForm
from posts.ids import MAX_ID
from posts.models import Post
from posts.timelines import home_timeline


def sent_again_if_changed(request, response):
    """Return the response with an ETag, or 304 if it is the page that the visitor has.

    For visitors only: a member's page has a token against forgery in its forms, other each time, a count or a message
    that is meant once, and what another log-in in the same browser must not be told.
    """
    if "CSRF_COOKIE" in request.META:
        return response
    set_response_etag(response)
    return get_conditional_response(request, etag=response["ETag"], response=response)


class TimelineView(CursorListView):
    """A page of posts, ready to be shown."""

    fragment_name = "posts/_timeline.html"
    max_position = MAX_ID

    def get_page(self):
        cursor = self.get_cursor()
        return paginate(
            fetch_from(self.get_queryset().newest_first().for_lists()),
            cursor,
            self.page_size,
            settled=attrgetter("settled"),
        )

    def get_context_data(self, **kwargs):
        context = super().get_context_data(**kwargs)
        render_cards(context["page"])
        return context

    def render_to_response(self, context, **kwargs):
        response = super().render_to_response(context, **kwargs)
        visitor = not self.request.user.is_authenticated
        return sent_again_if_changed(self.request, response.render()) if visitor else response


@method_decorator(login_not_required, name="dispatch")
class HomeView(TimelineView):
    """The home timeline; to a visitor, what this place is."""

    def get_template_names(self):
        member = self.request.user.is_authenticated
        self.template_name = "posts/home_timeline.html" if member else "posts/landing.html"
        return super().get_template_names()

    def get_page(self):
        if self.request.user.is_authenticated:
            return home_timeline().page(self.request.user, self.get_cursor())
        return super().get_page()

    def get_queryset(self):
        return Post.objects.indexable()  # Of a visitor, who has no blocks and may be a search engine.

    def get_context_data(self, **kwargs):
        context = super().get_context_data(form=PostForm.empty(), **kwargs)
        if self.request.user.is_authenticated and context["page"]:
            context |= self.get_reading(context["page"])
        return context

    def get_reading(self, page):
        """Where the reader was; and remember what this page shows."""
        reader, cursor = self.request.user, self.get_cursor()
        mark = reading.mark_of(reader)
        found = {"line": mark and reading.line_on(page, cursor, mark)}
        if cursor == Cursor() and not self.request.htmx:
            found["news"] = mark and reading.news_on(page, cursor, mark, reader)
            found["hand"] = reading.in_hand(page, cursor, mark)
        reading.note_shown(self.request, page, cursor, mark)
        return found


@method_decorator(login_not_required, name="dispatch")
class ExploreView(TimelineView):
    """The public timeline: everyone's posts."""

    template_name = "posts/public_timeline.html"

    def get_queryset(self):
        return Post.objects.visible_to(self.request.user)


@method_decorator(login_not_required, name="dispatch")
class ProfileView(TimelineView):
    """Somebody's profile: who they are, and their author timeline."""

    template_name = "posts/author_timeline.html"

    def get(self, request, username):
        if username != username.lower():
            path = reverse("posts:profile", args=[username.lower()])
            query = request.META["QUERY_STRING"]
            return HttpResponsePermanentRedirect(f"{path}?{query}" if query else path)
        people = User.objects.visible().with_followed_by(request.user)
        self.person = get_object_or_404(people.with_blocks_of(request.user), username=username)
        if self.person.blocks_viewer:
            raise Http404("Blocked.")
        return super().get(request, username=username)

    def get_template_names(self):
        """Of somebody whom the viewer has blocked nothing shows but how to undo that."""
        return ["accounts/blocked.html"] if self.person.is_blocked else super().get_template_names()

    def get_queryset(self):
        return Post.objects.visible_to(self.request.user).by(self.person)

    def get_context_data(self, **kwargs):
        return super().get_context_data(person=self.person, **kwargs)
