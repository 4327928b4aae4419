"""A statement that PostgreSQL remembers takes its parameters apart from it, 65,535 at most.

Django 5.2 does not reckon with that where it deletes or makes many rows: it would name all posts of somebody who leaves in
one statement.
"""

from django.db.backends.postgresql import base, operations

MAX_PARAMETERS = 65_535


class DatabaseOperations(operations.DatabaseOperations):
    def bulk_batch_size(self, fields, objs):
        return min(super().bulk_batch_size(fields, objs), MAX_PARAMETERS // max(1, len(fields)))


class DatabaseWrapper(base.DatabaseWrapper):
    ops_class = DatabaseOperations
