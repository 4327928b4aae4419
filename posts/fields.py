from django.db import models


class PostIdField(models.BigIntegerField):
    """A big integer that is its own row id on SQLite, which saves an index and a look-up for every post read.

    SQLite does that only for a primary key of the type "integer"; its integers have 64 bits anyway.
    """

    def db_type(self, connection):
        return "integer" if connection.vendor == "sqlite" else super().db_type(connection)
