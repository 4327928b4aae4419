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
from posts.views.timelines import ExploreView, HomeView, ProfileView

__all__ = [
    "ExploreView",
    "ExportView",
    "HomeFeedView",
    "HomeView",
    "MuteConversationView",
    "NewPostsView",
    "PostCreateView",
    "PostDeleteView",
    "PostDetailView",
    "PostEditView",
    "PostHistoryView",
    "ProfileView",
    "UnmuteConversationView",
    "UnreadView",
]
