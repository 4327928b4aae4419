"""Views of new posts in the home timeline since the reader's last visit."""

from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views import View

from accounts.common.cursors import Cursor
from accounts.notifications.page import new_group_text
from posts.filters.models import Place
from posts.ids import MAX_ID, time_of
from posts.reading import positions
from posts.timelines import home_timeline
from posts.timelines.views import TimelineView


def cursor_after(request):
    """Return the Cursor for `?after=`. These pages ignore `?before=`."""
    return Cursor.from_query({"after": request.GET.get("after")}, MAX_ID)


class UnreadView(LoginRequiredMixin, TimelineView):
    """The reader's unread posts, oldest first, until the reader has caught up."""

    template_name = "posts/unread_timeline.html"
    fragment_name = "posts/_unread.html"
    filtered_in = Place.HOME

    def get(self, request):
        self.marker = positions.marker_of(request.user)
        if self.get_cursor() == Cursor():
            return HttpResponseRedirect(self.get_start_url())
        return super().get(request)

    def get_start_url(self):
        if self.marker is None:
            return reverse("posts:home")
        return f"{reverse('posts:unread')}?after={self.marker.position}"

    def get_cursor(self):
        return cursor_after(self.request)

    def get_page(self):
        return home_timeline().page(self.request.user, self.get_cursor(), self.page_size)

    def get_context_data(self, **kwargs):
        context = super().get_context_data(start=time_of(self.get_cursor().after), **kwargs)
        context["oldest_first"] = context["page"].items[::-1]
        if context["page"]:
            positions.record_page(self.request, context["page"], self.get_cursor(), self.marker)
        return context


@method_decorator(login_not_required, name="dispatch")
class NewPostsView(View):
    """Returns the number of posts that are new since a page was loaded. The response is empty while there are none.

    The header `X-New-Notifications` has the number of groups of notifications that are new, as the navigation shows it.
    """

    http_method_names = ["get", "head", "options"]

    def get(self, request):
        position, new_posts = cursor_after(request).after, None
        if request.user.is_authenticated:
            new_posts = positions.new_posts_for(request.user, MAX_ID if position is None else position)
        response = (
            HttpResponse(status=204)
            if new_posts and not new_posts.count
            else render(request, "posts/_new_posts_link.html", {"new_posts": new_posts})
        )
        if request.user.is_authenticated:
            response.headers["X-New-Notifications"] = new_group_text(request.user)
        return response
