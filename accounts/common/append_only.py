"""Models whose rows are added and never changed, such as a record of decisions."""

from django.db import models


class AppendOnlyError(TypeError):
    """Code tried to change or delete a row of an append-only model."""

    def __init__(self, model):
        super().__init__(f"{model.__name__} is append-only: its rows can't be changed or deleted.")


class AppendOnlyQuerySet(models.QuerySet):
    """Reads and adds rows. Every method that would change or delete rows raises AppendOnlyError.

    The async methods and `update_or_create()` call the methods below, or the model's `save()`.
    """

    def update(self, **changes):
        raise AppendOnlyError(self.model)

    def delete(self):
        raise AppendOnlyError(self.model)

    def bulk_update(self, objs, fields, batch_size=None):
        raise AppendOnlyError(self.model)

    def bulk_create(self, objs, *args, update_conflicts=False, **options):
        if update_conflicts:
            raise AppendOnlyError(self.model)
        return super().bulk_create(objs, *args, **options)


class DetachingQuerySet(AppendOnlyQuerySet):
    """Also allows setting a reference to null, as Django does when it deletes the row that it refers to."""

    def update(self, **changes):
        if all(value is None and self._is_nulled_on_delete(name) for name, value in changes.items()):
            return models.QuerySet.update(self, **changes)
        return super().update(**changes)

    def _is_nulled_on_delete(self, name):
        related = self.model._meta.get_field(name).remote_field
        return related is not None and related.on_delete is models.SET_NULL


class AppendOnly(models.Model):
    """A model whose rows are added and never changed or deleted.

    A reference with `on_delete=SET_NULL` still becomes null when the other row is deleted. For this and for related
    managers, Django uses `base_objects`.
    """

    objects = AppendOnlyQuerySet.as_manager()
    base_objects = DetachingQuerySet.as_manager()

    class Meta:
        abstract = True
        base_manager_name = "base_objects"

    def save(self, **options):
        """Store a new row. Raises AppendOnlyError if this row is stored already."""
        if not self._state.adding or options.get("force_update") or options.get("update_fields"):
            raise AppendOnlyError(type(self))
        # Without force_insert, Django would first try to update the row that has this primary key.
        super().save(**options | {"force_insert": True})

    def delete(self, **options):
        raise AppendOnlyError(type(self))
