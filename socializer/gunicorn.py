"""How gunicorn serves the site. script/server checks these variables and names this file."""

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
        from socializer.redaction import Redaction

        parts = (
            environ.get(name, "") for name in ("REQUEST_METHOD", "PATH_INFO", "QUERY_STRING", "HTTP_REFERER")
        )
        shown = Redaction(*parts)
        atoms = super().atoms(resp, req, environ, request_time)
        atoms = {name: value for name, value in atoms.items() if not name.startswith("{")}
        line = f"{shown.line} {environ['SERVER_PROTOCOL']}"
        return atoms | {"r": line, "U": shown.path, "q": shown.query, "f": shown.referer or "-"}


def redact_record(record):
    """A filter of logging that lets every record pass."""
    from django.apps import apps

    from socializer.redaction import redact_text

    if apps.ready:
        record.msg, record.args = redact_text(record.getMessage()), ()
    return True


logger_class = RedactingLogger


def post_worker_init(worker):
    """Let each process prepare itself after the fork, before its first request. It starts whatever comes of that."""
    try:
        from socializer.warming import warm_up

        warm_up()
    except Exception:
        worker.log.warning("The first page will take a little longer.", exc_info=True)
