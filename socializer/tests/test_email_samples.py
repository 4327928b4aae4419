"""Previews and test sends of all emails."""

import importlib
import sys
from io import StringIO
from unittest import mock

import pytest
from django.core.mail import EmailMultiAlternatives
from django.core.management import CommandError, call_command
from django.urls import clear_url_caches

from accounts.emails.samples import all_samples


@pytest.fixture
def development(settings):
    """Use the URL patterns of a site with DEBUG."""
    settings.DEBUG = True
    urls = importlib.reload(sys.modules["socializer.urls"])
    clear_url_caches()
    yield
    settings.DEBUG = False
    importlib.reload(urls)
    clear_url_caches()


@pytest.mark.django_db
def test_development_shows_every_email(development, client):
    listed = client.get("/dev/mails/").content.decode()
    assert len(all_samples()) >= 14
    for name in all_samples():
        assert f"/dev/mails/{name}/html/" in listed
        html = client.get(f"/dev/mails/{name}/html/").content.decode()
        assert "<style" not in html
        assert " style=" not in html
        assert client.get(f"/dev/mails/{name}/text/").headers["Content-Type"].startswith("text/plain")
    assert client.get("/dev/mails/nonsense/html/").status_code == 404


@pytest.mark.django_db
def test_a_live_site_has_no_previews(client):
    assert client.get("/dev/mails/").status_code == 404


@pytest.mark.django_db
@pytest.mark.parametrize("name", all_samples())
def test_each_email_is_complete(name, mailoutbox):
    call_command("send_test_mail", "you@example.org", name, stdout=StringIO())

    (mail,) = mailoutbox
    html, _type = mail.alternatives[0]
    assert mail.to == ["you@example.org"]
    assert mail.subject
    assert "\n\n\n\n" not in mail.body
    for text in (mail.subject, mail.body, html):
        assert "{{" not in text
        assert "{%" not in text
        assert "&#x27;" not in text or text is html
    # It loads nothing from elsewhere, and is readable in light and dark mode.
    for tag in ("<img", "<script", "<link", "url("):
        assert tag not in html
    assert "prefers-color-scheme: dark" in html
    assert '<body style="' in html


@pytest.mark.django_db
def test_a_failed_test_email_is_explained():
    with pytest.raises(CommandError, match="Choose from: all"):
        call_command("send_test_mail", "you@example.org", "nonsense")
    with pytest.raises(CommandError, match="not an email address"):
        call_command("send_test_mail", "you", "new_follower")
    with mock.patch.object(EmailMultiAlternatives, "send", side_effect=ConnectionRefusedError("refused")):
        with pytest.raises(CommandError, match="EMAIL_URL.*refused"):
            call_command("send_test_mail", "you@example.org", "new_follower")


@pytest.mark.django_db
def test_all_emails_can_be_sent_at_once(mailoutbox):
    call_command("send_test_mail", "you@example.org", "all", stdout=StringIO())
    assert len(mailoutbox) == len(all_samples())
