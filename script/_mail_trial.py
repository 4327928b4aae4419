"""What trials of the mails have in common: a database of their own, a mail server, and workers."""

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
    """Begin Django on a scratch database, or on the one that DATABASE_URL names, which must be empty."""
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
        sys.exit("There are people in this database. A trial wants an empty one.")


def make_people(prefix, count):
    """Return so many new members."""
    from accounts.models import User

    people = [User(username=f"{prefix}{n}", email=f"{prefix}{n}@example.org") for n in range(count)]
    return User.objects.bulk_create(people)


def start_worker(*arguments, **options):
    command = [sys.executable, "manage.py", "worker", *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, **options)  # noqa: S603


class Letters:
    """An SMTP handler that keeps what it accepts: (moment, recipient, Message-ID, text)."""

    def __init__(self, answer=lambda recipient: None, refused=frozenset()):
        self.kept = []
        self.answers = Counter()
        self.answer = answer
        self.refused = refused

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address in self.refused:
            self.answers["550 for good"] += 1
            return "550 5.1.1 No such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        (recipient,) = envelope.rcpt_tos
        if answer := self.answer(recipient):
            self.answers[answer[:3]] += 1
            return answer
        mail = message_from_bytes(envelope.content)
        text = next(part for part in mail.walk() if part.get_content_type() == "text/plain")
        body = text.get_payload(decode=True).decode().replace("\r\n", "\n")
        self.kept.append((time.monotonic(), recipient, mail["Message-ID"], body))
        self.answers["250"] += 1
        return "250 OK"


class Server:
    """A mail server that can go away and come back under the same port."""

    def __init__(self, handler, port):
        self.handler, self.port, self.controller = handler, port, None
        self.come()

    def come(self):
        self.controller = Controller(self.handler, hostname=HOST, port=self.port)
        self.controller.start()

    def go(self):
        self.controller.stop()


def named(body):
    """The usernames that a new-follower mail names, and how many more it counts."""
    more = re.search(r"^and ([\d,]+) more", body, re.M)
    return re.findall(r"^(?:\S.* \()?@(\w+)\)?$", body, re.M), int(more[1].replace(",", "")) if more else 0
