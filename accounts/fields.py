from django.db import models


class CountField(models.IntegerField):
    """A stored count. Only UPDATE statements change it: saving an object that was loaded earlier keeps the stored value.

    It may be negative for a while, as a constraint would make an action fail because of a count that is wrong.
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **{"default": 0, "db_default": 0, "editable": False} | kwargs)

    def pre_save(self, model_instance, add):
        return super().pre_save(model_instance, add) if add else models.F(self.attname)
