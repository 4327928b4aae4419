"""How gunicorn serves the site. script/server checks these variables and names this file."""

import logging
import os

from gunicorn.glogging import Logger

bind = os.environ.get("BIND", "127.0.0.1:8000")
workers = int(os.environ.get("WEB_CONCURRENCY", 1))
worker_class = "gthread"
threads = int(os.environ.get("WEB_THREADS", 8))
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


def post_worker_init(worker):
    """Let each process prepare itself after the fork, before its first request. It starts whatever comes of that."""
    try:
        from socializer.warming import warm_up

        warm_up(worker.wsgi)
    except Exception:
        worker.log.warning(
            "This process could not prepare itself. Its first page takes longer.", exc_info=True
        )
