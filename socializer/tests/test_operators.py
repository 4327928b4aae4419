from datetime import timedelta
from io import StringIO
from pathlib import Path
from unittest import mock

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from health_check.exceptions import ServiceUnavailable

from accounts.emails.models import Delivery
from accounts.jobs.models import Job
from accounts.models import User
from accounts.tests.factories import UserFactory
from socializer.health import Jobs, Mail
from socializer.management.commands.set_up import warnings

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
    settings.EMAIL_IS_DELIVERED = True
    with mock.patch("socializer.management.commands.doctor.check_safety", return_value=[]):
        yield


def test_the_doctor_reports_no_problems_on_a_healthy_site(well, settings):
    settings.BASE_DIR = Path("/nowhere")
    with mock.patch("shutil.disk_usage", return_value=mock.Mock(free=10**12)):
        assert "No problems found." in doctor()


@pytest.mark.django_db
def test_the_doctor_reports_problems_and_how_to_fix_them(settings, member):
    settings.LOCAL, settings.DEBUG, settings.HTTPS = False, True, False
    UserFactory().follow(member)
    Job.objects.update(enqueued_at=timezone.now() - timedelta(hours=1))
    with (
        mock.patch("socializer.management.commands.doctor.cache.set", side_effect=OSError("refused")),
        mock.patch("django.core.files.storage.Storage.save", side_effect=OSError("full")),
        mock.patch("shutil.disk_usage", return_value=mock.Mock(free=1)),
    ):
        output = doctor()

    for text in (
        "refused. Check CACHE_URL",
        "full. Check MEDIA_STORAGE",
        "1 jobs have been waiting",
        "EMAIL_URL",
        "DEBUG=0",
        "sent unencrypted",
        "less than 1 GB",
    ):
        assert text in output


@pytest.mark.parametrize(
    ("variables", "proxies", "words"),
    [
        ({"HOST": "::"}, 0, ["without a proxy"]),
        ({"HOST": "::"}, 1, []),
        ({"HOST": "127.0.0.1", "WEB_CONCURRENCY": "2"}, 0, []),
    ],
)
def test_the_start_warns_about_settings_that_are_unsafe_on_the_internet(
    settings, monkeypatch, variables, proxies, words
):
    settings.EMAIL_IS_DELIVERED, settings.TRUSTED_PROXIES = True, proxies
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    for name in ("HOST", "WEB_CONCURRENCY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    said = list(warnings())
    assert len(said) == len(words)
    assert all(part in sentence for part, sentence in zip(words, said, strict=True))


def test_health_fails_when_no_worker_runs_jobs(member):
    UserFactory().follow(member)
    Jobs().run()

    Job.objects.update(enqueued_at=timezone.now() - timedelta(minutes=11))
    with pytest.raises(ServiceUnavailable):
        Jobs().run()

    # A job that waits for its next attempt is not late.
    Job.objects.update(run_after=timezone.now() + timedelta(hours=1))
    Jobs().run()


def test_health_fails_when_the_mail_server_accepts_no_email(well, member):
    delivery = Delivery.objects.create(
        recipient=member, type="new_follower", key="k", attempts=3, answer="421 no"
    )
    Mail().run()

    Delivery.objects.filter(pk=delivery.pk).update(created_on=timezone.now() - timedelta(hours=2))
    with pytest.raises(ServiceUnavailable):
        Mail().run()
    assert "Its answer: 421 no" in doctor()


@pytest.mark.django_db
def test_health_shows_that_email_is_not_sent_but_does_not_fail(client):
    response = client.get("/healthz/")

    assert response.status_code == 200
    assert "Set EMAIL_URL." in response.content.decode()


@pytest.mark.django_db
def test_measuring_pages_leaves_no_trace(capsys, caplog):
    call_command("bench_pages", "/explore/", "/admin/posts/post/", rounds=2)

    said, logged = capsys.readouterr()
    assert not logged
    assert not caplog.records
    assert "/explore/" in said
    assert "/admin/posts/post/" in said
    assert not User.objects.exists()
    with pytest.raises(CommandError, match="/nope/ responded with 404"):
        call_command("bench_pages", "/nope/", rounds=2)
