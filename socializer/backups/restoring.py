"""Bringing a backup back, so that a failure anywhere leaves everything as it was.

The database is made beside the live one, brought up to date and settled there, and only then takes its place. Pictures are
added before that: one that no row names does no harm.
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
from accounts.emails.hold import hold_outbox
from accounts.models import User
from posts.breaker import Unavailable
from posts.cards import forget_mentions
from posts.timelines import home_timeline
from socializer.backups import BackupError
from socializer.backups.archive import Archive, open_backup
from socializer.backups.contents import unknown_migrations
from socializer.backups.making import compare, current_engine, describing, scratch_folder, site_key
from socializer.backups.sqlite import HEADER, SQLite, explained, open_database

# What SQLite has not yet written into a database, or may have to undo in it, is in files whose names end so.
LOGS = ("-wal", "-journal")


class PlainSQLite:
    """A backup made by an earlier release: a copy of the database, and nothing else."""

    manifest = None

    def __init__(self, path):
        self.path = path

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass

    def check(self):
        """Nothing says what must be in it. Its database is checked when it is restored."""

    @contextmanager
    def database(self):
        """Give the database as a file for reading, with what is still in the logs beside it."""
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
                raise explained(error, f"{self.path} is damaged") from error
            with copy.open("rb") as file:
                yield file

    def pictures(self):
        return []


def restore_backup(path, *, another_site=False, report=lambda words: None):
    """Replace the site's database by that of the backup at `path`, and add its pictures to the storage.

    Returns where the old database is kept, or None if there was none. Raises BackupError, and then nothing has changed.
    `another_site` allows a backup whose SITE_URL and SECRET_KEY both differ. Calls `report` with what an operator should know.
    """
    engine = current_engine()
    connections[DEFAULT_DB_ALIAS].close()
    refuse_itself(path, engine)
    with saying_if_full(), describing(path), source_of(path) as backup:
        manifest = backup.check()
        if manifest:
            refuse_unfit(manifest, engine, another_site=another_site, report=report)
        elif engine.name != SQLite.name:
            raise BackupError(f"{path} is a SQLite database, and this site is on PostgreSQL.")
        with engine.alone(), scratch_beside(engine) as folder:
            with backup.database() as stream, engine.scratch(stream, folder) as (scratch, contents):
                if manifest:
                    compare(manifest, contents)
                refuse_newer(contents.migrations)
                with using_database(engine.connection_to(scratch)):
                    bring_up_to_date(manifest)
                added = add_missing_pictures(backup)
                kept = engine.replace_by(scratch, report)
    report(f"{added} pictures were missing and are back.")
    forget_remembered(report)
    return kept


def source_of(path):
    with open_backup(path) as file:
        plain = file.read(len(HEADER)) == HEADER
    return PlainSQLite(path) if plain else Archive(path)


def refuse_itself(path, engine):
    """Raise BackupError if `path` is the database that would be replaced."""
    if engine.name == SQLite.name and Path(os.path.realpath(path)) == engine.live:
        raise BackupError(f"{path} is the site's database itself.")


def scratch_beside(engine):
    """Give a folder for scratch files. Beside a SQLite database, as files can't be renamed from one disk to another."""
    return scratch_folder(engine.live.parent if engine.name == SQLite.name else settings.BASE_DIR)


def refuse_unfit(manifest, engine, *, another_site, report):
    """Raise BackupError if the backup is of another engine or another site."""
    if manifest.engine != engine.name:
        raise BackupError(
            f"The backup is of a site on {manifest.engine}, and DATABASE_URL is {engine.name}. Restore it where it was made."
        )
    same_key, same_url = manifest.site_key == site_key(), manifest.site_url == settings.SITE_URL
    if not (same_key or same_url or another_site):
        raise BackupError(
            f"The backup is of another site, {manifest.site_url}. If this site is to become that one, put its SECRET_KEY "
            "into .env, or add --another-site."
        )
    if not same_key:
        report(
            "The backup was made with another SECRET_KEY. With this one, the addresses of feeds and the links in emails that "
            "were sent before don't work."
        )
    refuse_newer(manifest.migrations)


def refuse_newer(migrations):
    """Raise BackupError if a newer release made this database."""
    if unknown := unknown_migrations(migrations):
        raise BackupError(
            f"The backup is of a newer release: this one does not know {unknown[0]}. Update the code first."
        )


@contextmanager
def using_database(own):
    """Have everything use the connection `own`, and close it at the end. Only for a process with one thread."""
    site = connections[DEFAULT_DB_ALIAS]
    site.close()
    connections[DEFAULT_DB_ALIAS] = own
    try:
        yield
    finally:
        own.close()
        connections[DEFAULT_DB_ALIAS] = site


def bring_up_to_date(manifest):
    """Apply the migrations that the backup lacks, end all sessions, and hold the outbox."""
    try:
        call_command("migrate", verbosity=0, interactive=False)
        hold_outbox()
        UserSession.objects.all().delete()
        Session.objects.all().delete()
        home_timeline().forget()
        if manifest:
            let_go_of_lost_pictures(manifest.pictures["missing"])
    except DatabaseError as error:
        raise BackupError(f"The backup can't be brought up to date: {error}") from error


def let_go_of_lost_pictures(keys):
    """Go back to the drawn picture where the backup has none and the storage neither."""
    for key in keys:
        if not all(default_storage.exists(pictures.path(key, edge)) for edge in pictures.SIZES):
            User.objects.filter(picture=key).update(picture="")


def add_missing_pictures(backup):
    """Store the pictures that the storage lacks. Returns how many files. Raises BackupError."""
    added = 0
    for name, content in backup.pictures():
        try:
            if default_storage.exists(name):
                if default_storage.size(name) == len(content):
                    continue
                default_storage.delete(name)  # Its writing broke off.
            file = ContentFile(content)
            file.content_type = "image/webp"
            default_storage.save(name, file)
        except Exception as error:  # Each storage has its own.
            raise BackupError(f"The pictures can't be stored: {error}. Check MEDIA_STORAGE.") from error
        added += 1
    return added


def forget_remembered(report):
    """Void what caches know of the replaced database."""
    forget_mentions()
    try:
        home_timeline().free_memory()
    except Unavailable:
        report(
            "Redis is away. Stored timelines are made anew all the same, and what it holds takes room until it is deleted."
        )


@contextmanager
def saying_if_full():
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise BackupError("There is no room for the restored database beside the old one.") from error
        raise BackupError(f"The restore failed: {error}.") from error
