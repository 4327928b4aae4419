"""The button that dismisses an announcement, and the page on which members accept new rules."""

from django.contrib.auth.mixins import LoginRequiredMixin
from django.db.models import Q
from django.http import HttpResponseRedirect
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.functional import cached_property
from django.views import View
from django.views.generic import TemplateView

from accounts.announcements.models import Announcement
from accounts.common.links import home_path, is_on_this_site, rules_path
from accounts.models import User
from accounts.moderation.models import Rule
from accounts.site_access import must_accept_rules, open_before_acceptance


class DismissAnnouncementView(LoginRequiredMixin, View):
    """Records that the member has read an announcement, and redirects to home. Nothing happens if it is gone."""

    http_method_names = ["post"]

    def post(self, request, pk):
        announcement = Announcement.objects.started().filter(pk=pk).first()
        if announcement:
            start = announcement.starts_on
            earlier = Q(announcements_read=None) | Q(announcements_read__lt=start)
            User.objects.filter(earlier, pk=request.user.pk).update(announcements_read=start)
        return HttpResponseRedirect(home_path())


@method_decorator(open_before_acceptance, name="dispatch")
class AcceptRulesView(LoginRequiredMixin, TemplateView):
    """Shows new rules with a button to accept them, and then leads to `next`."""

    http_method_names = ["get", "head", "post", "options"]
    template_name = "accounts/accept_rules.html"

    def get(self, request):
        return super().get(request) if self.announcement else self.go_on()

    def post(self, request):
        if self.announcement:
            # Newer rules may have been announced while the page was open.
            if request.POST.get("announcement") != str(self.announcement.pk):
                return super().get(request)
            # The clock of another machine may be ahead.
            accepted_on = max(timezone.now(), self.announcement.starts_on)
            User.objects.filter(pk=request.user.pk).update(rules_accepted_on=accepted_on)
        return self.go_on()

    def go_on(self):
        url = self.get_next()
        return HttpResponseRedirect(url if is_on_this_site(url) else home_path())

    def get_next(self):
        return self.request.POST.get("next") or self.request.GET.get("next", "")

    @cached_property
    def announcement(self):
        """Return the newest announcement of new rules, or None if the member has accepted them."""
        return Announcement.objects.new_rules().first() if must_accept_rules(self.request.user) else None

    def get_context_data(self, **kwargs):
        return super().get_context_data(
            announcement=self.announcement,
            rules=list(Rule.objects.in_force()),
            rules_url=rules_path(),
            next=self.get_next(),
            **kwargs,
        )
