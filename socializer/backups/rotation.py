"""Scheduled backups: when one is due, which ones are kept, and how old the newest one is.

The files in BACKUP_DIR are the only record. A file gets its name only after it has been checked, so every file there was a
valid backup.
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
# Intervals of BACKUP_INTERVAL_HOURS are counted from this time of day, in TIME_ZONE.
FIRST = datetime.fromisoformat("2020-01-01T03:00")
# After a failure, the worker waits for this fraction of the interval.
PAUSE = 1 / 4
# If backups are made manually, `doctor` reports a problem when the newest one is older than this.
BY_HAND = timedelta(days=8)
# Files and databases left by a killed backup are removed at this age.
LEFTOVER_AGE = timedelta(days=1)
FAILURE = "last-failure.txt"


@dataclass(frozen=True, order=True)
class Backup:
    made_on: datetime
    path: Path
    is_scheduled: bool


def default_name(*, scheduled=False):
    """Return a file name for a backup made now. `rotate()` recognises scheduled backups, which it deletes, by name."""
    return f"socializer-{timezone.now().astimezone(UTC):{TIME}}{'-scheduled' if scheduled else ''}.tar"


def backups(until):
    """Return the Backups in BACKUP_DIR, newest first. Backups from after `until` are left out, because the clock was wrong."""
    found = []
    if settings.BACKUP_DIR.is_dir():
        for path in settings.BACKUP_DIR.iterdir():
            if match := NAME.fullmatch(path.name):
                made_on = datetime.strptime(match[1], TIME).replace(tzinfo=UTC)
                found.append(Backup(made_on, path, bool(match[2])))
    return sorted((backup for backup in found if backup.made_on <= until), reverse=True)


def interval():
    """Return the timedelta between scheduled backups, or None if they are turned off."""
    return timedelta(hours=settings.BACKUP_INTERVAL_HOURS) if settings.BACKUP_INTERVAL_HOURS else None


def is_due(now):
    """Return whether the current period has no scheduled backup yet. Periods start at the same times each day."""
    if interval() is None:
        return False
    times = [backup.made_on for backup in backups(now) if backup.is_scheduled]
    return not times or period(times[0]) < period(now)


def period(time):
    local = timezone.localtime(time).replace(tzinfo=None)
    return (local - FIRST) // interval()


def should_start(now):
    """Return whether the worker should make a backup, because one is due and none has failed recently."""
    return is_due(now) and not has_failed_recently(now)


def has_failed_recently(now):
    try:
        failed_on = datetime.fromtimestamp((settings.BACKUP_DIR / FAILURE).stat().st_mtime, UTC)
    except OSError:
        return False
    return timedelta() <= now - failed_on < interval() * PAUSE


def make_scheduled_backup(*, report=lambda message: None):
    """Make a backup if one is due and no other process is making it, then delete old ones. Returns whether a backup was made.

    Failures are logged, and `manage.py doctor` reports them until a backup succeeds. Raises BackupError.
    """
    folder = settings.BACKUP_DIR
    if not is_due(timezone.now()):
        return False
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with exclusive(folder) as locked:
            if not locked or not is_due(timezone.now()):
                return False
            remove_leftovers(folder)
            # This record remains if the process is killed.
            record_failure(folder, "It was interrupted.")
            make_backup(folder / default_name(scheduled=True), report=report)
            rotate()
    except (BackupError, OSError) as error:
        logger.error("The scheduled backup failed: %s", error)
        record_failure(folder, error)
        raise BackupError(str(error)) from error
    (folder / FAILURE).unlink(missing_ok=True)
    return True


@contextmanager
def exclusive(folder):
    """Lock the folder so that only one process makes scheduled backups in it. Yields whether this process has the lock."""
    with (folder / ".lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
        else:
            yield True


def is_running():
    """Return whether a process is making a scheduled backup."""
    try:
        with exclusive(settings.BACKUP_DIR) as locked:
            return not locked
    except OSError:
        return False


def rotate():
    """Delete scheduled backups that are neither the newest of a recent day nor the newest of a recent week."""
    scheduled = [backup for backup in backups(timezone.now()) if backup.is_scheduled]
    kept = set(times_to_keep([backup.made_on for backup in scheduled]))
    for backup in scheduled:
        if backup.made_on not in kept:
            backup.path.unlink(missing_ok=True)


def times_to_keep(times):
    """Yield the newest time of each of the last BACKUP_KEEP_DAILY days and BACKUP_KEEP_WEEKLY weeks that have backups."""
    newest_first = sorted(times, reverse=True)
    for key, count in (
        (datetime.date, max(settings.BACKUP_KEEP_DAILY, 1)),
        (lambda time: time.isocalendar()[:2], settings.BACKUP_KEEP_WEEKLY),
    ):
        newest = {}
        for time in newest_first:
            newest.setdefault(key(time), time)
        yield from list(newest.values())[:count]


def remove_leftovers(folder):
    """Remove the folders and scratch databases of killed backups."""
    before = (timezone.now() - LEFTOVER_AGE).timestamp()
    for path in folder.glob(f"{SCRATCH}*"):
        if path.stat().st_mtime < before:
            shutil.rmtree(path, ignore_errors=True)
    current_engine().remove_leftovers(LEFTOVER_AGE)


def record_failure(folder, error):
    try:
        (folder / FAILURE).write_text(f"{timezone.now():%Y-%m-%d %H:%M} {error}\n")
    except OSError:
        logger.exception("Can't record in %s that a backup failed", folder)


def problems(now):
    """Yield sentences about problems with the backups, for `manage.py doctor`."""
    found = backups(now)
    if interval():
        failed = (settings.BACKUP_DIR / FAILURE).is_file() and not is_running()
        if failed:
            failure = (settings.BACKUP_DIR / FAILURE).read_text().strip()
            yield f"The last scheduled backup failed: {failure or 'see the log.'}"
        if not found:
            yield f"There is no backup in {settings.BACKUP_DIR}. Is the worker running? To make one, run: manage.py backup"
    if not found:
        return
    age = now - found[0].made_on
    if age > (2 * interval() if interval() else BY_HAND):
        yield (
            f"The newest backup is {age.days} days and {age.seconds // 3600} hours old. To make one, run: manage.py backup"
        )
    size = found[0].path.stat().st_size
    if shutil.disk_usage(settings.BACKUP_DIR).free < 3 * size:
        yield (
            f"{settings.BACKUP_DIR} has too little space for the next backup. Free some, or lower BACKUP_KEEP_DAILY."
        )


def hint(now):
    """Return a reminder for an operator who may have forgotten about backups, or an empty string."""
    if interval() or settings.LOCAL or backups(now):
        return ""
    return (
        f"There is no backup in {settings.BACKUP_DIR}. If you don't make them in another way, set BACKUP_INTERVAL_HOURS=24 in "
        ".env, or run manage.py backup regularly."
    )
