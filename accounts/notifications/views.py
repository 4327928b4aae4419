"""The page of notifications, and the one that turns off a type of email."""

from dataclasses import replace

from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.mixins import LoginRequiredMixin
from django.core import signing
from django.shortcuts import render
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from accounts.common.cursors import Cursor, read_position
from accounts.common.lists import CursorListView
from accounts.emails.unsubscribe import read_token
from accounts.notifications import digests, page
from accounts.notifications.types import Frequency


class NotificationsView(LoginRequiredMixin, CursorListView):
    """The member's notifications in groups, newest first. Opening the first page marks all of them as seen.

    `?seen=`, in links to later pages, keeps what was seen before, so that these pages can show the line above it.
    """

    http_method_names = ["get", "head", "options"]
    template_name = "accounts/notifications.html"
    fragment_name = "accounts/notifications/_list.html"

    def get_queryset(self):
        return page.newest_of_groups(self.request.user)

    def get_page(self):
        heads = super().get_page()
        return replace(heads, items=page.load_groups(self.request.user, heads.items))

    def get_context_data(self, **kwargs):
        user = self.request.user
        seen = user.notifications_seen
        if "seen" in self.request.GET:
            seen = read_position(self.request.GET["seen"])
        # Read before the page, so that nothing is marked that the page doesn't show.
        newest = page.newest_id(user)
        context = super().get_context_data(seen=seen, **kwargs)
        if self.get_cursor() == Cursor() and not self.is_prefetched() and newest > user.notifications_seen:
            page.mark_seen(user, newest)
            user.notifications_seen = newest
        if newest <= user.notifications_seen:
            self.request.new_notifications = ""  # So the navigation needn't count them.
        return context | {"divider": self.get_divider(context["page"], seen)}

    def is_prefetched(self):
        return "prefetch" in self.request.headers.get("Sec-Purpose", "")

    def get_divider(self, groups, seen):
        """Return the position of the group directly below the line, or None."""
        positions = [group.position for group in groups]
        below = next((each for each in positions if each <= seen), None)
        before = self.get_cursor().before
        something_above = below != positions[0] if positions else False
        return below if something_above or (before is not None and before > seen) else None


@method_decorator([login_not_required, csrf_exempt], name="dispatch")
class UnsubscribeView(View):
    """Turns off one type of email on POST. GET only shows a button, because programs that scan emails follow links.

    The token is enough: there is no session and no CSRF token, because email programs send the POST (RFC 8058). The page
    that confirms it has a button that restores the earlier choice, sent as `frequency`.
    """

    http_method_names = ["get", "head", "post", "options"]

    def dispatch(self, request, token):
        try:
            self.user, self.digest = read_token(token)
        except signing.BadSignature:
            return render(request, "accounts/unsubscribe_invalid.html", status=404)
        return super().dispatch(request, token)

    def get(self, request, token):
        return self.render_page("accounts/unsubscribe.html")

    def post(self, request, token):
        before = self.digest.frequency_for(self.user)
        # Pages of the previous release send `when`.
        frequency = request.POST.get("frequency") or request.POST.get("when", Frequency.NEVER)
        if frequency not in self.digest.frequencies:
            frequency = Frequency.NEVER
        digests.choose(self.user, self.digest, frequency)
        if frequency == Frequency.NEVER:
            return self.render_page("accounts/unsubscribed.html", before=self.restored_frequency(before))
        return self.render_page("accounts/resubscribed.html", frequency=Frequency(frequency).label)

    def restored_frequency(self, before):
        """Return the frequency that the button restores: the previous one or, if that was off, the first available one."""
        return self.digest.frequencies[0] if before == Frequency.NEVER else before

    def render_page(self, template, **context):
        return render(self.request, template, {"person": self.user, "email_type": self.digest} | context)
