"""Databases for measuring, made beside the site's and deleted afterwards."""

import errno
import tempfile
from contextlib import contextmanager
from pathlib import Path

from django.core.management.base import CommandError
from django.db import connections

FULL = "The disk is full. What was made so far is deleted again; try fewer posts, or another TMPDIR."


def configurations(folder, engines):
    """Yield the DATABASES entry of each database to make, SQLite first; PostgreSQL where the site is on it."""
    if "sqlite" in engines:
        tuning = {"transaction_mode": "IMMEDIATE", "timeout": 20}
        tuning["init_command"] = "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-4000"
        yield {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": Path(folder) / "benchmark.sqlite3",
            "OPTIONS": tuning,
        }
    site = connections["default"].settings_dict
    if "postgresql" in engines and connections["default"].vendor == "postgresql":
        yield site | {"NAME": f"{site['NAME']}_benchmark"}


@contextmanager
def own_database(config, *, replace=False):
    """Let everything read and write an empty database of this configuration, with all tables; delete it afterwards.

    Raises CommandError if one of that name is there already, unless it may be replaced, if it would be the site's own,
    and if the disk is full.
    """
    name = str(config["NAME"])
    site, site_config = connections["default"], connections.settings["default"]
    if name == str(site.settings_dict["NAME"]):
        raise CommandError("That is the site's own database.")
    config = connections.configure_settings({"default": config | {"TEST": {"NAME": name}}})
    connections.settings |= config
    connections["default"] = own = connections.create_connection("default")
    try:
        if not replace and exists(own):
            raise CommandError(f"There is a database {name} already. If it may be deleted, add --replace.")
        try:
            own.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
            with saying_if_full():
                yield
        finally:
            own.creation.destroy_test_db(name, verbosity=0)
    finally:
        connections["default"], connections.settings["default"] = site, site_config


def exists(connection):
    if connection.vendor == "sqlite":
        return Path(connection.settings_dict["NAME"]).exists()
    with connection._nodb_cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [connection.settings_dict["NAME"]])
        return cursor.fetchone() is not None


@contextmanager
def saying_if_full():
    try:
        yield
    except Exception as error:  # Whatever the driver or the operating system calls it.
        words = str(error)
        full = getattr(error, "errno", None) == errno.ENOSPC
        if full or "disk is full" in words or "No space left" in words or "could not extend file" in words:
            raise CommandError(FULL) from error
        raise


@contextmanager
def scratch_folder():
    with tempfile.TemporaryDirectory(prefix="bench_timeline-") as folder:
        yield folder
