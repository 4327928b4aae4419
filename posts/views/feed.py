"""The private address under which a member's feed reader finds their home timeline."""

from django.contrib import messages
from django.http import HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.generic import TemplateView

from accounts.links import absolute
from posts.models import HomeFeed


@method_decorator(never_cache, name="dispatch")
class HomeFeedView(TemplateView):
    """Shows the address, makes a new one, or revokes it."""

    http_method_names = ["get", "head", "post", "options"]
    template_name = "posts/home_feed.html"

    def post(self, request):
        act = {"renew": self.renew, "revoke": self.revoke}.get(request.POST.get("do"))
        if act:
            act(request.user)
        return HttpResponseRedirect(reverse("posts:feeds"))

    def renew(self, user):
        renewed = HomeFeed.renew(user, timezone.now())
        first, another = (
            _("Here is your address."),
            _("Here is your new address. The old one no longer works."),
        )
        messages.success(self.request, another if renewed else first)

    def revoke(self, user):
        if HomeFeed.revoke(user):
            messages.success(self.request, _("The address no longer works."))

    def get_context_data(self, **kwargs):
        feed = HomeFeed.objects.filter(user=self.request.user).first()
        address = feed and absolute(reverse("posts:home-feed", args=[feed.token]))
        return super().get_context_data(feed=feed, address=address, **kwargs)
