from copy import copy
from datetime import timedelta

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import IntegrityError, models, transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.common.text import truncate
from accounts.moderation.models import ModerationAction, Report
from posts import ids, signals
from posts.app_settings import app_settings
from posts.fields import PostIdField
from posts.querysets import PostQuerySet
from posts.validators import MAX_CODE_POINTS, validate_content


class EditingClosed(Exception):
    """The post is too old to edit, or a moderator has hidden it."""


class Post(models.Model):
    """A short text. Its id contains the time when it was published. See posts.ids."""

    # If two processes post in the same millisecond, the chance that their ids are equal is 1 in 4,096. In that case, save()
    # tries another id.
    ID_ATTEMPTS = 5

    id = PostIdField(primary_key=True, editable=False)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        db_index=False,
        related_name="posts",
        verbose_name=_("author"),
    )
    content = models.CharField(_("text"), max_length=MAX_CODE_POINTS, validators=[validate_content])
    created_on = models.DateTimeField(_("posted"), editable=False)
    edited_on = models.DateTimeField(_("edited"), null=True, blank=True, editable=False)
    hidden_on = models.DateTimeField(_("hidden since"), null=True, blank=True, editable=False)
    # Identifies the form and text of a request, so that a repeated request creates only one post. See posts.forms.PostForm.
    submission = models.UUIDField(null=True, blank=True, editable=False)

    objects = PostQuerySet.as_manager()

    class Meta:
        verbose_name = _("post")
        verbose_name_plural = _("posts")
        constraints = [
            models.CheckConstraint(name="post_not_empty", condition=~models.Q(content="")),
            models.UniqueConstraint(
                name="post_submitted_once",
                fields=["author", "submission"],
                condition=models.Q(submission__isnull=False),
            ),
        ]
        indexes = [
            # Every timeline reads an author's visible posts from this index, newest first, without reading the rows. It
            # includes hidden posts, because the export, the admin and the deletion of an account need them too.
            models.Index("author", models.F("id").desc(), "hidden_on", name="post_author_newest"),
            # This index contains hidden_on because SQLite would otherwise scan the index above.
            models.Index("id", "hidden_on", name="post_hidden", condition=models.Q(hidden_on__isnull=False)),
        ]

    def __str__(self):
        return truncate(self.content, 60)

    def save(self, **kwargs):
        """Save the post. A new post gets its id and time as late as possible, because ids must be close to the commit time."""
        if self.pk is None:
            self._insert(**kwargs)
        else:
            super().save(**kwargs)

    def get_absolute_url(self):
        return reverse("posts:detail", args=[self.pk])

    def _insert(self, **kwargs):
        for _attempt in range(self.ID_ATTEMPTS):
            self.id, self.created_on = ids.new_id(Post)
            try:
                with transaction.atomic():
                    return super().save(**kwargs | {"force_insert": True})
            except IntegrityError:
                taken = Post.objects.filter(pk=self.id).exists()
                self.id = None
                if not taken:
                    raise
        raise IntegrityError("There is no free id for the post. Too many posts were made in one millisecond.")

    def publish(self):
        """Save a new post and send `post_published`. Raises AccountGone if the author has left."""
        with transaction.atomic():
            self.author.lock()
            self.save()
            signals.post_published.send(sender=Post, post=self)

    @property
    def editable_until(self):
        return self.created_on + timedelta(minutes=app_settings.EDIT_MINUTES)

    @property
    def is_editable(self):
        """Whether the author may edit the post now."""
        return self.hidden_on is None and timezone.now() < self.editable_until

    def edit(self, content):
        """Replace the text, store the old one as a revision and send `post_edited`. Raises EditingClosed.

        Returns whether anything changed. Nothing changes if the text is the same or the post was deleted.
        """
        with transaction.atomic():
            get_user_model().objects.lock(self.author_id)
            stored = Post.objects.select_for_update().filter(pk=self.pk).first()
            if stored is None or stored.content == content:
                return False
            if not stored.is_editable:
                raise EditingClosed
            stored._replace_content(content)
        self.content, self.edited_on = stored.content, stored.edited_on
        return True

    def _replace_content(self, content):
        self.edited_on = timezone.now()
        self.revisions.create(content=self.content, created_on=self.edited_on)
        self.content = content
        self.save(update_fields=["content", "edited_on"])
        signals.post_edited.send(sender=Post, post=self)

    def delete(self, *, by=None, reason="", **kwargs):
        """Delete the post and the reports about it, and send `post_deleted`. Returns what Django's `delete()` returns.

        `by` is the moderator, whose action is recorded, or None if the author deletes it.
        """
        with transaction.atomic():
            # The lock prevents new reports about the post while its reports are deleted.
            list(Post.objects.select_for_update().filter(pk=self.pk).values_list("pk"))
            reports = Report.objects.about(self)
            reports.lock()
            reports.delete()
            # Django sets the id of a deleted object to None, and receivers need it.
            copy_with_id = copy(self)
            deleted = super().delete(**kwargs)
            if deleted[0]:
                ModerationAction.record(ModerationAction.Action.DELETE, copy_with_id, by=by, reason=reason)
                signals.post_deleted.send(sender=Post, post=copy_with_id, by=by, reason=reason)
        return deleted

    def hide(self, *, by=None, reason="", **details):
        """Hide the post from everyone but its author, close the reports about it and send `post_hidden`.

        `by` is the moderator, whose action is recorded with the `details` that `ModerationAction.record()` takes, or None.
        Returns whether anything changed. If the post was already hidden, nothing changes, and reports about it stay open.
        """
        with transaction.atomic():
            get_user_model().objects.lock(self.author_id)
            if not self._set_hidden(timezone.now()):
                return False
            details = {"closes": Report.objects.about(self)} | details
            ModerationAction.record(ModerationAction.Action.HIDE, self, by=by, reason=reason, **details)
            signals.post_hidden.send(sender=Post, post=self, by=by, reason=reason)
        return True

    def restore(self, *, by=None, reason="", **details):
        """Undo `hide()` and send `post_restored`. The arguments and return value are the same as for `hide()`."""
        with transaction.atomic():
            get_user_model().objects.lock(self.author_id)
            if not self._set_hidden(None):
                return False
            ModerationAction.record(ModerationAction.Action.RESTORE, self, by=by, reason=reason, **details)
            signals.post_restored.send(sender=Post, post=self, by=by, reason=reason)
        return True

    def audit_subject(self):
        """Return the author and the text, for reports and the record of moderation actions."""
        return self.author, self.content

    def _set_hidden(self, hidden_on):
        to_change = Post.objects.filter(pk=self.pk, hidden_on__isnull=hidden_on is not None)
        changed = to_change.update(hidden_on=hidden_on)
        if changed:
            self.hidden_on = hidden_on
        return bool(changed)
