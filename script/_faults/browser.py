"""A browser as far as the trial needs one, and what it is answered."""

import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException
from http.cookies import SimpleCookie
from itertools import count
from urllib.parse import urlencode, urlsplit

from _faults.services import HOST

# Long enough to see how long an answer takes that takes too long.
PATIENCE = 90
LOGIN = "/users/login/"


@dataclass
class Answer:
    """What came of one request: a status, or the name of an error of the connection."""

    method: str
    path: str
    began: float
    moment: datetime  # by the clock, as in the site's log
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
        """Whether it was no answer that a member can use."""
        return bool(self.error) or self.status >= 500

    @property
    def is_stored(self):
        """Whether it says that a form was accepted."""
        return self.status == 302 and not self.wants_login

    @property
    def wants_login(self):
        """Whether the site doesn't know this browser. Pages for a text then answer 403, and give the text back."""
        return self.status == 403 or (self.status == 302 and self.location.startswith(LOGIN))

    def __str__(self):
        said = self.error or str(self.status)
        return f"{self.moment:%H:%M:%S} {self.method} {self.path}: {said} after {self.seconds:.1f} s"


class Browser:
    """Keeps cookies, and makes a new connection for each request: none can be refused because an old one was closed."""

    numbers = count(1)

    def __init__(self, site, answers):
        self.site = site
        self.answers = answers
        self.cookies = {}
        # An address of its own, so that limits for one address don't stop a crowd on one machine.
        self.address = f"2001:db8:{next(self.numbers):x}::1"

    def request(self, method, path, data=None, files=None):
        """Send a request. Returns the Answer, which is also kept for the judge."""
        answer = Answer(method, path, time.monotonic(), datetime.now(UTC))
        connection = HTTPConnection(HOST, self.site.port, timeout=PATIENCE)
        try:
            connection.request(method, path, *self._sent(answer, data, files))
            response = connection.getresponse()
            answer.status = response.status
            answer.location = response.headers.get("Location", "")
            answer.retry_after = response.headers.get("Retry-After", "")
            answer.body = response.read().decode(errors="replace")
            self._keep_cookies(response)
        except (OSError, HTTPException) as error:
            answer.error = type(error).__name__
        finally:
            connection.close()
        answer.ended = time.monotonic()
        self.answers.append(answer)
        return answer

    def _sent(self, answer, data, files):
        token = self.cookies.setdefault("csrftoken", "x" * 32)
        headers = {
            "Host": f"localhost:{self.site.port}",
            "Accept": "text/html",
            "X-Forwarded-For": self.address,
            "Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()),
        }
        if answer.method == "GET":
            return None, headers
        headers["X-CSRFToken"] = token
        if files:
            body, headers["Content-Type"] = multipart(data, files)
        else:
            body, headers["Content-Type"] = urlencode(data or {}), "application/x-www-form-urlencoded"
        return body, headers

    def _keep_cookies(self, response):
        for header in response.headers.get_all("Set-Cookie", ()):
            for name, morsel in SimpleCookie(header).items():
                if morsel["max-age"] == "0" or not morsel.value:
                    self.cookies.pop(name, None)
                else:
                    self.cookies[name] = morsel.value

    def get(self, path):
        """Get a page, following redirects within the site."""
        for _step in range(5):
            answer = self.request("GET", path)
            if answer.status not in (301, 302) or answer.wants_login:
                break
            parts = urlsplit(answer.location)
            path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        return answer


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
