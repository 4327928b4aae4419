from datetime import UTC, datetime, timedelta
from io import StringIO
from unittest import mock
from zoneinfo import ZoneInfo

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from socializer.backups import BackupError, rotation, tasks
from socializer.management.commands import doctor

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def folder(settings, tmp_path):
    settings.BACKUP_DIR = tmp_path / "backups"
    settings.BACKUP_DIR.mkdir()
    settings.BACKUP_INTERVAL_HOURS, settings.BACKUP_KEEP_DAILY, settings.BACKUP_KEEP_WEEKLY = 24, 7, 4
    return settings.BACKUP_DIR


def add(folder, *times, by_hand=False):
    for time in times:
        end = "" if by_hand else "-scheduled"
        (folder / f"socializer-{time:{rotation.TIME}}{end}.tar").write_text("a backup")


def made(now):
    return [backup.made_on for backup in rotation.backups(now)]


def test_the_newest_of_each_day_and_week_is_kept(folder):
    times = [NOW - hours * HOUR for hours in range(0, 60 * 24, 6)]

    kept = set(rotation.times_to_keep(times))

    days = {NOW - n * DAY for n in range(1)} | {
        datetime(2026, 11, 27 - n, 18, tzinfo=UTC) for n in range(1, 7)
    }
    sundays = {datetime(2026, 11, 22 - 7 * n, 18, tzinfo=UTC) for n in range(3)}
    assert kept == days | sundays


def test_rotation_deletes_only_scheduled_backups_and_never_the_last_one(folder, settings):
    settings.BACKUP_KEEP_DAILY = settings.BACKUP_KEEP_WEEKLY = 0
    now = timezone.now().replace(microsecond=0)
    (folder / "before-the-move.tar").write_text("by hand")
    add(folder, now - 400 * DAY, now - 300 * DAY, now + 300 * DAY)
    add(folder, now - 350 * DAY, by_hand=True)

    rotation.rotate()

    assert (folder / "before-the-move.tar").exists()
    assert made(now + 400 * DAY) == [now + 300 * DAY, now - 300 * DAY, now - 350 * DAY]


@pytest.mark.parametrize(
    ("every", "made", "due"),
    [
        (0, [], False),
        (24, [], True),
        (24, [NOW - 9 * HOUR], False),
        (24, [NOW - 10 * HOUR], True),
        (12, [NOW - 9 * HOUR], False),
        (6, [NOW - 3 * HOUR], False),
        (6, [NOW - 4 * HOUR], True),
        (1, [NOW - HOUR], True),
        (24, [NOW + DAY], True),  # Its clock was wrong.
    ],
)
def test_a_backup_is_due_once_in_each_period(folder, settings, every, made, due):
    settings.BACKUP_INTERVAL_HOURS, settings.TIME_ZONE = every, "UTC"
    add(folder, *made)
    add(folder, NOW, by_hand=True)
    assert rotation.is_due(NOW) is due


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "Asia/Kolkata"])
def test_backups_are_made_at_the_same_time_each_night_however_often_the_worker_looks(folder, settings, zone):
    settings.TIME_ZONE = zone
    now, times = NOW, []
    while now < NOW + 10 * DAY:
        if rotation.should_start(now):
            add(folder, now)
            times.append(timezone.localtime(now, ZoneInfo(zone)))
        now += timedelta(minutes=15, seconds=7)
    assert len(times) == 11
    assert all(time.hour == 3 and time.minute < 17 for time in times[1:])


def test_a_scheduled_backup_is_made_once(folder):
    def make(file, report):
        assert rotation.is_running()
        assert not any("failed" in problem for problem in rotation.problems(timezone.now()))
        file.write_text("a backup")

    with mock.patch.object(rotation, "make_backup", side_effect=make):
        assert rotation.make_scheduled_backup()
        assert not rotation.make_scheduled_backup()
    assert len(made(timezone.now())) == 1
    assert list(rotation.problems(timezone.now())) == []


def test_two_processes_make_one_scheduled_backup(folder):
    with rotation.exclusive(folder) as locked, mock.patch.object(rotation, "make_backup") as make:
        assert locked
        assert not rotation.make_scheduled_backup()
    make.assert_not_called()


