"""The periodic task that starts backups."""

import subprocess
import sys

from django.conf import settings
from django.utils import timezone

from accounts.jobs.registry import task
from socializer.backups import rotation


@task("backups.start")
def start_backup():
    """Start a backup in its own process if one is due.

    A backup can take longer than a job is allowed to, and the only worker of a SQLite site must keep sending emails. The process
    uses a lock so that only one backup runs, reports its failures, and keeps running if the worker is replaced.
    """
    if rotation.should_start(timezone.now()):
        command = [sys.executable, settings.BASE_DIR / "manage.py", "backup", "--scheduled"]
        subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)  # noqa: S603
