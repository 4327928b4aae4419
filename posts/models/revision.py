from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.text import truncate
from posts.models.post import Post
from posts.querysets import RevisionQuerySet
from posts.validators import MAX_CODE_POINTS


class PostRevision(models.Model):
    """An earlier text of a post, kept when it was edited. Written by `Post.edit()` only; goes with its post."""

    post = models.ForeignKey(Post, models.CASCADE, related_name="revisions", verbose_name=_("post"))
    content = models.CharField(_("text"), max_length=MAX_CODE_POINTS)
    created_on = models.DateTimeField(_("replaced"), default=timezone.now, editable=False)

    objects = RevisionQuerySet.as_manager()

    class Meta:
        verbose_name = _("earlier text")
        verbose_name_plural = _("earlier texts")

    def __str__(self):
        return truncate(self.content, 60)
