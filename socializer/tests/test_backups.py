"""Backups and restores, each on its own database, on the engine that the tests run on."""

import errno
import json
import os
import random
import re
import shutil
import sqlite3
import tarfile
import threading
from contextlib import ExitStack, contextmanager
from hashlib import sha256
from io import BytesIO, StringIO
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import pytest
from allauth.usersessions.models import UserSession
from django.conf import settings as django_settings
from django.contrib.sessions.models import Session
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client, override_settings
from django.utils import timezone

from accounts import pictures
from accounts.emails.models import OutboxHold
from accounts.models import User
from accounts.tests.factories import UserFactory
from accounts.tests.pictures import picture
from posts.models import Post
from posts.tests.factories import PostFactory
from posts.timelines.redis.models import TimelineGeneration
from socializer import environment as env
from socializer.backups import BackupError, archive, making, postgresql, restoring, rotation
from socializer.backups.making import current_engine
from socializer.management.commands import backup as backup_command
from socializer.tests.faults import in_place_of_the_default
from socializer.tests.own_database import (
    copied,
    drop,
    everything_beside,
    everything_on,
    open_another,
)
from socializer.tests.pgbouncer import needs_pgbouncer, pgbouncer, url

# The marker sets up the tests' database, which no test here uses.
pytestmark = pytest.mark.django_db

FILES = {"BACKEND": "django.core.files.storage.FileSystemStorage"}


@pytest.fixture(scope="module")
def prepared(django_db_setup, django_db_blocker, tmp_path_factory):
    """A database with a member who has a picture and a post, a folder of pictures, and a backup of both."""
    folder = tmp_path_factory.mktemp("prepared")
    with django_db_blocker.unblock(), ExitStack() as stack:
        connection.close()
        name = stack.enter_context(copied(connection.settings_dict["NAME"], folder))
        files = FILES | {"OPTIONS": {"location": folder / "media"}}
        with everything_on(name), override_settings(STORAGES=django_settings.STORAGES | {"default": files}):
            with pictures.stored(pictures.process_upload(picture())) as key:
                ada = UserFactory(username="ada", picture=key)
            PostFactory(author=ada, content="Before the backup.")
            back_up(folder / "backup.tar")
        yield SimpleNamespace(name=name, folder=folder)


@pytest.fixture
def folders(prepared, tmp_path, settings):
    """New folders for backups and pictures, with a copy of the prepared pictures."""
    settings.BACKUP_DIR = tmp_path / "backups"
    files = FILES | {"OPTIONS": {"location": tmp_path / "media"}}
    settings.STORAGES = settings.STORAGES | {"default": files}
    shutil.copytree(prepared.folder / "media", tmp_path / "media")


@pytest.fixture
def site(prepared, folders, tmp_path):
    """The site uses a copy of the prepared database."""
    with copied(prepared.name, tmp_path, beginning=prepared.name) as name, everything_on(name):
        yield name


@pytest.fixture
def untouched(prepared, folders):
    """The site uses the prepared database itself, which the test must not change."""
    connection.close()
    with everything_on(prepared.name):
        yield prepared.name


@pytest.fixture
def ada(site):
    return User.objects.get()


@pytest.fixture
def backup(prepared, folders, tmp_path):
    return shutil.copy(prepared.folder / "backup.tar", tmp_path / "backup.tar")


def back_up(file=None, **options):
    out = StringIO()
    call_command("backup", *([file] if file else []), stdout=out, stderr=out, **options)
    return out.getvalue()


def check(file):
    return back_up(file, check=True)


def restore(file, **options):
    out = StringIO()
    call_command("restore", file, stdout=out, **options)
    return out.getvalue()


def refused(words, command, *arguments, **options):
    with pytest.raises(CommandError, match=words):
        command(*arguments, **options)


def texts():
    return sorted(Post.objects.values_list("content", flat=True))


def lose_database(site):
    connection.close()
    if connection.vendor == "sqlite":
        site.unlink()
        return
    with current_engine().maintenance() as server:
        drop(server, site)


@contextmanager
def in_use(site):
    """Let another process use the database."""
    if connection.vendor == "sqlite":
        import fcntl

        with site.with_name(f"{site.name}.lock").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_SH)
            yield
    else:
        with open_another(site):
            yield


