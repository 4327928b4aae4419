from copy import copy
from datetime import timedelta

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import IntegrityError, models, transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.text import truncate
from posts import ids, signals
from posts.fields import PostIdField
from posts.querysets import PostQuerySet
from posts.validators import MAX_CODE_POINTS, validate_content


class EditingClosed(Exception):
    """The time in which a post can be edited is over, or a moderator has hidden it."""


class Post(models.Model):
    """A short text. Its id is its time: see posts.ids."""

    # Enough for two processes that post in the same millisecond; each further try is 4,096 times less likely.
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
    # What makes two requests the same one, sent twice; see posts.forms.PostForm.
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
            # Every timeline reads an author's visible posts from here, newest first, without touching the rows. Not partial:
            # deleting an account, its export and the admin need the hidden ones, too.
            models.Index("author", models.F("id").desc(), "hidden_on", name="post_author_newest"),
            # With hidden_on in it, too: SQLite would rather go through the index above than look at these rows.
            models.Index("id", "hidden_on", name="post_hidden", condition=models.Q(hidden_on__isnull=False)),
        ]

    def __str__(self):
        return truncate(self.content, 60)

    def save(self, **kwargs):
        """Store the post. A new one gets its id and time now, last of all, as ids must be near their commit."""
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
        raise IntegrityError("No free id for a post: too many in one millisecond.")

    def publish(self):
        """Store a new post and publish `post_published`. Raises AccountGone if the author has left."""
        with transaction.atomic():
            self.author.lock()
            self.save()
            signals.post_published.send(sender=Post, post=self)

    @property
    def editable_until(self):
        return self.created_on + timedelta(minutes=settings.EDIT_MINUTES)

    @property
    def is_editable(self):
        """Whether its author may edit it now."""
        return self.hidden_on is None and timezone.now() < self.editable_until

    def edit(self, content):
        """Replace the text, keep the earlier one as a revision and publish `post_edited`.

        Returns whether anything changed: not if it is the same text, or the post is gone. Raises EditingClosed.
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

    def delete(self, **kwargs):
        """Delete the post for good and publish `post_removed`. Returns what Django's `delete()` does."""
        with transaction.atomic():
            # Nobody reports it while its reports are deleted.
            list(Post.objects.select_for_update().filter(pk=self.pk).values_list("pk"))
            # Django takes the id from a deleted object; receivers need to know which it was.
            removed = copy(self)
            deleted = super().delete(**kwargs)
            if deleted[0]:
                signals.post_removed.send(sender=Post, post=removed)
        return deleted

    def hide(self):
        """Take the post out of every list, close its reports and publish `post_removed`.

        Returns whether anything changed: not if it is hidden already, and its reports stay as they are.
        """
        with transaction.atomic():
            hidden = self._set_hidden(timezone.now(), signals.post_removed)
            if hidden:
                self.dismiss()
        return hidden

    def restore(self):
        """Undo `hide()` and publish `post_restored`. Returns whether anything changed."""
        return self._set_hidden(None, signals.post_restored)

    def dismiss(self):
        """Close the open reports of this post. Returns whether there were any."""
        return bool(self.reports.filter(closed_on=None).update(closed_on=timezone.now()))

    def moderation_facts(self):
        """Whom and what a moderator's action on this concerns: for the record."""
        return self.author, self.content

    def _set_hidden(self, hidden_on, signal):
        unlike = Post.objects.filter(pk=self.pk, hidden_on__isnull=hidden_on is not None)
        with transaction.atomic():
            changed = unlike.update(hidden_on=hidden_on)
            if changed:
                self.hidden_on = hidden_on
                signal.send(sender=Post, post=self)
        return bool(changed)
