import fcntl
import os
import sqlite3
import subprocess
import sys
from datetime import timedelta
from io import StringIO
from pathlib import Path
from unittest import mock

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone
from django_tasks_db.models import DBTaskResult
from health_check.exceptions import ServiceUnavailable

from accounts.models import Delivery, User
from accounts.tests.factories import UserFactory
from posts.management.commands.set_up import warnings
from socializer.health import Jobs, Mail

ROOT = Path(__file__).resolve().parents[2]


def doctor():
    out = StringIO()
    try:
        call_command("doctor", stdout=out)
    except CommandError as error:
        return f"{out.getvalue()}{error}"
    return out.getvalue()


@pytest.fixture
def well(settings, db):
    settings.MAIL_LEAVES = True
    with mock.patch("socializer.management.commands.doctor.check_safety", return_value=[]):
        yield


def test_the_doctor_finds_nothing_where_nothing_is_wrong(well, settings):
    settings.BASE_DIR = Path("/nowhere")
    with mock.patch("shutil.disk_usage", return_value=mock.Mock(free=10**12)):
        assert "All is well." in doctor()


@pytest.mark.django_db
def test_the_doctor_says_what_is_wrong_and_how_to_mend_it(settings, member):
    settings.LOCAL, settings.DEBUG, settings.HTTPS = False, True, False
    UserFactory().follow(member)
    DBTaskResult.objects.update(enqueued_at=timezone.now() - timedelta(hours=1))
    with (
        mock.patch("socializer.management.commands.doctor.cache.set", side_effect=OSError("refused")),
        mock.patch("django.core.files.storage.Storage.save", side_effect=OSError("full")),
        mock.patch("shutil.disk_usage", return_value=mock.Mock(free=1)),
    ):
        said = doctor()

    for words in (
        "refused. Check CACHE_URL",
        "full. Check MEDIA_STORAGE",
        "1 jobs wait",
        "EMAIL_URL",
        "DEBUG=0",
        "clear text",
        "1 GB",
    ):
        assert words in said


