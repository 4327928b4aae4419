from django.db import models


class PostIdField(models.BigIntegerField):
    """A big integer that SQLite uses as the row id, which saves an index and a lookup for every post.

    SQLite does this only for a primary key of the type "integer". Integers in SQLite have 64 bits anyway.
    """

    def db_type(self, connection):
        return "integer" if connection.vendor == "sqlite" else super().db_type(connection)
