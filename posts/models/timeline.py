"""What the fan-out timelines need to know exactly, and so keep in the database; normalized ones leave it empty."""

import random

from django.conf import settings
from django.db import models

from posts.models.post import Post

STAMP_BITS = 61  # Two of them are added up.


def new_stamp():
    return random.getrandbits(STAMP_BITS)


class PendingPost(models.Model):
    """A post that may not have reached all stored timelines yet. Until it has, readers find it here."""

    post = models.OneToOneField(Post, models.CASCADE, primary_key=True, related_name="pending")
    # The last follower, in the order of their keys, whose timeline has it: a worker that is killed is gone on from.
    reached = models.BigIntegerField(default=0)
    created_on = models.DateTimeField(auto_now_add=True)

    def __str__(self):
        return f"{self.post_id} after {self.reached}"


class PulledAuthor(models.Model):
    """Somebody with so many followers that their posts are not stored for each, but looked up when one reads."""

    author = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="pulled"
    )

    def __str__(self):
        return str(self.author)


class TimelineStamp(models.Model):
    """Is another after every follow and unfollow of the reader: what was stored under an old one is out of date."""

    reader = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="timeline_stamp"
    )
    value = models.BigIntegerField(default=new_stamp)

    def __str__(self):
        return f"{self.reader}: {self.value}"

    @classmethod
    def renew(cls, reader):
        cls.objects.update_or_create(reader=reader, defaults={"value": new_stamp()})


class TimelineEpoch(models.Model):
    """One row that dates all stored timelines at once, and says which kind of timeline has kept them up to date."""

    ONLY = 1

    value = models.BigIntegerField(default=new_stamp)
    kept_by = models.CharField(max_length=200, blank=True)

    def __str__(self):
        return f"{self.kept_by}: {self.value}"

    @classmethod
    def renew(cls):
        defaults = {"value": new_stamp(), "kept_by": settings.HOME_TIMELINE}
        cls.objects.update_or_create(pk=cls.ONLY, defaults=defaults)

    @classmethod
    def renew_if_kept_by_another(cls):
        """To be called when the site starts: nobody has kept what an earlier HOME_TIMELINE stored."""
        if not cls.objects.filter(pk=cls.ONLY, kept_by=settings.HOME_TIMELINE).exists():
            cls.renew()
