"""URLs of this site, all under SITE_URL, because clients can send any Host header."""

from urllib.parse import urlsplit

from django.shortcuts import resolve_url
from django.utils.http import url_has_allowed_host_and_scheme

from accounts.common.app_settings import app_settings


def absolute(path):
    """Return the absolute URL of `path`, for emails and feeds."""
    return app_settings.SITE_URL + path


def home_path():
    """Return the path of the home page, or its URL if HOME_URL is on another site."""
    return resolve_url(app_settings.HOME_URL)


def rules_path():
    """Return the path or URL of the page with the rules, or an empty string if the project has none."""
    return resolve_url(app_settings.RULES_URL) if app_settings.RULES_URL else ""


def under_site_url(text, request):
    """Return `text`, but if it is a URL that was built from the Host header of `request`, move it under SITE_URL."""
    root = request.build_absolute_uri("/")
    return absolute("/" + text.removeprefix(root)) if text.startswith(root) else text


def is_on_this_site(url):
    """Return whether `url` is safe to redirect to: a path, or a URL under SITE_URL."""
    site = urlsplit(app_settings.SITE_URL)
    return url_has_allowed_host_and_scheme(url, {site.netloc}, require_https=site.scheme == "https")
