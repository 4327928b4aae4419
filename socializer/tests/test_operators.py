from datetime import timedelta
from io import StringIO
from pathlib import Path
from unittest import mock

import pytest
from django.core.management import CommandError, call_command
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
