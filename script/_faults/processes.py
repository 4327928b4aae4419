"""Processes of the trial: each has a log, and none is left behind."""

import os
import signal
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


class TrialError(Exception):
    """The trial itself could not go on. This says nothing about the site."""


class Skipped(Exception):
    """This machine cannot produce a fault. The message says why."""


def start(command, log, *, env=None, user=None):
    """Start `command` in a session of its own, with its output appended to the file `log`. Returns the Popen."""
    # Given to the other user alone: they have no other groups.
    owner = {"user": user, "group": user, "extra_groups": []} if user else {}
    with log.open("ab") as output:
        return subprocess.Popen(  # noqa: S603 (our own words)
            list(map(str, command)),
            cwd=ROOT if not user else "/",
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            **owner,
        )


def run(command, log, *, within=120, **options):
    """Run `command` to its end. Raises TrialError if it fails or takes longer than `within` seconds."""
    process = start(command, log, **options)
    try:
        code = process.wait(within)
    except subprocess.TimeoutExpired:
        code = "none in time"
        process.kill()
        process.wait()
    if code:
        raise TrialError(f"{' '.join(map(str, command))}: exit code {code}\n{tail(log)}")


def tail(log, lines=15):
    """Return the last lines of the file `log`."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


def free_port():
    """Return a port of this machine that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def wait_until(condition, seconds, what):
    """Call `condition` until it returns something true, and return that. Raises TrialError after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (result := condition()):
        if time.monotonic() > deadline:
            raise TrialError(f"Waited {seconds} s in vain: {what}.")
        time.sleep(0.1)
    return result


def children(pid):
    """Return the process ids of the living children of the process `pid`, oldest first."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
                if int(parent) == pid and state != "Z":
                    found.append(int(entry.name))
    return sorted(found)


def family(pid):
    """Return the process ids of `pid` and all its living descendants."""
    return [pid, *(one for child in children(pid) for one in family(child))]


def send(pids, signum):
    """Send a signal to those of the processes that still live."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signum)


def end(process, grace):
    """Ask a process to end, and kill it with its session after `grace` seconds. Returns whether it ended when asked."""
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(grace)
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return False
    return True


def marked(marker):
    """Return the ids of all living processes that have `marker` somewhere in their environment, but for this one."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with suppress(OSError):
                if marker.encode() in (entry / "environ").read_bytes():
                    found.append(int(entry.name))
    return found
