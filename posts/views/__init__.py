from posts.views.export import ExportView
from posts.views.feed import HomeFeedView
from posts.views.post import (
    PostCreateView,
    PostDeleteView,
    PostDetailView,
    PostEditView,
    PostHistoryView,
)
from posts.views.report import ReportView
from posts.views.timelines import ExploreView, HomeView, ProfileView
from posts.views.unread import NewsView, UnreadView

__all__ = [
    "ExploreView",
    "ExportView",
    "HomeFeedView",
    "HomeView",
    "NewsView",
    "PostCreateView",
    "PostDeleteView",
    "PostDetailView",
    "PostEditView",
    "PostHistoryView",
    "ProfileView",
    "ReportView",
    "UnreadView",
]
