from django.conf import settings
from django.db import models
from django.utils import timezone


class FollowNotice(models.Model):
    """A follow of which its followed one is to be told, or was told in the mail that `told_in` names."""

    recipient = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, db_index=False, related_name="follow_notices"
    )
    follower = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    # Without a foreign key: a follow may be undone, and who toggles it is mentioned no more often for that.
    follow_id = models.BigIntegerField()
    told_in = models.CharField(max_length=100, blank=True)
    created_on = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["recipient", "told_in", "follower"], name="follow_notice_unique"),
        ]

    def __str__(self):
        return f"{self.follower_id} follows {self.recipient_id}"


class FollowerChange(models.Model):
    """That somebody began or ended to follow a member who gets the follower statement."""

    recipient = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, db_index=False, related_name="follower_changes"
    )
    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    # 1 for a follower gained, -1 for one lost: the sum is what a statement tells.
    change = models.SmallIntegerField()
    happened_on = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["recipient", "happened_on", "person", "change"], name="follower_change_unique"
            ),
        ]

    def __str__(self):
        return f"{self.person_id} {self.change:+} {self.recipient_id}"


class Milestone(models.Model):
    """That a member had so many followers once. It is celebrated once, however the count moves."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, db_index=False, related_name="milestones"
    )
    threshold = models.PositiveIntegerField()
    reached_on = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "threshold"], name="milestone_unique"),
        ]

    def __str__(self):
        return f"{self.user_id}: {self.threshold}"
