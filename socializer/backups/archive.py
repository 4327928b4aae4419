"""The file format of a backup: a tar file whose last member is the checksum of everything before it.

Its members, in this order: the database, any number of pictures, `manifest.json`, `sha256`.
"""

import json
import os
import re
import stat
import tarfile
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from hashlib import sha256
from io import BytesIO

from accounts import pictures
from socializer.backups import BackupError

FORMAT = 1
DATABASE = re.compile(r"database\.(sqlite3|dump)")
MANIFEST, CHECKSUM = "manifest.json", "sha256"
CHUNK = 1024 * 1024
# The maximum size that is read into memory. The header of a damaged file may contain any size.
LONGEST_MANIFEST = 64 * CHUNK


class Damaged(BackupError):
    """The file is not a complete backup."""


@dataclass(frozen=True)
class Manifest:
    """The contents of a backup, and information about the site that it comes from."""

    format: int
    created_on: str
    engine: str
    site_url: str
    # This is equal for sites with the same SECRET_KEY.
    site_key: str
    # Every applied migration, in the form app.name.
    migrations: list
    # The number of rows of every table.
    rows: dict
    newest_post: int | None
    # The size and checksum of the database file in the archive.
    database: dict
    # The number, total size and joint checksum of the picture files. `missing` lists pictures that rows refer to but the
    # storage doesn't have.
    pictures: dict

    @classmethod
    def from_json(cls, text):
        """Parse a manifest. Raises Damaged if this release can't read it."""
        try:
            found = json.loads(text)
            if found["format"] != FORMAT:
                raise Damaged(f"it has format {found['format']}, which this release can't read")
            manifest = cls(**found)
        except (KeyError, TypeError, ValueError) as error:
            raise Damaged("its manifest can't be read") from error
        if not manifest._is_complete():
            raise Damaged("its manifest can't be read")
        return manifest

    def _is_complete(self):
        return (
            all(isinstance(getattr(self, field.name), field.type) for field in fields(self))
            and all(isinstance(name, str) for name in self.migrations)
            and self.database.keys() == {"size", "sha256"}
            and self.pictures.keys() == {"count", "size", "sha256", "missing"}
            and isinstance(self.pictures["missing"], list)
        )

    def to_json(self):
        return json.dumps(asdict(self), indent=1).encode()


class HashingFile:
    """A file for reading or writing that counts and hashes the bytes."""

    def __init__(self, file):
        self.file = file
        self.size = 0
        self.hash = sha256()

    def read(self, size=-1):
        return self._count(self.file.read(size))

    def write(self, data):
        self.file.write(data)
        self._count(data)
        return len(data)

    def tell(self):
        return self.file.tell()

    def _count(self, data):
        self.size += len(data)
        self.hash.update(data)
        return data


class ArchiveWriter:
    """Writes the members in order. Its memory use doesn't grow with their number or size."""

    def __init__(self, file):
        self.file = HashingFile(file)
        self.tar = tarfile.TarFile(fileobj=self.file, mode="w", format=tarfile.GNU_FORMAT)
        self.pictures, self.pictures_size, self.pictures_hash = 0, 0, sha256()

    def add_database(self, name, path):
        """Copy the file at `path` into the archive. Returns its size and checksum."""
        with path.open("rb") as file:
            hashing = HashingFile(file)
            self._add(name, path.stat().st_size, hashing)
        return {"size": hashing.size, "sha256": hashing.hash.hexdigest()}

    def add_picture(self, name, content):
        self._add(name, len(content), BytesIO(content))
        self.pictures += 1
        self.pictures_size += len(content)
        update_with_picture(self.pictures_hash, name, content)

    def pictures_summary(self, missing):
        digest = self.pictures_hash.hexdigest()
        return {
            "count": self.pictures,
            "size": self.pictures_size,
            "sha256": digest,
            "missing": missing,
        }

    def close(self, manifest):
        """Write the manifest and the checksum."""
        text = manifest.to_json()
        self._add(MANIFEST, len(text), BytesIO(text))
        checksum = self.file.hash.hexdigest().encode()
        self._add(CHECKSUM, len(checksum), BytesIO(checksum))
        self.tar.close()

    def _add(self, name, size, file):
        member = tarfile.TarInfo(name)
        member.size, member.mode = size, 0o600
        self.tar.addfile(member, file)
        self.tar.members.clear()


