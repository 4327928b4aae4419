from django.db import models


class RetiredUsername(models.Model):
    """A name whose owner has left. Nobody else may speak under it."""

    username = models.CharField(max_length=40, primary_key=True)
    retired_on = models.DateTimeField(auto_now_add=True)

    def __str__(self):
        return self.username
