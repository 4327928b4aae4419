"""What a site needs around it, made for the trial and able to fail: Redis, a mail server, and a network in between."""

import asyncio
import os
import signal
import threading
import time
from contextlib import suppress

from _mail_trial import HOST, Letters, Server

from .processes import TrialError, end, free_port, run, send, start, wait_until


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


class Network:
    """A TCP proxy in front of a Unix or TCP address that can hold back, delay or cut what passes through it.

    It forwards in a thread of its own, with an event loop of its own.
    """

    def __init__(self, socket_path):
        self.socket_path = str(socket_path)
        self.port = free_port()
        self.delay = 0.0
        self.writers = set()
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.server = self.open_gate = None

    def start(self):
        self.thread.start()
        self._call(self._open())

    async def _open(self):
        self.open_gate = asyncio.Event()
        self.open_gate.set()
        self.server = await asyncio.start_server(self._serve, HOST, self.port)

    def _call(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(10)

    async def _serve(self, reader, writer):
        self.writers.add(writer)
        try:
            await self.open_gate.wait()
            there, thither = await asyncio.open_unix_connection(self.socket_path)
        except OSError:
            self._close(writer)
            return
        self.writers.add(thither)
        await asyncio.gather(self._pump(reader, thither), self._pump(there, writer))

    async def _pump(self, reader, writer):
        with suppress(OSError):
            while data := await reader.read(65536):
                await self.open_gate.wait()
                if self.delay:
                    await asyncio.sleep(self.delay)
                writer.write(data)
                await writer.drain()
        self._close(writer)

    def _close(self, writer):
        self.writers.discard(writer)
        writer.close()

    def drop(self):
        """Let nothing through, as if every packet were lost: connections stay open, and new ones hang."""
        self.loop.call_soon_threadsafe(self.open_gate.clear)

    def restore(self):
        self.delay = 0.0
        self.loop.call_soon_threadsafe(self.open_gate.set)

    def reset(self):
        """Cut all connections at once."""

        def cut():
            for writer in list(self.writers):
                writer.transport.abort()
                self.writers.discard(writer)

        self.loop.call_soon_threadsafe(cut)

    def stop(self):
        if self.server is None:
            return
        self.restore()
        self.reset()
        self.loop.call_soon_threadsafe(self.server.close)
        time.sleep(0.1)
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
