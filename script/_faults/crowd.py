"""The members of the site, who use it as people with browsers do, and remember what it answered."""

import io
import random
import re
import threading
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException
from http.cookies import SimpleCookie
from itertools import count
from urllib.parse import urlencode, urlsplit

from .ledger import Ledger
from .processes import TrialError
from .services import HOST

# Long enough to see how long an answer takes that takes too long.
PATIENCE = 90
LOGIN = "/users/login/"
EMAIL_WITHIN = 30
RESET_LINK = re.compile(r"http://localhost:\d+(/users/password/reset/key/\S+)")
PAGES = ("/", "/explore/", "/unread/", "/users/", "/users/settings/")


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
        return self.status == 302 and self.location.startswith(LOGIN)

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


def picture(rng):
    """Return a small PNG of one colour."""
    from PIL import Image

    file = io.BytesIO()
    Image.new("RGB", (300, 300), tuple(rng.randrange(256) for _ in range(3))).save(file, "PNG")
    return file.getvalue()


class Member(Browser):
    """A person with a browser. Whatever they do, the crowd's ledger knows what they were promised."""

    def __init__(self, crowd, username):
        super().__init__(crowd.site, crowd.answers)
        self.crowd = crowd
        self.ledger = crowd.ledger
        self.username = username
        self.email = f"{username}@example.org"
        self.password = f"the first words of {username}"
        # Whether the site must know this browser: it said so, and nothing has happened since that may have changed it.
        self.is_in = False
        self.posts = {}

    def submit(self, path, data=None, *, files=None, **options):
        """Send a form that changes `writes`, a dict for the ledger. Returns the Answer."""
        writes = self.ledger.begin(options.get("writes", {}))
        answer = self.request("POST", path, data, files)
        self.look_for_login(answer)
        if answer.is_stored:
            self.ledger.acknowledge(writes)
        elif not answer.failed:
            self.ledger.withdraw(writes)
        if answer.wants_login and options.get("again", True) and self.log_in():
            return self.submit(path, data, files=files, **(options | {"again": False}))
        return answer

    def persist(self, path, data=None, **options):
        """Send a form until it is answered, as patient people do. Returns the last Answer."""
        deadline = time.monotonic() + PATIENCE
        while True:
            answer = self.submit(path, data, **options)
            if not answer.failed or time.monotonic() > deadline:
                return answer
            time.sleep(1)

    def sign_up(self):
        """Returns whether there is an account now."""
        data = {"username": self.username, "email": self.email, "password1": self.password}
        writes = {("account", self.username): True, ("password", self.username): self.password}
        answer = self.persist("/users/signup/", data, writes=writes)
        self.is_in = answer.is_stored
        # The answer may have been lost, but not the account.
        return self.is_in or self.log_in()

    def log_in(self):
        """Try every password that may be right. Returns whether one was."""
        for password in sorted(self.ledger.allowed(("password", self.username)) - {None}):
            answer = self.request("POST", LOGIN, {"login": self.username, "password": password})
            if answer.is_stored:
                self.is_in = True
                return True
        return False

    def log_out(self):
        self.is_in = False
        self.request("POST", "/users/logout/")

    def read(self, path):
        answer = self.get(path)
        if self.look_for_login(answer):
            self.log_in()
        return answer

    def look_for_login(self, answer):
        """Return whether the answer asks to log in. It shouldn't if this browser is known."""
        if answer.wants_login and self.is_in:
            self.crowd.notice("logged out", f"{self.username} at {answer}")
            self.is_in = False
        return answer.wants_login

    def post(self, number):
        token = f"text-{self.username}-{number}"
        content = f"{token} has these words"
        data = {"content": content, "submission": str(uuid.uuid4())}
        for _try in range(3):
            answer = self.submit("/posts/add/", data, writes={("post", token): content})
            if answer.status == 503 and content not in answer.body:
                self.crowd.notice("text not given back", str(answer))
            if not answer.failed:
                break
            time.sleep(1)
        if answer.is_stored:
            self.posts[token] = answer.location.rpartition("post-")[2]
            self.crowd.add_post(self, token)

    def edit(self, token, number):
        content = f"{token} has other words now, {number}"
        self.submit(
            f"/posts/{self.posts[token]}/edit/", {"content": content}, writes={("post", token): content}
        )

    def delete(self, token):
        answer = self.submit(f"/posts/{self.posts[token]}/delete/", {}, writes={("post", token): None})
        if answer.is_stored:
            del self.posts[token]
            self.crowd.remove_post(token)

    def follow(self, other, on=True):
        """Follow another Member, or stop that."""
        verb = "follow" if on else "unfollow"
        return self.submit(
            f"/@{other.username}/{verb}/", writes={("follow", self.username, other.username): on or None}
        )

    def block(self, other, on=True):
        verb = "block" if on else "unblock"
        return self.submit(
            f"/@{other.username}/{verb}/", writes={("block", self.username, other.username): on or None}
        )

    def change_settings(self, number, file=None):
        name, bio = f"{self.username.title()} {number}", f"About number {number}"
        writes = {("display_name", self.username): name, ("bio", self.username): bio}
        if file:
            writes[("picture", self.username)] = True
        data = {"display_name": name, "bio": bio}
        self.submit("/users/settings/", data, files=file and {"picture": file}, writes=writes)

    def report(self, token, post_id):
        data = {"reason": "spam", "note": ""}
        self.submit(f"/posts/{post_id}/report/", data, writes={("report", self.username, token): True})

    def reset_password(self, number):
        """Ask for an email, wait for it, and choose another password by its link."""
        asked, email = time.monotonic(), {"email": self.email}
        writes = {("reset", self.username, number): True}
        if not self.submit("/users/password/reset/", email, writes=writes).is_stored:
            return
        while not (link := self.crowd.newest_reset_link(self.email, asked)):
            if time.monotonic() > asked + EMAIL_WITHIN or not self.crowd.going.is_set():
                return  # The judge looks whether it comes at all.
            time.sleep(0.2)
        answer = self.request("GET", link)
        if answer.status == 302:
            self.is_in = False  # Other passwords end sessions.
            password = f"the words number {number} of {self.username}"
            data = {"password1": password, "password2": password}
            if self.submit(
                answer.location, data, writes={("password", self.username): password}, again=False
            ).is_stored:
                self.password, self.is_in = password, True

    def leave(self):
        """Delete the account. Returns whether the first answer said that it is gone."""
        data = {"password": self.password, "sure": "on"}
        writes = {("account", self.username): None}
        self.is_in = False
        first = self.submit("/users/leave/", data, writes=writes, again=False)
        self.crowd.leaves.append(first)
        if not first.is_stored:
            self.persist("/users/leave/", data, writes=writes)
        return first.is_stored


