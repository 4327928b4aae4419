"""Structured logs: one line per event on standard error, for people or for machines.

Each request is logged as one line, and every line logged during a request contains the request's id. Secrets
are removed from all lines: see socializer.redaction.
"""

import logging
import re
import sys
from contextvars import ContextVar
from time import perf_counter
from uuid import uuid4

import structlog
from django.apps import apps
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.core.signals import got_request_exception
from django.http import HttpRequest

logger = logging.getLogger(__name__)

# The request that is being handled.
_current = ContextVar("request", default=None)

# Fields that contain no URL or are already redacted.
SAFE_FIELDS = {"level", "logger", "timestamp", "request", "request_id"}


class RequestLogMiddleware:
    """Logs each request after it has been handled, with the user, the URL, the status, and the duration in milliseconds."""

    def __init__(self, get_response):
        self.get_response = get_response
        got_request_exception.connect(remember_outage, dispatch_uid="socializer.logs.remember_outage")

    def __call__(self, request):
        start = perf_counter()
        request.log_id = _request_id(request)
        token = _current.set(request)
        try:
            response = self.get_response(request)
            log_request(request, response, round((perf_counter() - start) * 1000, 1))
            return response
        finally:
            _current.reset(token)


def log_request(request, response, milliseconds):
    code = response.status_code
    level = logging.ERROR if code >= 500 else logging.WARNING if code >= 400 else logging.INFO
    if logger.isEnabledFor(level):
        outage = getattr(request, "outage", None)
        fields = {"request": request, "code": code, "ms": milliseconds} | (outage or {})
        logger.log(level, "request_failed" if outage else "request_finished", extra=fields)


def remember_outage(sender, request, **kwargs):
    """Handle `got_request_exception`: store an error of the database or the cache for the line about this request."""
    from accounts.common.database_errors import sqlstate
    from socializer.views import is_outage

    error = sys.exc_info()[1]
    if is_outage(error):
        cause = f"{type(error).__name__}: {str(error).strip()}"
        request.outage = {"cause": cause, "sqlstate": sqlstate(error)}


def add_request(logger, name, event):
    """Add the request that a line belongs to, and remove secrets."""
    request = event.pop("request", None)
    if not isinstance(request, HttpRequest):
        request = _current.get()
    try:
        return _redacted(event, request) if apps.ready else event
    except Exception:
        # For example, it may be impossible to import the URL patterns. In that case, no part of a URL is known to be safe.
        return {key: _without_path(value, request) for key, value in event.items()}


def _redacted(event, request):
    from socializer import redaction  # This needs the URL patterns, which need the apps.

    redact = redaction.redact_text
    if request:
        redacted = redaction.of_request(request)
        redact = redacted.redact
        event |= {"request": redacted.line, "ip": _client_address(request), "user_id": _user_id(request)}
        event["request_id"] = getattr(request, "log_id", None)
    return {
        key: redact(value) if isinstance(value, str) and key not in SAFE_FIELDS else value
        for key, value in event.items()
    }


def _client_address(request):
    """Return the IP address that rate limits use. Headers are used only as TRUSTED_PROXIES allows."""
    from allauth.account.adapter import get_adapter

    try:
        return get_adapter().get_client_ip(request)
    except PermissionDenied:
        return None


def _request_id(request):
    """Return the id that a trusted proxy has given the request, or a new one."""
    header = request.headers.get("X-Request-ID", "") if settings.TRUSTED_PROXIES else ""
    return header if re.fullmatch(r"[\w.-]{1,64}", header) else str(uuid4())


def _user_id(request):
    """Return the primary key of the member who sent the request, or None if they aren't known yet."""
    return request.user.pk if hasattr(request, "_cached_user") else None


def _without_path(value, request):
    return value.replace(request.path, "***") if request and isinstance(value, str) else value


_processors = [
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.stdlib.ExtraAdder(),
    # This format doesn't show each frame's variables, because they may contain passwords.
    structlog.processors.format_exc_info,
    add_request,
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
    """Return Django's LOGGING for lines in `format`, "console" or "json", from `level` on."""
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
            # Django's own handlers would write every line twice.
            "django": {"handlers": [], "propagate": True},
            # The line "request_failed" already describes the error, and one line is enough during an outage.
            "django.request": {"filters": ["not_an_outage"]},
            # With a line for every job, the line about a failed one would be hard to find.
            "django_tasks": {"level": "WARNING"},
            "django.server": {"handlers": [], "level": "WARNING", "propagate": True},
        },
    }
