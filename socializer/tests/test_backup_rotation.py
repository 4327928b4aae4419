from datetime import UTC, datetime, timedelta
from unittest import mock

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from socializer.backups import BackupError, rotation, tasks

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def folder(settings, tmp_path):
    settings.BACKUP_DIR = tmp_path / "backups"
    settings.BACKUP_DIR.mkdir()
    settings.BACKUP_EVERY, settings.BACKUP_KEEP_DAILY, settings.BACKUP_KEEP_WEEKLY = 24, 7, 4
    return settings.BACKUP_DIR


def add(folder, *moments):
    for moment in moments:
        (folder / f"socializer-{moment:{rotation.TIME}}.tar").write_text("a backup")


def test_the_newest_of_each_day_and_week_is_kept(folder):
    moments = [NOW - hours * HOUR for hours in range(0, 60 * 24, 6)]

    kept = set(rotation.to_keep(moments))

    days = {NOW - n * DAY for n in range(1)} | {
        datetime(2026, 11, 27 - n, 18, tzinfo=UTC) for n in range(1, 7)
    }
    sundays = {datetime(2026, 11, 22 - 7 * n, 18, tzinfo=UTC) for n in range(3)}
    assert kept == days | sundays


def test_rotation_deletes_scheduled_backups_only_and_never_the_last_one(folder, settings):
    settings.BACKUP_KEEP_DAILY = settings.BACKUP_KEEP_WEEKLY = 0
    now = timezone.now().replace(microsecond=0)
    (folder / "before-the-move.tar").write_text("by hand")
    add(folder, now - 400 * DAY, now - 300 * DAY, now + 300 * DAY)

    rotation.rotate()

    left = sorted(path.name for path in folder.iterdir())
    assert "before-the-move.tar" in left
    assert [moment for moment, _path in rotation.backups()] == [now + 300 * DAY, now - 300 * DAY]


@pytest.mark.parametrize(
    ("every", "made", "due"),
    [
        (0, [], False),
        (24, [], True),
        (24, [NOW - 23 * HOUR], False),
        (24, [NOW - 24 * HOUR], True),
        (24, [NOW + DAY], True),  # A wrong clock made it.
    ],
)
def test_a_backup_is_due_when_the_last_one_is_old_enough(folder, settings, every, made, due):
    settings.BACKUP_EVERY = every
    add(folder, *made)
    assert rotation.is_due(NOW) is due


def test_a_scheduled_backup_is_made_once(folder):
    def make(file, report):
        file.write_text("a backup")

    with mock.patch.object(rotation, "make_backup", side_effect=make):
        assert rotation.make_scheduled_backup()
        assert not rotation.make_scheduled_backup()
    assert len(rotation.backups()) == 1


def test_two_scheduled_backups_at_once_are_one(folder):
    with rotation.only_one(folder) as ours, mock.patch.object(rotation, "make_backup") as make:
        assert ours
        assert not rotation.make_scheduled_backup()
    make.assert_not_called()


def test_a_failure_is_logged_and_told_until_a_backup_succeeds(folder, caplog):
    with mock.patch.object(rotation, "make_backup", side_effect=BackupError("The disk is on fire.")):
        with pytest.raises(CommandError, match="on fire"):
            call_command("backup", scheduled=True)
    assert "on fire" in caplog.text
    assert any("on fire" in words for words in rotation.complaints(timezone.now()))

    with mock.patch.object(rotation, "make_backup", side_effect=lambda file, report: file.write_text("good")):
        call_command("backup", scheduled=True)
    assert not list(rotation.complaints(timezone.now()))


def test_leftovers_of_a_killed_backup_are_removed_after_a_day(folder):
    old, new = folder / ".backup-old", folder / ".backup-new"
    for path in (old, new):
        path.mkdir()
    with mock.patch.object(rotation, "LEFT_BEHIND", -DAY):
        rotation.remove_leftovers(folder)
    assert list(folder.iterdir()) == []
    new.mkdir()
    rotation.remove_leftovers(folder)
    assert list(folder.iterdir()) == [new]


def test_the_doctor_knows_the_age_of_the_last_good_backup(folder, settings):
    assert "There is no backup" in next(rotation.complaints(NOW))
    add(folder, NOW - 3 * DAY - HOUR, NOW + DAY)
    assert "3 days and 1 hours old" in next(rotation.complaints(NOW))
    add(folder, NOW - 2 * DAY)
    assert list(rotation.complaints(NOW)) == []
    with mock.patch("shutil.disk_usage", return_value=mock.Mock(free=10)):
        assert "too little room" in next(rotation.complaints(NOW))

    settings.BACKUP_EVERY = 0
    assert list(rotation.complaints(NOW + 100 * DAY)) == []


def test_the_worker_starts_a_backup_in_a_process_of_its_own_if_one_is_due(folder):
    with mock.patch("subprocess.Popen") as start:
        tasks.start_backup.call()
        (command,) = start.call_args.args
        assert command[2:] == ["backup", "--scheduled"]
        add(folder, timezone.now())
        tasks.start_backup.call()
    start.assert_called_once()