class Crowd:
    """All clients, and what they have in common."""

    def __init__(self, site, mail, rng, clients, pause):
        self.site = site
        self.mail = mail
        self.rng = rng
        self.answers = []
        self.leaves = []
        self.notices = []
        self.numbers = count(1)
        self.posts = {}
        self.lock = threading.Lock()
        self.going = threading.Event()
        self.over = threading.Event()
        self.pause_between = pause
        self.ledger = Ledger()
        self.clients = [Client(self, random.Random(rng.random())) for _ in range(clients)]

    def notice(self, kind, words):
        """Remember something that should not happen, apart from errors in answers."""
        self.notices.append((time.monotonic(), kind, words))

    def new_member(self, prefix):
        return Member(self, f"{prefix}{next(self.numbers)}")

    def gather(self):
        """Let the regular members sign up. Raises TrialError if one can't: nothing has failed yet."""
        for client in self.clients:
            for member in client.members:
                if not member.sign_up():
                    raise TrialError(f"Nobody can sign up: {self.answers[-1]}")

    def start(self):
        self.going.set()
        for client in self.clients:
            client.start()

    def pause(self):
        """Return when no request is under way. Until `resume()` none is made."""
        self.going.clear()
        for client in self.clients:
            client.idle.wait(PATIENCE)

    def resume(self):
        self.going.set()

    def stop(self):
        self.over.set()
        self.going.set()
        for client in self.clients:
            client.join(PATIENCE)

    def regulars(self):
        return [member for client in self.clients for member in client.members]

    def add_post(self, member, token):
        with self.lock:
            self.posts[token] = (member, member.posts[token])

    def remove_post(self, token):
        with self.lock:
            self.posts.pop(token, None)

    def any_post(self, rng, but_of):
        """Return the token and id of a post by another regular member, or None."""
        with self.lock:
            known = [
                (token, post_id) for token, (author, post_id) in self.posts.items() if author not in but_of
            ]
        return rng.choice(known) if known else None

    def newest_reset_link(self, email, since):
        letters = [kept for kept in list(self.mail.letters.kept) if kept[1] == email and kept[0] > since]
        links = [found[1] for kept in letters if (found := RESET_LINK.search(kept[3]))]
        return links[-1] if links else None