def open_backup(path):
    """Open the file at `path` for reading. Raises BackupError."""
    try:
        # Without O_NONBLOCK, opening a pipe would wait for a writer.
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except FileNotFoundError as error:
        raise BackupError(f"There is no file {path}.") from error
    except OSError as error:
        raise BackupError(f"{path} can't be read: {error.strerror}.") from error
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise BackupError(f"{path} is a folder or a device, not a file.")
    return os.fdopen(file, "rb")


def update_with_picture(hash, name, content):
    hash.update(f"{name} {len(content)}\n".encode())
    hash.update(content)


class Archive:
    """A backup that is being read. Use it in a `with` statement and call `check()` first."""

    def __init__(self, path):
        self.path = path

    def __enter__(self):
        self.file = open_backup(self.path)
        return self

    def __exit__(self, *error):
        self.file.close()

    def check(self):
        """Read the whole file and return its Manifest. Raises Damaged if any byte has changed."""
        members = self._members()
        self.database_member = next(members, None)
        if self.database_member is None or not DATABASE.fullmatch(self.database_member.name):
            raise Damaged("it is not a backup of this site, or it is damaged")
        database = HashingFile(self._content(self.database_member))
        while database.read(CHUNK):
            pass
        count, size, common = 0, 0, sha256()
        for member in members:
            if not is_picture(member.name):
                break
            content = self._content(member).read()
            count, size = count + 1, size + len(content)
            update_with_picture(common, member.name, content)
        else:
            raise Damaged("it is incomplete")
        manifest = self._manifest(member, next(members, None))
        if (database.size, database.hash.hexdigest()) != (
            manifest.database["size"],
            manifest.database["sha256"],
        ):
            raise Damaged("its database doesn't match its manifest")
        if (count, size, common.hexdigest()) != tuple(
            manifest.pictures[key] for key in ("count", "size", "sha256")
        ):
            raise Damaged("its pictures don't match its manifest")
        return manifest

    def _manifest(self, member, checksum):
        """Verify the checksum of the file, and return the Manifest. The manifest and the checksum are the last two members."""
        if checksum is None or (member.name, checksum.name) != (MANIFEST, CHECKSUM):
            raise Damaged("it is incomplete, or has members that don't belong in a backup")
        if member.size > LONGEST_MANIFEST:
            raise Damaged("its manifest can't be read")
        expected = self._content(checksum).read(2 * sha256().digest_size)
        end = checksum.offset_data + tarfile.BLOCKSIZE
        self.file.seek(0)
        digest, left = sha256(), checksum.offset
        while left and (chunk := self.file.read(min(left, CHUNK))):
            digest.update(chunk)
            left -= len(chunk)
        self.file.seek(checksum.offset_data + len(expected))
        rest = self.file.read(3 * tarfile.RECORDSIZE)
        whole = self.file.tell() % tarfile.RECORDSIZE == 0 and self.file.tell() >= end + 2 * tarfile.BLOCKSIZE
        if expected.decode("ascii", "replace") != digest.hexdigest() or rest.strip(b"\0") or not whole:
            raise Damaged("its checksum is wrong")
        if self.file.read(1) or len(rest) > 2 * tarfile.RECORDSIZE:
            raise Damaged("it has extra data at its end")
        return Manifest.from_json(self._content(member).read())

    @contextmanager
    def database(self):
        """Yield the database as a file, positioned at its start."""
        yield self._content(self.database_member)

    def pictures(self):
        """Yield the name and content of each picture."""
        for member in self._members():
            if is_picture(member.name):
                yield member.name, self._content(member).read()

    def _members(self):
        """Yield the members in order, without keeping them in memory."""
        self.file.seek(0)
        try:
            tar = tarfile.TarFile(fileobj=self.file, mode="r", errorlevel=2)
            while member := tar.next():
                tar.members.clear()
                if not member.isreg():
                    raise Damaged("it has members that don't belong in a backup")
                yield member
        except (tarfile.TarError, OSError, ValueError) as error:
            raise Damaged("it is not a backup of this site, or it is damaged") from error

    def _content(self, member):
        return Section(self.file, member.offset_data, member.size)


class Section:
    """A part of a file, which can be read only once. Raises Damaged if the file ends early."""

    def __init__(self, file, start, size):
        self.file, self.position, self.left = file, start, size

    def read(self, size=-1):
        size = self.left if size < 0 else min(size, self.left)
        if size > LONGEST_MANIFEST:
            raise Damaged("a member is too long")
        self.file.seek(self.position)
        data = self.file.read(size)
        if len(data) < size:
            raise Damaged("it is cut off")
        self.position += size
        self.left -= size
        return data


def is_picture(name):
    folder, _slash, file = name.partition("/")
    return folder == pictures.FOLDER and bool(pictures.NAME.fullmatch(file))
