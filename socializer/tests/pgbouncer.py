"""Starts a pgbouncer in transaction mode in front of the test database."""

import getpass
import os
import shutil
import socket
import subprocess
import time
from contextlib import contextmanager
from urllib.parse import quote

import pytest
from django.db import connection

PGBOUNCER = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
needs_pgbouncer = [
    pytest.mark.skipif(connection.vendor != "postgresql", reason="Only PostgreSQL has poolers."),
    pytest.mark.skipif(not PGBOUNCER and "CI" not in os.environ, reason="There is no pgbouncer here."),
]

# Two sessions that alternate, so that no two consecutive transactions use the same one.
CONFIGURATION = """
[databases]
{database} = {server}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
min_pool_size = 2
default_pool_size = 2
server_round_robin = 1
{more}
"""


@contextmanager
def pgbouncer(folder, *, database="*", target="", more=""):
    """Give the port of a pgbouncer with these lines of configuration.

    It knows databases by their own names, or the database `target` as `database` and no other.
    """
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    path = folder / "pgbouncer.ini"
    path.write_text(
        CONFIGURATION.format(database=database, server=server_parameters(target), port=port, more=more)
    )
    command = [PGBOUNCER, "--quiet", *(["--user", system_user()] if os.geteuid() == 0 else []), str(path)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)  # noqa: S603
    try:
        wait_for(port)
        yield port
    finally:
        process.kill()
        process.wait()


def wait_for(port):
    for _ in range(500):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.01)
        else:
            return
    raise AssertionError("pgbouncer does not start.")


def system_user():
    """Return the user who runs pgbouncer, which refuses to run as root."""
    return "postgres" if os.geteuid() == 0 else getpass.getuser()


def server_parameters(target):
    """Return the parameters for connecting pgbouncer to the test database as another user of this machine."""
    settings = connection.settings_dict
    host = settings["HOST"] or "/var/run/postgresql"
    user = system_user() if host.startswith("/") else settings["USER"]
    parameters = {
        "host": host,
        "port": settings["PORT"],
        "user": user,
        "password": settings["PASSWORD"],
        "dbname": target,
    }
    return " ".join(f"{name}={value}" for name, value in parameters.items() if value)


def url(port, query="", *, name=""):
    """Return a DATABASE_URL for the test database, or the database `name`, through pgbouncer on `port`."""
    return f"postgres://anybody@127.0.0.1:{port}/{quote(name or connection.settings_dict['NAME'])}{query}"
