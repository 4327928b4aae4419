"""Tools for testing faults: locks held by others, a network that loses packets, and separate connections."""

import socket
import sqlite3
import threading
from contextlib import closing, contextmanager, suppress

import psycopg
import pytest
from django.db import close_old_connections, connection, connections
from django.test import Client

needs_postgresql = pytest.mark.skipif(connection.vendor != "postgresql", reason="About PostgreSQL alone.")


class ServedClient(Client):
    """Opens and closes connections around each request, like a server and unlike Django's test client."""

    def request(self, **request):
        close_old_connections()
        try:
            return super().request(**request)
        finally:
            close_old_connections()


@contextmanager
def another_connection():
    """Return a connection of the driver to the same database, independent of Django."""
    settings = connection.settings_dict
    if connection.vendor == "sqlite":
        other = sqlite3.connect(settings["NAME"], isolation_level=None)
    else:
        params = connection.get_connection_params()
        other = psycopg.connect(
            **{
                name: params[name]
                for name in ("dbname", "host", "port", "user", "password")
                if name in params
            },
            autocommit=True,
        )
    with closing(other):
        yield other


@contextmanager
def locked_by_another(model):
    """Keep others from writing. On PostgreSQL, also keep them from reading the model's table."""
    with another_connection() as other:
        if connection.vendor == "sqlite":
            other.execute("BEGIN EXCLUSIVE")
        else:
            other.execute("BEGIN")
            other.execute(f"LOCK TABLE {model._meta.db_table} IN ACCESS EXCLUSIVE MODE")
        yield
        other.execute("ROLLBACK")


@contextmanager
def in_place_of_the_default(**settings):
    """Use a connection with other settings in this thread."""
    before = connections["default"]
    other = connections.create_connection("default")
    other.settings_dict = before.settings_dict | settings
    connections["default"] = other
    try:
        yield other
    finally:
        other.close()
        connections["default"] = before


class Relay:
    """Forwards bytes between TCP clients and PostgreSQL. While `silent`, it drops them, like a broken network."""

    def __init__(self):
        self.silent = False
        self.sockets = []
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]

    @contextmanager
    def running(self):
        threading.Thread(target=self.accept, daemon=True).start()
        try:
            yield self
        finally:
            for each in [self.server, *self.sockets]:
                # This wakes the threads that wait for data.
                with suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
                each.close()

    def accept(self):
        with suppress(OSError):
            while True:
                client, _address = self.server.accept()
                server = self.connect()
                self.sockets += [client, server]
                for ends in [(client, server), (server, client)]:
                    threading.Thread(target=self.carry, args=ends, daemon=True).start()

    def connect(self):
        settings = connections["default"].settings_dict
        host, port = settings["HOST"], settings["PORT"] or 5432
        with another_connection() as other:
            host, port = other.info.host, other.info.port
        if host.startswith("/"):
            server = socket.socket(socket.AF_UNIX)
            server.connect(f"{host}/.s.PGSQL.{port}")
            return server
        return socket.create_connection((host, port))

    def carry(self, source, target):
        with suppress(OSError):
            while data := source.recv(65536):
                if not self.silent:
                    target.sendall(data)
            target.shutdown(socket.SHUT_WR)
