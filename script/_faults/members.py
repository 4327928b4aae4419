"""What members of the site do. Each write is entered in the ledger before it is sent."""

import io
import time
import uuid

from _faults.browser import LOGIN, PATIENCE, Browser

EMAIL_WITHIN = 30
# The site sends no more than 20 an hour to one mailbox.
MOST_RESETS = 15


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
        self.resets = 0

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
        self.resets += 1
        if self.resets > MOST_RESETS:
            return
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


def picture(rng):
    """Return a small PNG of one colour."""
    from PIL import Image

    file = io.BytesIO()
    Image.new("RGB", (300, 300), tuple(rng.randrange(256) for _ in range(3))).save(file, "PNG")
    return file.getvalue()
