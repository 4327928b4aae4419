import logging

from allauth.account.views import SignupView as AllauthSignupView
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.core import signing
from django.db import DatabaseError, IntegrityError
from django.http import HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse_lazy
from django.utils.decorators import method_decorator
from django.utils.functional import cached_property
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views import View
from django.views.decorators.csrf import csrf_exempt
from django.views.generic import UpdateView

from accounts.forms import ProfileForm
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
    """For pages under /@<username>/ about a visible person."""

    @cached_property
    def person(self):
        return get_object_or_404(User.objects.visible(), username=self.kwargs["username"].lower())


@method_decorator(login_not_required, name="dispatch")
class FollowView(PersonMixin, View):
    """Starts following somebody, and leads back to where the button was."""

    http_method_names = ["post"]
    follows = True

    def post(self, request, username):
        person = self.person
        if not request.user.is_authenticated:
            # Not back to here: this address answers to POST only.
            return redirect_to_login(person.get_absolute_url())
        self.change(request.user, person)
        person.is_followed = request.user.is_following(person)
        if request.htmx:
            context = {"person": person, "next": self.get_success_url(person)}
            return render(request, "accounts/_follow_button.html", context)
        return HttpResponseRedirect(self.get_success_url(person))

    def change(self, user, person):
        if user == person:
            messages.info(self.request, _("You can't follow yourself."))
        else:
            user.follow(person)

    def get_success_url(self, person):
        url = self.request.POST.get("next", "")
        if url_has_allowed_host_and_scheme(url, {self.request.get_host()}, self.request.is_secure()):
            return url
        return person.get_absolute_url()


class UnfollowView(FollowView):
    """Stops following somebody, and leads back to where the button was."""

    def change(self, user, person):
        user.unfollow(person)


class PeopleListView(CursorListView):
    """A list of people, each with a follow button."""

    fragment_name = "accounts/_people.html"
    page_size = 30

    def get_people(self):
        raise NotImplementedError

    def get_queryset(self):
        return self.get_people().with_followed_by(self.request.user)


class FollowListView(PersonMixin, PeopleListView):
    """Who is on either side of somebody's follows."""

    def get_context_data(self, **kwargs):
        return super().get_context_data(person=self.person, **kwargs)


class FollowersView(FollowListView):
    template_name = "accounts/followers.html"

    def get_people(self):
        return User.objects.followers_of(self.person)


class FollowingView(FollowListView):
    template_name = "accounts/following.html"

    def get_people(self):
        return User.objects.followed_by(self.person)


class PeopleView(PeopleListView):
    """The directory: everyone, the most followed first, or those whose name holds the words of `?q=`."""

    template_name = "accounts/index.html"

    @property
    def words(self):
        return self.request.GET.get("q", "")[:100]

    def get_people(self):
        return User.objects.visible().search(self.words).most_followed()

    def get_context_data(self, **kwargs):
        return super().get_context_data(q=self.words, **kwargs)


class SettingsView(UpdateView):
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
