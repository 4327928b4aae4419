"""Reads what a database contains, on both engines, and checks that it belongs to this site."""

from dataclasses import dataclass

from django.db import connection
from django.db.migrations.loader import MigrationLoader

from accounts.models import User
from posts.models import Post
from socializer.backups import BackupError

MIGRATIONS = "django_migrations"


@dataclass(frozen=True)
class Contents:
    migrations: list
    rows: dict
    newest_post: int | None


def read_contents(database, tables, *, with_rows=True):
    """Return the Contents of `database`, which is a connection of either driver.

    Without `with_rows`, no rows are counted. Raises BackupError if it is not a database of this site or lacks tables that its
    migrations created.
    """
    tables = sorted(tables)
    if missing := {MIGRATIONS, User._meta.db_table, Post._meta.db_table} - set(tables):
        raise BackupError(f"It is not a database of this site: it has no table {min(missing)}.")
    applied = database.execute(f"SELECT app, name FROM {MIGRATIONS} ORDER BY id").fetchall()  # noqa: S608
    migrations = [f"{app}.{name}" for app, name in applied]
    if not missing_migrations(migrations) and (
        missing := set(connection.introspection.django_table_names()) - set(tables)
    ):
        raise BackupError(f"The database has lost its table {min(missing)}.")
    return Contents(
        migrations=migrations,
        rows={table: row_count(database, table) for table in tables if with_rows},
        newest_post=database.execute(f"SELECT max(id) FROM {Post._meta.db_table}").fetchone()[0],  # noqa: S608
    )


def row_count(database, table):
    name = table.replace('"', '""')
    return database.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]  # noqa: S608


def picture_keys(database):
    """Yield the key of every profile picture in use."""
    table, column = User._meta.db_table, User._meta.get_field("picture").column
    columns = database.execute(f"SELECT * FROM {table} LIMIT 0").description  # noqa: S608
    if column not in [description[0] for description in columns]:
        return  # The database has an older schema.
    for (key,) in database.execute(f"SELECT {column} FROM {table} WHERE {column} <> ''"):  # noqa: S608
        yield key


def missing_migrations(applied):
    """Return the names of this release's migrations that haven't been applied, as a set."""
    graph = MigrationLoader(None).graph
    return {f"{app}.{name}" for app, name in graph.nodes} - set(applied)


def unknown_migrations(applied):
    """Return the applied migrations that this release doesn't have because they come from a newer release."""
    loader = MigrationLoader(None)
    known = set(loader.disk_migrations)
    for migration in loader.disk_migrations.values():
        known.update(migration.replaces)
    return [name for name in applied if tuple(name.split(".", 1)) not in known]


def differences(expected, found):
    """Return a sentence about the first difference between a manifest and the Contents found, or an empty string."""
    if expected.migrations != found.migrations:
        return "Its migrations differ from those in its manifest."
    for table in sorted(expected.rows.keys() | found.rows.keys()):
        expected_count, count = expected.rows.get(table), found.rows.get(table)
        if expected_count != count:
            return f"{table} should have {expected_count} rows but has {count}."
    if expected.newest_post != found.newest_post:
        return "Its newest post differs from the one in its manifest."
    return ""
