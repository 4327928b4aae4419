from posts.models.feed import HomeFeed
from posts.models.post import Post
from posts.models.reading import ReadMark
from posts.models.report import Report, ReportedPost
from posts.models.revision import PostRevision

__all__ = ["HomeFeed", "Post", "PostRevision", "ReadMark", "Report", "ReportedPost"]
