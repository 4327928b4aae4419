"""Structured logs: one line per event on standard error, for people or for machines."""

import structlog
from django.apps import apps
from django.http import HttpRequest

# The parts of a log line that hold no address, and must stay as they are.
OWN_WORDS = ("level", "logger", "timestamp", "request_id")


def redact(logger, name, event):
    """Take out of a log line what works as a key: see socializer.redaction."""
    # The request that a line is about, or else the one that is being answered; see socializer.apps.
    about = event.pop("answering", None)
    if isinstance(event.get("request"), HttpRequest):
        about = event["request"]
    try:
        return event | (_redacted(event, about) if apps.ready else {})
    except Exception:
        # The URL patterns can't be imported, say. Then nothing is known about an address.
        return {key: _without_path(value, about) for key, value in event.items()}


def _without_path(value, request):
    if isinstance(value, HttpRequest):
        return value.method
    return value.replace(request.path, "***") if request and isinstance(value, str) else value


def _redacted(event, request):
    from socializer import redaction  # It needs the addresses, and those the applications.

    redact = redaction.of_request(request).redact if request else redaction.redact_text
    texts = {
        key: redact(value) for key, value in event.items() if isinstance(value, str) and key not in OWN_WORDS
    }
    if request and "request" in event:
        texts["request"] = redaction.of_request(request).line
    return texts


_processors = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.stdlib.ExtraAdder(),
    # Not the format with each frame's variables: passwords are among them.
    structlog.processors.format_exc_info,
    redact,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]

_renderers = {
    "json": [structlog.processors.JSONRenderer()],
    "console": [
        structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    ],
}


def is_not_an_outage(record):
    return getattr(record, "status_code", None) != 503


def logging_settings(format, level):
    """Return Django's LOGGING for lines in `format`, console or json, from `level` on."""
    structlog.configure(
        processors=[*_processors, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    formatter = {
        "()": structlog.stdlib.ProcessorFormatter,
        "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_renderers[format]],
        "foreign_pre_chain": _processors,
    }
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"structured": formatter},
        "filters": {"not_an_outage": {"()": "django.utils.log.CallbackFilter", "callback": is_not_an_outage}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "structured"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            # Django's own handlers would write every line twice, and django_structlog logs each request already.
            "django": {"handlers": [], "propagate": True},
            # The line before, of django_structlog, says what failed, and once is enough during an outage.
            "django.request": {"filters": ["not_an_outage"]},
            # A line for every job would bury the one about a job that failed.
            "django_tasks": {"level": "WARNING"},
            "django.server": {"handlers": [], "level": "WARNING", "propagate": True},
        },
    }
