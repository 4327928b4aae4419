"""What is new in the home timeline since one was here."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views import View

from accounts.paging import Cursor
from posts import reading
from posts.ids import MAX_ID, moment_of
from posts.timelines import home_timeline
from posts.views.timelines import TimelineView


def read_after(request):
    """Return the Cursor of `?after=`, the only one that counts here."""
    return Cursor.from_query({"after": request.GET.get("after")}, MAX_ID)


class UnreadView(TimelineView):
    """What is new since one was here, the oldest first, up to where one is through."""

    template_name = "posts/unread_timeline.html"
    fragment_name = "posts/_unread.html"

    def get(self, request):
        self.mark = reading.mark_of(request.user)
        if self.get_cursor() == Cursor():
            return HttpResponseRedirect(self.get_start())
        return super().get(request)

    def get_start(self):
        if self.mark is None:
            return reverse("posts:home")
        return f"{reverse('posts:unread')}?after={self.mark.position}"

    def get_cursor(self):
        return read_after(self.request)

    def get_page(self):
        return home_timeline().page(self.request.user, self.get_cursor())

    def get_context_data(self, **kwargs):
        context = super().get_context_data(begin=moment_of(self.get_cursor().after), **kwargs)
        if context["page"]:
            reading.note_shown(self.request, context["page"], self.get_cursor(), self.mark)
        return context


@method_decorator(login_not_required, name="dispatch")
class NewsView(View):
    """For a page that is open: how many posts have come since. Nothing as long as there are none."""

    http_method_names = ["get", "head", "options"]

    def get(self, request):
        position, news = read_after(request).after, None
        if request.user.is_authenticated:
            news = reading.news_for(request.user, MAX_ID if position is None else position)
            if not news.count:
                return HttpResponse(status=204)
        return render(request, "posts/_news.html", {"news": news})
