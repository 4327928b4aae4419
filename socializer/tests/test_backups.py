"""Backups and restores, each on a database of the test's own, on the engine at hand."""

import errno
import json
import random
import re
import shutil
import sqlite3
import tarfile
import threading
from contextlib import ExitStack, contextmanager
from hashlib import sha256
from io import BytesIO, StringIO
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

from accounts import pictures
from accounts.models import OutboxHold, User
from accounts.tests.factories import UserFactory
from accounts.tests.pictures import picture
from posts.models import Post, TimelineEpoch
from posts.tests.factories import PostFactory
from socializer.backups import BackupError, archive, making, postgresql, restoring, rotation
from socializer.backups.making import current_engine
from socializer.management.commands import backup as backup_command
from socializer.tests.own_database import copied, drop, everything_beside, everything_on, open_another

# The database is set up for the marker's sake; no test uses it.
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
            with pictures.stored(pictures.remake(picture())) as key:
                ada = UserFactory(username="ada", picture=key)
            PostFactory(author=ada, content="Before the backup.")
            back_up(folder / "backup.tar")
        yield SimpleNamespace(name=name, folder=folder)


@pytest.fixture
def site(prepared, tmp_path, settings):
    """Everything works on a database and a folder of pictures of the test's own, copies of those prepared."""
    settings.BACKUP_DIR = tmp_path / "backups"
    files = FILES | {"OPTIONS": {"location": tmp_path / "media"}}
    settings.STORAGES = settings.STORAGES | {"default": files}
    shutil.copytree(prepared.folder / "media", tmp_path / "media")
    with copied(prepared.name, tmp_path) as name, everything_on(name):
        yield name


@pytest.fixture
def ada(site):
    return User.objects.get()


@pytest.fixture
def backup(prepared, site, tmp_path):
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
    """Have another process use the database."""
    if connection.vendor == "sqlite":
        import fcntl

        with site.with_name(f"{site.name}.lock").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_SH)
            yield
    else:
        with open_another(site):
            yield


def test_a_restore_brings_back_what_was_there_and_keeps_what_is_replaced(site, ada, backup):
    Client().force_login(ada)
    epoch = TimelineEpoch.objects.first()
    PostFactory(author=ada, content="After the backup.")
    ada.remove_picture()
    assert not pictures.stored_keys()

    said = restore(backup)

    assert texts() == ["Before the backup."]
    assert pictures.read(User.objects.get().picture, pictures.LARGE)
    assert not Session.objects.exists()
    assert not UserSession.objects.exists()
    assert TimelineEpoch.objects.first() == epoch
    assert OutboxHold.is_on()
    kept = re.search(r"kept as (.*)\. Delete", said)[1].rpartition("/")[2]
    assert len(everything_beside(site)) == 2
    assert kept in everything_beside(site)


def test_a_fan_out_timeline_is_void_after_a_restore_though_redis_is_away(site, backup, settings):
    settings.TIMELINE_REDIS_URL = "redis://127.0.0.1:1/0"
    settings.HOME_TIMELINE = "posts.timelines.fanout_read.FanOutOnReadTimeline"
    TimelineEpoch.renew()
    before = TimelineEpoch.objects.get().value

    assert "Redis is away" in restore(backup)

    assert TimelineEpoch.objects.get().value != before


def test_what_was_acknowledged_before_a_backup_is_in_it_however_much_is_written_meanwhile(ada, tmp_path):
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


def test_a_backup_is_for_its_owner_only_and_replaces_nothing(backup):
    assert backup.stat().st_mode & 0o077 == 0
    before = backup.read_bytes()
    refused("is there already", back_up, backup)
    assert backup.read_bytes() == before


def test_a_backup_may_have_any_name(ada, tmp_path):
    file = tmp_path / "what? 100%41 #1 é.tar"
    back_up(file)
    assert "is whole" in check(file)
    restore(file)


def test_a_backup_goes_into_a_folder_under_a_name_of_its_own(ada, tmp_path):
    with mock.patch.object(backup_command, "make_backup", side_effect=BackupError("no")) as make:
        refused("no", back_up, tmp_path)
        refused("no", back_up)

    folders = [call.args[0].parent for call in make.call_args_list]
    assert folders == [tmp_path, tmp_path / "backups"]
    assert all(rotation.NAME.fullmatch(call.args[0].name) for call in make.call_args_list)


