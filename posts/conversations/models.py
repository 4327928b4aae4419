from django.conf import settings
from django.db import models, transaction
from django.db.models import OuterRef
from django.db.models.functions import Coalesce


class ConversationMuteQuerySet(models.QuerySet):
    def of(self, member, post):
        """Return the member's mute of the conversation to which `post` belongs, as a queryset."""
        return self.filter(member=member.pk, thread=post.conversation)

    def of_each(self, member):
        """Return the same for the posts of an outer query. Use it in Exists()."""
        return self.filter(member=member.pk, thread=Coalesce(OuterRef("thread"), OuterRef("pk")))

    def mute(self, member, post):
        """Stop notifications to `member` about the conversation of `post`. Returns whether anything changed.

        Raises AccountGone if they have left.
        """
        with transaction.atomic():
            member.lock()
            _mute, created = self.get_or_create(member=member, thread=post.conversation)
        return created

    def unmute(self, member, post):
        """Undo `mute()`. Returns whether anything changed."""
        deleted, _by_model = self.of(member, post).delete()
        return bool(deleted)


class ConversationMute(models.Model):
    """A conversation about which a member doesn't want notifications."""

    member = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, db_index=False, related_name="conversation_mutes"
    )
    # The id of the first post, as in Post.thread. This isn't a foreign key, because that post may be deleted.
    thread = models.BigIntegerField()

    objects = ConversationMuteQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["member", "thread"], name="conversation_mute_unique")]

    def __str__(self):
        return f"{self.member_id} in {self.thread}"
