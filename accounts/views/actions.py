"""What a member does to another person: one button each."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.db import transaction
from django.http import HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.utils.decorators import method_decorator
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.views import View
from django_htmx.http import HttpResponseClientRedirect

from accounts import limits
from accounts.links import is_on_this_site
from accounts.models import User


class PersonMixin:
    """For pages under /@<username>/ about a person whom the viewer may see."""

    def get_people(self):
        return User.objects.visible_to(self.request.user)

    @cached_property
    def person(self):
        return get_object_or_404(self.get_people(), username=self.kwargs["username"].lower())


@method_decorator(login_not_required, name="dispatch")
class PersonActionView(PersonMixin, View):
    """Changes something between the member and a person, and leads back to where the button was."""

    http_method_names = ["post"]

    def post(self, request, username):
        if not request.user.is_authenticated:
            # Not back to here: this address answers to POST only.
            login = redirect_to_login(self.person.get_absolute_url())
            return HttpResponseClientRedirect(login.url) if request.htmx else login
        self.change(request.user, self.person)
        return self.answer()

    def change(self, user, person):
        raise NotImplementedError

    def answer(self):
        return HttpResponseRedirect(self.get_success_url())

    def get_success_url(self):
        url = self.request.POST.get("next", "")
        return url if is_on_this_site(url) else self.person.get_absolute_url()


class FollowView(PersonActionView):
    notice = ""

    def change(self, user, person):
        if user == person:
            messages.info(self.request, _("You can't follow yourself."))
        else:
            self.follow(user, person)

    def follow(self, user, person):
        try:
            with transaction.atomic():
                limits.claim(user, user.followings.all(), settings.FOLLOW_LIMIT)
                user.follow(person)
        except limits.LimitReached as limit:
            self.notice = str(limit)
            if not self.request.htmx:
                messages.error(self.request, self.notice)

    def answer(self):
        """htmx gets the button that undoes it, in its place."""
        if not self.request.htmx:
            return super().answer()
        self.person.is_followed = self.request.user.is_following(self.person)
        context = {"person": self.person, "next": self.get_success_url(), "notice": self.notice}
        return render(self.request, "accounts/_follow_button.html", context)


class UnfollowView(FollowView):
    def change(self, user, person):
        user.unfollow(person)


class RemoveFollowerView(PersonActionView):
    def change(self, user, person):
        person.unfollow(user)


class BlockView(PersonActionView):
    def change(self, user, person):
        if user.block(person):
            messages.success(
                self.request,
                _("You have blocked @%(name)s. You no longer see each other.") % {"name": person.username},
            )


class UnblockView(PersonActionView):
    def get_people(self):
        return User.objects.visible()

    def change(self, user, person):
        if user.unblock(person):
            messages.success(self.request, _("You no longer block @%(name)s.") % {"name": person.username})