def test_nothing_is_left_of_a_backup_that_has_no_room(ada, tmp_path):
    folder = tmp_path / "backups"
    with mock.patch("shutil.disk_usage", return_value=mock.Mock(free=1000)):
        refused("There is no room .* needs about", back_up)
    full = OSError(errno.ENOSPC, "No space left on device")
    for step in ("write_backup", "check_backup"):
        with mock.patch.object(making, step, side_effect=full):
            refused("There is no room .* needs about", back_up)
    with mock.patch.object(archive.ArchiveWriter, "add_picture", side_effect=full):
        refused("There is no room", back_up)

    assert list(folder.iterdir()) == []


def test_a_picture_deleted_meanwhile_is_named_and_its_member_gets_the_drawn_one_again(ada, tmp_path):
    pictures.discard(ada.picture)

    assert "1 pictures" in back_up(tmp_path / "backup.tar")
    restore(tmp_path / "backup.tar")

    assert User.objects.get().picture == ""


def test_pictures_that_are_there_stay_and_one_that_was_cut_is_whole_again(ada, backup):
    name = pictures.path(ada.picture, pictures.SMALL)
    whole = default_storage.open(name).read()
    with default_storage.open(name, "wb") as file:
        file.write(whole[:10])
    with pictures.stored(pictures.remake(picture(colour="red"))) as key:
        pass

    restore(backup)

    with default_storage.open(name) as file:
        assert file.read() == whole
    assert pictures.stored_keys() == {ada.picture, key}


# Damage


def flip(position):
    """Return a function that changes one bit at a part of the way through a file's bytes."""

    def damage(data):
        data = bytearray(data)
        data[int(position * len(data))] ^= 4
        return bytes(data)

    return damage


