"""What a member does to another person: one button each."""

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

from accounts import rate_limits
from accounts.links import is_on_this_site
from accounts.models import User

FOLLOW_LIMIT = ("FOLLOW_LIMIT", (300, 600))
BLOCK_LIMIT = ("BLOCK_LIMIT", (200, 3600))


class PersonMixin:
    """For pages under /@<username>/ about a person whom the viewer may see."""

    def get_people(self):
        return User.objects.visible_to(self.request.user)

    @cached_property
    def person(self):
        return get_object_or_404(self.get_people(), username=self.kwargs["username"].lower())


@method_decorator(login_not_required, name="dispatch")
class PersonActionView(PersonMixin, View):
    """Changes something between the member and a person, and leads back to where the button was.

    What changes something counts towards the limit of `action`: the setting of that name, or its default.
    """

    http_method_names = ["post"]
    action = ""
    limit = ("", None)
    done_message = ""

    def post(self, request, username):
        if not request.user.is_authenticated:
            # Not back to here: this address answers to POST only.
            login = redirect_to_login(self.person.get_absolute_url())
            return HttpResponseClientRedirect(login.url) if request.htmx else login
        if self.change_within_limit() and self.done_message:
            messages.success(request, self.done_message % {"name": self.person.username})
        return self.answer()

    def change_within_limit(self):
        """Return whether anything changed. Raises RateLimitExceeded, and changes nothing then."""
        member = self.request.user
        with transaction.atomic():
            changed = self.change(member, self.person)
            if changed:
                rate_limits.hit(self.action, member.pk, rate_limits.limit(*self.limit))
        return changed

    def change(self, user, person):
        """Change what the button is for. Returns whether anything changed."""
        raise NotImplementedError

    def answer(self):
        return HttpResponseRedirect(self.get_success_url())

    def get_success_url(self):
        url = self.request.POST.get("next", "")
        return url if is_on_this_site(url) else self.person.get_absolute_url()


class FollowButtonView(PersonActionView):
    """htmx gets the button that undoes what was done, in its place, or the same one with the reason."""

    limit = FOLLOW_LIMIT
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

    def answer(self):
        if not self.request.htmx:
            return super().answer()
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
    limit = FOLLOW_LIMIT

    def change(self, user, person):
        return person.unfollow(user)


class BlockView(PersonActionView):
    action = "block"
    limit = BLOCK_LIMIT
    done_message = gettext_lazy("You have blocked @%(name)s. You no longer see each other.")

    def change(self, user, person):
        return user.block(person)


class UnblockView(PersonActionView):
    # Counted with blocks: both have every post with a mention rendered anew.
    action = "block"
    limit = BLOCK_LIMIT
    done_message = gettext_lazy("You no longer block @%(name)s.")

    def get_people(self):
        return User.objects.visible()

    def change(self, user, person):
        return user.unblock(person)
