"""The buttons to follow, unfollow, block and unblock a person."""

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.db import transaction
from django.http import HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.utils.decorators import method_decorator
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views import View
from django_htmx.http import HttpResponseClientRedirect

from accounts.common.app_settings import app_settings
from accounts.common.links import is_on_this_site
from accounts.models import User
from accounts.security import rate_limits


class PersonMixin:
    """A mixin for pages under /@<username>/ about a person the viewer may see."""

    def get_people(self):
        return User.objects.visible_to(self.request.user)

    @cached_property
    def person(self):
        return get_object_or_404(self.get_people(), username=self.kwargs["username"].lower())


@method_decorator(login_not_required, name="dispatch")
class PersonActionView(PersonMixin, View):
    """Changes the relationship between the member and a person, and redirects to the page with the button.

    Requests that change something count towards a rate limit: `action` names the counter, and `limit` is the name of a setting
    and its default.
    """

    http_method_names = ["post"]
    action = ""
    limit = ("", None)
    done_message = ""

    def post(self, request, username):
        if not request.user.is_authenticated:
            # This URL only accepts POST, so the login leads to the profile.
            login = redirect_to_login(self.person.get_absolute_url())
            return HttpResponseClientRedirect(login.url) if request.htmx else login
        if self.change_within_limit() and self.done_message:
            messages.success(request, self.done_message % {"name": self.person.username})
        return self.respond()

    def change_within_limit(self):
        """Return whether anything changed. Raises RateLimitExceeded without changing anything."""
        member = self.request.user
        with transaction.atomic():
            changed = self.change(member, self.person)
            if changed:
                rate_limits.hit(self.action, member.pk, getattr(app_settings, self.limit))
        return changed

    def change(self, user, person):
        """Perform the button's action. Return whether anything changed."""
        raise NotImplementedError

    def respond(self):
        return HttpResponseRedirect(self.get_success_url())

    def get_success_url(self):
        url = self.request.POST.get("next", "")
        return url if is_on_this_site(url) else self.person.get_absolute_url()


class FollowButtonView(PersonActionView):
    """Responds to htmx with the new button, or with the same button and a notice if the rate limit is exceeded."""

    limit = "FOLLOW_LIMIT"
    notice = ""

    def change_within_limit(self):
        try:
            return super().change_within_limit()
        except rate_limits.RateLimitExceeded as error:
            if not self.request.htmx:
                raise
            rate_limits.refuse(self.request, error.wait)
            self.notice = str(error)
            return False

    def respond(self):
        if not self.request.htmx:
            return super().respond()
        self.person.is_followed = self.request.user.is_following(self.person)
        context = {"person": self.person, "next": self.get_success_url(), "notice": self.notice}
        return render(self.request, "accounts/_follow_button.html", context)


class FollowView(FollowButtonView):
    action = "follow"

    def change(self, user, person):
        if user == person:
            messages.info(self.request, _("You can't follow yourself."))
        return user.follow(person)


class UnfollowView(FollowButtonView):
    action = "unfollow"

    def change(self, user, person):
        return user.unfollow(person)


class RemoveFollowerView(PersonActionView):
    action = "unfollow"
    limit = "FOLLOW_LIMIT"

    def change(self, user, person):
        return person.unfollow(user)


class BlockView(PersonActionView):
    """Says what blocking does, and blocks the person after a confirmation."""

    http_method_names = ["get", "head", "post"]
    action = "block"
    limit = "BLOCK_LIMIT"
    done_message = gettext_lazy("You've blocked @%(name)s. You won't see each other's posts any more.")

    def get(self, request, username):
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path())
        if self.person == request.user:
            return HttpResponseRedirect(self.person.get_absolute_url())
        return render(request, "accounts/block_confirm.html", {"person": self.person})

    def change(self, user, person):
        return user.block(person)


class UnblockView(PersonActionView):
    # Shares the limit of blocking, because both cause every card with a mention to be rendered again.
    action = "block"
    limit = "BLOCK_LIMIT"
    done_message = gettext_lazy("You've unblocked @%(name)s.")

    def get_people(self):
        return User.objects.visible()

    def change(self, user, person):
        return user.unblock(person)