@pytest.mark.parametrize(
    ("variables", "proxies", "words"),
    [
        ({"HOST": "::"}, 0, ["without a proxy"]),
        ({"HOST": "::"}, 1, []),
        ({"HOST": "127.0.0.1", "WEB_CONCURRENCY": "2"}, 0, []),
    ],
)
def test_the_start_warns_of_what_is_not_fit_for_the_internet(
    settings, monkeypatch, variables, proxies, words
):
    settings.MAIL_LEAVES, settings.TRUSTED_PROXIES = True, proxies
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    for name in ("HOST", "WEB_CONCURRENCY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    said = list(warnings())
    assert len(said) == len(words)
    assert all(part in sentence for part, sentence in zip(words, said, strict=True))


def test_health_turns_red_when_no_worker_takes_the_jobs(member):
    UserFactory().follow(member)
    Jobs().run()

    DBTaskResult.objects.update(enqueued_at=timezone.now() - timedelta(minutes=11))
    with pytest.raises(ServiceUnavailable):
        Jobs().run()

    # A job that waits for its next try is not late.
    DBTaskResult.objects.update(run_after=timezone.now() + timedelta(hours=1))
    Jobs().run()


def test_health_turns_red_when_the_mail_server_takes_no_mail(well, member):
    delivery = Delivery.objects.create(
        recipient=member, kind="new_follower", key="k", tries=3, answer="421 no"
    )
    Mail().run()

    Delivery.objects.filter(pk=delivery.pk).update(created_on=timezone.now() - timedelta(hours=2))
    with pytest.raises(ServiceUnavailable):
        Mail().run()
    assert "It said: 421 no" in doctor()


@pytest.mark.django_db
def test_health_says_that_no_mail_leaves_and_is_well_all_the_same(client):
    response = client.get("/healthz/")

    assert response.status_code == 200
    assert "No mail leaves this machine." in response.content.decode()


@pytest.mark.django_db
def test_backing_up_and_refusing_in_this_process(tmp_path):
    if connection.vendor != "sqlite":
        for command, tool in (("backup", "pg_dump"), ("restore", "pg_restore")):
            with pytest.raises(CommandError, match=tool):
                call_command(command, str(tmp_path / "x"))
        return
    file = tmp_path / "new" / "copy.sqlite3"
    call_command("backup", file, stdout=StringIO())
    assert file.stat().st_mode & 0o077 == 0
    with pytest.raises(CommandError, match="there already"):
        call_command("backup", file)
    (tmp_path / "text").write_text("no database " * 500)
    for name in ("text", "missing"):
        with pytest.raises(CommandError, match="Nothing was changed"):
            call_command("restore", tmp_path / name)


class TestBackup:
    """In a process of its own: it closes and replaces the database."""

    @pytest.fixture
    def manage(self, tmp_path):
        environment = {
            "PATH": os.environ["PATH"],
            "ENV_FILE": os.devnull,
            "SECRET_KEY": "only-for-tests-0123456789-abcdefghijklmnopqrstuvwxyz",
            "DATABASE_URL": f"sqlite:///{tmp_path}/live.sqlite3",
        }

        def manage(*arguments):
            return subprocess.run(  # noqa: S603
                [sys.executable, "manage.py", *map(str, arguments)],
                cwd=ROOT,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )

        assert manage("migrate", "--verbosity=0").returncode == 0
        return manage

    def people(self, file):
        database = sqlite3.connect(file)
        try:
            return database.execute("SELECT count(*) FROM accounts_user").fetchone()[0]
        finally:
            database.close()

    def test_a_backup_brings_back_what_was_there(self, manage, tmp_path):
        live, backup = tmp_path / "live.sqlite3", tmp_path / "backup.sqlite3"
        manage("seed_users", "--count=5", "--follows=1")
        assert manage("backup", backup).returncode == 0
        manage("seed_users", "--count=9", "--follows=1")
        assert self.people(live) == 9
        assert "is there already" in manage("backup", backup).stderr

        assert manage("restore", backup).returncode == 0
        assert self.people(live) == 5
        (kept,) = tmp_path.glob("live.sqlite3.before-restore-*")
        assert self.people(kept) == 9

    def test_nothing_is_replaced_under_a_running_site(self, manage, tmp_path):
        live, backup = tmp_path / "live.sqlite3", tmp_path / "backup.sqlite3"
        manage("seed_users", "--count=5", "--follows=1")
        manage("backup", backup)
        manage("seed_users", "--count=9", "--follows=1")
        with (tmp_path / "live.sqlite3.worker").open("a") as place:
            fcntl.flock(place, fcntl.LOCK_EX)  # As the site's worker does.
            assert "Stop it first" in manage("restore", backup).stderr
        assert self.people(live) == 9

    def test_a_damaged_or_foreign_file_is_refused_and_nothing_changes(self, manage, tmp_path):
        manage("seed_users", "--count=5", "--follows=1")
        manage("backup", tmp_path / "whole.sqlite3")
        whole = (tmp_path / "whole.sqlite3").read_bytes()
        (tmp_path / "cut.sqlite3").write_bytes(whole[: len(whole) // 2])
        (tmp_path / "text.sqlite3").write_text("This is no database, whatever its name says." * 100)
        foreign = sqlite3.connect(tmp_path / "foreign.sqlite3")
        foreign.execute("CREATE TABLE t (x)")
        foreign.close()

        for name in ("cut", "text", "foreign", "missing"):
            refused = manage("restore", tmp_path / f"{name}.sqlite3")
            assert refused.returncode != 0
            assert "Nothing was changed." in refused.stderr
            assert "Traceback" not in refused.stderr
        assert self.people(tmp_path / "live.sqlite3") == 5


@pytest.mark.django_db
def test_pages_are_measured_without_a_trace(capsys, caplog):
    call_command("bench_pages", "/explore/", "/admin/posts/post/", rounds=2)

    said, logged = capsys.readouterr()
    assert not logged
    assert not caplog.records
    assert "/explore/" in said
    assert "/admin/posts/post/" in said
    assert not User.objects.exists()
    with pytest.raises(CommandError, match="/nope/ answers 404"):
        call_command("bench_pages", "/nope/", rounds=2)
