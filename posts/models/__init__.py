from posts.models.feed import HomeFeed
from posts.models.post import Post
from posts.models.reading import ReadMark
from posts.models.report import Report, ReportedPost
from posts.models.revision import PostRevision
from posts.models.timeline import PendingPost, PulledAuthor, TimelineEpoch, TimelineStamp

__all__ = [
    "HomeFeed",
    "PendingPost",
    "Post",
    "PostRevision",
    "PulledAuthor",
    "ReadMark",
    "Report",
    "ReportedPost",
    "TimelineEpoch",
    "TimelineStamp",
]
