"""Addresses of this site, all under SITE_URL: the Host header of a request is whatever its sender wrote."""

from urllib.parse import urlsplit

from django.conf import settings
from django.utils.http import url_has_allowed_host_and_scheme


def absolute(path):
    """The address of `path` for readers outside the site, such as of an email or a feed."""
    return settings.SITE_URL + path


def under_site_url(text, request):
    """Return `text` unchanged, or if it is an address that was built from the Host header of `request`, under SITE_URL."""
    root = request.build_absolute_uri("/")
    return absolute("/" + text.removeprefix(root)) if text.startswith(root) else text


def is_on_this_site(url):
    """Whether `url` is safe to redirect to: a path, or an address under SITE_URL."""
    site = urlsplit(settings.SITE_URL)
    return url_has_allowed_host_and_scheme(url, {site.netloc}, require_https=site.scheme == "https")
