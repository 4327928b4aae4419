"""A simple browser for the trial, and the responses that it gets."""

import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException
from http.cookies import SimpleCookie
from itertools import count
from urllib.parse import urlencode, urlsplit

from _faults.services import HOST

# This is long enough to measure responses that take too long.
TIMEOUT = 90
LOGIN = "/users/login/"


@dataclass
class Response:
    """The result of one request: a status, or the name of a connection error."""

    method: str
    path: str
    began: float
    time: datetime  # wall-clock time, as in the site's log
    ended: float = 0.0
    status: int = 0
    error: str = ""
    location: str = ""
    retry_after: str = ""
    body: str = field(default="", repr=False)

    @property
    def seconds(self):
        return self.ended - self.began

    @property
    def failed(self):
        """Whether a member can't use this response."""
        return bool(self.error) or self.status >= 500

    @property
    def is_stored(self):
        """Whether the site accepted the form."""
        return self.status == 302 and not self.wants_login

    @property
    def wants_login(self):
        """Whether the site requires a login. Pages with a post form then respond with a 403 and show the text."""
        return self.status == 403 or (self.status == 302 and self.location.startswith(LOGIN))

    def __str__(self):
        result = self.error or str(self.status)
        return f"{self.time:%H:%M:%S} {self.method} {self.path}: {result} after {self.seconds:.1f} s"


class Browser:
    """Keeps cookies. It opens a new connection for each request, so that a closed connection can't make a request fail."""

    numbers = count(1)

    def __init__(self, site, responses):
        self.site = site
        self.responses = responses
        self.cookies = {}
        # Each browser has its own address. Otherwise, the crowd would exceed the rate limits for one address.
        self.address = f"2001:db8:{next(self.numbers):x}::1"

    def request(self, method, path, data=None, files=None):
        """Send a request. Return the Response, and add it to the list for the judge."""
        response = Response(method, path, time.monotonic(), datetime.now(UTC))
        connection = HTTPConnection(HOST, self.site.port, timeout=TIMEOUT)
        try:
            connection.request(method, path, *self._body_and_headers(response, data, files))
            received = connection.getresponse()
            response.status = received.status
            response.location = received.headers.get("Location", "")
            response.retry_after = received.headers.get("Retry-After", "")
            response.body = received.read().decode(errors="replace")
            self._store_cookies(received)
        except (OSError, HTTPException) as error:
            response.error = type(error).__name__
        finally:
            connection.close()
        response.ended = time.monotonic()
        self.responses.append(response)
        return response

    def _body_and_headers(self, response, data, files):
        token = self.cookies.setdefault("csrftoken", "x" * 32)
        headers = {
            "Host": f"localhost:{self.site.port}",
            "Accept": "text/html",
            "X-Forwarded-For": self.address,
            "Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()),
        }
        if response.method == "GET":
            return None, headers
        headers["X-CSRFToken"] = token
        if files:
            body, headers["Content-Type"] = multipart(data, files)
        else:
            body, headers["Content-Type"] = urlencode(data or {}), "application/x-www-form-urlencoded"
        return body, headers

    def _store_cookies(self, received):
        for header in received.headers.get_all("Set-Cookie", ()):
            for name, morsel in SimpleCookie(header).items():
                if morsel["max-age"] == "0" or not morsel.value:
                    self.cookies.pop(name, None)
                else:
                    self.cookies[name] = morsel.value

    def get(self, path):
        """Get a page, following redirects within the site."""
        for _step in range(5):
            response = self.request("GET", path)
            if response.status not in (301, 302) or response.wants_login:
                break
            parts = urlsplit(response.location)
            path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        return response


def multipart(data, files):
    """Return the body of a form with files, and its Content-Type."""
    boundary = uuid.uuid4().hex
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in data.items()
    ]
    for name, content in files.items():
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="a.png"\r\n'
        parts.append(f"{head}Content-Type: image/png\r\n\r\n".encode() + content + b"\r\n")
    return b"".join(parts) + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"
