"""The site under trial: the web server and the worker under their supervisor, as script/server runs them."""

import os
import signal
import sys
import time
from http.client import HTTPConnection

from _faults.processes import TrialError, children, end, free_port, marked, run, send, start, wait_until
from _faults.services import HOST

START_WITHIN = 60
STOP_WITHIN = 40
# If the worker exits repeatedly, the supervisor waits for up to a minute before restarting it.
LONGEST_PAUSE = 75
UNLIMITED = "1000000/60"
LIMITS = ("SIGNUP", "POST", "FOLLOW", "BLOCK", "REPORT", "PROFILE", "EXPORT")


class Site:
    """The site's processes. Their environment contains nothing from .env, and only PATH from the outer environment."""

    def __init__(self, scratch, engine, redis, mail, pace):
        self.scratch = scratch
        self.log = scratch / "site.log"
        self.engine = engine
        self.pace = pace
        self.port = free_port()
        self.media = scratch / "media"
        self.process = None
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(scratch),
            "PGPASSWORD": "site",
            "ENV_FILE": os.devnull,
            "SECRET_KEY": "only-for-trials-0123456789-abcdefghijklmnopqrstuvwxyz",
            "DATABASE_URL": engine.url,
            "CACHE_URL": redis.url,
            "EMAIL_URL": f"smtp://{HOST}:{mail.port}",
            "MEDIA_STORAGE": f"django.core.files.storage.FileSystemStorage?location={self.media}",
            "SITE_URL": f"http://localhost:{self.port}",
            "BIND": f"{HOST}:{self.port}",
            "LISTENING_ON": f"{HOST}:{self.port}",
            "PORT": str(self.port),
            "DEMO": "0",
            "WEB_CONCURRENCY": str(engine.web_processes),
            "LOG_FORMAT": "json",
            "LOG_LEVEL": "WARNING",
            # This allows each client to have its own address.
            "TRUSTED_PROXIES": "1",
        } | {f"{name}_LIMIT": UNLIMITED for name in LIMITS}

    def manage(self, *arguments, **changes):
        """Run a manage.py command. Raises TrialError if it fails."""
        run(
            [sys.executable, "manage.py", *arguments],
            self.scratch / "trial.log",
            env=self.environment | changes,
        )

    def start(self):
        self._launch()
        wait_until(self.lives, START_WITHIN, f"the site answers (see {self.log})")

    def _launch(self):
        command = ["script/_supervise", "--listen", HOST, self.port, "script/_release"]
        worker = [sys.executable, "script/_fast_worker.py", self.pace, "worker", "--wait"]
        self.process = start([sys.executable, *command, "--", *worker], self.log, env=self.environment)

    def lives(self):
        """Return whether this site's web server responds. Raises TrialError if the site has stopped."""
        if self.process.poll() is not None:
            raise TrialError("The site did not start.")
        if not self.processes()["web"]:
            return False
        connection = HTTPConnection(HOST, self.port, timeout=5)
        try:
            connection.request("GET", "/livez/", headers={"Host": "localhost"})
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def restart_after_end(self):
        """Start the site as systemd would: try again every second until it stays up."""
        deadline = time.monotonic() + START_WITHIN
        while time.monotonic() < deadline:
            self._launch()
            while self.process.poll() is None and time.monotonic() < deadline:
                try:
                    if self.lives():
                        return
                except TrialError:
                    break
                time.sleep(0.1)
            time.sleep(1)
        raise TrialError(f"The site couldn't be started again. See {self.log}.")

    def processes(self):
        """Return {role: [process ids]} of the supervisor, the web server and the job worker."""
        roles = {"supervisor": [self.process.pid], "master": [], "web": [], "worker": []}
        for pid in children(self.process.pid):
            command = command_of(pid)
            if "gunicorn" in command:
                roles["master"].append(pid)
                roles["web"] += children(pid)
            elif "worker" in command:
                roles["worker"].append(pid)
        return roles

    def one(self, role):
        """Wait until there is a process with that role, and return the id of the first one."""
        return wait_until(lambda: self.processes()[role], LONGEST_PAUSE, f"there is a {role} process")[0]

    def stop(self):
        """Stop the site. Kill any processes that outlive the supervisor, and return their ids."""
        if self.process is None:
            return []
        end(self.process, STOP_WITHIN)
        left = self.all_processes()
        send(left, signal.SIGKILL)
        return left

    def all_processes(self):
        """Return the ids of all processes with the site's environment."""
        return marked(f"BIND={self.environment['BIND']}")


def command_of(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""
