"""Redis servers that are broken in different ways."""

import socketserver
import threading
from contextlib import contextmanager
from unittest import mock

import pytest

from posts.rendering import cards
from socializer import environment

# Errors of a reachable Redis: a replica, a full one, one that is starting, and one with a password.
ERRORS = {
    "read-only": "READONLY You can't write against a read only replica.",
    "full": "OOM command not allowed when used memory > 'maxmemory'.",
    "loading": "LOADING Redis is loading the dataset in memory",
    "locked": "NOAUTH Authentication required.",
}
KINDS = ["refused", "hanging", *ERRORS]
TIMEOUT = 0.02


class BrokenRedis(socketserver.ThreadingTCPServer):
    """Answers every command with the same error, or not at all. Counts the connections."""

    allow_reuse_address = daemon_threads = True

    def __init__(self, error):
        super().__init__(("127.0.0.1", 0), Handler)
        self.error, self.connections, self.ends = error, 0, threading.Event()

    @property
    def url(self):
        return f"redis://127.0.0.1:{self.server_address[1]}/0"


class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        self.server.connections += 1
        if self.server.error is None:
            self.server.ends.wait(30)
            return
        # A command is * and the number of its parts, then the length and content of each.
        while line := self.rfile.readline():
            for _part in range(int(line[1:])):
                self.rfile.read(int(self.rfile.readline()[1:]) + 2)
            self.wfile.write(f"-{self.server.error}\r\n".encode())


@contextmanager
def broken_redis(kind):
    """Start a Redis that is broken in the given way, and yield the server."""
    with BrokenRedis(ERRORS.get(kind)) as server:
        if kind == "refused":
            server.socket.close()
            yield server
            return
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield server
        finally:
            server.ends.set()
            server.shutdown()


@contextmanager
def use_broken_redis(kind, settings, timeout=TIMEOUT):
    """Let the cache and the timelines use such a server, and yield it."""
    with (
        broken_redis(kind) as server,
        mock.patch.dict(environment.CACHE_TIMEOUTS, socket_timeout=timeout, socket_connect_timeout=timeout),
        mock.patch("posts.timelines.redis.client.TIMEOUT", timeout),
        mock.patch.object(cards.breaker, "retry_at", 0),
        pytest.MonkeyPatch.context() as variables,
    ):
        variables.setenv("CACHE_URL", server.url)
        settings.CACHES = settings.CACHES | {"default": environment.cache("CACHE_URL", "")}
        settings.TIMELINE_REDIS_URL = server.url
        yield server
