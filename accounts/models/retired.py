from django.db import models


class RetiredUsername(models.Model):
    """The username of a member who left. Nobody can use it again."""

    username = models.CharField(max_length=40, primary_key=True)
    retired_on = models.DateTimeField(auto_now_add=True)

    def __str__(self):
        return self.username
