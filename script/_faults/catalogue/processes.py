"""Processes of the site are killed, stopped or replaced."""

import os
import signal
import time

from _faults.catalogue.base import Fault
from _faults.processes import TrialError, send, wait_until


class WebProcessKilled(Fault):
    seconds = 0
    refuses = True

    def begin(self):
        os.kill(self.site.one("web"), signal.SIGKILL)


class JobWorkerKilled(Fault):
    seconds = 0
    repeats_email = True

    def begin(self):
        os.kill(self.site.one("worker"), signal.SIGKILL)


class JobWorkerFrozen(Fault):
    def begin(self):
        self.pid = self.site.one("worker")
        os.kill(self.pid, signal.SIGSTOP)

    def end(self):
        send([self.pid], signal.SIGCONT)


class WebServerKilled(Fault):
    """gunicorn's main process is killed. The supervisor exits and is started again, as systemd would do."""

    seconds = 0
    refuses = True
    repeats_email = True
    restarts_site = True

    def begin(self):
        os.kill(self.site.one("master"), signal.SIGKILL)
        wait_until(lambda: self.site.process.poll() is not None, 60, "the supervisor ends with its server")

    def end(self):
        self.site.restart_after_end()


class SupervisorKilled(WebServerKilled):
    """The supervisor is killed. Its children keep running without it."""

    def begin(self):
        self.site.process.kill()
        self.site.process.wait()


class Reloaded(Fault):
    """The site is reloaded five times under load, as after an upgrade. No request may fail."""

    seconds = 0
    times, apart = 5, 3
    repeats_email = True

    def begin(self):
        for _time in range(self.times):
            self.before = set(self.site.processes()["web"])
            self.site.process.send_signal(signal.SIGHUP)
            wait_until(self._is_replaced, 60, "a reload replaces the web processes")
            time.sleep(self.apart)

    def _is_replaced(self):
        now = set(self.site.processes()["web"])
        if self.site.process.poll() is not None:
            raise TrialError("The supervisor ended on HUP.")
        return len(now) >= self.engine.web_processes and not now & self.before

    def end(self):
        if self.site.process.poll() is not None:
            self.site.restart_after_end()
