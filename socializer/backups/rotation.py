"""Scheduled backups: when one is due, which ones are kept, and how old the last good one is.

What lies in BACKUP_DIR is the only record. A file gets its name when it has been checked, so each one there was good.
"""

import fcntl
import logging
import re
import shutil
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.utils import timezone

from socializer.backups import BackupError
from socializer.backups.making import SCRATCH, make_backup

logger = logging.getLogger(__name__)

NAME = re.compile(r"socializer-(\d{4}-\d\d-\d\d-\d{6})\.tar")
TIME = "%Y-%m-%d-%H%M%S"
# What a backup leaves behind that was killed is removed after this.
LEFT_BEHIND = timedelta(days=1)
FAILURE = "last-failure.txt"


def default_name():
    return f"socializer-{timezone.now().astimezone(UTC):{TIME}}.tar"


def backups():
    """Return the times and paths of the backups in BACKUP_DIR, the newest first."""
    found = []
    if settings.BACKUP_DIR.is_dir():
        for path in settings.BACKUP_DIR.iterdir():
            if match := NAME.fullmatch(path.name):
                found.append((datetime.strptime(match[1], TIME).replace(tzinfo=UTC), path))
    return sorted(found, reverse=True)


def interval():
    """Return how long after a backup the next one is due, or None if the site makes none by itself."""
    return timedelta(hours=settings.BACKUP_EVERY) if settings.BACKUP_EVERY else None


def is_due(now):
    """Whether the next scheduled backup is due. One from the future, made by a wrong clock, counts for nothing."""
    made = [moment for moment, _path in backups() if moment <= now]
    return interval() is not None and (not made or now - made[0] >= interval())


def make_scheduled_backup(*, report=lambda words: None):
    """Make a backup if one is due and no other process makes it, then delete old ones. Returns whether it was made.

    A failure is logged, and is told by `manage.py doctor` until a backup succeeds. Raises BackupError.
    """
    folder = settings.BACKUP_DIR
    if not is_due(timezone.now()):
        return False
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with only_one(folder) as ours:
            if not ours or not is_due(timezone.now()):
                return False
            remove_leftovers(folder)
            make_backup(folder / default_name(), report=report)
            rotate()
    except (BackupError, OSError) as error:
        logger.error("The scheduled backup failed: %s", error)
        remember_failure(folder, error)
        raise BackupError(str(error)) from error
    (folder / FAILURE).unlink(missing_ok=True)
    return True


@contextmanager
def only_one(folder):
    """Hold the place of the one process that makes scheduled backups in this folder. Gives whether it is ours."""
    with (folder / ".lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
        else:
            yield True


def rotate():
    """Delete the scheduled backups that are kept neither for their day nor for their week."""
    past = [(moment, path) for moment, path in backups() if moment <= timezone.now()]
    kept = set(to_keep([moment for moment, _path in past]))
    for moment, path in past:
        if moment not in kept:
            path.unlink(missing_ok=True)


def to_keep(moments):
    """Yield the newest of each of the last BACKUP_KEEP_DAILY days and BACKUP_KEEP_WEEKLY weeks that have a backup."""
    newest_first = sorted(moments, reverse=True)
    for key, count in (
        (datetime.date, max(settings.BACKUP_KEEP_DAILY, 1)),
        (lambda moment: moment.isocalendar()[:2], settings.BACKUP_KEEP_WEEKLY),
    ):
        seen = {}
        for moment in newest_first:
            seen.setdefault(key(moment), moment)
        yield from list(seen.values())[:count]


def remove_leftovers(folder):
    """Remove the folders of backups that were killed while they were made."""
    before = (timezone.now() - LEFT_BEHIND).timestamp()
    for path in folder.glob(f"{SCRATCH}*"):
        if path.stat().st_mtime < before:
            shutil.rmtree(path, ignore_errors=True)


def remember_failure(folder, error):
    try:
        (folder / FAILURE).write_text(f"{timezone.now():%Y-%m-%d %H:%M} {error}\n")
    except OSError:
        logger.exception("The failure of a backup can't be noted in %s", folder)


def complaints(now):
    """Yield sentences about what is wrong with the scheduled backups, for `manage.py doctor`."""
    if interval() is None:
        return
    made = [(moment, path) for moment, path in backups() if moment <= now]
    try:
        failure = (settings.BACKUP_DIR / FAILURE).read_text().strip()
    except OSError:
        failure = ""
    if failure:
        yield f"The last scheduled backup failed: {failure}"
    if not made:
        yield f"There is no backup in {settings.BACKUP_DIR}. Does the worker run? Make one: manage.py backup"
        return
    age = now - made[0][0]
    if age > 2 * interval():
        yield f"The last good backup is {age.days} days and {age.seconds // 3600} hours old. Make one: manage.py backup"
    size = made[0][1].stat().st_size
    if shutil.disk_usage(settings.BACKUP_DIR).free < 3 * size:
        yield f"There is too little room in {settings.BACKUP_DIR} for the next backup. Free some, or lower BACKUP_KEEP_DAILY."
