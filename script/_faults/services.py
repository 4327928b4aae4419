"""Services for the trial that can fail: Redis, a mail server, the network to PostgreSQL, and a small disk."""

import asyncio
import os
import signal
import threading
import weakref
from contextlib import suppress

from _mail_trial import HOST, Inbox, Server

from _faults.processes import TrialError, end, free_port, run, send, start, wait_until


class Redis:
    """The trial's own Redis. It stores nothing on disk."""

    def __init__(self, scratch):
        self.log = scratch / "redis.log"
        self.port = free_port()
        self.url = f"redis://{HOST}:{self.port}/0"
        self.process = None

    def start(self):
        command = ["redis-server", "--bind", HOST, "--port", self.port, "--save", "", "--appendonly", "no"]
        self.process = start(command, self.log)
        wait_until(self.is_up, 15, "Redis is up")

    def client(self):
        import redis

        return redis.Redis(host=HOST, port=self.port, socket_timeout=2)

    def is_up(self):
        with suppress(Exception):
            return self.client().ping()

    def kill(self):
        self.process.kill()
        self.process.wait()

    def freeze(self):
        send([self.process.pid], signal.SIGSTOP)

    def thaw(self):
        send([self.process.pid], signal.SIGCONT)

    def stop(self):
        if self.process:
            self.thaw()
            end(self.process, 5)


class TrialInbox(Inbox):
    """Stores the emails that it accepts. `mood` is an SMTP reply for all recipients, "hang", or None to accept all emails."""

    mood = None

    def __init__(self):
        super().__init__(lambda recipient: self.mood)

    async def handle_DATA(self, server, session, envelope):
        while self.mood == "hang":
            await asyncio.sleep(0.1)
        return await super().handle_DATA(server, session, envelope)


class MailServer:
    """A mail server that can stop. It stores every email that it has accepted."""

    def __init__(self):
        self.inbox = TrialInbox()
        self.port = free_port()
        self.server = None

    def start(self):
        if self.server is None:
            self.server = Server(self.inbox, self.port)

    def stop(self):
        if self.server is not None:
            self.server.stop()
            self.server = None


# Messages in PostgreSQL's protocol: ready outside a transaction, a statement that resets a session, and a changed parameter.
READY = b"Z\0\0\0\5I"
DISCARD = b"Q\0\0\0\x10DISCARD ALL\0"
PARAMETER = b"S"


class Link:
    """A connection through the Network, from a client to PostgreSQL."""

    def __init__(self, network, reader, writer):
        self.network = network
        self.reader, self.writer = reader, writer
        self.is_idle = self.is_resetting = False
        self.unread = b""

    async def serve(self):
        try:
            await self.network.gate.wait()
            server_reader, self.server_writer = await asyncio.open_unix_connection(self.network.socket_path)
        except OSError:
            self.writer.close()
            return
        with suppress(OSError):
            await asyncio.gather(
                self._pump(self.reader, self._to_server), self._pump(server_reader, self._to_client)
            )

    async def _pump(self, reader, forward):
        try:
            while data := await reader.read(65536):
                await self.network.gate.wait()
                await asyncio.sleep(self.network.delay)
                await forward(data)
        finally:
            self.server_writer.close()
            self.writer.close()

    async def _to_server(self, data):
        self.is_idle = False
        self.server_writer.write(data)
        await self.server_writer.drain()

    async def _to_client(self, data):
        self.is_idle = data.endswith(READY)
        if self.is_resetting:
            data = self._without_reset_reply(data)
        self.writer.write(data)
        await self.writer.drain()

    def _without_reset_reply(self, data):
        """Remove the reply to the reset, which the client didn't request. Keep changed parameters."""
        kept, self.unread = b"", self.unread + data
        while self.is_resetting and len(self.unread) >= 5:
            length = 1 + int.from_bytes(self.unread[1:5], "big")
            if len(self.unread) < length:
                break
            message, self.unread = self.unread[:length], self.unread[length:]
            self.is_resetting = message != READY
            if message.startswith(PARAMETER):
                kept += message
        if not self.is_resetting:
            kept, self.unread = kept + self.unread, b""
        return kept

    def discard(self):
        """Reset the session without notifying the client, as some poolers do, unless it is in a transaction."""
        if self.is_idle:
            self.is_idle, self.is_resetting = False, True
            self.server_writer.write(DISCARD)

    def cut(self):
        self.writer.transport.abort()


class Network:
    """A TCP proxy in front of PostgreSQL's socket. It can stop, delay or cut the connections.

    It has its own thread and event loop.
    """

    def __init__(self, socket_path):
        self.socket_path = str(socket_path)
        self.port = free_port()
        self.delay = 0.0
        self.links = weakref.WeakSet()
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.server = self.gate = None

    def start(self):
        self.thread.start()
        self._call(self._open)

    def _call(self, action):
        """Run `action` in the loop's thread. Returns when the action is done."""

        async def act():
            result = action()
            return await result if asyncio.iscoroutine(result) else result

        asyncio.run_coroutine_threadsafe(act(), self.loop).result(10)

    async def _open(self):
        self.gate = asyncio.Event()
        self.gate.set()
        self.server = await asyncio.start_server(self._serve, HOST, self.port)

    async def _serve(self, reader, writer):
        link = Link(self, reader, writer)
        self.links.add(link)
        await link.serve()

    def drop(self):
        """Forward nothing, as if every packet were lost. Connections stay open, and new ones hang."""
        self._call(self.gate.clear)

    def restore(self):
        self.delay = 0.0
        self._call(self.gate.set)

    def cut(self):
        """Cut all connections at once."""
        self._call(lambda: [link.cut() for link in list(self.links)])

    def discard(self):
        """Reset the session of every idle connection."""
        self._call(lambda: [link.discard() for link in list(self.links)])

    def stop(self):
        if self.server is None:
            return
        self.restore()
        self._call(self.server.close)
        self.cut()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(5)


class Ballast:
    """A small file system that can be filled completely. Only root can mount one."""

    def __init__(self, folder, megabytes):
        self.folder = folder
        self.megabytes = megabytes
        self.mounted = False

    def mount(self, log):
        """Mount the file system if this machine allows it. Otherwise, use an ordinary folder."""
        self.folder.mkdir()
        if os.geteuid() == 0:
            with suppress(TrialError, OSError):
                options = f"size={self.megabytes}m,mode=0777"
                run(["mount", "-t", "tmpfs", "-o", options, "soak-faults", self.folder], log)
                self.mounted = True

    def fill(self):
        with suppress(OSError), (self.folder / "ballast").open("wb", buffering=0) as file:
            while True:
                file.write(bytes(1 << 16))
        # A few kB may still be free after the last write.
        with suppress(OSError), (self.folder / "ballast2").open("wb", buffering=0) as file:
            while True:
                file.write(bytes(512))

    def empty(self):
        for name in ("ballast", "ballast2"):
            (self.folder / name).unlink(missing_ok=True)

    def unmount(self, log):
        if self.mounted:
            run(["umount", "--lazy", self.folder], log)
            self.mounted = False
