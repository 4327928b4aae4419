"""A SQLite database file that is replaced or deleted while it is in use."""

import errno
import fcntl
import os
import shutil
from contextlib import closing
from unittest import mock

import pytest
from django.db import OperationalError, close_old_connections, connection, connections
from django.db.transaction import atomic

from accounts.common.models import ScanPosition
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
    """Replace the file with a copy, as `mv` does. Returns the path of the old one."""
    old, new = site.with_name("old"), site.with_name("new")
    shutil.copy(site, new)
    site.rename(old)
    new.rename(site)
    return old


def test_writes_after_a_replacement_go_to_the_new_file(site, caplog):
    write("first")
    connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
    replace(site)

    write("second")

    assert written(site) == ["first", "second"]
    assert "was replaced or deleted" in caplog.text


def test_a_transaction_fails_if_the_file_is_replaced_meanwhile(site):
    write("first")
    connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
    transaction = atomic()
    transaction.__enter__()
    write("second")
    replace(site)
    with pytest.raises(OperationalError, match="nothing was stored"):
        transaction.__exit__(None, None, None)

    write("third")
    assert written(site) == ["first", "third"]


def test_a_deleted_file_is_an_error_and_is_not_created_again(site):
    write("first")
    site.unlink()
    for _time in range(2):
        with pytest.raises(OperationalError, match="is gone.*manage.py restore"):
            write("second")
    assert not site.exists()


def test_a_request_ends_without_an_error_if_the_file_was_deleted(site, caplog):
    write("first")
    site.unlink()
    close_old_connections()
    assert connection.connection is None
    assert "was replaced or deleted" in caplog.text


@pytest.mark.parametrize("ending", ["", "-wal", "-shm"])
def test_no_connection_is_opened_to_a_read_only_file(site, monkeypatch, ending):
    """SQLite would open it read-only, and stay read-only in all threads."""
    write("first")
    with closing(open_database(site)) as another:  # So that the log and its index exist.
        another.execute("SELECT 1 FROM accounts_scanposition").fetchall()
        connection.close()
        with monkeypatch.context() as patch:
            patch.setattr(os, "access", lambda path, mode: str(path) != f"{site}{ending}")
            with pytest.raises(OperationalError, match="is not writable"):
                write("second")
        write("third")
    assert written(site) == ["first", "third"]


def test_a_connection_is_not_reused_after_an_error(site):
    connection.cursor().execute("PRAGMA query_only = 1")
    with pytest.raises(OperationalError, match="readonly"):
        write("first")
    close_old_connections()
    write("second")
    assert written(site) == ["second"]


def test_a_web_server_holds_the_lock_from_its_start(site):
    connection.close()
    presence.share_default()
    with presence.lock_path(site).open("a") as another:
        with pytest.raises(OSError, match="unavailable"):
            fcntl.flock(another, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_new_process_creates_no_file_after_one_was_deleted(site):
    write("first")
    connection.close()
    site.unlink()
    with pytest.raises(OperationalError, match="is gone"):
        connection.cursor()
    # Unless an operator wants to start over.
    presence.lock_path(site).unlink()
    connection.cursor()
    assert site.exists()


def test_a_process_holds_the_lock_until_it_ends(site):
    write("first")
    connection.close()
    with presence.lock_path(site).open("a") as another:
        with pytest.raises(OSError, match="unavailable"):
            fcntl.flock(another, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_no_process_opens_a_database_that_is_being_replaced(site):
    with SQLite().exclusive_access():
        with pytest.raises(OperationalError, match="being replaced"):
            write("first")
    write("second")


def test_processes_that_use_the_database_are_named(site):
    lock = presence.lock_path(site)
    with lock.open("a") as another:
        fcntl.flock(another, fcntl.LOCK_SH)
        with pytest.raises(presence.InUse), presence.exclusive(site):
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


def test_databases_in_memory_have_no_file(site):
    own = connection.copy()
    own.settings_dict["NAME"] = ":memory:"
    with own.cursor() as cursor:
        cursor.execute("SELECT 1")
    own.close()
    assert connections["default"] is not own


def test_a_file_system_without_locks_is_not_mistaken_for_a_database_in_use(site, monkeypatch, caplog):
    connection.close()
    presence._shared.clear()
    no_locks = OSError(errno.ENOLCK, "No locks available")
    with monkeypatch.context() as patch:
        patch.setattr(fcntl, "flock", mock.Mock(side_effect=no_locks))
        write("first")
        with pytest.raises(OSError, match="No locks available"), presence.exclusive(site):
            pass
    assert "can't be locked: No locks available" in caplog.text
