from datetime import timedelta

import structlog
from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps
from django.core.exceptions import PermissionDenied


class SocializerConfig(AppConfig):
    """The site itself: an app so that its static files and translations are found."""

    name = "socializer"

    def ready(self):
        from django_structlog.signals import bind_extra_request_failed_metadata, bind_extra_request_metadata

        from accounts.jobs import schedule
        from socializer import sitemaps

        schedule.register(sitemaps.store_parts, timedelta(hours=1))
        bind_extra_request_metadata.connect(log_client_address, dispatch_uid="socializer.log_client_address")
        bind_extra_request_metadata.connect(note_request, dispatch_uid="socializer.note_request")
        bind_extra_request_failed_metadata.connect(log_outage, dispatch_uid="socializer.log_outage")


class SocializerAdminConfig(admin_apps.AdminConfig):
    """Django's admin with our site class."""

    default = False  # "socializer" in INSTALLED_APPS means the one above.
    default_site = "socializer.admin.SocializerAdminSite"


def log_client_address(request, logger, **kwargs):
    """Log the address that rate limits go by: a header's only as far as TRUSTED_PROXIES reaches."""
    from allauth.account.adapter import get_adapter

    try:
        address = get_adapter().get_client_ip(request)
    except PermissionDenied:
        address = None
    structlog.contextvars.bind_contextvars(ip=address)


def note_request(request, **kwargs):
    """Let every log line know which request is being answered, so that it holds none of its secrets."""
    structlog.contextvars.bind_contextvars(answering=request)


def log_outage(exception, log_kwargs, **kwargs):
    """Log what the database or the cache said, and the status that visitors really get."""
    from accounts.database_errors import sqlstate
    from socializer.views import is_outage

    if is_outage(exception):
        cause = f"{type(exception).__name__}: {str(exception).strip()}"
        log_kwargs.update(code=503, cause=cause, sqlstate=sqlstate(exception))
