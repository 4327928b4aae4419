"""Databases that tests may back up, break and replace: copies of the empty test database, or of each other."""

import shutil
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.utils.crypto import get_random_string
from psycopg import sql

from socializer.backups.making import current_engine
from socializer.backups.sqlite import open_database


@contextmanager
def copied(template, folder, *, beginning=""):
    """Give the name of a copy of the database `template`, made in `folder` on SQLite. All that was made from it goes with it.

    On PostgreSQL, where dropping a database takes long, the caller drops all whose names have the same `beginning`.
    """
    if connection.vendor == "sqlite":
        # The path of a folder may contain anything.
        name = Path(folder) / "a ?#%41 folder" / "site.sqlite3"
        name.parent.mkdir()
        with closing(open_database(template)) as source:
            source.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        shutil.copy(template, name)
        yield name
        return
    name = f"{beginning or 'own'}_{get_random_string(6).lower()}"
    statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
    with current_engine().maintenance() as server:
        server.execute(statement.format(sql.Identifier(name), sql.Identifier(template)))
    try:
        yield name
    finally:
        if not beginning:
            drop_all(name)


def drop_all(beginning):
    """Drop all databases on the server whose names start with `beginning`."""
    with current_engine().maintenance() as server:
        for name in names(server):
            if name.startswith(beginning):
                drop(server, name)


@contextmanager
def everything_on(name):
    """Let every thread use the database `name`. The existing connection stays open."""
    before, settings = connections[DEFAULT_DB_ALIAS], connections.settings[DEFAULT_DB_ALIAS]
    own = before.copy()
    own.settings_dict["NAME"] = name
    settings_before = settings["NAME"]
    connections[DEFAULT_DB_ALIAS], settings["NAME"] = own, name
    try:
        yield
    finally:
        own.close()
        connections[DEFAULT_DB_ALIAS], settings["NAME"] = before, settings_before


def names(server):
    """Return the names of all databases on the server."""
    return [name for (name,) in server.execute("SELECT datname FROM pg_database").fetchall()]


def drop(server, name):
    server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def everything_beside(site):
    """Return the names of the site's databases on the server, or of the files beside its SQLite database."""
    connection.close()
    if connection.vendor == "sqlite":
        return sorted(path.name for path in site.parent.iterdir() if path.suffix not in (".lock", ".worker"))
    with current_engine().maintenance() as server:
        return sorted(name for name in names(server) if name.startswith(site))


def open_another(name):
    """Open a connection to a PostgreSQL database without Django."""
    own = connection.copy()
    own.settings_dict["NAME"] = name
    return psycopg.connect(**own.get_connection_params())
