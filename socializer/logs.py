"""Structured logs: one line per event on standard error, for people or for machines."""

import re

import structlog

# Addresses that are keys: whoever reads the log must not be able to use them.
_secret_address = re.compile(r"(/feeds/|/users/unsubscribe/)[^/\s]+")


def hide_secret_addresses(logger, name, event):
    """Take the tokens out of the addresses in a log line."""
    for key in {"event", "request"} & event.keys():
        event[key] = _secret_address.sub(r"\1***", str(event[key]))
    return event


_processors = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.stdlib.ExtraAdder(),
    hide_secret_addresses,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]

_renderers = {
    "json": [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()],
    # Not the default with each frame's variables: passwords are among them.
    "console": [
        structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    ],
}


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
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "structured"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            # Django's own handlers would write every line twice, and django_structlog logs each request already.
            "django": {"handlers": [], "propagate": True},
            # A line for every job would bury the one about a job that failed.
            "django_tasks": {"level": "WARNING"},
            "django.server": {"handlers": [], "level": "WARNING", "propagate": True},
        },
    }