def test_a_restore_brings_back_posts_and_pictures_and_keeps_the_old_database(site, ada, backup):
    Client().force_login(ada)
    epoch = TimelineGeneration.objects.first()
    PostFactory(author=ada, content="After the backup.")
    ada.remove_picture()
    assert not pictures.stored_keys()

    said = restore(backup)

    assert texts() == ["Before the backup."]
    assert pictures.read(User.objects.get().picture, pictures.LARGE)
    assert not Session.objects.exists()
    assert not UserSession.objects.exists()
    assert TimelineGeneration.objects.first() == epoch
    assert OutboxHold.is_on()
    kept = re.search(r"kept as (.*)\. Delete", said)[1].rpartition("/")[2]
    assert len(everything_beside(site)) == 2
    assert kept in everything_beside(site)


def test_a_fan_out_timeline_is_rebuilt_after_a_restore_even_if_redis_is_down(site, backup, settings):
    settings.TIMELINE_REDIS_URL = "redis://127.0.0.1:1/0"
    settings.HOME_TIMELINE = "fanout_read"
    TimelineGeneration.renew()
    before = TimelineGeneration.objects.get().value

    assert "Redis doesn't answer" in restore(backup)

    assert TimelineGeneration.objects.get().value != before


def test_a_backup_has_every_post_that_was_acknowledged_before_it_while_others_are_written(ada, tmp_path):
    acknowledged, done = [], threading.Event()

    def write():
        try:
            while not done.is_set():
                acknowledged.append(PostFactory(author_id=ada.pk, author=None, content="x").pk)
        finally:
            connection.close()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        while len(acknowledged) < 5:
            assert writer.is_alive()
        before = set(acknowledged)
        back_up(tmp_path / "backup.tar")
    finally:
        done.set()
        writer.join()
    assert len(acknowledged) > len(before)
    restore(tmp_path / "backup.tar")

    kept = set(Post.objects.filter(content="x").values_list("pk", flat=True))
    assert before <= kept <= set(acknowledged)


def test_only_the_owner_can_read_a_backup_and_it_replaces_no_file(untouched, backup):
    assert backup.stat().st_mode & 0o077 == 0
    before = backup.read_bytes()
    refused("already exists", back_up, backup)
    assert backup.read_bytes() == before


@pytest.mark.parametrize("name", ["what? 100%41 #1 é.tar", "é" * 127])
def test_a_backup_may_have_any_name(untouched, tmp_path, name):
    file = tmp_path / "a folder?" / name
    with mock.patch.object(making, "check_backup", wraps=without_scratch) as made:
        back_up(file)
        assert "is a good backup" in check(file)
    assert made.call_count == 1


def without_scratch(path, report):
    with archive.Archive(path) as read:
        return read.check()


def test_a_backup_in_a_folder_gets_its_own_name(untouched, tmp_path):
    with mock.patch.object(backup_command, "make_backup", side_effect=BackupError("no")) as make:
        refused("no", back_up, tmp_path)
        refused("no", back_up)

    folders = [call.args[0].parent for call in make.call_args_list]
    assert folders == [tmp_path, tmp_path / "backups"]
    assert all(rotation.NAME.fullmatch(call.args[0].name) for call in make.call_args_list)


def test_nothing_is_left_of_a_backup_if_the_disk_is_full(untouched, tmp_path):
    folder = tmp_path / "backups"
    with mock.patch("shutil.disk_usage", return_value=mock.Mock(free=1000)):
        refused("is full. A backup needs about", back_up)
    full = OSError(errno.ENOSPC, "No space left on device")
    for step in ("write_backup", "check_backup"):
        with mock.patch.object(making, step, side_effect=full):
            refused("is full. A backup needs about", back_up)
    with mock.patch.object(archive.ArchiveWriter, "add_picture", side_effect=full):
        refused("is full", back_up)

    assert list(folder.iterdir()) == []


def test_a_picture_deleted_during_a_backup_is_reported_and_its_member_gets_the_default_one(ada, tmp_path):
    pictures.discard(ada.picture)

    assert "1 profile pictures" in back_up(tmp_path / "backup.tar")
    restore(tmp_path / "backup.tar")

    assert User.objects.get().picture == ""


def test_existing_pictures_stay_and_an_incomplete_one_is_replaced(ada, backup):
    name = pictures.path(ada.picture, pictures.SMALL)
    whole = default_storage.open(name).read()
    with default_storage.open(name, "wb") as file:
        file.write(whole[:10])
    with pictures.stored(pictures.process_upload(picture(colour="red"))) as key:
        pass

    restore(backup)

    with default_storage.open(name) as file:
        assert file.read() == whole
    assert pictures.stored_keys() == {ada.picture, key}


