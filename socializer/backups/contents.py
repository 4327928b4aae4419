"""What a database holds, asked in the same way on both engines, and whether it is a database of this site."""

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
    """Return the Contents of `database`, a connection of either driver that has these tables; without `with_rows`, of none.

    Raises BackupError if it is not a database of this site, or lacks tables that its migrations have made.
    """
    tables = sorted(tables)
    if lost := {MIGRATIONS, User._meta.db_table, Post._meta.db_table} - set(tables):
        raise BackupError(f"It is not a database of this site: it has no table {min(lost)}.")
    applied = database.execute(f"SELECT app, name FROM {MIGRATIONS} ORDER BY id").fetchall()  # noqa: S608
    migrations = [f"{app}.{name}" for app, name in applied]
    if not missing_migrations(migrations) and (
        lost := set(connection.introspection.django_table_names()) - set(tables)
    ):
        raise BackupError(f"The database has lost its table {min(lost)}.")
    return Contents(
        migrations=migrations,
        rows={table: row_count(database, table) for table in tables if with_rows},
        newest_post=database.execute(f"SELECT max(id) FROM {Post._meta.db_table}").fetchone()[0],  # noqa: S608
    )


def row_count(database, table):
    name = table.replace('"', '""')
    return database.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]  # noqa: S608


def picture_keys(database):
    """Yield the key of every picture that a member shows."""
    table, column = User._meta.db_table, User._meta.get_field("picture").column
    columns = database.execute(f"SELECT * FROM {table} LIMIT 0").description  # noqa: S608
    if column not in [description[0] for description in columns]:
        return  # An older schema.
    for (key,) in database.execute(f"SELECT {column} FROM {table} WHERE {column} <> ''"):  # noqa: S608
        yield key


def missing_migrations(applied):
    """Return the names of this release's migrations that are not among those applied."""
    graph = MigrationLoader(None).graph
    return {f"{app}.{name}" for app, name in graph.nodes} - set(applied)


def unknown_migrations(applied):
    """Return those of the applied migrations that this release does not have: a newer one has made them."""
    loader = MigrationLoader(None)
    known = set(loader.disk_migrations)
    for migration in loader.disk_migrations.values():
        known.update(migration.replaces)
    return [name for name in applied if tuple(name.split(".", 1)) not in known]


def differences(expected, found):
    """Return a sentence on how the Contents found differ from a manifest's, or nothing."""
    if expected.migrations != found.migrations:
        return "It has other migrations than its manifest says."
    for table in sorted(expected.rows.keys() | found.rows.keys()):
        before, now = expected.rows.get(table), found.rows.get(table)
        if before != now:
            return f"{table} should have {before} rows and has {now}."
    if expected.newest_post != found.newest_post:
        return "Its newest post is another one."
    return ""
