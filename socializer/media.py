"""Serves members' pictures where no web server or object store in front does."""

from urllib.parse import urlsplit

from django.conf import settings
from django.core.files.storage import default_storage
from django.http import FileResponse

from accounts import pictures

# A key stands for one picture only, so browsers and caches between may keep it.
HEADERS = {
    "Cache-Control": "public, max-age=31536000, immutable",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "X-Robots-Tag": "noindex",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class PictureMiddleware:
    """Answers for the pictures below MEDIA_URL, and for nothing else there.

    To stand before sessions: a picture costs no query, and its answer varies with no cookie.
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
            return self.get_response(request)  # Like any address that leads nowhere.
        return FileResponse(file, content_type="image/webp", headers=HEADERS)
