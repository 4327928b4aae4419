"""The periodic task that starts backups: `manage.py worker`."""

import subprocess
import sys

from django.conf import settings
from django.utils import timezone

from accounts.jobs.registry import task
from socializer.backups import rotation


@task("backups.start")
def start_backup():
    """Start a backup in a process of its own if one is due.

    A backup can take longer than any job may, and SQLite has one worker, which must go on sending emails. The process sees to
    it that no other one does the same, and reports its own failures. It goes on when the worker is replaced.
    """
    if rotation.is_time(timezone.now()):
        command = [sys.executable, settings.BASE_DIR / "manage.py", "backup", "--scheduled"]
        subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)  # noqa: S603
