"""Processes of the trial. Each has a log, and all are stopped at the end."""

import os
import signal
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


class TrialError(Exception):
    """The trial itself failed. This says nothing about the site."""


class Skipped(Exception):
    """This machine can't produce a fault. The message says why."""


def start(command, log, *, env=None, user=None):
    """Start `command` in its own session and append its output to the file `log`. Return the Popen."""
    # Use only the other user's own group.
    owner = {"user": user, "group": user, "extra_groups": []} if user else {}
    with log.open("ab") as output:
        return subprocess.Popen(  # noqa: S603 (the command is from the trial)
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
    """Run `command` and wait for it to exit. Raises TrialError if it fails or takes longer than `within` seconds."""
    process = start(command, log, **options)
    try:
        code = process.wait(within)
    except subprocess.TimeoutExpired:
        code = "none, it took too long"
        process.kill()
        process.wait()
    if code:
        raise TrialError(f"{' '.join(map(str, command))}: exit code {code}\n{tail(log)}")


def tail(log, lines=15):
    """Return the last lines of the file `log`."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


def free_port():
    """Return a free port of this machine."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def wait_until(condition, seconds, what):
    """Call `condition` until it returns a true value, and return that value. Raises TrialError after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (result := condition()):
        if time.monotonic() > deadline:
            raise TrialError(f"This didn't happen within {seconds} s: {what}.")
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
    """Send a signal to the processes that are still running."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signum)


def end(process, grace):
    """Terminate a process, and kill its session after `grace` seconds. Return whether it exited without being killed."""
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
    """Return the ids of all other processes that have `marker` in their environment."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with suppress(OSError):
                if marker.encode() in (entry / "environ").read_bytes():
                    found.append(int(entry.name))
    return found
