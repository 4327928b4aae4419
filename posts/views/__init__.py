from posts.export import ExportView
from posts.feeds.views import HomeFeedView
from posts.reading.views import NewPostsView, UnreadView
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
    "NewPostsView",
    "PostCreateView",
    "PostDeleteView",
    "PostDetailView",
    "PostEditView",
    "PostHistoryView",
    "ProfileView",
    "UnreadView",
]
