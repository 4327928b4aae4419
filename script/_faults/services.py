"""What a site needs around it, made for the trial and able to fail: Redis, a mail server, and a network in between."""

import asyncio
import os
import signal
import threading
import weakref
from contextlib import suppress

from _mail_trial import HOST, Letters, Server

from _faults.processes import TrialError, end, free_port, run, send, start, wait_until


class Redis:
    """A Redis of the trial's own, which keeps nothing on disk."""

    def __init__(self, scratch):
        self.log = scratch / "redis.log"
        self.port = free_port()
        self.url = f"redis://{HOST}:{self.port}/0"
        self.process = None

    def start(self):
        words = ["redis-server", "--bind", HOST, "--port", self.port, "--save", "", "--appendonly", "no"]
        self.process = start(words, self.log)
        wait_until(self.answers, 15, "Redis answers")

    def client(self):
        import redis

        return redis.Redis(host=HOST, port=self.port, socket_timeout=2)

    def answers(self):
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


class TrialLetters(Letters):
    """Keeps what it accepts; `mood` is an answer for everyone, or "hang", or None."""

    mood = None

    def __init__(self):
        super().__init__(lambda recipient: self.mood)

    async def handle_DATA(self, server, session, envelope):
        while self.mood == "hang":
            await asyncio.sleep(0.1)
        return await super().handle_DATA(server, session, envelope)


class MailServer:
    """A mail server that can go away, and remembers every email that it has accepted."""

    def __init__(self):
        self.letters = TrialLetters()
        self.port = free_port()
        self.server = None

    def start(self):
        if self.server is None:
            self.server = Server(self.letters, self.port)

    def stop(self):
        if self.server is not None:
            self.server.go()
            self.server = None


# Messages of PostgreSQL's protocol: ready and in no transaction; a statement that resets a session; a changed parameter.
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
            there, self.thither = await asyncio.open_unix_connection(self.network.socket_path)
        except OSError:
            self.writer.close()
            return
        with suppress(OSError):
            await asyncio.gather(self._pump(self.reader, self._ask), self._pump(there, self._answer))

    async def _pump(self, reader, pass_on):
        try:
            while data := await reader.read(65536):
                await self.network.gate.wait()
                await asyncio.sleep(self.network.delay)
                await pass_on(data)
        finally:
            self.thither.close()
            self.writer.close()

    async def _ask(self, data):
        self.is_idle = False
        self.thither.write(data)
        await self.thither.drain()

    async def _answer(self, data):
        self.is_idle = data.endswith(READY)
        if self.is_resetting:
            data = self._without_answer(data)
        self.writer.write(data)
        await self.writer.drain()

    def _without_answer(self, data):
        """Take out the answer to what the client has not asked, but for the parameters that it tells."""
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
        """Reset the session behind the client's back, as some poolers do, if it is between two transactions."""
        if self.is_idle:
            self.is_idle, self.is_resetting = False, True
            self.thither.write(DISCARD)

    def cut(self):
        self.writer.transport.abort()


class Network:
    """A TCP proxy in front of PostgreSQL's socket that can hold back, delay or cut what passes through it.

    It forwards in a thread of its own, with an event loop of its own.
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
        """Have the loop's thread do something. Returns when it's done."""

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
        """Let nothing through, as if every packet were lost: connections stay open, and new ones hang."""
        self._call(self.gate.clear)

    def restore(self):
        self.delay = 0.0
        self._call(self.gate.set)

    def cut(self):
        """Cut all connections at once."""
        self._call(lambda: [link.cut() for link in list(self.links)])

    def discard(self):
        """Reset the session of every connection that is at rest."""
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
    """A small file system of its own that can be filled to the last byte. Only root can mount one."""

    def __init__(self, folder, megabytes):
        self.folder = folder
        self.megabytes = megabytes
        self.mounted = False

    def mount(self, log):
        """Mount it, if this machine allows that. Otherwise the folder is an ordinary one."""
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
        # Small holes, too: the last write may have failed for lack of a few kB.
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