class Client(threading.Thread):
    """Two regular members, who quarrel with each other alone, and people who come and leave."""

    WEIGHTS = {
        "read_pages": 12,
        "read_profile": 4,
        "post": 6,
        "edit": 2,
        "delete": 1,
        "follow": 4,
        "unfollow": 2,
        "quarrel": 1,
        "change_settings": 1,
        "upload_picture": 1,
        "report": 1,
        "come_and_leave": 2,
        "log_in_again": 1,
        "reset_password": 1,
    }

    def __init__(self, crowd, rng):
        super().__init__(daemon=True)
        self.crowd = crowd
        self.rng = rng
        self.members = [crowd.new_member("member") for _ in range(2)]
        self.idle = threading.Event()

    def run(self):
        while not self.crowd.over.is_set():
            if not self.crowd.going.is_set():
                self.idle.set()
                self.crowd.going.wait()
                self.idle.clear()
                continue
            (what,) = self.rng.choices(list(self.WEIGHTS), list(self.WEIGHTS.values()))
            with suppress(IndexError):  # There is nothing to choose from yet.
                getattr(self, what)(self.rng.choice(self.members), next(self.crowd.numbers))
            time.sleep(self.crowd.pause_between * self.rng.uniform(0.5, 1.5))
        self.idle.set()

    def other(self):
        return self.rng.choice([one for one in self.crowd.regulars() if one not in self.members])

    def read_pages(self, member, number):
        member.read(self.rng.choice(PAGES))

    def read_profile(self, member, number):
        member.read(f"/@{self.other().username}/")

    def post(self, member, number):
        member.post(number)

    def edit(self, member, number):
        member.edit(self.rng.choice(list(member.posts)), number)

    def delete(self, member, number):
        member.delete(self.rng.choice(list(member.posts)))

    def follow(self, member, number):
        member.follow(self.other())

    def unfollow(self, member, number):
        member.follow(self.other(), on=False)

    def quarrel(self, member, number):
        one, other = self.members
        one.block(other, on=self.rng.random() < 0.5)

    def change_settings(self, member, number):
        member.change_settings(number)

    def upload_picture(self, member, number):
        member.change_settings(number, picture(self.rng))

    def report(self, member, number):
        if post := self.crowd.any_post(self.rng, self.members):
            member.report(*post)

    def come_and_leave(self, member, number):
        guest = self.crowd.new_member("guest")
        if guest.sign_up():
            guest.follow(member)
            guest.post(number)
            guest.leave()

    def log_in_again(self, member, number):
        member.log_out()
        if not member.log_in():
            # Not while the site is away; then the next page asks again.
            return

    def reset_password(self, member, number):
        member.reset_password(number)
