import logging

from allauth.account.views import SignupView as AllauthSignupView
from allauth.decorators import rate_limit
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.core import signing
from django.db import DatabaseError, IntegrityError, transaction
from django.http import HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse_lazy
from django.utils.decorators import method_decorator
from django.utils.functional import cached_property
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views import View
from django.views.decorators.csrf import csrf_exempt
from django.views.generic import FormView, UpdateView

from accounts import limits
from accounts.forms import LeaveForm, ProfileForm
from accounts.models import MailPreference, User
from accounts.pages import CursorListView
from accounts.unsubscribe import read_token

logger = logging.getLogger(__name__)


class SignupView(AllauthSignupView):
    """allauth's sign-up, for the moments in which the database says no after the form said yes."""

    def form_valid(self, form):
        try:
            return super().form_valid(form)
        except IntegrityError:
            # Somebody took the name or address since it was checked. The form finds out which.
            form.full_clean()
            if form.is_valid():
                raise
            return self.form_invalid(form)
        except DatabaseError:
            logger.exception("Sign-up could not be stored")
            form.add_error(None, _("Your account could not be stored. Try again in a moment."))
            return self.render_to_response(self.get_context_data(form=form), status=503)


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
            return redirect_to_login(self.person.get_absolute_url())
        self.change(request.user, self.person)
        return self.answer()

    def change(self, user, person):
        raise NotImplementedError

    def answer(self):
        return HttpResponseRedirect(self.get_success_url())

    def get_success_url(self):
        url = self.request.POST.get("next", "")
        if url_has_allowed_host_and_scheme(url, {self.request.get_host()}, self.request.is_secure()):
            return url
        return self.person.get_absolute_url()


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


class PeopleListView(CursorListView):
    """A list of people, each with a follow button."""

    fragment_name = "accounts/_people.html"
    page_size = 30

    def get_listed(self):
        raise NotImplementedError

    def get_queryset(self):
        viewer = self.request.user
        return self.get_listed().unblocked_for(viewer).with_followed_by(viewer)


class FollowListView(PersonMixin, PeopleListView):
    """Who is on either side of somebody's follows."""

    def get_context_data(self, **kwargs):
        return super().get_context_data(person=self.person, **kwargs)


class FollowersView(FollowListView):
    template_name = "accounts/followers.html"

    def get_listed(self):
        return User.objects.followers_of(self.person)

    def get_context_data(self, **kwargs):
        return super().get_context_data(removable=self.person == self.request.user, **kwargs)


class FollowingView(FollowListView):
    template_name = "accounts/following.html"

    def get_listed(self):
        return User.objects.followed_by(self.person)


class PeopleView(PeopleListView):
    """The directory: everyone, the most followed first, or those whose name holds the words of `?q=`."""

    template_name = "accounts/index.html"

    @property
    def words(self):
        return self.request.GET.get("q", "")[:100]

    def get_listed(self):
        return User.objects.visible().search(self.words).most_followed()

    def get_context_data(self, **kwargs):
        return super().get_context_data(q=self.words, **kwargs)


class BlocksView(PeopleListView):
    """Whom the member has blocked, to be unblocked."""

    template_name = "accounts/blocks.html"
    fragment_name = "accounts/_blocked_people.html"

    def get_queryset(self):
        return User.objects.blocked_by(self.request.user)


class SettingsView(UpdateView):
    http_method_names = ["get", "head", "post", "options"]
    template_name = "accounts/settings.html"
    form_class = ProfileForm
    context_object_name = "member"  # Not "user": that is who is logged in, whatever the form holds.
    success_url = reverse_lazy("accounts:settings")

    def get_object(self):
        # Not request.user: what a refused form holds must not show as the member's name elsewhere on the page.
        return User.objects.get(pk=self.request.user.pk)

    def form_valid(self, form):
        messages.success(self.request, _("Saved."))
        return super().form_valid(form)


class LeaveView(FormView):
    """Deletes the member's account, after the password and a clear word."""

    form_class = LeaveForm
    http_method_names = ["get", "head", "post", "options"]
    success_url = "/"
    template_name = "accounts/leave.html"

    @method_decorator(rate_limit(action="reauthenticate"))
    def post(self, request):
        return super().post(request)

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"user": User.objects.get(pk=self.request.user.pk)}

    def form_valid(self, form):
        form.user.leave()
        logout(self.request)
        messages.success(self.request, _("Your account and everything in it is deleted. Goodbye."))
        return super().form_valid(form)


@method_decorator([login_not_required, csrf_exempt], name="dispatch")
class UnsubscribeView(View):
    """Turns one kind of mail off. GET asks, as programs that look through mail follow links; POST acts.

    The token is the proof: no session, no CSRF token, as mail programs send the POST themselves (RFC 8058).
    """

    def dispatch(self, request, token):
        try:
            self.user, self.kind = read_token(token)
        except signing.BadSignature:
            return render(request, "accounts/unsubscribe_invalid.html", status=404)
        return super().dispatch(request, token)

    def get(self, request, token):
        return self.answer("accounts/unsubscribe.html")

    def post(self, request, token):
        MailPreference.choose(self.user, self.kind, False)
        return self.answer("accounts/unsubscribed.html")

    def answer(self, template):
        return render(self.request, template, {"person": self.user, "kind": self.kind})
