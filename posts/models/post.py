from copy import copy
from datetime import timedelta

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import IntegrityError, models, transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.common.database_errors import AccountGone
from accounts.common.text import truncate
from accounts.models import Follow
from accounts.moderation.models import ModerationAction, Report
from posts import ids, paths, signals
from posts.app_settings import app_settings
from posts.fields import PostIdField
from posts.querysets import PostQuerySet
from posts.rendering.text import mentioned_names, render_text
from posts.validators import MAX_CODE_POINTS, validate_content


class EditingClosed(Exception):
    """The post is too old to edit, or a moderator has hidden it."""


class ReplyRefused(Exception):
    """The writer can't reply to this post."""


class RepliedToGone(ReplyRefused):
    """The post to reply to doesn't exist any more, or the writer may not see it."""


class RepliesRestricted(ReplyRefused):
    """The author of the post accepts replies from others only."""


class PostGone(Exception):
    """The post doesn't exist any more, or the member may not see it."""


class ReplyPolicy(models.TextChoices):
    """Who may reply to a post, besides its author."""

    EVERYONE = "everyone", _("Everyone")
    FOLLOWED = "followed", _("People I follow")
    MENTIONED = "mentioned", _("People I mention")
    NOBODY = "nobody", _("Nobody")


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
    # The database has defaults for these two, because the release before inserts posts without them while both run.
    reply_policy = models.CharField(
        _("who may reply"),
        max_length=10,
        choices=ReplyPolicy,
        default=ReplyPolicy.EVERYONE,
        db_default=ReplyPolicy.EVERYONE,
    )
    # A code of a language, such as "zh-hans", or "" if it is unknown. Languages that the site doesn't know are kept.
    language = models.CharField(_("language"), max_length=20, blank=True, default="", db_default="")
    # Null for a post that isn't a reply, and for a reply to a post that was deleted.
    in_reply_to = models.ForeignKey(
        "self",
        models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        db_index=False,
        related_name="replies",
        verbose_name=_("in reply to"),
    )
    # The author of that post, also after it was deleted. Null if they have left.
    in_reply_to_author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        db_index=False,
        related_name="replies_received",
        verbose_name=_("in reply to"),
    )
    # The id of the first post of the conversation, which may have been deleted. Null if, and only if, this isn't a reply.
    thread = models.BigIntegerField(null=True, editable=False)
    # See posts.paths. Null if this isn't a reply.
    path = models.BinaryField(max_length=paths.MAX_LENGTH, null=True)
    # Identifies the form and text of a request, so that a repeated request creates only one post. See posts.forms.PostForm.
    submission = models.UUIDField(null=True, blank=True, editable=False)

    objects = PostQuerySet.as_manager()

    class Meta:
        verbose_name = _("post")
        verbose_name_plural = _("posts")
        constraints = [
            models.CheckConstraint(name="post_not_empty", condition=~models.Q(content="")),
            models.CheckConstraint(
                name="post_reply_has_place",
                condition=models.Q(thread=None, path=None, in_reply_to=None, in_reply_to_author=None)
                | models.Q(thread__isnull=False, path__isnull=False),
            ),
            models.UniqueConstraint(
                name="post_submitted_once",
                fields=["author", "submission"],
                condition=models.Q(submission__isnull=False),
            ),
        ]
        indexes = [
            # Every timeline reads an author's posts from this index, newest first, without reading the rows: the last columns
            # say whether a post is visible, and to whom it replies. It includes hidden posts, because the export, the admin and
            # the deletion of an account need them too.
            models.Index(
                "author",
                models.F("id").desc(),
                "hidden_on",
                "in_reply_to_author",
                "thread",
                name="post_author_newest",
            ),
            # For a page of a conversation.
            models.Index(
                fields=["thread", "path"], name="post_thread", condition=models.Q(thread__isnull=False)
            ),
            # For counting the replies to a post, and for deleting the post.
            models.Index(
                fields=["in_reply_to", "id"],
                name="post_replies",
                condition=models.Q(in_reply_to__isnull=False),
            ),
            # For deleting the account of someone who got replies.
            models.Index(
                fields=["in_reply_to_author"],
                name="post_replies_to_person",
                condition=models.Q(in_reply_to_author__isnull=False),
            ),
            # For Explore in one language.
            models.Index("language", models.F("id").desc(), name="post_language_newest"),
            # This index contains hidden_on because SQLite would otherwise scan the index of authors.
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
            if self.is_reply:
                self.path = paths.path_below(bytes(self.in_reply_to.path or b""), self.id)
            try:
                with transaction.atomic():
                    return super().save(**kwargs | {"force_insert": True})
            except IntegrityError:
                taken = Post.objects.filter(pk=self.id).exists()
                self.id = None
                if not taken:
                    raise
        raise IntegrityError("There is no free id for the post. Too many posts were made in one millisecond.")

    @property
    def excerpt(self):
        """The first words, on one line."""
        return truncate(" ".join(render_text(self.content).split()), 80)

    @property
    def is_reply(self):
        """Whether this replies to a post, which may have been deleted."""
        return self.thread is not None

    @property
    def conversation(self):
        """The id of the first post of the conversation to which this belongs. A post without replies is one, too."""
        return self.pk if self.thread is None else self.thread

    def publish(self):
        """Save a new post, which replies to `in_reply_to` if that is set, and send `post_published`.

        Raises AccountGone if the author has left, and ReplyRefused if they may not reply to that post.
        """
        with transaction.atomic():
            mentioned = self._lock_people()
            if self.in_reply_to_id:
                self._lock_replied_to()
            self.save()
            self.mentions.bulk_create([self.mentions.model(post=self, person=person) for person in mentioned])
            signals.post_published.send(
                sender=Post, post=self, mentioned=[person for person in mentioned if person != self.author]
            )

    def people_to_lock(self):
        """Return the set of primary keys of the people whom `publish()` locks or, for a published post, `edit()`.

        A transaction that locks one of them earlier must lock all of them at once.
        """
        return self._concerned_with(self._find_mentioned())

    def _find_mentioned(self):
        names = mentioned_names(self.content)
        # Nobody sees people who wait for approval.
        found = get_user_model().objects.filter(username__in=names, pending_since=None) if names else []
        return sorted(found, key=lambda person: names.index(person.username))

    def _concerned_with(self, mentioned):
        replied_to = self.in_reply_to.author_id if self.pk is None and self.in_reply_to else None
        return {self.author_id, replied_to, *(person.pk for person in mentioned)} - {None}

    def _lock_people(self):
        """Lock the author, the author of the post that this replies to, and the members whom the text mentions.

        Returns the latter, in the order of the text. Raises AccountGone if the author has left.
        """
        mentioned = self._find_mentioned()
        locked = get_user_model().objects.lock(*self._concerned_with(mentioned))
        if self.author_id not in locked:
            raise AccountGone
        return [person for person in mentioned if person.pk in locked]

    def _lock_replied_to(self):
        """Lock the post that this replies to, and take this post's place in the conversation from it. Raises ReplyRefused."""
        visible = Post.objects.visible_to(self.author).filter(pk=self.in_reply_to_id)
        replied_to = visible.select_for_update(no_key=True).first()
        if replied_to is None:
            raise RepliedToGone
        if not replied_to.accepts_reply_from(self.author):
            raise RepliesRestricted
        self.in_reply_to = replied_to
        self.in_reply_to_author_id = replied_to.author_id
        self.thread = replied_to.conversation

    def accepts_reply_from(self, member):
        """Return whether the author lets `member`, who can see this post, reply to it."""
        if member.pk == self.author_id or self.reply_policy == ReplyPolicy.EVERYONE:
            return True
        if self.reply_policy == ReplyPolicy.FOLLOWED:
            return Follow.objects.filter(follower=self.author_id, followed=member).exists()
        if self.reply_policy == ReplyPolicy.MENTIONED:
            return self.mentions.filter(person=member).exists()
        return False

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
            edited = Post(author_id=self.author_id, content=content)
            mentioned = edited._lock_people()
            stored = Post.objects.select_for_update().filter(pk=self.pk).first()
            if stored is None or stored.content == content:
                return False
            if not stored.is_editable:
                raise EditingClosed
            stored._replace_content(content, mentioned)
        self.content, self.edited_on = stored.content, stored.edited_on
        return True

    def _replace_content(self, content, mentioned):
        self.edited_on = timezone.now()
        self.revisions.create(content=self.content, created_on=self.edited_on)
        self.content = content
        self.save(update_fields=["content", "edited_on"])
        previous = set(self.mentions.values_list("person", flat=True))
        self.mentions.all().delete()
        self.mentions.bulk_create([self.mentions.model(post=self, person=person) for person in mentioned])
        new = [person for person in mentioned if person.pk not in previous | {self.author_id}]
        signals.post_edited.send(sender=Post, post=self, mentioned=new)

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

    def like(self, member):
        """Record that `member` likes this post, and send `post_liked`. Returns whether anything changed.

        Raises PostGone if they can't see the post, and AccountGone if they have left. People may like their own posts.
        """
        with transaction.atomic():
            self._lock_for(member)
            like, created = self.likes.get_or_create(member=member)
            if created:
                signals.post_liked.send(sender=Post, like=like)
        return created

    def unlike(self, member):
        """Undo `like()`, also if `member` can't see the post any more, and send `post_unliked`. Returns whether anything changed."""
        with transaction.atomic():
            self._lock_people_with(member)
            deleted, _by_model = self.likes.filter(member=member).delete()
            if deleted:
                signals.post_unliked.send(sender=Post, post=self, member=member)
        return bool(deleted)

    def bookmark(self, member):
        """Bookmark this post for `member`. Nobody is told. Returns whether anything changed.

        Raises PostGone if they can't see the post, and AccountGone if they have left.
        """
        with transaction.atomic():
            self._lock_for(member)
            _bookmark, created = self.bookmarks.get_or_create(member=member)
        return created

    def remove_bookmark(self, member):
        """Undo `bookmark()`, also if `member` can't see the post any more. Returns whether anything changed."""
        with transaction.atomic():
            self._lock_people_with(member)
            deleted, _by_model = self.bookmarks.filter(member=member).delete()
        return bool(deleted)

    def likers(self):
        """Return the visible people who like this post, latest like first, with `position`."""
        people = get_user_model().objects.visible()
        return people.filter(likes__post=self).newest_first_by("likes__id")

    def _lock_people_with(self, member):
        """Lock `member` and the author. Raises AccountGone if `member` has left."""
        if member.pk not in get_user_model().objects.lock(member.pk, self.author_id):
            raise AccountGone

    def _lock_for(self, member):
        """Lock `member`, the author and this post. Raises PostGone if `member` can't see it, and AccountGone."""
        self._lock_people_with(member)
        visible = Post.objects.visible_to(member).filter(pk=self.pk)
        if visible.select_for_update(no_key=True).first() is None:
            raise PostGone

    def audit_subject(self):
        """Return the author and the text, for reports and the record of moderation actions."""
        return self.author, self.content

    def _set_hidden(self, hidden_on):
        to_change = Post.objects.filter(pk=self.pk, hidden_on__isnull=hidden_on is not None)
        changed = to_change.update(hidden_on=hidden_on)
        if changed:
            self.hidden_on = hidden_on
        return bool(changed)
