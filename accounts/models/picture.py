from django.db import models, transaction

from accounts import pictures, signals


class HasPicture(models.Model):
    """The picture of a member, shown in place of the drawn one. What makes it is in accounts.pictures."""

    # The key of its files; empty without one. On the member's own row, as every list shows it.
    picture = models.CharField(max_length=32, blank=True, default="", editable=False)

    class Meta:
        abstract = True

    def picture_url(self, edge=pictures.SMALL):
        """The address of the picture with that edge in pixels. Only for those who have one."""
        return pictures.url(self.picture, edge)

    @classmethod
    def orphaned_pictures(cls, keys, before):
        """Return those of `keys`, of pictures in the storage, that no member has, if they were stored before that datetime."""
        orphans = set(keys) - set(cls.objects.exclude(picture="").values_list("picture", flat=True))
        return [key for key in orphans if pictures.stored_before(key, before)]

    def show_picture(self, key):
        """Show the stored picture of that key, or the drawn one if it is empty; the files of the one before go.

        Publishes nothing: whoever calls it does, once for all that changed.
        """
        before, self.picture = self.picture, key
        with transaction.atomic():
            self.save(update_fields=["picture"])
            pictures.discard_on_commit(before)

    def remove_picture(self):
        """Go back to the drawn picture and publish `profile_changed`. Returns whether anything changed."""
        with transaction.atomic():
            stored = type(self).objects.select_for_update(no_key=True).filter(pk=self.pk)
            # What this object holds may be older.
            self.picture = stored.values_list("picture", flat=True).first() or ""
            if not self.picture:
                return False
            self.show_picture("")
            signals.profile_changed.send(sender=type(self), user=self)
        return True