def test_a_failure_is_logged_and_reported_until_a_backup_succeeds(folder, caplog):
    with mock.patch.object(rotation, "make_backup", side_effect=BackupError("The disk is on fire.")):
        with pytest.raises(CommandError, match="on fire"):
            call_command("backup", scheduled=True)
    assert "on fire" in caplog.text
    assert any("on fire" in problem for problem in rotation.problems(timezone.now()))

    with mock.patch.object(rotation, "make_backup", side_effect=lambda file, report: file.write_text("good")):
        call_command("backup", scheduled=True)
    assert not list(rotation.problems(timezone.now()))


def test_a_killed_backup_is_reported(folder):
    with mock.patch.object(rotation, "make_backup", side_effect=KeyboardInterrupt):
        with pytest.raises(KeyboardInterrupt):
            rotation.make_scheduled_backup()
    assert any("was interrupted" in problem for problem in rotation.problems(timezone.now()))


@pytest.mark.parametrize(("every", "pause"), [(24, 6 * HOUR), (1, HOUR / 4)])
def test_a_failed_backup_is_tried_again_after_a_pause(folder, settings, every, pause):
    settings.BACKUP_INTERVAL_HOURS = every
    now = timezone.now()
    with mock.patch.object(rotation, "make_backup", side_effect=BackupError("No.")):
        with pytest.raises(BackupError):
            rotation.make_scheduled_backup()
    assert not rotation.should_start(now + 0.9 * pause)
    assert rotation.should_start(now + 1.1 * pause)
    assert rotation.should_start(now - DAY)  # The clock was ahead.
    assert rotation.is_due(now)  # An operator can make one at once.


@pytest.mark.django_db
def test_leftovers_of_a_killed_backup_are_removed_after_a_day(folder):
    old, new = folder / ".backup-old", folder / ".backup-new"
    for path in (old, new):
        path.mkdir()
    with mock.patch.object(rotation, "LEFTOVER_AGE", -DAY):
        rotation.remove_leftovers(folder)
    assert list(folder.iterdir()) == []
    new.mkdir()
    rotation.remove_leftovers(folder)
    assert list(folder.iterdir()) == [new]


def test_the_doctor_reports_the_age_of_the_newest_backup(folder, settings):
    assert "There is no backup" in next(rotation.problems(NOW))
    add(folder, NOW - 3 * DAY - HOUR, NOW + DAY)
    assert "3 days and 1 hours old" in next(rotation.problems(NOW))
    add(folder, NOW - 2 * DAY)
    assert list(rotation.problems(NOW)) == []
    with mock.patch("shutil.disk_usage", return_value=mock.Mock(free=10)):
        assert "too little space" in next(rotation.problems(NOW))


def test_the_doctor_also_watches_backups_made_by_hand(folder, settings):
    settings.BACKUP_INTERVAL_HOURS = 0
    assert list(rotation.problems(NOW)) == []
    assert rotation.hint(NOW) == ""
    settings.LOCAL = False
    assert "set BACKUP_INTERVAL_HOURS" in rotation.hint(NOW)
    add(folder, NOW - 7 * DAY, by_hand=True)
    assert list(rotation.problems(NOW)) == []
    assert rotation.hint(NOW) == ""
    assert "9 days and 0 hours old" in next(rotation.problems(NOW + 2 * DAY))


def test_the_doctor_gives_a_hint_that_is_not_an_error(folder, settings, monkeypatch):
    settings.BACKUP_INTERVAL_HOURS, settings.LOCAL = 0, False
    monkeypatch.setattr(doctor, "CHECKS", [])
    out = StringIO()
    call_command("doctor", stdout=out)
    assert "There is no backup" in out.getvalue()
    assert "No problems found." in out.getvalue()


def test_the_worker_starts_a_due_backup_in_its_own_process(folder):
    with mock.patch("subprocess.Popen") as start:
        tasks.start_backup.call()
        (command,) = start.call_args.args
        assert command[2:] == ["backup", "--scheduled"]
        assert start.call_args.kwargs["start_new_session"]
        add(folder, timezone.now())
        tasks.start_backup.call()
    start.assert_called_once()