def flip_in(name):
    """Change one bit in the middle of the first member whose name begins with `name`."""

    def damage(data):
        with tarfile.open(fileobj=BytesIO(data)) as tar:
            member = next(member for member in tar if member.name.startswith(name))
        data = bytearray(data)
        data[member.offset_data + member.size // 2] ^= 4
        return bytes(data)

    return damage


def rewritten(change):
    """Return a function that changes the list of members, and computes a fitting checksum for what comes of it."""

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
    """Leave out the end of the database, and say in the manifest that this is how it should be."""
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
    """As if it came from a backup made a post later."""
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


def test_every_damage_is_noticed_and_nothing_changes(site, ada, backup, tmp_path):
    PostFactory(author=ada, content="After the backup.")
    assert "is whole" in check(backup)
    assert "is whole" in check(written(tmp_path, rewritten(list)(backup.read_bytes())))
    pictures.discard(ada.picture)
    before = everything_beside(site)
    anywhere = {
        f"a bit at {position:.5f}": flip(position) for position in [random.random() for _n in range(5)]
    }

    for words, damage in (DAMAGES | anywhere).items():
        broken = written(tmp_path, damage(backup.read_bytes()))
        for command in (check, restore):
            try:
                command(broken)
            except CommandError:
                continue
            pytest.fail(f"{command.__name__} has not noticed: {words}")
    assert everything_beside(site) == before
    assert not pictures.stored_keys()
    assert len(texts()) == 2


def written(folder, data):
    file = folder / "damaged.tar"
    file.write_bytes(data)
    return file


# What must not be restored, and when


def test_a_file_that_is_no_backup_is_refused(site, tmp_path):
    (tmp_path / "text.tar").write_text("Not a backup, whatever its name says." * 1000)
    foreign = sqlite3.connect(tmp_path / "foreign.sqlite3")
    foreign.execute("CREATE TABLE t (x)")
    foreign.close()

    for name in ("text.tar", "foreign.sqlite3", "missing.tar", ""):
        refused("Nothing was changed", restore, tmp_path / name)


def test_an_older_schema_is_brought_up_to_date(site, ada, tmp_path):
    graph = MigrationLoader(None).graph
    (newest,) = graph.leaf_nodes("posts")
    before = next(parent.key for parent in graph.node_map[newest].parents if parent.key[0] == "posts")
    call_command("migrate", *before, verbosity=0)
    back_up(tmp_path / "older.tar")
    call_command("migrate", verbosity=0)

    restore(tmp_path / "older.tar")

    assert newest in MigrationRecorder(connection).applied_migrations()
    assert texts() == ["Before the backup."]


def test_a_newer_schema_is_refused(site, ada, tmp_path):
    MigrationRecorder(connection).record_applied("posts", "9999_future")
    back_up(tmp_path / "newer.tar")

    refused("newer release.*posts.9999_future", restore, tmp_path / "newer.tar")


def test_the_backup_of_another_site_is_refused_unless_asked_for(site, backup, settings):
    settings.SITE_URL = "https://new.example.com"
    restore(backup)  # The same site, at a new address.

    settings.SECRET_KEY = "another" * 10
    refused("another site, http://localhost:8000", restore, backup)
    restore(backup, another_site=True)

    settings.SITE_URL = "http://localhost:8000"
    assert "another SECRET_KEY" in restore(backup)


def test_the_backup_of_another_engine_is_refused(site, backup):
    other = {"sqlite": "postgresql", "postgresql": "sqlite"}[connection.vendor]
    with mock.patch.object(making, "current_engine", return_value=mock.Mock(name=other)):
        manifest = archive.Manifest.from_json(dict(members_of(backup))["manifest.json"])
    engine = mock.Mock()
    engine.name = other
    with pytest.raises(BackupError, match="Restore it where it was made"):
        restoring.refuse_unfit(manifest, engine, another_site=False, report=print)


def members_of(file):
    with tarfile.open(file) as tar:
        return [(member.name, tar.extractfile(member).read()) for member in tar]


def test_nothing_is_replaced_while_another_process_uses_the_database(site, ada, backup):
    PostFactory(author=ada, content="After the backup.")
    with in_use(site):
        refused("Stop the site", restore, backup)
    assert len(texts()) == 2


def test_of_two_restores_at_once_the_second_is_refused(site, backup):
    connection.close()
    with current_engine().alone():
        refused("Nothing was changed", restore, backup)
    restore(backup)


@pytest.mark.parametrize("step", ["bring_up_to_date", "add_missing_pictures", "compare"])
def test_a_restore_that_fails_leaves_everything_as_it_was(site, ada, backup, step):
    PostFactory(author=ada, content="After the backup.")
    before = everything_beside(site)
    with mock.patch.object(restoring, step, side_effect=BackupError("No.")):
        refused("Nothing was changed", restore, backup)

    assert everything_beside(site) == before
    assert len(texts()) == 2


def test_a_restore_replaces_a_database_that_is_missing(site, backup):
    lose_database(site)
    refused("no database|does not let us use", back_up)

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


def test_a_backup_during_a_migration_is_of_the_state_before_it_or_refused(site, ada, tmp_path, monkeypatch):
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
    @pytest.fixture(autouse=True)
    def _only_there(self, site):
        if connection.vendor != "sqlite":
            pytest.skip("SQLite only")

    def test_a_damaged_database_is_not_backed_up_but_replaced_and_its_bytes_kept(
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

    def test_a_backup_of_an_earlier_release_is_restored_if_it_is_whole(self, site, ada, tmp_path):
        connection.close()
        plain = shutil.copy(site, tmp_path / "plain ?.sqlite3")
        cut = tmp_path / "cut.sqlite3"
        cut.write_bytes(site.read_bytes()[:100_000])
        PostFactory(author=ada, content="After the backup.")
        refused("damaged", restore, cut)

        restore(plain)

        assert texts() == ["Before the backup."]

    def test_a_renaming_that_fails_is_undone(self, site, ada, backup):
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


class TestOnPostgreSQL:
    @pytest.fixture(autouse=True)
    def _only_there(self, site):
        if connection.vendor != "postgresql":
            pytest.skip("PostgreSQL only")

    def test_programs_that_are_missing_or_too_old_are_named(self, ada, tmp_path):
        file = tmp_path / "backup.tar"
        with mock.patch("shutil.which", return_value=None):
            refused("pg_dump is not installed", back_up, file)
        with mock.patch("subprocess.run", return_value=mock.Mock(stdout="pg_dump (PostgreSQL) 9.6.1")):
            refused("pg_dump has version 9.6.1, and the server", back_up, file)

    def test_a_user_who_may_not_create_databases_gets_a_backup_that_was_read(self, ada, tmp_path):
        import psycopg

        denied = psycopg.errors.InsufficientPrivilege("permission denied to create database")
        with mock.patch.object(postgresql.PostgreSQL, "_create", side_effect=denied):
            said = back_up(tmp_path / "backup.tar")
            refused("CREATEDB.*Nothing was changed", restore, tmp_path / "backup.tar")
        assert "not restored into a scratch database" in said

    def test_a_pooler_is_refused(self, ada, tmp_path):
        pid = mock.PropertyMock(return_value=1)
        with mock.patch("psycopg.ConnectionInfo.backend_pid", pid):
            refused("BACKUP_DATABASE_URL", back_up, tmp_path / "backup.tar")

    def test_settings_of_the_database_are_kept(self, site, backup):
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER DATABASE \"{site}\" SET work_mem = '7MB'")
        restore(backup)
        with connection.cursor() as cursor:
            cursor.execute("SHOW work_mem")
            assert cursor.fetchone() == ("7MB",)
