"""How gunicorn serves the site. script/server checks these variables and names this file."""

import logging
import os
from contextlib import suppress

from gunicorn.glogging import Logger
from gunicorn.workers.gthread import ThreadWorker

# Unless it inherits a socket: LISTEN_FDS.
bind = os.environ.get("BIND", "127.0.0.1:8000")
workers = int(os.environ.get("WEB_CONCURRENCY", 1))
threads = int(os.environ.get("WEB_THREADS", 8))
# Less than script/_supervise allows for all of it.
graceful_timeout = 20
# Nobody uses it, and two servers at once would fight over its file.
control_socket_disable = True
loglevel = "warning"
# What a proxy says is Django's to judge, by TRUSTED_PROXIES.
forwarded_allow_ips = ""


class RedactingLogger(Logger):
    """gunicorn's own log, without what works as a key in the addresses that it names."""

    def setup(self, cfg):
        super().setup(cfg)
        self.error_log.addFilter(redact_record)

    def atoms(self, resp, req, environ, request_time):
        """What an access log may show: the parts of the address without secrets, and no headers but the browser's name."""
        from socializer.redaction import of_uri

        shown = of_uri(environ["REQUEST_METHOD"], environ["RAW_URI"], environ.get("HTTP_REFERER", ""))
        atoms = super().atoms(resp, req, environ, request_time)
        atoms = {name: value for name, value in atoms.items() if not name.startswith("{")}
        line = f"{shown.line} {environ['SERVER_PROTOCOL']}"
        return atoms | {"r": line, "U": shown.path, "q": shown.query, "f": shown.referer or "-"}


def redact_record(record):
    """A filter of logging that lets every record pass."""
    from django.apps import apps

    if not apps.ready:
        return True
    from socializer.redaction import of_uri

    # Its tracebacks speak of the address, too, in their own way.
    arguments = record.args if isinstance(record.args, tuple) else ()
    uri = next((argument for argument in arguments if str(argument).startswith("/")), "")
    try:
        shown = of_uri("", uri)
    except Exception:  # The addresses of the site can't be imported, say.
        record.msg, record.args = "Error handling a request", ()
        return True
    record.msg, record.args = shown.redact(record.getMessage()), ()
    if record.exc_info:
        record.exc_text = shown.redact(logging.Formatter().formatException(record.exc_info))
        record.exc_info = None
    return True


logger_class = RedactingLogger


class Worker(ThreadWorker):
    """gunicorn's threads, but that the port is free as soon as a process is told to stop, not when it has answered everything."""

    def set_accept_enabled(self, enabled):
        super().set_accept_enabled(enabled)
        if not self.alive:
            for listener in self.sockets:
                listener.close()


worker_class = Worker


def post_worker_init(worker):
    """Let each process prepare itself after the fork, before its first request. It starts whatever comes of that."""
    try:
        from socializer.warming import warm_up

        warm_up(worker.wsgi)
    except Exception:
        worker.log.warning(
            "This process could not prepare itself. Its first page takes longer.", exc_info=True
        )
    say_ready(worker.cfg.workers)


def say_ready(processes):
    """Tell script/_supervise, if it runs this server, that this process is ready, and of how many it is one."""
    if fd := os.environ.get("READY_FD"):
        with suppress(OSError):  # One that replaces another later: nobody listens any more.
            os.write(int(fd), b"%d\n" % processes)
