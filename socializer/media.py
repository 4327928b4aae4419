"""Serves profile pictures if neither a web server nor an object store serves them."""

from urllib.parse import urlsplit

from django.conf import settings
from django.core.files.storage import default_storage
from django.http import FileResponse

from accounts import pictures

# The file with a given name never changes, so browsers and proxies may cache it.
HEADERS = {
    "Cache-Control": "public, max-age=31536000, immutable",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "X-Robots-Tag": "noindex",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class PictureMiddleware:
    """Serves the profile pictures under MEDIA_URL, but no other files there.

    Place it before the session middleware, so that serving a picture needs no query and the response doesn't vary by cookie.
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
        try:
            file = default_storage.open(f"{pictures.FOLDER}/{name}")
        except FileNotFoundError:
            return self.get_response(request)  # The usual 404 page is shown.
        return FileResponse(file, content_type="image/webp", headers=HEADERS)
