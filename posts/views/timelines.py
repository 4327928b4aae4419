"""The home, public and author timelines."""

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpResponsePermanentRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.decorators import method_decorator

from accounts.common.cursors import Cursor
from accounts.models import User
from accounts.site_access import (
    acceptance_response,
    control_caches,
    is_closed_to,
    login_response,
    must_accept_rules,
    open_unless_members_only,
)
from posts.filters.models import Place
from posts.models import Post
from posts.querysets import CappedPostCount
from posts.reading import positions
from posts.timelines import home_timeline
from posts.timelines.views import TimelineView
from posts.views.post import HomePostView

# Replies count, too. Above this, a profile says "999+".
POST_COUNT_LIMIT = 999


@method_decorator(login_not_required, name="dispatch")
class HomeView(TimelineView):
    """A member's home timeline or, for visitors, the landing page, with the newest posts unless the site is for members only.

    The form for a new post submits to this page, so that the page stays as it is if the text is refused.
    """

    http_method_names = ["get", "head", "post", "options"]
    filtered_in = Place.HOME

    def get(self, request):
        if must_accept_rules(request.user):
            return acceptance_response(request)
        if request.htmx and is_closed_to(request):
            return login_response(request)  # More posts, for a page from before the site was closed.
        return control_caches(request, super().get(request))

    def post(self, request):
        return HomePostView.as_view(home=self)(request)

    def get_template_names(self):
        is_member = self.request.user.is_authenticated
        self.template_name = "posts/home_timeline.html" if is_member else "posts/landing.html"
        return super().get_template_names()

    def get_page(self):
        if self.request.user.is_authenticated:
            return home_timeline().page(self.request.user, self.get_cursor(), self.page_size)
        return super().get_page()

    def get_queryset(self):
        if is_closed_to(self.request):
            return Post.objects.none()
        return Post.objects.public().indexable()  # Visitors have no blocks, and some are search engines.

    def get_context_data(self, **kwargs):
        # On later pages, a new post would be in the wrong place.
        context = super().get_context_data(in_place=self.get_cursor() == Cursor(), **kwargs)
        if self.request.user.is_authenticated:
            if context["page"]:
                context |= self.get_reading_context(context["page"])
            if self.has_nothing_by_others(context["page"]):
                context["next_step"] = "post" if self.request.user.followings.exists() else "follow"
        return context

    def has_nothing_by_others(self, page):
        """Return whether home contains no post, or only the member's own, so that the page must say what to do next."""
        at_the_top = self.get_cursor() == Cursor() and not self.request.htmx
        reader = self.request.user.pk
        return at_the_top and page.older is None and all(post.author_id == reader for post in page)

    def get_reading_context(self, page):
        """Return the context about unread posts, and record that the reader has seen this page."""
        reader, cursor = self.request.user, self.get_cursor()
        marker = positions.marker_of(reader)
        context = {"divider": marker and positions.divider_on(page, cursor, marker)}
        if cursor == Cursor() and not self.request.htmx:
            context["new_posts"] = marker and positions.new_posts_on(page, cursor, marker, reader)
            context["poll_from"] = positions.poll_from(page, cursor, marker)
        positions.record_page(self.request, page, cursor, marker)
        return context


@method_decorator(open_unless_members_only, name="dispatch")
class ExploreView(TimelineView):
    """The public timeline: everyone's posts that aren't replies, or those in one of the site's languages."""

    template_name = "posts/public_timeline.html"
    filtered_in = Place.EXPLORE

    def get_language(self):
        """Return the code of the chosen language, or "" for all. Raises Http404 if the site doesn't have it."""
        code = self.request.GET.get("language", "")
        if code and code not in dict(settings.LANGUAGES):
            raise Http404("The site doesn't have this language.")
        return code

    def get_queryset(self):
        posts, language = Post.objects.public_to(self.request.user), self.get_language()
        return posts.in_language(language) if language else posts

    def get_context_data(self, **kwargs):
        return super().get_context_data(language=self.get_language(), languages=settings.LANGUAGES, **kwargs)


@method_decorator(open_unless_members_only, name="dispatch")
class ProfileView(TimelineView):
    """A member's profile with their author timeline, without replies to other people."""

    template_name = "posts/author_timeline.html"
    with_replies = False

    def get(self, request, username):
        if username != username.lower():
            path = reverse(request.resolver_match.view_name, args=[username.lower()])
            query = request.META["QUERY_STRING"]
            return HttpResponsePermanentRedirect(f"{path}?{query}" if query else path)
        people = User.objects.visible().with_followed_by(request.user)
        if not request.htmx:  # htmx gets only more posts.
            count = CappedPostCount("pk", limit=POST_COUNT_LIMIT + 1, condition=CappedPostCount.VISIBLE)
            people = people.annotate(post_count=count)
        self.person = get_object_or_404(
            people.with_blocks_of(request.user).with_mute_by(request.user), username=username
        )
        if self.person.blocks_viewer:
            raise Http404("Blocked.")
        return super().get(request, username=username)

    def get_template_names(self):
        """If the viewer has blocked the person, use a page with only an "Unblock" button."""
        return ["accounts/blocked.html"] if self.person.is_blocked else super().get_template_names()

    def get_queryset(self):
        posts = Post.objects.visible_to(self.request.user).by(self.person)
        return posts if self.with_replies else posts.without_replies()

    def get_context_data(self, **kwargs):
        count = getattr(self.person, "post_count", 0)
        return super().get_context_data(
            person=self.person,
            post_count=min(count, POST_COUNT_LIMIT),
            has_more_posts=count > POST_COUNT_LIMIT,
            with_replies=self.with_replies,
            **kwargs,
        )


class ProfileRepliesView(ProfileView):
    """A member's profile with everything they wrote, replies included."""

    with_replies = True
