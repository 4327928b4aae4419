"""Lists of people."""

from accounts.directory import fetch_by_names
from accounts.models import User
from accounts.pages import CursorListView
from accounts.paging import paginate
from accounts.text import fit
from accounts.views.actions import PersonMixin

# A search takes so many code points; what is typed beyond them is left out.
MOST_SEARCHED = 100


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
    """The directory: everyone, the most followed first, or those whose names begin with the words of `?q=`."""

    template_name = "accounts/index.html"

    @property
    def words(self):
        return fit(self.request.GET.get("q", ""), MOST_SEARCHED)

    def get_listed(self):
        return User.objects.visible()

    def get_page(self):
        fetch = fetch_by_names(self.get_queryset(), self.words)
        return paginate(fetch, self.get_cursor(), self.page_size)

    def get_context_data(self, **kwargs):
        return super().get_context_data(q=self.words, counted=True, **kwargs)


class BlocksView(PeopleListView):
    """Whom the member has blocked, to be unblocked."""

    template_name = "accounts/blocks.html"
    fragment_name = "accounts/_blocked_people.html"

    def get_queryset(self):
        return User.objects.blocked_by(self.request.user)
