from posts.models.post import Post
from posts.models.report import Report, ReportedPost

__all__ = ["Post", "Report", "ReportedPost"]
