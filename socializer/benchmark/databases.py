"""Databases for measuring, created next to the site's own and deleted afterwards."""

import errno
import tempfile
from contextlib import contextmanager
from pathlib import Path

from django.core.management.base import CommandError
from django.db import connections

DISK_FULL = "The disk is full. The benchmark's data has been deleted. Try fewer posts, or another TMPDIR."


def configurations(folder, engines):
    """Yield the DATABASES entry of each database to create: SQLite, then PostgreSQL if the site uses it."""
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
    """Use a database of this configuration, with empty tables, as the default one. Delete it afterwards.

    Raises CommandError if there is already a database with that name and `replace` is not set, if it is the site's own, or if
    the disk is full.
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
            raise CommandError(f"There is already a database {name}. If it may be deleted, add --replace.")
        try:
            own.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
            with disk_full_as_command_error():
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
def disk_full_as_command_error():
    try:
        yield
    except Exception as error:  # Drivers and operating systems raise different errors for this.
        text = str(error)
        full = getattr(error, "errno", None) == errno.ENOSPC
        if full or "disk is full" in text or "No space left" in text or "could not extend file" in text:
            raise CommandError(DISK_FULL) from error
        raise


@contextmanager
def scratch_folder():
    with tempfile.TemporaryDirectory(prefix="bench_timeline-") as folder:
        yield folder
