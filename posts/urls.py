from django.contrib.auth.decorators import login_not_required
from django.urls import path
from django.views.generic import RedirectView

from accounts.common import converters  # noqa: F401 (<username:...> comes from here)
from accounts.moderation.views import ReportView
from posts import views
from posts.feeds.views import author_feed, home_feed, public_feed

app_name = "posts"
urlpatterns = [
    path("", views.HomeView.as_view(), name="home"),
    path("unread/", views.UnreadView.as_view(), name="unread"),
    path("news/", views.NewPostsView.as_view(), name="new-posts"),
    path("explore/", views.ExploreView.as_view(), name="explore"),
    path("explore/feed.atom", public_feed, name="public-feed"),
    path("feeds/<str:token>/home.atom", home_feed, name="home-feed"),
    path("@<username:username>/", views.ProfileView.as_view(), name="profile"),
    path("@<username:username>/replies/", views.ProfileRepliesView.as_view(), name="profile-replies"),
    path("@<username:username>/feed.atom", author_feed, name="author-feed"),
    path("posts/add/", views.PostCreateView.as_view(), name="add"),
    path("posts/<int:pk>/", views.PostDetailView.as_view(), name="detail"),
    path("posts/<int:pk>/edit/", views.PostEditView.as_view(), name="edit"),
    path("posts/<int:pk>/reply/", views.ReplyView.as_view(), name="reply"),
    path("posts/<int:pk>/replies/", views.ReplyPolicyView.as_view(), name="reply-policy"),
    path("posts/<int:pk>/history/", views.PostHistoryView.as_view(), name="history"),
    path("posts/<int:pk>/delete/", views.PostDeleteView.as_view(), name="delete"),
    path("posts/<int:pk>/report/", ReportView.as_view(subject_name="post"), name="report"),
    path("posts/<int:pk>/like/", views.LikeView.as_view(), name="like"),
    path("posts/<int:pk>/unlike/", views.UnlikeView.as_view(), name="unlike"),
    path("posts/<int:pk>/likes/", views.LikesView.as_view(), name="likes"),
    path("posts/<int:pk>/bookmark/", views.BookmarkView.as_view(), name="bookmark"),
    path("posts/<int:pk>/remove-bookmark/", views.RemoveBookmarkView.as_view(), name="remove-bookmark"),
    path("bookmarks/", views.BookmarksView.as_view(), name="bookmarks"),
    path("posts/<int:pk>/mute-conversation/", views.MuteConversationView.as_view(), name="mute-conversation"),
    path(
        "posts/<int:pk>/unmute-conversation/",
        views.UnmuteConversationView.as_view(),
        name="unmute-conversation",
    ),
    path("users/filters/", views.FiltersView.as_view(), name="filters"),
    path("users/filters/<int:pk>/", views.FilterView.as_view(), name="filter"),
    path("users/filters/<int:pk>/remove/", views.RemoveFilterView.as_view(), name="filter-remove"),
    path("users/feeds/", views.HomeFeedView.as_view(), name="feeds"),
    path("users/export/", views.ExportView.as_view(), name="export"),
    # This was the address of the home timeline in the original Flask version.
    path("users/feed/", login_not_required(RedirectView.as_view(pattern_name="posts:home", permanent=True))),
]
