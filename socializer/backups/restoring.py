"""Restores a backup. If a step fails, the live database isn't changed.

The new database is created beside the live one and migrated there. It then replaces the live one. Pictures are added first,
because unused pictures do no harm.
"""

import errno
import os
import shutil
import sqlite3
from contextlib import closing, contextmanager
from pathlib import Path

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.sessions.models import Session
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections

from accounts import pictures
from accounts.models import User
from accounts.outbox_hold import hold_outbox
from posts.circuit_breaker import Unavailable
from posts.rendering.cards import change_mentions_version
from posts.timelines import home_timeline
from socializer.backups import BackupError
from socializer.backups.archive import Archive, open_backup
from socializer.backups.contents import unknown_migrations
from socializer.backups.making import compare, current_engine, naming, scratch_folder, site_key
from socializer.backups.sqlite import HEADER, SQLite, as_backup_error, open_database

# The suffixes of SQLite's log files. These contain changes that aren't in the database file yet or that must be undone.
LOGS = ("-wal", "-journal")


class PlainSQLite:
    """A backup made by an earlier release, which is only a copy of the database."""

    manifest = None

    def __init__(self, path):
        self.path = path

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass

    def check(self):
        """Do nothing, because there is no manifest. The database is checked when it is restored."""

    @contextmanager
    def database(self):
        """Yield the database as a file, including the changes in its log files."""
        logs = [self.path.with_name(f"{self.path.name}{ending}") for ending in LOGS]
        if not any(map(Path.exists, logs)):
            with self.path.open("rb") as file:
                yield file
            return
        with scratch_folder(self.path.parent) as folder:
            copy = Path(folder) / "plain.sqlite3"
            shutil.copyfile(self.path, copy)
            for log, ending in zip(logs, LOGS, strict=True):
                if log.exists():
                    shutil.copyfile(log, copy.with_name(f"{copy.name}{ending}"))
            try:
                with closing(open_database(copy)) as database:
                    database.execute("PRAGMA journal_mode=DELETE")
            except sqlite3.Error as error:
                raise as_backup_error(error, f"{self.path} is damaged") from error
            with copy.open("rb") as file:
                yield file

    def pictures(self):
        return []


def restore_backup(path, *, another_site=False, report=lambda message: None):
    """Replace the site's database with the one in the backup at `path`, and add its pictures to the storage.

    Returns the name or path of the old database, or None if there was none. If it raises BackupError, nothing has changed.
    `another_site` allows a backup whose SITE_URL and SECRET_KEY both differ. Calls `report` with messages for the operator.
    """
    engine = current_engine()
    connections[DEFAULT_DB_ALIAS].close()
    refuse_live_database(path, engine)
    with explain_disk_errors(), naming(path), source_of(path) as backup:
        manifest = backup.check()
        if manifest:
            refuse_foreign(manifest, engine, another_site=another_site, report=report)
        elif engine.name != SQLite.name:
            raise BackupError(f"{path} is a SQLite database, but this site is on PostgreSQL.")
        with engine.exclusive_access(), scratch_beside(engine) as folder:
            with backup.database() as stream, engine.scratch(stream, folder) as (scratch, contents):
                if manifest:
                    compare(manifest, contents)
                refuse_newer(contents.migrations)
                with using_database(engine.connection_to(scratch)):
                    prepare(manifest)
                added = add_missing_pictures(backup)
                old_database = engine.replace_by(scratch, report)
    report(f"Restored {added} missing picture files.")
    clear_caches(report)
    return old_database


def source_of(path):
    with open_backup(path) as file:
        plain = file.read(len(HEADER)) == HEADER
    return PlainSQLite(path) if plain else Archive(path)


def refuse_live_database(path, engine):
    """Raise BackupError if `path` is the database that would be replaced."""
    if engine.name == SQLite.name and Path(os.path.realpath(path)) == engine.live:
        raise BackupError(f"{path} is the database that the site uses.")


def scratch_beside(engine):
    """Return a temporary folder. For SQLite, it is beside the database, because a file can be renamed only within a disk."""
    return scratch_folder(engine.live.parent if engine.name == SQLite.name else settings.BASE_DIR)


def refuse_foreign(manifest, engine, *, another_site, report):
    """Raise BackupError if the backup comes from another engine or another site."""
    if manifest.engine != engine.name:
        raise BackupError(
            f"The backup comes from {manifest.engine}, but DATABASE_URL is {engine.name}. Restore it on the same engine."
        )
    same_key, same_url = manifest.site_key == site_key(), manifest.site_url == settings.SITE_URL
    if not (same_key or same_url or another_site):
        raise BackupError(
            f"The backup comes from another site, {manifest.site_url}. To turn this site into that one, put its SECRET_KEY "
            "into .env, or add --another-site."
        )
    if not same_key:
        report(
            "The backup was made with another SECRET_KEY. Private feed links and links in earlier emails no longer work."
        )
    refuse_newer(manifest.migrations)


def refuse_newer(migrations):
    """Raise BackupError if a newer release made this database."""
    if unknown := unknown_migrations(migrations):
        raise BackupError(
            f"The backup comes from a newer release: this one doesn't have the migration {unknown[0]}. Update the code first."
        )


@contextmanager
def using_database(own):
    """Use the connection `own` instead of the site's, and close it at the end. Use this only in processes with one thread."""
    site = connections[DEFAULT_DB_ALIAS]
    site.close()
    connections[DEFAULT_DB_ALIAS] = own
    try:
        yield
    finally:
        own.close()
        connections[DEFAULT_DB_ALIAS] = site


def prepare(manifest):
    """Migrate the restored database, end all sessions and hold the outbox."""
    try:
        call_command("migrate", verbosity=0, interactive=False)
        hold_outbox()
        UserSession.objects.all().delete()
        Session.objects.all().delete()
        home_timeline().invalidate()
        if manifest:
            clear_lost_pictures(manifest.pictures["missing"])
    except DatabaseError as error:
        raise BackupError(f"The database in the backup can't be migrated: {error}") from error


def clear_lost_pictures(keys):
    """Clear profile pictures that are neither in the backup nor in the storage."""
    for key in keys:
        if not all(default_storage.exists(pictures.path(key, edge)) for edge in pictures.SIZES):
            User.objects.filter(picture=key).update(picture="")


def add_missing_pictures(backup):
    """Store the picture files that are missing from the storage. Returns their number. Raises BackupError."""
    added = 0
    for name, content in backup.pictures():
        try:
            if default_storage.exists(name):
                if default_storage.size(name) == len(content):
                    continue
                default_storage.delete(name)  # The file is incomplete.
            file = ContentFile(content)
            file.content_type = "image/webp"
            default_storage.save(name, file)
        except Exception as error:  # Each storage raises different errors.
            raise BackupError(f"The pictures can't be stored: {error}. Check MEDIA_STORAGE.") from error
        added += 1
    return added


def clear_caches(report):
    """Clear cached data from the replaced database."""
    change_mentions_version()
    try:
        home_timeline().delete_stored()
    except Unavailable:
        report(
            "Redis doesn't answer. The site rebuilds its timelines all the same, but the old ones take up memory until you "
            "delete them."
        )


@contextmanager
def explain_disk_errors():
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise BackupError(
                "The disk has no space for the restored database beside the old one."
            ) from error
        raise BackupError(f"The restore failed: {error}.") from error
