"""script/_supervise, which script/server runs: nothing is left behind, and the worker comes back."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

SUPERVISE = Path(__file__).resolve().parents[2] / "script" / "_supervise"

# Writes its name and number where the test can see it, has a child of its own, and stays.
PROGRAM = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
with open(sys.argv[1], "a") as log:
    print(sys.argv[2], os.getpid(), child.pid, file=log, flush=True)
time.sleep(600)
"""


def wait_for(condition, seconds=20):
    """Return what `condition()` returns once that is true; fails after some time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.05)
    pytest.fail("It did not happen.")


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # A zombie waits for its parent to look, and runs no more.
    state = Path(f"/proc/{pid}/stat")
    return not state.exists() or state.read_text().rpartition(")")[2].split()[0] != "Z"


@pytest.fixture
def supervised(tmp_path):
    log = tmp_path / "log"
    log.touch()

    def command(name):
        return [sys.executable, "-c", PROGRAM, str(log), name]

    process = subprocess.Popen(  # noqa: S603
        [sys.executable, str(SUPERVISE), *command("server"), "--", *command("worker")],
        stderr=subprocess.DEVNULL,
    )

    def started():
        return [
            (name, int(pid), int(child)) for name, pid, child in map(str.split, log.read_text().splitlines())
        ]

    wait_for(lambda: len(started()) == 2)
    yield process, started
    process.kill()
    process.wait()
    for _name, *pids in started():
        for pid in filter(is_alive, pids):
            os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_told_to_stop_it_leaves_no_process(supervised, signum):
    process, started = supervised
    process.send_signal(signum)

    assert process.wait(timeout=20) == 0
    pids = [pid for _name, *pids in started() for pid in pids]
    assert len(pids) == 4
    wait_for(lambda: not any(map(is_alive, pids)))


def test_a_worker_that_exits_is_started_again(supervised):
    process, started = supervised
    worker, child = next(pids for name, *pids in started() if name == "worker")
    os.kill(worker, signal.SIGKILL)

    wait_for(lambda: len(started()) == 3)
    assert started()[2][0] == "worker"
    assert not is_alive(child)
    assert process.poll() is None


def test_when_the_server_exits_everything_stops(supervised):
    process, started = supervised
    server = next(pid for name, pid, _child in started() if name == "server")
    os.kill(server, signal.SIGKILL)

    assert process.wait(timeout=20) != 0
    wait_for(lambda: not any(is_alive(pid) for _name, *pids in started() for pid in pids))
