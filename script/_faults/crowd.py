"""The crowd: clients that use the site at the same time, as people with browsers would."""

import random
import re
import threading
import time
from contextlib import suppress
from itertools import count

from _faults.browser import TIMEOUT
from _faults.ledger import Ledger
from _faults.members import Member, picture
from _faults.processes import TrialError

RESET_LINK = re.compile(r"http://localhost:\d+(/users/password/reset/key/\S+)")
PAGES = ("/", "/explore/", "/unread/", "/notifications/", "/users/", "/users/settings/")


class Crowd:
    """All clients, and the data that they share."""

    def __init__(self, site, mail, rng, clients, pause):
        self.site = site
        self.mail = mail
        self.rng = rng
        self.responses = []
        self.leaves = []
        self.notices = []
        self.numbers = count(1)
        self.posts = {}
        self.lock = threading.Lock()
        self.running = threading.Event()
        self.stopped = threading.Event()
        self.pause_between = pause
        self.ledger = Ledger()
        # The observer is a member who only checks whether the pages work.
        self.observer = self.new_member("observer")
        self.clients = [Client(self, random.Random(rng.random())) for _ in range(clients)]

    def notice(self, kind, message):
        """Record a problem that isn't an error in a response."""
        self.notices.append((time.monotonic(), kind, message))

    def new_member(self, prefix):
        return Member(self, f"{prefix}{next(self.numbers)}")

    def sign_up_regulars(self):
        """Sign up the regular members. Raises TrialError if a sign-up fails, because no fault has begun yet."""
        for member in [self.observer, *self.regulars()]:
            if not member.sign_up():
                raise TrialError(f"A member can't sign up: {self.responses[-1]}")

    def start(self):
        self.running.set()
        for client in self.clients:
            client.start()

    def pause(self):
        """Stop sending requests until `resume()` is called. Returns when all pending requests have ended."""
        self.running.clear()
        for client in self.clients:
            client.idle.wait(TIMEOUT)

    def resume(self):
        self.running.set()

    def stop(self):
        self.stopped.set()
        self.running.set()
        for client in self.clients:
            client.join(TIMEOUT)

    def regulars(self):
        return [member for client in self.clients for member in client.members]

    def add_post(self, member, token):
        with self.lock:
            self.posts[token] = (member, member.posts[token])

    def remove_post(self, token):
        with self.lock:
            self.posts.pop(token, None)

    def any_post(self, rng, excluded):
        """Return the token, author and id of a post by a member who isn't `excluded`. Raises IndexError without one."""
        with self.lock:
            known = [(token, *post) for token, post in self.posts.items() if post[0] not in excluded]
        return rng.choice(known)

    def newest_reset_link(self, email, since):
        emails = [kept for kept in list(self.mail.inbox.received) if kept[1] == email and kept[0] > since]
        links = [found[1] for kept in emails if (found := RESET_LINK.search(kept[3]))]
        return links[-1] if links else None


class Client(threading.Thread):
    """Acts as two regular members, who block only each other, and as guests, who sign up and leave."""

    WEIGHTS = {
        "read_pages": 12,
        "read_profile": 4,
        "read_conversation": 2,
        "post": 6,
        "reply": 5,
        "edit": 2,
        "delete": 1,
        "like": 3,
        "unlike": 1,
        "follow": 4,
        "unfollow": 2,
        "toggle_block": 1,
        "change_settings": 1,
        "upload_picture": 1,
        "report": 1,
        "sign_up_and_leave": 2,
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
        while not self.crowd.stopped.is_set():
            if not self.crowd.running.is_set():
                self.idle.set()
                self.crowd.running.wait()
                self.idle.clear()
                continue
            (action,) = self.rng.choices(list(self.WEIGHTS), list(self.WEIGHTS.values()))
            with suppress(IndexError):  # There are no posts to choose from yet.
                getattr(self, action)(self.rng.choice(self.members), next(self.crowd.numbers))
            time.sleep(self.crowd.pause_between * self.rng.uniform(0.5, 1.5))
        self.idle.set()

    def other(self):
        return self.rng.choice([one for one in self.crowd.regulars() if one not in self.members])

    def read_pages(self, member, number):
        member.read(self.rng.choice(PAGES))

    def read_profile(self, member, number):
        member.read(f"/@{self.other().username}/")

    def read_conversation(self, member, number):
        _token, _author, post_id = self.crowd.any_post(self.rng, self.members)
        member.read(f"/posts/{post_id}/")

    def post(self, member, number):
        member.post(number, self.other_or_nobody())

    def reply(self, member, number):
        _token, author, post_id = self.crowd.any_post(self.rng, self.members)
        member.reply(number, author, post_id, self.other_or_nobody())

    def other_or_nobody(self):
        return self.rng.choice([self.other(), None])

    def edit(self, member, number):
        member.edit(self.rng.choice(list(member.posts)), number, self.other())

    def delete(self, member, number):
        member.delete(self.rng.choice(list(member.posts)))

    def like(self, member, number, on=True):
        token, _author, post_id = self.crowd.any_post(self.rng, self.members)
        member.like(token, post_id, on)

    def unlike(self, member, number):
        self.like(member, number, on=False)

    def follow(self, member, number):
        member.follow(self.other())

    def unfollow(self, member, number):
        member.follow(self.other(), on=False)

    def toggle_block(self, member, number):
        one, other = self.members
        one.block(other, on=self.rng.random() < 0.5)

    def change_settings(self, member, number):
        member.change_settings(number)

    def upload_picture(self, member, number):
        member.change_settings(number, picture(self.rng))

    def report(self, member, number):
        token, _author, post_id = self.crowd.any_post(self.rng, self.members)
        member.report(token, post_id)

    def sign_up_and_leave(self, member, number):
        guest = self.crowd.new_member("guest")
        if guest.sign_up():
            guest.follow(member)
            guest.post(number)
            guest.leave()

    def log_in_again(self, member, number):
        member.log_out()
        member.log_in()  # If this fails, the next page requires a login again.

    def reset_password(self, member, number):
        member.reset_password(number)
