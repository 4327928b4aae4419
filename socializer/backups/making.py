"""Making a backup, and proving that one can be restored."""

import errno
import os
import shutil
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.utils import timezone
from django.utils.crypto import salted_hmac

from accounts import pictures
from socializer.backups import BackupError
from socializer.backups.archive import FORMAT, Archive, ArchiveWriter, Damaged, Manifest
from socializer.backups.contents import differences
from socializer.backups.postgresql import NoScratch, PostgreSQL
from socializer.backups.sqlite import SQLite

ENGINES = {engine.name: engine for engine in (SQLite, PostgreSQL)}
MEGABYTE = 1024 * 1024
# Folders in which backups are being made begin with this.
SCRATCH = ".backup-"
# As many lost pictures are named in a manifest.
NAMED = 1_000


def current_engine():
    return ENGINES[connection.vendor]()


def site_key():
    """Return what tells whether two sites have the same SECRET_KEY, and nothing about the key."""
    return salted_hmac("socializer.backups", "site", algorithm="sha256").hexdigest()[:32]


def make_backup(file, *, report=lambda words: None):
    """Make a backup at the path `file`, read it back and restore it into a scratch database.

    The file appears when all of that is done, and never replaces another. Returns its Manifest. Calls `report` with
    sentences about what an operator should know. Raises BackupError.
    """
    engine = current_engine()
    with saying_how_much_room(engine, file.parent):
        file.parent.mkdir(parents=True, exist_ok=True)
        if is_there(file):
            raise BackupError(f"{file} is there already.")
        needed = 2 * engine.size()
        if shutil.disk_usage(file.parent).free < needed:
            raise OSError(errno.ENOSPC, "No space left on device")
        with scratch_folder(file.parent) as folder:
            part = Path(folder) / "backup.part"
            write_backup(part, engine, folder)
            manifest = check_backup(part, report=report)
            publish(part, file)
    if lost := manifest.pictures["missing"]:
        report(f"{len(lost)} pictures that members show were not in the storage.")
    return manifest


def is_there(path):
    """Return whether something has this name. Unlike `Path.exists()`, raises OSError if no file can have it."""
    try:
        path.lstat()
    except FileNotFoundError:
        return False
    return True


def write_backup(path, engine, folder):
    """Write the archive: first the database, then the pictures that it names. A picture's files exist before its row does."""
    created_on = timezone.now()
    with path.open("xb") as file:
        path.chmod(0o600)
        archive = ArchiveWriter(file)
        with engine.snapshot(folder) as (copy, contents, keys):
            database = archive.add_database(engine.member, copy)
            missing = add_pictures(archive, keys)
        manifest = Manifest(
            format=FORMAT,
            created_on=created_on.isoformat(),
            engine=engine.name,
            site_url=settings.SITE_URL,
            site_key=site_key(),
            migrations=contents.migrations,
            rows=contents.rows,
            newest_post=contents.newest_post,
            database=database,
            pictures=archive.pictures_summary(missing),
        )
        archive.close(manifest)
        file.flush()
        os.fsync(file.fileno())


def add_pictures(archive, keys):
    """Add the files of these pictures. Returns the keys, some at most, of those that were deleted since, or long ago."""
    missing = []
    for key in keys:
        try:
            found = {edge: pictures.read(key, edge) for edge in pictures.SIZES}
        except Exception as error:  # Each storage has its own.
            raise BackupError(f"The pictures can't be read: {error}. Check MEDIA_STORAGE.") from error
        if None in found.values() and len(missing) < NAMED:
            missing.append(key)
        for edge, content in found.items():
            if content is not None:
                archive.add_picture(pictures.path(key, edge), content)
    return missing


def check_backup(path, *, report=lambda words: None):
    """Read all of a backup and restore its database into a scratch one. Returns its Manifest.

    Raises BackupError, and OSError if there is no room for the scratch database.
    """
    with describing(path), Archive(path) as archive:
        manifest = archive.check()
        engine = engine_of(manifest)
        with scratch_folder(path.parent) as folder:
            try:
                with archive.database() as stream, engine.scratch(stream, folder) as (_scratch, contents):
                    compare(manifest, contents)
            except NoScratch as error:
                with archive.database() as stream:
                    engine.read_dump(stream)
                report(f"The dump was read, but not restored into a scratch database. {error}")
    return manifest


def scratch_folder(near):
    """Give a folder on the same disk as the folder `near`, or any where one can't write there."""
    writable = os.access(near, os.W_OK)
    return tempfile.TemporaryDirectory(dir=near if writable else None, prefix=SCRATCH)


def compare(manifest, contents):
    if words := differences(manifest, contents):
        raise Damaged(f"its database is not what its manifest says: {words}")


def engine_of(manifest):
    engine = ENGINES.get(manifest.engine)
    if engine is None:
        raise Damaged("its manifest names no engine that we know")
    if engine is PostgreSQL and connection.vendor != "postgresql":
        raise BackupError("it is of a site on PostgreSQL, and this site is on SQLite")
    return engine()


@contextmanager
def describing(path):
    """Say of which file is said that it is damaged."""
    try:
        yield
    except Damaged as error:
        raise BackupError(f"{path} is damaged: {error}.") from error


def publish(part, file):
    """Give the finished file its name. Raises BackupError if another has it by now."""
    try:
        try:
            os.link(part, file)
        except FileExistsError:
            raise
        except OSError:  # A file system without links.
            if file.exists():
                raise FileExistsError(file) from None
            part.rename(file)
    except FileExistsError as error:
        raise BackupError(f"{file} is there already.") from error
    with suppress(OSError):
        folder = os.open(file.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


@contextmanager
def saying_how_much_room(engine, folder):
    """Make a sentence of what the operating system says."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            needed = 2 * engine.size() // MEGABYTE + 1
            raise BackupError(
                f"There is no room in {folder}. A backup needs about {needed:,} MB there, and room for the pictures."
            ) from error
        raise BackupError(f"{folder} can't be written to: {error.strerror or error}.") from error
