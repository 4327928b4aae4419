"""script/_supervise, which script/server runs: it leaves no processes, restarts the worker, and reloads without refusing requests."""

import fcntl
import http.client
import os
import pty
import runpy
import signal
import socket
import subprocess
import sys
import termios
import time
from pathlib import Path
from threading import Event, Thread

import pytest

# It uses no database, or one of its own, so testing it on one engine is enough.
pytestmark = pytest.mark.any_engine

ROOT = Path(__file__).resolve().parents[2]
SUPERVISE = ROOT / "script" / "_supervise"
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="needs prctl and /proc")

# Writes its name and process id to a file, reports that it is ready, starts a child, and keeps running.
PROGRAM = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
with open(sys.argv[1], "a") as log:
    print(sys.argv[2], os.getpid(), child.pid, file=log, flush=True)
if fd := os.environ.get("READY_FD"):
    os.write(int(fd), b"1\\n")
time.sleep(600)
"""


def wait_for(condition, seconds=20):
    """Return the result of `condition()` as soon as it is true. Fails after some time."""
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
    # A zombie no longer runs. Its parent only has to collect it.
    state = Path(f"/proc/{pid}/stat")
    return not state.exists() or state.read_text().rpartition(")")[2].split()[0] != "Z"


@pytest.fixture
def supervise(tmp_path):
    """Return a function that starts the supervisor. Standard error goes to a file."""
    processes = []

    def start(*arguments, **options):
        with (tmp_path / "said").open("w") as file:
            process = subprocess.Popen([sys.executable, SUPERVISE, *arguments], stderr=file, **options)  # noqa: S603
        processes.append(process)
        return process

    yield start
    for process in processes:
        if process.poll() is None:
            process.terminate()
        process.wait(30)


@pytest.fixture
def said(tmp_path):
    return (tmp_path / "said").read_text


@pytest.fixture
def supervised(tmp_path, supervise):
    """Return a supervisor of PROGRAM as server and worker, and a function that returns the started processes."""
    log = tmp_path / "log"
    log.touch()

    def command(name):
        return [sys.executable, "-c", PROGRAM, str(log), name]

    process = supervise(*command("server"), "--", *command("worker"))

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
def test_when_stopped_it_leaves_no_process(supervised, signum):
    process, started = supervised
    process.send_signal(signum)

    assert process.wait(timeout=20) == 0
    pids = [pid for _name, *pids in started() for pid in pids]
    assert len(pids) == 4
    wait_for(lambda: not any(map(is_alive, pids)))


@linux_only
def test_when_it_is_killed_server_and_worker_end(supervised):
    process, started = supervised
    process.kill()

    wait_for(lambda: not any(is_alive(pid) for _name, pid, _child in started()))


def test_a_worker_that_exits_is_restarted(supervised):
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


def test_a_worker_that_keeps_exiting_is_restarted_after_longer_pauses():
    next_pause = runpy.run_path(str(SUPERVISE))["next_pause"]
    pauses = [0]
    for _ in range(9):
        pauses.append(next_pause(pauses[-1], lived=0.3))

    assert pauses[1:] == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    # A worker that ran for a while is restarted at once.
    assert next_pause(60, lived=3600) == 1


def test_a_worker_that_cannot_start_is_not_restarted_every_second(tmp_path, supervise, said):
    log = tmp_path / "log"
    refused = f"open({str(log)!r}, 'a').write('x'); raise SystemExit('Refused.')"
    supervise("sh", "-c", READY + "sleep 60", "--", sys.executable, "-c", refused)

    # At once, after 1 second, and after 2 more. The fourth start is due after 4 more.
    wait_for(lambda: "Starting it again in 4 s." in said())
    assert log.read_text() == "xxx"
    assert said().count("Starting it again") == 3


READY = 'echo 1 >"/dev/fd/$READY_FD"; '


@pytest.mark.parametrize(("command", "code"), [("exit 5", 5), ("exit 0", 1), ("kill -KILL $$", 137)])
@pytest.mark.parametrize("ready", [READY, ""])
def test_the_exit_code_is_that_of_a_server_that_exits(supervise, said, ready, command, code):
    process = supervise("sh", "-c", f"{ready}sleep 0.2; {command}", "--", "sleep", "60")

    assert process.wait(20) == code
    assert ("stopped by itself" if ready else "could not be started") in said()


# A site with a worker and a server that needs a moment to be ready. Both write to a file when they start and are told to stop.
SITE = """
name=$1 log=$2
trap 'echo $name ends >>$log; exit' TERM
echo $name begins >>$log
sleep 0.2
[ $name != server ] || echo 1 >"/dev/fd/$READY_FD"
while :; do sleep 0.05; done
"""


@pytest.fixture
def site(tmp_path, supervise, free_port):
    """Return a supervisor that can reload, and a function that returns the actions of its processes."""
    log = tmp_path / "log"
    log.touch()

    def command(name):
        return ["sh", "-c", SITE, "sh", name, str(log)]

    process = supervise("--listen", "127.0.0.1", free_port, *command("server"), "--", *command("worker"))
    return process, lambda: log.read_text().splitlines()


@pytest.fixture
def free_port():
    with socket.create_server(("127.0.0.1", 0)) as free:
        return str(free.getsockname()[1])


def test_on_hup_the_new_server_is_ready_before_the_old_one_ends(site):
    process, log = site
    wait_for(lambda: log() == ["server begins", "worker begins"])
    process.send_signal(signal.SIGHUP)

    wait_for(lambda: len(log()) == 6)
    assert log()[2] == "server begins"
    assert sorted(log()[3:5]) == ["server ends", "worker ends"]
    assert log()[5] == "worker begins"


def test_hups_during_a_start_or_reload_cause_one_more_reload(site):
    process, log = site
    wait_for(lambda: log() == ["server begins"])
    for _time in range(3):
        process.send_signal(signal.SIGHUP)
    wait_for(lambda: log().count("server ends") == 1)
    process.send_signal(signal.SIGTERM)

    assert process.wait(20) == 0
    assert log().count("server begins") == log().count("server ends") == 2
    assert log().count("worker begins") == log().count("worker ends")


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_when_stopped_during_a_reload_it_leaves_no_process(site, signum):
    process, log = site
    wait_for(lambda: log() == ["server begins", "worker begins"])
    process.send_signal(signal.SIGHUP)
    wait_for(lambda: log().count("server begins") == 2)
    process.send_signal(signum)

    assert process.wait(20) == 0
    assert log().count("server ends") == 2
    assert log().count("worker ends") == 1


def test_it_stops_when_its_terminal_is_closed(supervise, free_port):
    terminal, end = pty.openpty()
    process = supervise(
        *["--listen", "127.0.0.1", free_port, "sh", "-c", READY + "sleep 60", "--", "sleep", "60"],
        stdin=end,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    os.close(end)
    wait_for(lambda: is_listening(free_port))
    os.close(terminal)

    assert process.wait(20) == 0


def is_listening(port):
    try:
        socket.create_connection(("127.0.0.1", int(port)), timeout=5).close()
    except OSError:
        return False
    return True


def test_a_second_site_on_the_same_port_is_refused_with_a_message(site, free_port, monkeypatch):
    _process, log = site
    wait_for(lambda: "worker begins" in log())
    listen = runpy.run_path(str(SUPERVISE))["listen"]
    monkeypatch.setitem(listen.__globals__, "PORT_WAIT_SECONDS", 0)

    with pytest.raises(SystemExit, match=f"127.0.0.1, port {free_port}. If it is this site, it is running"):
        listen("127.0.0.1", int(free_port))
    with pytest.raises(SystemExit, match="Cannot listen on nowhere.invalid"):
        listen("nowhere.invalid", int(free_port))
    assert is_listening(free_port)


@linux_only
def test_it_collects_orphans_like_the_first_process_of_a_container():
    # If a parent ends, its children go to the nearest subreaper, as they would to process 1.
    adopt = "import ctypes, os, sys; ctypes.CDLL(None).prctl(36, 1, 0, 0, 0); os.execv(sys.executable, sys.argv[1:])"
    orphan = "(sh -c 'echo orphan $$ >&2; sleep 0.2' &) ; "
    command = [sys.executable, SUPERVISE, "sh", "-c", READY + orphan + "sleep 60", "--", "sleep", "60"]
    command = [sys.executable, "-c", adopt, *command]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:  # noqa: S603
        pid = int(process.stderr.readline().split()[1])
        wait_for(lambda: not Path(f"/proc/{pid}").exists())
        process.terminate()


APP = """
VERSION = open("version").read()
if VERSION == "broken":
    raise RuntimeError("This release does not start.")

