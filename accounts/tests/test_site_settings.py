"""What administrators change while the site runs."""

import contextlib

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.urls import reverse

from accounts.models import SiteSettings
from accounts.tests.factories import UserFactory

pytestmark = pytest.mark.django_db


def test_a_new_site_starts_with_the_environments_values(settings):
    settings.SIGNUP_MODE, settings.MEMBERS_ONLY = "closed", True
    settings.REFUSED_EMAIL_DOMAINS = ["spam.example", "robots.example"]
    assert SiteSettings.load().signup_mode == "closed"
    SiteSettings.create_first()
    settings.SIGNUP_MODE, settings.MEMBERS_ONLY = "open", False
    SiteSettings.create_first()
    stored = SiteSettings.load()
    assert (stored.signup_mode, stored.members_only) == ("closed", True)
    assert stored.refused_email_domains == "spam.example\nrobots.example"


def test_an_administrator_changes_them_on_one_page(client):
    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    response = client.get(reverse("admin:accounts_sitesettings_changelist"), follow=True)
    assert response.status_code == 200
    url = reverse("admin:accounts_sitesettings_change", args=[1])
    data = {
        "signup_mode": "approval",
        "signups_per_hour": 5,
        "invitations_per_member": 2,
        "refused_email_domains": "Spam.example",
        "new_account_hours": 0,
        "members_only": "on",
    }
    assert client.post(url, data).status_code == 302
    stored = SiteSettings.load()
    assert (stored.signup_mode, stored.members_only, stored.new_account_hours) == ("approval", True, 0)
    response = client.post(url, data | {"refused_email_domains": "not a domain"})
    assert "isn&#x27;t a domain." in response.text
    assert client.post(reverse("admin:accounts_sitesettings_delete", args=[1])).status_code == 403
    assert client.get(reverse("admin:accounts_sitesettings_add")).status_code == 403


@pytest.mark.parametrize("domain", ["spam.example", "mail.spam.example", "xn--mnchen-3ya.example"])
def test_a_refused_domain_covers_those_below_it(domain):
    site = SiteSettings(refused_email_domains="@Spam.example\n\n  münchen.example ")
    assert site.refuses_domain(domain)
    assert not site.refuses_domain("antispam.example")


def test_a_domain_is_one_name_on_a_line():
    with pytest.raises(ValidationError):
        SiteSettings(pk=1, refused_email_domains="spam.example, robots.example").full_clean()


def test_the_doctor_shows_both_values(settings, capsys):
    SiteSettings.create_first()
    settings.SIGNUP_MODE = "closed"
    with contextlib.suppress(CommandError):  # This machine may have problems, which the doctor reports.
        call_command("doctor")
    output = capsys.readouterr().out
    assert (
        "SIGNUP_MODE is 'open', set in the admin. In the environment it is 'closed', which has no effect."
        in output
    )
    assert "MEMBERS_ONLY is False, set in the admin." in output
