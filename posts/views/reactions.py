"""The buttons to like and bookmark a post, and the pages of those who like one and of a member's bookmarks."""

from urllib.parse import urldefrag

from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import Http404
from django.shortcuts import get_object_or_404, render
from django.utils.decorators import method_decorator
from django.utils.functional import cached_property

from accounts.common.cursors import fetch_from, paginate
from accounts.common.lists import CursorListView
from accounts.site_access import open_unless_members_only
from accounts.views.actions import ActionView, ButtonMixin
from posts.app_settings import app_settings
from posts.models import Post
from posts.models.post import PostGone
from posts.reactions import load_states
from posts.timelines.views import TimelineView


class ReactionView(ButtonMixin, ActionView):
    """Likes or bookmarks a post that the member can see."""

    app_settings = app_settings

    def get_posts(self):
        return Post.objects.visible_to(self.request.user)

    @cached_property
    def subject(self):
        return get_object_or_404(self.get_posts(), pk=self.kwargs["pk"])

    def change(self, member, post):
        try:
            return self.react(member, post)
        except PostGone as error:
            raise Http404("The post is gone.") from error

    def react(self, member, post):
        """Call the method of the post. Return whether anything changed."""
        raise NotImplementedError

    def render_button(self):
        load_states([self.subject], self.request.user)
        next_url = urldefrag(self.get_success_url()).url
        context = {"post": self.subject, "next": next_url, "notice": self.notice}
        return render(self.request, "posts/_reacted.html", context)

    def get_success_url(self):
        return f"{urldefrag(super().get_success_url()).url}#post-{self.subject.pk}"


class UndoReactionView(ReactionView):
    """Undoes a reaction, even if the member can't see the post any more. Doesn't reveal that other posts exist."""

    def get_posts(self):
        return Post.objects.all() if self.request.user.is_authenticated else super().get_posts()

    def change(self, member, post):
        changed = super().change(member, post)
        if not changed and not super().get_posts().filter(pk=post.pk).exists():
            raise Http404("The member can't see the post.")
        return changed


class LikeView(ReactionView):
    action = "like"
    limit = "LIKE_LIMIT"

    def react(self, member, post):
        return post.like(member)


class UnlikeView(UndoReactionView):
    action = "like"
    limit = "LIKE_LIMIT"

    def react(self, member, post):
        return post.unlike(member)


class BookmarkView(ReactionView):
    action = "bookmark"
    limit = "BOOKMARK_LIMIT"

    def react(self, member, post):
        return post.bookmark(member)


class RemoveBookmarkView(UndoReactionView):
    action = "bookmark"
    limit = "BOOKMARK_LIMIT"

    def react(self, member, post):
        return post.remove_bookmark(member)


@method_decorator(open_unless_members_only, name="dispatch")
class LikesView(CursorListView):
    """The people who like a post. Everyone who may open the post can see them, except for blocked people."""

    template_name = "posts/likes.html"
    fragment_name = "accounts/_people.html"
    page_size = 30

    @cached_property
    def liked_post(self):
        posts = Post.objects.open_to(self.request.user).for_display()
        return get_object_or_404(posts, pk=self.kwargs["pk"])

    def get_queryset(self):
        viewer = self.request.user
        return self.liked_post.likers().unblocked_for(viewer).with_followed_by(viewer)

    def get_context_data(self, **kwargs):
        return super().get_context_data(post=self.liked_post, **kwargs)


class BookmarksView(LoginRequiredMixin, TimelineView):
    """The member's bookmarked posts that they can still see, latest bookmark first."""

    template_name = "posts/bookmarks.html"

    def get_queryset(self):
        return Post.objects.bookmarked_by(self.request.user).for_lists()

    def get_page(self):
        return paginate(fetch_from(self.get_queryset()), self.get_cursor(), self.page_size)
