from django.conf import settings
from django.db import models

from posts.models.post import Post

# How many of the people whom a post mentions are notified: the first ones.
NOTIFIED_PER_POST = 20


class Mention(models.Model):
    """A member whom a post mentions, by the username in its text. `Post.publish()` and `Post.edit()` write these rows.

    Rows of a post are in the order of its text. There may be a block between the two people.
    """

    post = models.ForeignKey(Post, models.CASCADE, db_index=False, related_name="mentions")
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, db_index=False, related_name="mentions"
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["post", "person"], name="mention_unique")]
        indexes = [
            # For deleting the rows of a person who leaves, and for the posts that mention someone, newest first.
            models.Index("person", models.F("post").desc(), name="mention_person_newest"),
        ]

    def __str__(self):
        return f"{self.person_id} in {self.post_id}"
