from posts.export import ExportView
from posts.feeds.views import HomeFeedView
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
    "ReplyPolicyView",
    "ReplyView",
    "UnlikeView",
    "UnmuteConversationView",
    "UnreadView",
]
