"""script/_supervise, which script/server runs: nothing is left behind, and the worker comes back."""

import fcntl
import os
import runpy
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SUPERVISE = ROOT / "script" / "_supervise"

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


def test_a_worker_that_keeps_exiting_is_started_after_growing_pauses():
    next_pause = runpy.run_path(str(SUPERVISE))["next_pause"]
    pauses = [0]
    for _ in range(9):
        pauses.append(next_pause(pauses[-1], lived=0.3))

    assert pauses[1:] == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    # One that has worked for a while is needed back at once.
    assert next_pause(60, lived=3600) == 1


def test_a_worker_that_is_refused_is_not_started_every_second(tmp_path):
    log = tmp_path / "log"
    refused = f"open({str(log)!r}, 'a').write('x'); raise SystemExit('Refused.')"
    process = subprocess.Popen(  # noqa: S603
        [sys.executable, SUPERVISE, "sleep", "60", "--", sys.executable, "-c", refused],
        stderr=subprocess.PIPE,
        text=True,
    )
    time.sleep(6)
    process.terminate()
    said = process.communicate(timeout=20)[1]

    # At once, after 1 second, after 2 more; the fourth is due after 4 more.
    assert len(log.read_text()) <= 3
    assert said.count("Starting it again") <= 3
    assert "Starting it again in 4 s." in said or "Starting it again in 2 s." in said


@pytest.fixture
def worker(tmp_path):
    """Returns a function that starts a worker on one SQLite file; what it says goes into a file."""
    environment = {
        "PATH": os.environ["PATH"],
        "ENV_FILE": os.devnull,
        "SECRET_KEY": "only-for-tests-0123456789-abcdefghijklmnopqrstuvwxyz",
        "DATABASE_URL": f"sqlite:///{tmp_path}/site.sqlite3",
    }
    manage = [sys.executable, "manage.py"]
    subprocess.run([*manage, "migrate", "--verbosity=0"], cwd=ROOT, env=environment, check=True)  # noqa: S603
    started = []

    def start(*options):
        said = tmp_path / f"said{len(started)}"
        with said.open("w") as file:
            process = subprocess.Popen([*manage, "worker", *options], cwd=ROOT, env=environment, stderr=file)  # noqa: S603
        started.append(process)
        return process, said

    yield start
    for process in started:
        process.kill()
        process.wait()


def test_the_worker_of_a_second_server_waits_for_its_place_with_one_line(worker, tmp_path):
    first, _said = worker("--wait")
    place = tmp_path / "site.sqlite3.worker"
    wait_for(place.exists)
    time.sleep(1)
    second, said = worker("--wait")
    wait_for(lambda: "waits for its place" in said.read_text(), 60)
    time.sleep(3)

    assert second.poll() is None
    assert said.read_text().count("\n") == 1
    third, refusal = worker()
    assert third.wait(60) == 1
    assert "SQLite has room for one" in refusal.read_text()

    second.terminate()  # While it waits.
    second.wait(20)
    fourth, _said = worker("--wait")
    first.kill()
    first.wait()
    wait_for(lambda: is_locked_by_another(place))
    assert fourth.poll() is None


def is_locked_by_another(place):
    with place.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
    return False
