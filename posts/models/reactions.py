"""What members do with a post besides replying. Each happens at most once per member and post."""

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from posts.models.post import Post


class Like(models.Model):
    """A like. The author is told. Only `Post.like()` and `Post.unlike()` write these rows."""

    post = models.ForeignKey(Post, models.CASCADE, db_index=False, related_name="likes")
    member = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, db_index=False, related_name="likes")
    created_on = models.DateTimeField(_("time"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("like")
        verbose_name_plural = _("likes")
        constraints = [models.UniqueConstraint(fields=["member", "post"], name="like_unique")]
        # For the list of those who like a post, newest first.
        indexes = [models.Index("post", models.F("id").desc(), name="like_post_newest")]

    def __str__(self):
        return f"{self.member_id} likes {self.post_id}"


class Bookmark(models.Model):
    """A private bookmark. Only `Post.bookmark()` and `Post.remove_bookmark()` write these rows."""

    post = models.ForeignKey(Post, models.CASCADE, db_index=False, related_name="bookmarks")
    member = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, db_index=False, related_name="bookmarks"
    )
    created_on = models.DateTimeField(_("time"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("bookmark")
        verbose_name_plural = _("bookmarks")
        constraints = [models.UniqueConstraint(fields=["member", "post"], name="bookmark_unique")]
        indexes = [
            # For a member's bookmarks, newest first.
            models.Index("member", models.F("id").desc(), name="bookmark_member_newest"),
            # For deleting a post.
            models.Index(fields=["post"], name="bookmark_post"),
        ]

    def __str__(self):
        return f"{self.member_id} bookmarked {self.post_id}"
