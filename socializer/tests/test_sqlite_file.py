"""A SQLite database file that is replaced or deleted while processes use it."""

import errno
import fcntl
import os
import shutil
from contextlib import closing
from unittest import mock

import pytest
from django.db import OperationalError, close_old_connections, connection, connections
from django.db.transaction import atomic

from accounts.models import ScanPosition
from socializer.backups.sqlite import SQLite, open_database
from socializer.database.sqlite import presence
from socializer.tests.own_database import copied, everything_on

pytestmark = [
    pytest.mark.skipif("connections['default'].vendor != 'sqlite'", reason="SQLite only"),
    pytest.mark.django_db(transaction=True),
]


@pytest.fixture
def site(tmp_path):
    with copied(connection.settings_dict["NAME"], tmp_path) as name, everything_on(name):
        yield name


def write(name):
    return ScanPosition.objects.create(name=name)


def written(path):
    with closing(open_database(path)) as database:
        return sorted(name for (name,) in database.execute("SELECT name FROM accounts_scanposition"))


def replace(site):
    """Put a copy in the place of the file, as `mv` does. Returns where the old one is."""
    old, new = site.with_name("old"), site.with_name("new")
    shutil.copy(site, new)
    site.rename(old)
    new.rename(site)
    return old


def test_what_is_written_after_the_file_was_replaced_is_in_the_new_one(site, caplog):
    write("first")
    connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
    replace(site)

    write("second")

    assert written(site) == ["first", "second"]
    assert "was replaced or deleted" in caplog.text


def test_a_transaction_that_is_under_way_when_the_file_is_replaced_fails(site):
    write("first")
    connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
    transaction = atomic()
    transaction.__enter__()
    write("second")
    replace(site)
    with pytest.raises(OperationalError, match="Nothing was stored"):
        transaction.__exit__(None, None, None)

    write("third")
    assert written(site) == ["first", "third"]


def test_a_file_that_was_deleted_is_an_error_and_not_made_anew(site):
    write("first")
    site.unlink()
    for _time in range(2):
        with pytest.raises(OperationalError, match="is gone.*manage.py restore"):
            write("second")
    assert not site.exists()


def test_the_end_of_a_request_is_no_error_though_the_file_was_deleted(site, caplog):
    write("first")
    site.unlink()
    close_old_connections()
    assert connection.connection is None
    assert "was replaced or deleted" in caplog.text


@pytest.mark.parametrize("ending", ["", "-wal", "-shm"])
def test_no_connection_is_opened_to_a_file_that_cannot_be_written(site, monkeypatch, ending):
    """SQLite would open it read-only, and keep it so in all threads."""
    write("first")
    with closing(open_database(site)) as another:  # So that the log and its index are there.
        another.execute("SELECT 1 FROM accounts_scanposition").fetchall()
        connection.close()
        with monkeypatch.context() as patch:
            patch.setattr(os, "access", lambda path, mode: str(path) != f"{site}{ending}")
            with pytest.raises(OperationalError, match="can't be written"):
                write("second")
        write("third")
    assert written(site) == ["first", "third"]


def test_a_connection_that_met_an_error_is_not_kept(site):
    connection.cursor().execute("PRAGMA query_only = 1")
    with pytest.raises(OperationalError, match="readonly"):
        write("first")
    close_old_connections()
    write("second")
    assert written(site) == ["second"]


def test_a_web_server_shows_from_its_start_that_it_uses_the_database(site):
    connection.close()
    presence.share_default()
    with presence.lock_path(site).open("a") as another:
        with pytest.raises(OSError, match="unavailable"):
            fcntl.flock(another, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_process_that_starts_after_the_file_was_deleted_makes_none(site):
    write("first")
    connection.close()
    site.unlink()
    with pytest.raises(OperationalError, match="is gone"):
        connection.cursor()
    # Unless an operator wants to begin anew.
    presence.lock_path(site).unlink()
    connection.cursor()
    assert site.exists()


def test_a_process_shows_that_it_uses_the_database_until_it_ends(site):
    write("first")
    connection.close()
    with presence.lock_path(site).open("a") as another:
        with pytest.raises(OSError, match="unavailable"):
            fcntl.flock(another, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_nobody_begins_to_use_a_database_that_is_being_replaced(site):
    with SQLite().alone():
        with pytest.raises(OperationalError, match="being replaced"):
            write("first")
    write("second")


def test_who_uses_the_database_is_named(site):
    lock = presence.lock_path(site)
    with lock.open("a") as another:
        fcntl.flock(another, fcntl.LOCK_SH)
        with pytest.raises(presence.InUse), presence.alone(site):
            pass
        if os.path.exists("/proc/locks"):
            child = os.fork()
            if child == 0:  # pragma: no cover
                file = os.open(lock, os.O_RDWR)
                fcntl.flock(file, fcntl.LOCK_SH)
                os.kill(os.getpid(), 19)
                os._exit(0)
            os.waitpid(child, os.WUNTRACED)
            try:
                assert presence.holders(lock) == [child]
            finally:
                os.kill(child, 9)
                os.waitpid(child, 0)


def test_databases_in_memory_have_no_file_to_lose(site):
    own = connection.copy()
    own.settings_dict["NAME"] = ":memory:"
    with own.cursor() as cursor:
        cursor.execute("SELECT 1")
    own.close()
    assert connections["default"] is not own


def test_a_file_system_without_locks_is_not_taken_for_one_in_use(site, monkeypatch, caplog):
    connection.close()
    presence._shared.clear()
    no_locks = OSError(errno.ENOLCK, "No locks available")
    with monkeypatch.context() as patch:
        patch.setattr(fcntl, "flock", mock.Mock(side_effect=no_locks))
        write("first")
        with pytest.raises(OSError, match="No locks available"), presence.alone(site):
            pass
    assert "can't be locked: No locks available" in caplog.text
