from django.conf import settings
from django.db import models


class ConversationMute(models.Model):
    """A conversation about which a member doesn't want notifications."""

    member = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, db_index=False, related_name="conversation_mutes"
    )
    # The id of the first post, as in Post.thread. This isn't a foreign key, because that post may be deleted.
    thread = models.BigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["member", "thread"], name="conversation_mute_unique")]

    def __str__(self):
        return f"{self.member_id} in {self.thread}"
