"""Makes backups, and checks that they can be restored."""

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
# The prefix of the folders in which backups are made.
SCRATCH = ".backup-"
# A manifest lists at most this many missing pictures.
MAX_MISSING = 1_000


def current_engine():
    return ENGINES[connection.vendor]()


def site_key():
    """Return a string that is the same for all sites with the same SECRET_KEY, and that doesn't reveal the key."""
    return salted_hmac("socializer.backups", "site", algorithm="sha256").hexdigest()[:32]


def make_backup(file, *, report=lambda message: None):
    """Make a backup at the path `file`, then read it and restore it into a scratch database. Returns its Manifest.

    The file appears only after these checks, and never replaces an existing one. Calls `report` with messages for the
    operator. Raises BackupError.
    """
    engine = current_engine()
    with explain_disk_errors(engine, file.parent):
        file.parent.mkdir(parents=True, exist_ok=True)
        if exists(file):
            raise BackupError(f"{file} already exists.")
        needed = 2 * engine.size()
        if shutil.disk_usage(file.parent).free < needed:
            raise OSError(errno.ENOSPC, "No space left on device")
        with scratch_folder(file.parent) as folder:
            part = Path(folder) / "backup.part"
            write_backup(part, engine, folder)
            manifest = check_backup(part, report=report)
            publish(part, file)
    if missing := manifest.pictures["missing"]:
        report(f"{len(missing)} profile pictures were missing from the storage.")
    return manifest


def exists(path):
    """Return whether something exists at this path. Unlike `Path.exists()`, raises OSError if the path is invalid."""
    try:
        path.lstat()
    except FileNotFoundError:
        return False
    return True


def write_backup(path, engine, folder):
    """Write the database to the archive, then its pictures. The site always stores a picture's files before its row."""
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
    """Add the files of these pictures. Returns the keys of pictures that are missing, at most MAX_MISSING."""
    missing = []
    for key in keys:
        try:
            found = {edge: pictures.read(key, edge) for edge in pictures.SIZES}
        except Exception as error:  # Each storage raises different errors.
            raise BackupError(f"The pictures can't be read: {error}. Check MEDIA_STORAGE.") from error
        if None in found.values() and len(missing) < MAX_MISSING:
            missing.append(key)
        for edge, content in found.items():
            if content is not None:
                archive.add_picture(pictures.path(key, edge), content)
    return missing


def check_backup(path, *, report=lambda message: None):
    """Read a whole backup and restore its database into a scratch one. Returns its Manifest.

    Raises BackupError, or OSError if the scratch database doesn't fit on the disk.
    """
    with naming(path), Archive(path) as archive:
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
    """Return a temporary folder in the folder `near`, or in the default location if `near` is not writable."""
    writable = os.access(near, os.W_OK)
    return tempfile.TemporaryDirectory(dir=near if writable else None, prefix=SCRATCH)


def compare(manifest, contents):
    if difference := differences(manifest, contents):
        raise Damaged(f"its database doesn't match its manifest: {difference}")


def engine_of(manifest):
    engine = ENGINES.get(manifest.engine)
    if engine is None:
        raise Damaged("its manifest names an unknown database engine")
    if engine is PostgreSQL and connection.vendor != "postgresql":
        raise BackupError("it comes from a site on PostgreSQL, but this site is on SQLite")
    return engine()


@contextmanager
def naming(path):
    """Add the path to the message of Damaged."""
    try:
        yield
    except Damaged as error:
        raise BackupError(f"{path} is damaged: {error}.") from error


def publish(part, file):
    """Rename the finished file. Raises BackupError if a file with that name exists by then."""
    try:
        try:
            os.link(part, file)
        except FileExistsError:
            raise
        except OSError:  # The file system doesn't support hard links.
            if file.exists():
                raise FileExistsError(file) from None
            part.rename(file)
    except FileExistsError as error:
        raise BackupError(f"{file} already exists.") from error
    with suppress(OSError):
        folder = os.open(file.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


@contextmanager
def explain_disk_errors(engine, folder):
    """Turn errors of the operating system into BackupErrors that tell the operator what to do."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            needed = 2 * engine.size() // MEGABYTE + 1
            raise BackupError(
                f"{folder} is full. A backup needs about {needed:,} MB there, plus space for the pictures."
            ) from error
        raise BackupError(f"Can't write to {folder}: {error.strerror or error}.") from error
