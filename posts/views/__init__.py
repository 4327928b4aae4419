from posts.views.export import ExportView
from posts.views.post import PostCreateView, PostDeleteView, PostDetailView
from posts.views.report import ReportView
from posts.views.timelines import ExploreView, HomeView, ProfileView

__all__ = [
    "ExploreView",
    "ExportView",
    "HomeView",
    "PostCreateView",
    "PostDeleteView",
    "PostDetailView",
    "ProfileView",
    "ReportView",
]
