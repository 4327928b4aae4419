"""The configuration of gunicorn. script/server checks the variables and uses this file."""

import logging
import os
from contextlib import suppress

from gunicorn.glogging import Logger
from gunicorn.workers.gthread import ThreadWorker

# Ignored if gunicorn inherits a socket through LISTEN_FDS.
bind = os.environ.get("BIND", "127.0.0.1:8000")
workers = int(os.environ.get("WEB_CONCURRENCY", 1))
threads = int(os.environ.get("WEB_THREADS", 8))
# Must be less than GRACE_SECONDS in script/_supervise.
graceful_timeout = 20
# The control socket isn't used, and two servers would overwrite each other's socket.
control_socket_disable = True
loglevel = "warning"
# Django uses TRUSTED_PROXIES to decide which proxy headers to trust.
forwarded_allow_ips = ""


class RedactingLogger(Logger):
    """gunicorn's log, without secrets in URLs."""

    def setup(self, cfg):
        super().setup(cfg)
        self.error_log.addFilter(redact_record)

    def atoms(self, resp, req, environ, request_time):
        """Return the values for the access log, without secrets and without headers other than User-Agent."""
        from socializer.redaction import of_uri

        shown = of_uri(environ["REQUEST_METHOD"], environ["RAW_URI"], environ.get("HTTP_REFERER", ""))
        atoms = super().atoms(resp, req, environ, request_time)
        atoms = {name: value for name, value in atoms.items() if not name.startswith("{")}
        line = f"{shown.line} {environ['SERVER_PROTOCOL']}"
        return atoms | {"r": line, "U": shown.path, "q": shown.query, "f": shown.referer or "-"}


def redact_record(record):
    """Remove secrets from a log record. This is a logging filter that keeps every record."""
    from django.apps import apps

    if not apps.ready:
        return True
    from socializer.redaction import of_uri

    # Its tracebacks also contain the URL.
    arguments = record.args if isinstance(record.args, tuple) else ()
    uri = next((argument for argument in arguments if str(argument).startswith("/")), "")
    try:
        shown = of_uri("", uri)
    except Exception:  # For example, the site's URL patterns can't be imported.
        record.msg, record.args = "Error handling a request", ()
        return True
    record.msg, record.args = shown.redact(record.getMessage()), ()
    if record.exc_info:
        record.exc_text = shown.redact(logging.Formatter().formatException(record.exc_info))
        record.exc_info = None
    return True


logger_class = RedactingLogger


class Worker(ThreadWorker):
    """gunicorn's threaded worker. On shutdown, it closes the port before it has answered all pending requests."""

    def set_accept_enabled(self, enabled):
        super().set_accept_enabled(enabled)
        if not self.alive:
            for listener in self.sockets:
                listener.close()


worker_class = Worker


def post_worker_init(worker):
    """Warm up each process after the fork, before its first request. The process starts even if this fails."""
    try:
        from socializer.warming import warm_up

        warm_up(worker.wsgi)
    except Exception:
        worker.log.warning("Warming up failed. The first page of this process takes longer.", exc_info=True)
    say_ready(worker.cfg.workers)


def say_ready(processes):
    """Report to script/_supervise, if it runs this server, that this process is ready and how many processes there are."""
    if fd := os.environ.get("READY_FD"):
        with suppress(OSError):  # The supervisor no longer listens when a process is replaced later.
            os.write(int(fd), b"%d\n" % processes)
