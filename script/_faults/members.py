"""The actions of the site's members. The ledger records each write before it is sent."""

import io
import time
import uuid

from _faults.browser import LOGIN, TIMEOUT, Browser

EMAIL_WITHIN = 30
# The site sends at most 20 of these emails an hour to one address.
MAX_RESETS = 15


class Member(Browser):
    """A person with a browser. The crowd's ledger records the writes that the site has acknowledged."""

    def __init__(self, crowd, username):
        super().__init__(crowd.site, crowd.responses)
        self.crowd = crowd
        self.ledger = crowd.ledger
        self.username = username
        self.email = f"{username}@example.org"
        self.password = f"first password of {username}"
        # Whether this browser must be logged in: it was logged in, and nothing has happened since that could have changed this.
        self.is_logged_in = False
        self.posts = {}
        self.mentioned = {}
        self.resets = 0

    def submit(self, path, data=None, *, files=None, **options):
        """Send a form. The optional `writes` is a dict for the ledger. Return the Response."""
        writes = self.ledger.begin(options.get("writes", {}))
        response = self.request("POST", path, data, files)
        self.check_login(response)
        if response.is_stored:
            self.ledger.acknowledge(writes)
        elif not response.failed:
            self.ledger.withdraw(writes)
        if response.wants_login and options.get("again", True) and self.log_in():
            return self.submit(path, data, files=files, **(options | {"again": False}))
        return response

    def persist(self, path, data=None, **options):
        """Send a form again until it doesn't fail, as a patient person would. Return the last Response."""
        deadline = time.monotonic() + TIMEOUT
        while True:
            response = self.submit(path, data, **options)
            if not response.failed or time.monotonic() > deadline:
                return response
            time.sleep(1)

    def sign_up(self):
        """Sign up. Return whether the account now exists."""
        data = {"username": self.username, "email": self.email, "password1": self.password}
        writes = {("account", self.username): True, ("password", self.username): self.password}
        response = self.persist("/users/signup/", data, writes=writes)
        self.is_logged_in = response.is_stored
        # If the response was lost, the account may still exist.
        return self.is_logged_in or self.log_in()

    def log_in(self):
        """Try every password that may be right. Return whether a login succeeded."""
        for password in sorted(self.ledger.allowed(("password", self.username)) - {None}):
            response = self.request("POST", LOGIN, {"login": self.username, "password": password})
            if response.is_stored:
                self.is_logged_in = True
                return True
        return False

    def log_out(self):
        self.is_logged_in = False
        self.request("POST", "/users/logout/")

    def read(self, path):
        response = self.get(path)
        if self.check_login(response):
            self.log_in()
        return response

    def check_login(self, response):
        """Return whether the site requires a login. Record a notice if it does although this browser must be logged in."""
        if response.wants_login and self.is_logged_in:
            self.crowd.notice("logged out", f"{self.username} at {response}")
            self.is_logged_in = False
        return response.wants_login

    def post(self, number, mentioned=None):
        """Publish a post, which may mention another Member."""
        self._publish("/posts/add/", number, mentioned)

    def reply(self, number, replied_to, post_id, mentioned=None):
        """Reply to the post of the Member `replied_to`. The reply may mention another Member."""
        self._publish(f"/posts/{post_id}/reply/", number, mentioned, replied_to)

    def _publish(self, path, number, mentioned, replied_to=None):
        token = f"text-{self.username}-{number}"
        content = f"{token} has this text" + (f" for @{mentioned.username}" if mentioned else "")
        data = {"content": content, "submission": str(uuid.uuid4())}
        writes = {("post", token): content}
        if mentioned:
            writes["mention", token, mentioned.username] = True
        if replied_to:
            writes["reply", token, replied_to.username] = True
        for _try in range(3):
            response = self.submit(path, data, writes=writes)
            if response.status == 503 and content not in response.body:
                self.crowd.notice("text lost", str(response))
            if not response.failed:
                break
            time.sleep(1)
        if response.is_stored:
            self.posts[token] = response.location.rpartition("post-")[2]
            self.mentioned[token] = {mentioned} - {None}
            self.crowd.add_post(self, token)

    def edit(self, token, number, mentioned):
        """Replace the text of a post. It mentions `mentioned`, unless an earlier version did: nobody is told twice."""
        content = f"{token} has another text now, {number}"
        writes = {("mention", token, earlier.username): None for earlier in self.mentioned[token]}
        if mentioned not in self.mentioned[token]:
            self.mentioned[token].add(mentioned)
            content += f", for @{mentioned.username}"
            writes["mention", token, mentioned.username] = True
        writes["post", token] = content
        self.submit(f"/posts/{self.posts[token]}/edit/", {"content": content}, writes=writes)

    def delete(self, token):
        response = self.submit(f"/posts/{self.posts[token]}/delete/", {}, writes={("post", token): None})
        if response.is_stored:
            del self.posts[token]
            self.crowd.remove_post(token)

    def like(self, token, post_id, on=True):
        """Like a post, or undo that."""
        verb = "like" if on else "unlike"
        self.submit(f"/posts/{post_id}/{verb}/", writes={("like", self.username, token): on or None})

    def follow(self, other, on=True):
        """Follow or unfollow another Member."""
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
        self.submit("/users/settings/profile/", data, files=file and {"picture": file}, writes=writes)

    def report(self, token, post_id):
        data = {"reason": "spam", "note": ""}
        self.submit(f"/posts/{post_id}/report/", data, writes={("report", self.username, token): True})

    def reset_password(self, number):
        """Request a password reset, wait for the email, and use its link to set a new password."""
        self.resets += 1
        if self.resets > MAX_RESETS:
            return
        asked_at, email = time.monotonic(), {"email": self.email}
        writes = {("reset", self.username, number): True}
        if not self.submit("/users/password/reset/", email, writes=writes).is_stored:
            return
        while not (link := self.crowd.newest_reset_link(self.email, asked_at)):
            if time.monotonic() > asked_at + EMAIL_WITHIN or not self.crowd.running.is_set():
                return  # The judge checks later whether the email arrives.
            time.sleep(0.2)
        response = self.request("GET", link)
        if response.status == 302:
            self.is_logged_in = False  # A new password ends all sessions.
            password = f"password number {number} of {self.username}"
            data = {"password1": password, "password2": password}
            if self.submit(
                response.location, data, writes={("password", self.username): password}, again=False
            ).is_stored:
                self.password, self.is_logged_in = password, True

    def leave(self):
        """Delete the account. Return whether this succeeded at the first attempt."""
        data = {"password": self.password, "sure": "on"}
        writes = {("account", self.username): None}
        self.is_logged_in = False
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
