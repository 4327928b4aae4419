"""Shared code of the email trials: a separate database, a mail server, and workers."""

import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from email import message_from_bytes
from pathlib import Path

from aiosmtpd.controller import Controller

ROOT = Path(__file__).resolve().parent.parent
HOST = "127.0.0.1"


def set_up(**environment):
    """Set up Django with a temporary database, or with the empty one that DATABASE_URL names."""
    scratch = tempfile.mkdtemp(prefix="socializer-mail-")
    os.environ |= {
        "ENV_FILE": os.devnull,
        "SECRET_KEY": "only-for-trials-0123456789-abcdefghijklmnopqrstuvwxyz",
        "DJANGO_SETTINGS_MODULE": "socializer.settings",
        "LOG_LEVEL": "ERROR",
        **environment,
    }
    os.environ.setdefault("DATABASE_URL", f"sqlite:///{scratch}/trial.sqlite3")
    sys.path.insert(0, str(ROOT))
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    from accounts.models import User

    if User.objects.exists():
        sys.exit("This database has members. A trial needs an empty one.")


def make_people(prefix, count):
    """Return `count` new members."""
    from accounts.models import User

    people = [User(username=f"{prefix}{n}", email=f"{prefix}{n}@example.org") for n in range(count)]
    return User.objects.bulk_create(people)


def start_worker(*arguments, faster=None, **options):
    """Start a worker process and return it. Its delays are divided by `faster`."""
    program = ["manage.py"] if faster is None else ["script/_fast_worker.py", str(faster)]
    command = [sys.executable, *program, "worker", *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, **options)  # noqa: S603


class Inbox:
    """An SMTP handler. `received` lists the emails that it has accepted: (time, recipient, Message-ID, text).

    `reply` is called with each recipient, and returns an SMTP error or None. Addresses in `missing` don't exist.
    """

    def __init__(self, reply=lambda recipient: None, missing=frozenset()):
        self.received = []
        self.replies = Counter()
        self.reply = reply
        self.missing = missing

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address in self.missing:
            self.replies["550 for good"] += 1
            return "550 5.1.1 No such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        (recipient,) = envelope.rcpt_tos
        if reply := self.reply(recipient):
            self.replies[reply[:3]] += 1
            return reply
        message = message_from_bytes(envelope.content)
        text = next(part for part in message.walk() if part.get_content_type() == "text/plain")
        body = text.get_payload(decode=True).decode().replace("\r\n", "\n")
        self.received.append((time.monotonic(), recipient, message["Message-ID"], body))
        self.replies["250"] += 1
        return "250 OK"


class Server:
    """A mail server that can be stopped, and started again on the same port."""

    def __init__(self, handler, port):
        self.handler, self.port, self.controller = handler, port, None
        self.start()

    def start(self):
        self.controller = Controller(self.handler, hostname=HOST, port=self.port)
        self.controller.start()

    def stop(self):
        self.controller.stop()


def read_posts(body):
    """Return the first words of the posts in an email about replies or mentions, and the number of further posts.

    Posts that it only quotes don't count. Each post of a trial begins with its own first word, such as text-ada-1.
    """
    return re.findall(r"^(text-\w+-\d+) ", body, re.M), number_of_more(body)


def read_likes(body):
    """Return pairs of a person and the first word of the post that they like, and the number of further likes."""
    return re.findall(r"^(?:\S.* \()?@(\w+)\)? liked your post: (text-\w+-\d+)", body, re.M), number_of_more(
        body
    )


def number_of_more(body):
    """Return how many people or posts an email counts without showing them."""
    more = re.search(r"^And ([\d,]+) more", body, re.M)
    return int(more[1].replace(",", "")) if more else 0


def read_followers(body):
    """Return the usernames in an email about new followers, and the number of further followers that it doesn't name."""
    return re.findall(r"^(?:\S.* \()?@(\w+)\)?$", body, re.M), number_of_more(body)
