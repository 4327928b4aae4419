"""Scheduled backups: when one is due, which ones are kept, and how old the last good one is.

What lies in BACKUP_DIR is the only record. A file gets its name when it has been checked, so each one there was good.
"""

import fcntl
import logging
import re
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from socializer.backups import BackupError
from socializer.backups.making import SCRATCH, current_engine, make_backup

logger = logging.getLogger(__name__)

NAME = re.compile(r"socializer-(\d{4}-\d\d-\d\d-\d{6})(-scheduled)?\.tar")
TIME = "%Y-%m-%d-%H%M%S"
# Scheduled backups are made at this time of the day, in TIME_ZONE, and from then on as often as BACKUP_EVERY says.
FIRST = datetime.fromisoformat("2020-01-01T03:00")
# After a failure the worker waits for this part of the time between two backups.
PAUSE = 1 / 4
# A site that makes its backups by other means makes one each week, or hears of it.
BY_HAND = timedelta(days=8)
# What a backup leaves behind that was killed is removed after this.
LEFT_BEHIND = timedelta(days=1)
FAILURE = "last-failure.txt"


@dataclass(frozen=True, order=True)
class Backup:
    made_on: datetime
    path: Path
    is_scheduled: bool


def default_name(*, scheduled=False):
    """Return a name for a backup that is made now. Only those of scheduled ones are deleted by `rotate`."""
    return f"socializer-{timezone.now().astimezone(UTC):{TIME}}{'-scheduled' if scheduled else ''}.tar"


def backups(until):
    """Return the Backups in BACKUP_DIR, the newest first, but none from after `until`: a wrong clock made it."""
    found = []
    if settings.BACKUP_DIR.is_dir():
        for path in settings.BACKUP_DIR.iterdir():
            if match := NAME.fullmatch(path.name):
                made_on = datetime.strptime(match[1], TIME).replace(tzinfo=UTC)
                found.append(Backup(made_on, path, bool(match[2])))
    return sorted((backup for backup in found if backup.made_on <= until), reverse=True)


def interval():
    """Return how long after a backup the next one is due, or None if the site makes none by itself."""
    return timedelta(hours=settings.BACKUP_EVERY) if settings.BACKUP_EVERY else None


def is_due(now):
    """Return whether no scheduled backup was made yet in this period, which begins at the same time each day."""
    if interval() is None:
        return False
    made = [backup.made_on for backup in backups(now) if backup.is_scheduled]
    return not made or period(made[0]) < period(now)


def period(moment):
    local = timezone.localtime(moment).replace(tzinfo=None)
    return (local - FIRST) // interval()


def is_time(now):
    """Return whether the worker is to make a backup: one is due, and the last try did not just fail."""
    return is_due(now) and not has_just_failed(now)


def has_just_failed(now):
    try:
        failed_on = datetime.fromtimestamp((settings.BACKUP_DIR / FAILURE).stat().st_mtime, UTC)
    except OSError:
        return False
    return timedelta() <= now - failed_on < interval() * PAUSE


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
            # What stays if the process is killed.
            remember_failure(folder, "It was interrupted.")
            make_backup(folder / default_name(scheduled=True), report=report)
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


def is_running():
    """Return whether a process makes a scheduled backup now."""
    try:
        with only_one(settings.BACKUP_DIR) as ours:
            return not ours
    except OSError:
        return False


def rotate():
    """Delete the scheduled backups that are kept neither for their day nor for their week."""
    scheduled = [backup for backup in backups(timezone.now()) if backup.is_scheduled]
    kept = set(to_keep([backup.made_on for backup in scheduled]))
    for backup in scheduled:
        if backup.made_on not in kept:
            backup.path.unlink(missing_ok=True)


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
    """Remove the folders and scratch databases of backups that were killed while they were made."""
    before = (timezone.now() - LEFT_BEHIND).timestamp()
    for path in folder.glob(f"{SCRATCH}*"):
        if path.stat().st_mtime < before:
            shutil.rmtree(path, ignore_errors=True)
    current_engine().remove_leftovers(LEFT_BEHIND)


def remember_failure(folder, error):
    try:
        (folder / FAILURE).write_text(f"{timezone.now():%Y-%m-%d %H:%M} {error}\n")
    except OSError:
        logger.exception("The failure of a backup can't be noted in %s", folder)


def complaints(now):
    """Yield sentences about what is wrong with the backups, for `manage.py doctor`."""
    made = backups(now)
    if interval():
        failed = (settings.BACKUP_DIR / FAILURE).is_file() and not is_running()
        if failed:
            failure = (settings.BACKUP_DIR / FAILURE).read_text().strip()
            yield f"The last scheduled backup failed: {failure or 'the log says why.'}"
        if not made:
            yield f"There is no backup in {settings.BACKUP_DIR}. Does the worker run? Make one: manage.py backup"
    if not made:
        return
    age = now - made[0].made_on
    if age > (2 * interval() if interval() else BY_HAND):
        yield f"The last good backup is {age.days} days and {age.seconds // 3600} hours old. Make one: manage.py backup"
    size = made[0].path.stat().st_size
    if shutil.disk_usage(settings.BACKUP_DIR).free < 3 * size:
        yield f"There is too little room in {settings.BACKUP_DIR} for the next backup. Free some, or lower BACKUP_KEEP_DAILY."


def hint(now):
    """Return a sentence for an operator who may have forgotten about backups, or nothing."""
    if interval() or settings.LOCAL or backups(now):
        return ""
    return (
        f"There is no backup in {settings.BACKUP_DIR}. If none is made elsewhere, set BACKUP_EVERY=24 in .env, or run "
        "manage.py backup regularly."
    )
