from django.db import models, transaction

from accounts import pictures, signals


class HasPicture(models.Model):
    """An uploaded picture, which replaces the identicon. See accounts.pictures."""

    # The key of the picture's files, or empty. It is a column of the member's row because every list shows pictures.
    picture = models.CharField(max_length=32, blank=True, default="", editable=False)

    class Meta:
        abstract = True

    def picture_url(self, edge=pictures.SMALL):
        """Return the URL of the picture of `edge` by `edge` pixels. The member must have one."""
        return pictures.url(self.picture, edge)

    @classmethod
    def orphaned_pictures(cls, keys, before):
        """Return the `keys` of stored pictures that no member uses and that were stored before the datetime `before`."""
        orphans = set(keys) - set(cls.objects.exclude(picture="").values_list("picture", flat=True))
        return [key for key in orphans if pictures.stored_before(key, before)]

    def show_picture(self, key):
        """Use the stored picture with this key, or the identicon if the key is empty. Deletes the files of the previous picture.

        Sends no event. The caller sends one event for all changes.
        """
        before, self.picture = self.picture, key
        with transaction.atomic():
            self.save(update_fields=["picture"])
            pictures.discard_on_commit(before)

    def remove_picture(self, *, by=None, reason=""):
        """Replace the picture with the identicon and send `profile_changed`. Returns whether anything changed.

        `by` is the moderator, whose action is recorded, or None.
        """
        with transaction.atomic():
            stored = type(self).objects.select_for_update(no_key=True).filter(pk=self.pk)
            # This object may be out of date.
            self.picture = stored.values_list("picture", flat=True).first() or ""
            if not self.picture:
                return False
            self.show_picture("")
            self._record_and_send("remove_picture", signals.profile_changed, by, reason)
        return True
