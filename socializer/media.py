"""Serves profile pictures if neither a web server nor an object store serves them."""

from urllib.parse import urlsplit

from django.conf import settings
from django.core.files.storage import default_storage
from django.http import FileResponse

from accounts import pictures
from accounts.models import SiteSettings
from accounts.site_access import is_closed_to, login_response

# The file with a given name never changes, so browsers and proxies may cache it.
HEADERS = {
    "Cache-Control": "public, max-age=31536000, immutable",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "X-Robots-Tag": "noindex",
    "Cross-Origin-Resource-Policy": "same-origin",
}
PRIVATE_HEADERS = HEADERS | {"Cache-Control": "private, max-age=31536000, immutable"}


class PictureMiddleware:
    """Serves the profile pictures under MEDIA_URL, but no other files there.

    Place it before the session middleware, so that serving a picture needs no session and the response doesn't vary by cookie.
    If the site is for members only, MemberPictureMiddleware serves them instead.
    """

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        prefix = f"{settings.MEDIA_URL}{pictures.FOLDER}/"
        if urlsplit(prefix).netloc or not request.path_info.startswith(prefix):
            return self.get_response(request)
        name = request.path_info.removeprefix(prefix)
        if request.method not in ("GET", "HEAD") or not pictures.NAME.fullmatch(name):
            return self.get_response(request)
        if SiteSettings.of(request).members_only:
            request.picture_name = name
            return self.get_response(request)
        return picture_response(name, HEADERS) or self.get_response(request)  # The usual 404 page is shown.


class MemberPictureMiddleware:
    """Serves the pictures of a site for members only. Place it after the authentication middleware."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        name = getattr(request, "picture_name", None)
        if name is None:
            return self.get_response(request)
        if is_closed_to(request):
            return login_response(request)
        return picture_response(name, PRIVATE_HEADERS) or self.get_response(request)


def picture_response(name, headers):
    """Return a response with the picture, or None if there is no such file."""
    try:
        file = default_storage.open(f"{pictures.FOLDER}/{name}")
    except FileNotFoundError:
        return None
    return FileResponse(file, content_type="image/webp", headers=headers)