# Damage


def flip(position):
    """Return a function that changes one bit of its bytes, at `position` from 0 (start) to 1 (end)."""

    def damage(data):
        data = bytearray(data)
        data[int(position * len(data))] ^= 4
        return bytes(data)

    return damage


def flip_in(name):
    """Return a function that changes one bit in the middle of the first member whose name starts with `name`."""

    def damage(data):
        with tarfile.open(fileobj=BytesIO(data)) as tar:
            member = next(member for member in tar if member.name.startswith(name))
        data = bytearray(data)
        data[member.offset_data + member.size // 2] ^= 4
        return bytes(data)

    return damage


def rewritten(change):
    """Return a function that applies `change` to the list of members, and computes the right checksum for the result."""

    def damage(data):
        with tarfile.open(fileobj=BytesIO(data)) as tar:
            members = [(member.name, tar.extractfile(member).read()) for member in tar]
        made = BytesIO()
        with tarfile.open(fileobj=made, mode="w", format=tarfile.GNU_FORMAT) as tar:
            for name, content in change(members):
                content = sha256(made.getvalue()).hexdigest().encode() if name == "sha256" else content
                member = tarfile.TarInfo(name)
                member.size = len(content)
                tar.addfile(member, BytesIO(content))
        return made.getvalue()

    return damage


def cut_database(members):
    """Cut the database in half, and change the manifest to match."""
    (name, database), *others = members
    database = database[: len(database) // 2]
    for other, _content in others[:-2]:
        assert other.startswith("pictures/")
    manifest = json.loads(others[-2][1])
    manifest["database"] = {"size": len(database), "sha256": sha256(database).hexdigest()}
    return [(name, database), *others[:-2], ("manifest.json", json.dumps(manifest).encode()), others[-1]]


def swap_pictures(members):
    (small, first), (large, second) = members[1:3]
    return [members[0], (small, second), (large, first), *members[3:]]


def another_manifest(members):
    """Change the manifest to that of a backup with one more post."""
    manifest = json.loads(dict(members)["manifest.json"])
    manifest["rows"]["posts_post"] += 1
    return [
        (name, json.dumps(manifest).encode() if name == "manifest.json" else content)
        for name, content in members
    ]


DAMAGES = {
    "cut near its beginning": lambda data: data[: len(data) // 10],
    "cut in the middle": lambda data: data[: len(data) // 2],
    "cut by one byte": lambda data: data[:-1],
    "emptied": lambda data: b"",
    "a bit of the database": flip_in("database"),
    "a bit of the manifest": flip_in("manifest"),
    "a bit of a picture": flip_in("pictures/"),
    "a bit of the checksum": flip_in("sha256"),
    "a bit of a header": flip(0),
    "something at its end": lambda data: data + b"x" * 10240,
    "a picture is missing": rewritten(lambda members: [members[0], *members[2:]]),
    "the manifest is missing": rewritten(lambda members: [m for m in members if m[0] != "manifest.json"]),
    "a strange member": rewritten(lambda members: [*members[:2], ("../../.env", b""), *members[2:]]),
    "pictures are swapped": rewritten(swap_pictures),
    "the manifest of another": rewritten(another_manifest),
    "a cut database with a fitting checksum": rewritten(cut_database),
}


def test_any_damage_is_noticed_and_nothing_changes(site, ada, backup, tmp_path):
    PostFactory(author=ada, content="After the backup.")
    assert "is a good backup" in check(backup)
    assert "is a good backup" in check(written(tmp_path, rewritten(list)(backup.read_bytes())))
    pictures.discard(ada.picture)
    before = everything_beside(site)
    anywhere = {
        f"a bit at {position:.5f}": flip(position) for position in [random.random() for _n in range(5)]
    }

    for description, damage in (DAMAGES | anywhere).items():
        broken = written(tmp_path, damage(backup.read_bytes()))
        for command in (check, restore):
            try:
                command(broken)
            except CommandError:
                continue
            pytest.fail(f"{command.__name__} didn't notice: {description}")
    assert everything_beside(site) == before
    assert not pictures.stored_keys()
    assert len(texts()) == 2


def written(folder, data):
    file = folder / "damaged.tar"
    file.write_bytes(data)
    return file


# What must not be restored


@pytest.mark.parametrize("command", [check, restore])
def test_a_path_that_is_not_a_file_is_refused_with_a_sentence(untouched, tmp_path, command):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "text").write_text("text")
    for path in ("pipe", "loop", "text/backup.tar", "missing.tar", "", "x" * 300):
        refused("no file|a folder or a device|can't be read", command, tmp_path / path)
    refused("a device", command, Path("/dev/null"))
    with mock.patch("os.open", side_effect=PermissionError(errno.EACCES, "Permission denied")):
        refused("can't be read: Permission denied", command, tmp_path / "text")


def test_a_place_that_is_not_writable_is_refused_with_a_sentence(untouched, tmp_path):
    (tmp_path / "text").write_text("text")
    (tmp_path / "loop").symlink_to("loop")
    with mock.patch.object(making, "write_backup") as write:
        for path in ("x" * 300, "text/backup.tar", "loop/backup.tar", "new folder/" + "x" * 300):
            refused("Can't write to", back_up, tmp_path / path)
        refused("already exists", back_up, tmp_path / "loop")
        refused("Leave out the file", back_up, tmp_path / "backup.tar", scheduled=True)
        denied = PermissionError(errno.EACCES, "Permission denied")
        with mock.patch("os.stat", side_effect=denied), mock.patch("os.lstat", side_effect=denied):
            refused("Can't write to .*: Permission denied", back_up, tmp_path / "backup.tar")
    write.assert_not_called()


def test_a_check_on_a_full_disk_ends_with_a_sentence(untouched, backup):
    full = OSError(errno.ENOSPC, "No space left on device")
    with mock.patch.object(making, "scratch_folder", side_effect=full):
        refused("Can't check .*No space left", check, backup)


def test_a_restore_on_a_read_only_disk_ends_with_a_sentence(untouched, backup):
    read_only = OSError(errno.EROFS, "Read-only file system")
    with mock.patch.object(restoring, "scratch_folder", side_effect=read_only):
        refused("Read-only file system.*Nothing was changed", restore, backup)


def test_a_file_that_is_not_a_backup_is_refused(untouched, tmp_path):
    (tmp_path / "text.tar").write_text("Not a backup, whatever its name says." * 1000)
    foreign = sqlite3.connect(tmp_path / "foreign.sqlite3")
    foreign.execute("CREATE TABLE t (x)")
    foreign.close()

    for name in ("text.tar", "foreign.sqlite3", "missing.tar", ""):
        refused("Nothing was changed", restore, tmp_path / name)


def test_an_older_schema_is_migrated(site, ada, tmp_path):
    graph = MigrationLoader(None).graph
    (newest,) = graph.leaf_nodes("posts")
    before = next(parent.key for parent in graph.node_map[newest].parents if parent.key[0] == "posts")
    call_command("migrate", *before, verbosity=0)
    back_up(tmp_path / "older.tar")
    call_command("migrate", verbosity=0)

    restore(tmp_path / "older.tar")

    assert newest in MigrationRecorder(connection).applied_migrations()
    assert texts() == ["Before the backup."]


def test_a_newer_schema_is_refused(untouched, backup, tmp_path):
    newer = written(tmp_path, rewritten(with_a_future_migration)(backup.read_bytes()))
    refused("newer release.*posts.9999_future", restore, newer)


def with_a_future_migration(members):
    manifest = json.loads(dict(members)["manifest.json"])
    manifest["migrations"].append("posts.9999_future")
    return [
        (name, json.dumps(manifest).encode() if name == "manifest.json" else content)
        for name, content in members
    ]


def test_a_manifest_with_wrong_fields_is_damaged(backup):
    fields = json.loads(dict(members_of(backup))["manifest.json"])
    assert archive.Manifest.from_json(json.dumps(fields)) == manifest_of(backup)
    changes = [{name: wrong} for name in fields for wrong in (0.5, ["x", 1], {"x": 1})]
    for changed in ([], 1, {}, {"format": 1}, {"more": 1} | fields, *(fields | change for change in changes)):
        if isinstance(changed, dict) and changed.get("rows") == {"x": 1}:
            continue  # This is valid.
        with pytest.raises(archive.Damaged):
            archive.Manifest.from_json(json.dumps(changed))


def test_a_backup_of_another_site_is_refused_unless_the_operator_insists(site, backup, settings):
    manifest, messages = manifest_of(backup), []
    own = {"engine": current_engine(), "another_site": False, "report": messages.append}
    settings.SITE_URL = "https://new.example.com"
    restoring.refuse_foreign(manifest, **own)  # The same site at a new address.
    assert messages == []

    settings.SECRET_KEY = "another" * 10
    refused("another site, http://localhost:8000", restore, backup)
    assert "another SECRET_KEY" in restore(backup, another_site=True)

    settings.SITE_URL = "http://localhost:8000"
    restoring.refuse_foreign(manifest, **own)
    assert len(messages) == 1


def manifest_of(file):
    return archive.Manifest.from_json(dict(members_of(file))["manifest.json"])


def test_a_backup_of_another_engine_is_refused(backup):
    other = {"sqlite": "postgresql", "postgresql": "sqlite"}[connection.vendor]
    manifest = manifest_of(backup)
    engine = mock.Mock()
    engine.name = other
    with pytest.raises(BackupError, match="Restore it on the same engine"):
        restoring.refuse_foreign(manifest, engine, another_site=False, report=print)


def members_of(file):
    with tarfile.open(file) as tar:
        return [(member.name, tar.extractfile(member).read()) for member in tar]


def test_nothing_is_replaced_while_another_process_uses_the_database(untouched, backup):
    before = everything_beside(untouched)
    with in_use(untouched):
        refused("Stop the site", restore, backup)
    assert everything_beside(untouched) == before


def test_a_second_restore_at_the_same_time_is_refused(untouched, backup):
    connection.close()
    before = everything_beside(untouched)
    with current_engine().exclusive_access():
        refused("Nothing was changed", restore, backup)
    assert everything_beside(untouched) == before


@pytest.mark.parametrize("step", ["prepare", "add_missing_pictures", "compare"])
def test_a_failed_restore_leaves_everything_as_it_was(untouched, backup, step):
    before = everything_beside(untouched)
    with mock.patch.object(restoring, step, side_effect=BackupError("No.")):
        refused("Nothing was changed", restore, backup)

    assert everything_beside(untouched) == before
    assert not OutboxHold.is_on()


def test_a_restore_replaces_a_database_that_is_missing(site, backup):
    lose_database(site)
    refused("no database|Can't connect to", back_up)

    assert "is kept" not in restore(backup)
    assert texts() == ["Before the backup."]


def test_a_database_without_the_tables_of_a_site_is_not_backed_up(site, ada, tmp_path):
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE posts_homefeed")
    refused("lost its table posts_homefeed", back_up, tmp_path / "backup.tar")
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE django_migrations")
    refused("not a database of this site", back_up, tmp_path / "backup.tar")

    assert not (tmp_path / "backup.tar").exists()


def test_a_backup_during_a_migration_has_the_state_before_it_or_is_refused(site, ada, tmp_path, monkeypatch):
    monkeypatch.setattr(postgresql, "LOCK_WAIT", "200ms")
    file = tmp_path / "backup.tar"
    with ExitStack() as stack:
        if connection.vendor == "sqlite":
            other = sqlite3.connect(site, isolation_level=None)
            stack.callback(other.close)
            other.execute("BEGIN IMMEDIATE")
        else:
            other = stack.enter_context(open_another(site))
        other.execute("ALTER TABLE posts_post ADD COLUMN half_done integer")
        if connection.vendor == "sqlite":
            back_up(file)
        else:
            refused("lock timeout", back_up, file)
            assert not file.exists()


class TestOnSQLite:
    pytestmark = pytest.mark.skipif(connection.vendor != "sqlite", reason="SQLite only")

    def test_a_damaged_database_is_not_backed_up_but_a_restore_replaces_and_keeps_it(
        self, site, backup, tmp_path
    ):
        connection.close()
        broken = bytearray(site.read_bytes())
        broken[4096 : len(broken) // 2] = bytes(len(broken) // 2 - 4096)
        for content in (bytes(broken), b"", b"text" * 5000):
            site.write_bytes(content)
            site.with_name(f"{site.name}-wal").write_bytes(b"old")
            refused("damaged|copied|not a database of this site", back_up, tmp_path / "no.tar")
            site.write_bytes(content)
            site.with_name(f"{site.name}-wal").write_bytes(b"old")

            said = restore(backup)

            kept = site.with_name(re.search(r"kept as .*/(.*)\. Delete", said)[1])
            assert kept.read_bytes() == content
            assert kept.with_name(f"{kept.name}-wal").read_bytes() == b"old"
            assert texts() == ["Before the backup."]
            connection.close()
            for path in (kept, kept.with_name(f"{kept.name}-wal")):
                path.unlink()

    def test_a_backup_of_an_earlier_release_is_restored_if_it_is_complete(self, site, ada, tmp_path):
        connection.close()
        plain = shutil.copy(site, tmp_path / "plain ?.sqlite3")
        cut = tmp_path / "cut.sqlite3"
        cut.write_bytes(site.read_bytes()[:100_000])
        PostFactory(author=ada, content="After the backup.")
        refused("damaged", restore, cut)

        restore(plain)

        assert texts() == ["Before the backup."]

    def test_changes_in_the_log_of_a_plain_database_are_restored(self, site, ada, tmp_path):
        PostFactory(author=ada, content="In the log.")
        plain = tmp_path / "plain.sqlite3"
        for ending in ("", "-wal", "-shm"):
            shutil.copy(site.with_name(f"{site.name}{ending}"), plain.with_name(f"{plain.name}{ending}"))
        before = {path: path.read_bytes() for path in tmp_path.glob("plain.*")}
        Post.objects.all().delete()

        restore(plain)

        assert texts() == ["Before the backup.", "In the log."]
        assert {path: path.read_bytes() for path in tmp_path.glob("plain.*")} == before

    def test_the_live_database_is_not_restored_over_itself(self, site, tmp_path):
        (tmp_path / "link").symlink_to(site)
        before = everything_beside(site)
        for path in (site, tmp_path / "link"):
            refused("the database that the site uses", restore, path)
        assert everything_beside(site) == before

    def test_the_database_of_a_site_may_be_a_link(self, site, backup, tmp_path):
        connection.close()
        link = tmp_path / "link.sqlite3"
        link.symlink_to(site)
        with everything_on(link):
            with in_use(site):
                refused("Stop the site", restore, backup)
            assert "kept as" in restore(backup)
            assert texts() == ["Before the backup."]
        assert link.is_symlink()
        assert len(everything_beside(site)) == 2

    def test_a_failed_renaming_is_undone(self, site, ada, backup):
        PostFactory(author=ada, content="After the backup.")
        before = everything_beside(site)
        rename = type(site).rename

        def fail(path, target):
            if path.name == "scratch.sqlite3":
                raise OSError(errno.EIO, "Input/output error")
            return rename(path, target)

        with mock.patch.object(type(site), "rename", fail):
            refused("Nothing was changed", restore, backup)
        assert everything_beside(site) == before
        assert len(texts()) == 2


def settings_of_database(cursor, name):
    cursor.execute(
        "SELECT setrole, unnest(setconfig) FROM pg_db_role_setting s JOIN pg_database d ON d.oid = setdatabase "
        "WHERE datname = %s ORDER BY 1, 2",
        [name],
    )
    return cursor.fetchall()


class TestOnPostgreSQL:
    pytestmark = pytest.mark.skipif(connection.vendor != "postgresql", reason="PostgreSQL only")

    def test_missing_and_outdated_programs_are_named(self, untouched, tmp_path):
        file = tmp_path / "backup.tar"
        with mock.patch("shutil.which", return_value=None):
            refused("pg_dump is not installed", back_up, file)
        with mock.patch("subprocess.run", return_value=mock.Mock(stdout="pg_dump (PostgreSQL) 9.6.1")):
            refused("pg_dump has version 9.6.1, but the server", back_up, file)

    def test_a_user_who_may_not_create_databases_gets_a_backup_that_was_only_read(self, untouched, tmp_path):
        import psycopg

        denied = psycopg.errors.InsufficientPrivilege("permission denied to create database")
        with mock.patch.object(postgresql.PostgreSQL, "_create", side_effect=denied):
            said = back_up(tmp_path / "backup.tar")
            refused("CREATEDB.*Nothing was changed", restore, tmp_path / "backup.tar")
        assert "not restored into a scratch database" in said

    def test_behind_a_pooler_backups_connect_to_the_server_itself(
        self, site, backup, tmp_path, monkeypatch, settings
    ):
        """The pooler has the database under another name, and no other database."""
        settings.BACKUP_DATABASE = connection.settings_dict | {"NAME": site}
        connection.close()
        with pgbouncer(tmp_path, database="alias", target=site) as port:
            monkeypatch.setenv("THING", url(port, "?pooler=transaction", name="alias"))
            with in_place_of_the_default(**env.database("THING", "", Path())):
                assert "is a good backup" in check(backup)
                assert f"kept as {site}_before_restore" in restore(backup)
                assert texts() == ["Before the backup."]

    test_behind_a_pooler_backups_connect_to_the_server_itself.pytestmark = needs_pgbouncer

    def test_a_restore_keeps_the_settings_of_the_database(self, site, backup):
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER DATABASE \"{site}\" SET work_mem = '7MB'")
            cursor.execute(f'ALTER DATABASE "{site}" SET search_path = "$user", public, "a ""b, c"')
            cursor.execute(f"ALTER DATABASE \"{site}\" SET DateStyle = 'ISO, DMY'")
            cursor.execute(f"ALTER ROLE CURRENT_USER IN DATABASE \"{site}\" SET plan_cache_mode = 'auto'")
            before = settings_of_database(cursor, site)
        assert len(before) == 4
        restore(backup)
        with connection.cursor() as cursor:
            assert settings_of_database(cursor, site) == before
            cursor.execute("SHOW search_path")
            assert cursor.fetchone() == ('"$user", public, "a ""b, c"',)

    def test_lists_are_split_into_their_elements(self):
        assert postgresql.elements('""') == [""]
        assert postgresql.elements('"$user", public') == ["$user", "public"]

    def test_a_rejected_setting_is_reported_and_doesnt_stop_the_restore(self, site, backup):
        with connection.cursor() as cursor:
            cursor.execute(f'ALTER DATABASE "{site}" SET search_path = public')
        with mock.patch.object(postgresql, "elements", return_value=[]):
            assert "search_path=public was not copied: syntax error" in restore(backup)
        assert texts() == ["Before the backup."]

    def test_the_programs_connect_to_the_same_server_as_django(self, untouched, backup, monkeypatch):
        """This holds even if the host is a parameter of the URL and environment variables name another one."""
        with connection.cursor():
            info = connection.connection.info
            parameters = {"host": info.host, "port": info.port, "user": info.user, "sslmode": "disable"}
        connection.close()
        for name in ("PGHOST", "PGDATABASE", "PGUSER"):
            monkeypatch.setenv(name, "/nonexistent")
        own = connection.settings_dict
        monkeypatch.setitem(own, "OPTIONS", own["OPTIONS"] | parameters)
        for name in ("HOST", "PORT", "USER"):
            monkeypatch.setitem(own, name, "")
        assert "is a good backup" in check(backup)

    def test_the_password_is_not_an_argument(self, untouched):
        engine = current_engine()
        with mock.patch.dict(connection.settings_dict, PASSWORD="secret's own"):  # noqa: S106
            assert "secret" not in engine._dbname(untouched)
            error = OSError("Not now.")
            with (
                mock.patch("subprocess.Popen", side_effect=error) as start,
                pytest.raises(OSError, match="Not"),
            ):
                engine.run("pg_dump", engine._dbname(untouched))
        assert start.call_args.kwargs["env"]["PGPASSWORD"] == "secret's own"
        assert "secret" not in str(start.call_args.args)

    def test_scratch_databases_of_killed_backups_are_dropped_after_a_day(self, site):
        engine, name = current_engine(), f"{site[:28]}_check_20260101_030000_abcd"
        kept = f"{site[:28]}_check_{timezone.now():{postgresql.TIME}}_abcd"
        with engine.maintenance() as server:
            for each in (name, kept):
                server.execute(f'CREATE DATABASE "{each}" TEMPLATE template0')
        with open_another(name):
            engine.remove_leftovers(rotation.LEFTOVER_AGE)
            assert name in everything_beside(site)
        engine.remove_leftovers(rotation.LEFTOVER_AGE)
        assert everything_beside(site) == [site, kept]


def test_root_creates_no_files_that_the_site_cannot_use(tmp_path, settings, monkeypatch):
    settings.VAR_DIR = mock.Mock(stat=lambda: SimpleNamespace(st_uid=65534))
    monkeypatch.setattr("socializer.backups.os.geteuid", lambda: 0)
    for command in ("backup", "restore"):
        with pytest.raises(CommandError, match="Run this as the user who runs the site"):
            call_command(command, tmp_path / "backup.tar")
    assert list(tmp_path.iterdir()) == []
