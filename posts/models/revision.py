from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.common.text import truncate
from posts.models.post import Post
from posts.querysets import RevisionQuerySet
from posts.validators import MAX_CODE_POINTS


class PostRevision(models.Model):
    """An earlier version of a post. Only `Post.edit()` creates one, and it is deleted with the post."""

    post = models.ForeignKey(Post, models.CASCADE, related_name="revisions", verbose_name=_("post"))
    content = models.CharField(_("text"), max_length=MAX_CODE_POINTS)
    created_on = models.DateTimeField(_("replaced"), default=timezone.now, editable=False)

    objects = RevisionQuerySet.as_manager()

    class Meta:
        verbose_name = _("earlier version")
        verbose_name_plural = _("earlier versions")

    def __str__(self):
        return truncate(self.content, 60)
