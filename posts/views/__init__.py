from posts.export import ExportView
from posts.feeds.views import HomeFeedView
from posts.filters.views import FiltersView, FilterView, RemoveFilterView
from posts.reading.views import NewPostsView, UnreadView
from posts.views.conversation_mutes import MuteConversationView, UnmuteConversationView
from posts.views.post import (
    PostCreateView,
    PostDeleteView,
    PostDetailView,
    PostEditView,
    PostHistoryView,
)
from posts.views.reactions import (
    BookmarksView,
    BookmarkView,
    LikesView,
    LikeView,
    RemoveBookmarkView,
    UnlikeView,
)
from posts.views.replies import ReplyPolicyView, ReplyView
from posts.views.timelines import ExploreView, HomeView, ProfileRepliesView, ProfileView

__all__ = [
    "BookmarkView",
    "BookmarksView",
    "ExploreView",
    "ExportView",
    "FilterView",
    "FiltersView",
    "HomeFeedView",
    "HomeView",
    "LikeView",
    "LikesView",
    "MuteConversationView",
    "NewPostsView",
    "PostCreateView",
    "PostDeleteView",
    "PostDetailView",
    "PostEditView",
    "PostHistoryView",
    "ProfileRepliesView",
    "ProfileView",
    "RemoveBookmarkView",
    "RemoveFilterView",
    "UnlikeView",
    "UnmuteConversationView",
    "ReplyPolicyView",
    "ReplyView",
    "UnreadView",
]
