"""The two steps for new members: their name and picture, and people to follow."""

from django.contrib.auth.mixins import LoginRequiredMixin
from django.urls import reverse
from django.views.generic import TemplateView

from accounts.forms import WelcomeForm
from accounts.suggestions import suggest_people
from accounts.views.profile import ProfileSettingsView


class WelcomeView(ProfileSettingsView):
    """Says hello, and asks for a name and a picture. Both can be skipped."""

    template_name = "accounts/welcome.html"
    form_class = WelcomeForm

    def get_success_url(self):
        return reverse("accounts:welcome-people")


class WelcomePeopleView(LoginRequiredMixin, TemplateView):
    """Suggests people to follow. An empty home page links here, too."""

    template_name = "accounts/welcome_people.html"

    def get_context_data(self, **kwargs):
        member = self.request.user
        return super().get_context_data(
            people=suggest_people(member), follows_someone=member.followings.exists(), **kwargs
        )