def application(environ, start_response):
    start_response("200 OK", [("Content-Length", "1")])
    return [VERSION.encode()]
"""
CONFIG = """
from socializer.gunicorn import Worker as worker_class, say_ready

workers, threads, loglevel, control_socket_disable = 2, 4, "critical", True

def post_worker_init(worker):
    say_ready(worker.cfg.workers)
"""


def test_a_reload_under_load_refuses_and_breaks_no_request(tmp_path, supervise, said, free_port):
    for name, text in {"app.py": APP, "config.py": CONFIG, "version": "1"}.items():
        (tmp_path / name).write_text(text)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(20)
        gunicorn = [sys.executable, "-m", "gunicorn", "app", "--config", "config.py"]
        process = supervise(
            *["--listen", "127.0.0.1", free_port, "sh", "-c", 'LISTEN_PID=$$ exec "$@"', "sh", *gunicorn],
            *["--", "sleep", "60"],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": f"{ROOT}", "NOTIFY_SOCKET": str(tmp_path / "notify")},
        )

        def reload(version):
            (tmp_path / "version").write_text(version)
            process.send_signal(signal.SIGHUP)
            assert systemd.recv(1000).startswith(b"RELOADING=1")
            assert systemd.recv(1000).startswith(b"READY=1")

        assert systemd.recv(1000).startswith(b"READY=1")
        clients = [Client(free_port, keep_alive=number % 2) for number in range(4)]
        reload("2")
        wait_for(lambda: {client.last for client in clients} == {"2"})
        reload("broken")
        assert "The site keeps running unchanged." in said()
        assert {client.last for client in clients} == {"2"}
        reload("3")
        wait_for(lambda: {client.last for client in clients} == {"3"})
        for client in clients:
            client.end.set()
            client.join()

    assert [client.errors for client in clients] == [[]] * 4
    assert all(client.answers > 100 for client in clients)


class Client(Thread):
    """Sends requests continuously, without retries. Anything other than a response counts as an error."""

    def __init__(self, port, keep_alive):
        super().__init__(daemon=True)
        self.port, self.keep_alive = int(port), keep_alive
        self.answers, self.last, self.errors, self.end = 0, None, [], Event()
        self.start()

    def run(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        while not self.end.is_set():
            try:
                connection.request("GET", "/")
                self.last = connection.getresponse().read().decode()
                self.answers += 1
            except (OSError, http.client.HTTPException) as error:
                self.errors.append(error)
                connection.close()
            if not self.keep_alive:
                connection.close()


def test_it_uses_the_socket_from_systemd(free_port):
    with socket.create_server(("127.0.0.1", int(free_port))) as handed:
        as_systemd = 'exec 3<&0 </dev/null; LISTEN_FDS=1 LISTEN_PID=$$ exec "$0" "$@"'
        serve = "import os, socket, sys; os.write(int(os.environ['READY_FD']), b'1\\n'); "
        serve += "assert os.environ['LISTEN_FDS'] == '1'; socket.socket(fileno=3).accept()[0].send(b'here'); sys.stdin.read()"
        command = ["--listen", "127.0.0.1", "1", sys.executable, "-c", serve, "--", "sleep", "60"]
        command = ["/bin/sh", "-c", as_systemd, sys.executable, SUPERVISE, *command]
        process = subprocess.Popen(command, stdin=handed)  # noqa: S603
    with socket.create_connection(("127.0.0.1", int(free_port)), timeout=20) as client:
        assert client.recv(10) == b"here"
    process.terminate()
    process.wait(20)


@pytest.fixture
def worker(tmp_path):
    """Return a function that starts a worker on a SQLite file. Its output goes to a file."""
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


def test_a_second_worker_on_sqlite_waits_and_logs_one_line(worker, tmp_path):
    first, _said = worker("--wait")
    place = tmp_path / "site.sqlite3.worker"
    wait_for(place.exists)
    time.sleep(1)
    second, said = worker("--wait")
    wait_for(lambda: "This one waits until it ends" in said.read_text(), 60)
    time.sleep(3)

    assert second.poll() is None
    assert said.read_text().count("\n") == 1
    third, refusal = worker()
    assert third.wait(60) == 1
    assert "SQLite takes only one" in refusal.read_text()

    second.terminate()  # It is still waiting.
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
