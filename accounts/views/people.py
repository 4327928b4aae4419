"""Lists of people."""

from django.contrib.auth.mixins import LoginRequiredMixin

from accounts.common.cursors import paginate
from accounts.common.lists import CursorListView
from accounts.common.text import fit
from accounts.directory import fetch_by_names
from accounts.models import User
from accounts.views.relationships import PersonMixin

# The search ignores any text after this many code points.
MOST_SEARCHED = 100


class PeopleListView(LoginRequiredMixin, CursorListView):
    """A list of people with follow buttons."""

    fragment_name = "accounts/_people.html"
    page_size = 30

    def get_listed(self):
        raise NotImplementedError

    def get_queryset(self):
        viewer = self.request.user
        return self.get_listed().unblocked_for(viewer).with_followed_by(viewer)


class FollowListView(PersonMixin, PeopleListView):
    """A list of someone's followers, or of the people they follow."""

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
    """The directory of members, most followed first, or those whose names match the words in `?q=`."""

    template_name = "accounts/index.html"

    @property
    def search_text(self):
        return fit(self.request.GET.get("q", ""), MOST_SEARCHED)

    def get_listed(self):
        return User.objects.visible()

    def get_page(self):
        fetch = fetch_by_names(self.get_queryset(), self.search_text)
        return paginate(fetch, self.get_cursor(), self.page_size)

    def get_context_data(self, **kwargs):
        return super().get_context_data(q=self.search_text, counted=True, **kwargs)


class MutesView(PeopleListView):
    """The people the member has muted, with buttons to unmute them."""

    template_name = "accounts/mutes.html"
    fragment_name = "accounts/_muted_people.html"

    def get_queryset(self):
        return User.objects.muted_by(self.request.user)


class BlocksView(PeopleListView):
    """The people the member has blocked, with buttons to unblock them."""

    template_name = "accounts/blocks.html"
    fragment_name = "accounts/_blocked_people.html"

    def get_queryset(self):
        return User.objects.blocked_by(self.request.user)
