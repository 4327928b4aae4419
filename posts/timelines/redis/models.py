"""The data of fan-out timelines that must be exact. If the normalized timeline is used, these tables are empty."""

import random

from django.conf import settings
from django.db import models

from posts.models.post import Post
from posts.timelines import timeline_path

VERSION_BITS = 61  # The sum of two versions fits into 63 bits.


def random_version():
    return random.getrandbits(VERSION_BITS)


class PendingPost(models.Model):
    """A post that may not have reached all stored timelines yet. Until it has, the query for every page includes this table."""

    post = models.OneToOneField(Post, models.CASCADE, primary_key=True, related_name="pending")
    # The post is fanned out to followers in the order of their keys. This is the last follower reached, so that the fan-out can
    # continue if a worker is killed.
    reached = models.BigIntegerField(default=0)
    created_on = models.DateTimeField(auto_now_add=True)

    def __str__(self):
        return f"{self.post_id} after {self.reached}"


class HighFanoutAuthor(models.Model):
    """An author with so many followers that their posts are looked up when someone reads their timeline, and not fanned out."""

    author = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="high_fanout"
    )

    def __str__(self):
        return str(self.author)


class TimelineVersion(models.Model):
    """The version of a reader's stored timeline. It changes whenever the reader follows or unfollows someone.

    Data that was stored under another version is out of date.
    """

    reader = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="timeline_version"
    )
    value = models.BigIntegerField(default=random_version)

    def __str__(self):
        return f"{self.reader}: {self.value}"

    @classmethod
    def renew(cls, reader):
        cls.objects.update_or_create(reader=reader, defaults={"value": random_version()})


class TimelineGeneration(models.Model):
    """One row that is part of the version of every stored timeline, so that all can be invalidated at once.

    It also stores which timeline class keeps them up to date.
    """

    ONLY_PK = 1

    value = models.BigIntegerField(default=random_version)
    maintained_by = models.CharField(max_length=200, blank=True)

    def __str__(self):
        return f"{self.maintained_by}: {self.value}"

    @classmethod
    def renew(cls):
        defaults = {"value": random_version(), "maintained_by": timeline_path()}
        cls.objects.update_or_create(pk=cls.ONLY_PK, defaults=defaults)

    @classmethod
    def renew_if_timeline_changed(cls):
        """Invalidate data that another HOME_TIMELINE stored, because nothing keeps it up to date now. Call this at startup."""
        if not cls.objects.filter(pk=cls.ONLY_PK, maintained_by=timeline_path()).exists():
            cls.renew()
