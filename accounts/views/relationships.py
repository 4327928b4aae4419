"""The buttons to follow, unfollow, mute, unmute, block and unblock a person."""

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.forms.mute import MuteForm
from accounts.models import User
from accounts.views.actions import ActionView, ButtonMixin


class PersonMixin:
    """A mixin for pages under /@<username>/ about a person the viewer may see."""

    def get_people(self):
        return User.objects.visible_to(self.request.user)

    @cached_property
    def person(self):
        return get_object_or_404(self.get_people(), username=self.kwargs["username"].lower())


class PersonActionView(PersonMixin, ActionView):
    """Changes the relationship between the member and a person."""

    @property
    def subject(self):
        return self.person

    def get_done_message(self):
        return self.done_message and self.done_message % {"name": self.person.username}


class FollowButtonView(ButtonMixin, PersonActionView):
    limit = "FOLLOW_LIMIT"

    def render_button(self):
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


class MuteView(PersonActionView):
    """Says what muting does, and mutes the person for the time that the member chooses."""

    http_method_names = ["get", "head", "post"]
    action = "mute"
    limit = "BLOCK_LIMIT"
    done_message = gettext_lazy("You've muted @%(name)s.")

    def get(self, request, username):
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path())
        if self.person == request.user:
            return HttpResponseRedirect(self.person.get_absolute_url())
        return self.render_form(MuteForm())

    def post(self, request, username):
        self.form = MuteForm(request.POST)
        if request.user.is_authenticated and self.person != request.user and not self.form.is_valid():
            return self.render_form(self.form)
        return super().post(request, username=username)

    def render_form(self, form):
        return render(self.request, "accounts/mute_confirm.html", {"person": self.person, "form": form})

    def change(self, user, person):
        return user != person and user.mute(person, until=self.form.until)


class UnmuteView(PersonActionView):
    action = "mute"
    limit = "BLOCK_LIMIT"
    done_message = gettext_lazy("You've unmuted @%(name)s.")

    def change(self, user, person):
        return user.unmute(person)


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
