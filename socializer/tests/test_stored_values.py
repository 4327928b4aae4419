"""Stored time zones, languages and notification types that no longer exist."""

from datetime import UTC, datetime, timedelta
from importlib.resources import files
from zoneinfo import ZoneInfo

import pytest
from allauth.mfa.models import Authenticator
from django.utils import timezone, translation
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.common.locale import language_of, time_zones, zone_of
from accounts.emails import outbox, rendering
from accounts.emails.models import Delivery
from accounts.models import User
from accounts.moderation.models import ModerationAction
from accounts.notifications import digests, types
from accounts.notifications.models import DigestSchedule, NotificationPreference
from accounts.tests.factories import FollowFactory, UserFactory
from posts.tests.factories import PostFactory, ReportFactory
from posts.timelines.redis.models import TimelineGeneration

UNKNOWN = [
    *("Europe/Atlantis", "", " ", "UTC ", "utc", "America", "../UTC", "/etc/localtime", "zone.tab", "UTC/x"),
    *("\x00", "\n", "é", "x" * 300, "__pycache__", "tzdata.zi", "a/../UTC", "Europe/", "."),
]
SETTINGS = "/users/settings/locale/"
YEARS = (datetime(2000, 1, 1), datetime(2037, 1, 1))  # noqa: DTZ001 (hypothesis adds the zone)


@pytest.mark.parametrize("name", UNKNOWN)
def test_an_unknown_time_zone_falls_back_to_the_sites(name):
    assert zone_of(User(time_zone=name)) == timezone.get_default_timezone()


@given(st.text())
def test_any_stored_string_gives_a_time_zone_and_a_language(name):
    user = User(time_zone=name, language=name)
    with timezone.override(zone_of(user)), translation.override(language_of(user) or "en"):
        assert timezone.localtime().utcoffset() is not None


@pytest.mark.parametrize(
    ("stored", "spoken"),
    [
        ("", ""),
        ("zh-hans", "zh-hans"),
        ("zh-cn", "zh-hans"),
        ("zh-Hans-CN", "zh-hans"),
        ("EN", "en"),
        ("tlh", ""),
    ]
    + [(nonsense, "") for nonsense in ("../en", "\x00", "x" * 600, "x-" * 300, " en", "é")],
)
def test_only_languages_of_the_site_are_used(stored, spoken):
    assert language_of(User(language=stored)) == spoken


def test_members_choose_from_canonical_time_zones():
    lines = (files("tzdata") / "zoneinfo" / "tzdata.zi").read_text().splitlines()
    aliases = {line.split()[2] for line in lines if line.startswith("L ")}

    assert {"Europe/Berlin", "Asia/Kolkata", "Asia/Shanghai"} < time_zones().keys()
    assert not aliases & time_zones().keys()
    assert all(ZoneInfo(name) for name in time_zones())
    assert time_zones()["Europe/Berlin"] == "Europe/Berlin (Copenhagen, Longyearbyen, Oslo, Stockholm)"
    assert list(time_zones()) == sorted(time_zones())


PAGES = (
    *(
        "/",
        "/unread/",
        "/explore/",
        "/users/",
        "/@ada/",
        "/@ada/followers/",
        "/users/sessions/",
        "/users/feeds/",
    ),
    *(SETTINGS, "/users/settings/mail/new_follower/", "/users/blocks/", "/posts/add/", "/users/export/"),
)


@pytest.mark.parametrize("stored", ["Europe/Atlantis", "../UTC", "\n", "tlh", "zh-Hans-CN"])
def test_every_page_and_email_of_a_member_works_with_such_values(member, member_client, stored):
    FollowFactory(followed=member)
    User.objects.filter(pk=member.pk).update(time_zone=stored, language=stored[:10])
    member.refresh_from_db()

    statuses = {page: member_client.get(page, follow=True).status_code for page in PAGES}
    assert set(statuses.values()) == {200}, statuses
    for email_type in types.all_types():
        assert rendering.build_email(email_type, member, email_type.sample(member)).body
        assert rendering.preview(email_type, member)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None)
@given(stored=st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=10))
def test_pages_work_with_any_stored_value(member, member_client, stored):
    User.objects.filter(pk=member.pk).update(time_zone=stored, language=stored)
    member.refresh_from_db()

    assert member_client.get(SETTINGS).status_code == 200
    for email_type in types.all_types():
        assert rendering.build_email(email_type, member, email_type.sample(member)).body
    for frequency in ("daily", "weekly"):
        assert digests.next_due(member, frequency, timezone.now()) > timezone.now()


def chosen(client, field="time_zone"):
    """What the settings show as chosen, as a browser does: the first option where none is selected."""
    form = client.get(SETTINGS).context["form"]
    return form[field].value() if form[field].value() in dict(form.fields[field].choices) else ""


DATA = {"display_name": "Ada Lovelace", "bio": ""}


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ("Europe/Atlantis", ""),
        ("US/Pacific", "US/Pacific"),
        ("Asia/Calcutta", "Asia/Calcutta"),
        ("Asia/Tokyo",) * 2,
    ],
)
def test_the_settings_show_a_stored_zone_and_keep_or_replace_it(member, member_client, stored, shown):
    User.objects.filter(pk=member.pk).update(time_zone=stored)
    assert chosen(member_client) == shown

    def stored_after(data):
        response = member_client.post(SETTINGS, DATA | data)
        assert response.status_code == 302, response.context["form"].errors
        member.refresh_from_db()
        return member.time_zone

    assert stored_after({}) == stored
    assert stored_after({"time_zone": shown}) == shown
    assert stored_after({"time_zone": "Europe/Paris"}) == "Europe/Paris"
    assert member_client.post(SETTINGS, DATA | {"time_zone": "Europe/Atlantis"}).status_code == 200
    assert member_client.post(SETTINGS, DATA | {"time_zone": "US/Pacific"}).status_code == 200


@pytest.mark.parametrize(("stored", "shown"), [("tlh", ""), ("zh-cn", "zh-hans"), ("en", "en")])
def test_the_settings_show_a_stored_language_and_keep_or_replace_it(member, member_client, stored, shown):
    User.objects.filter(pk=member.pk).update(language=stored)
    assert chosen(member_client, "language") == shown

    member_client.post(SETTINGS, DATA)
    member.refresh_from_db()
    assert member.language == stored
    member_client.post(SETTINGS, DATA | {"language": shown})
    member.refresh_from_db()
    assert member.language == shown


@pytest.mark.parametrize("stored", ["Europe/Atlantis", "US/Pacific"])
def test_an_administrator_can_edit_a_member_with_such_a_time_zone(admin_client, member, stored):
    User.objects.filter(pk=member.pk).update(time_zone=stored)
    address = f"/admin/accounts/user/{member.pk}/change/"
    page = admin_client.get(address)
    assert page.status_code == 200
    assert (f'<option value="{stored}" selected>' in page.content.decode()) == (stored == "US/Pacific")

    data = {"display_name": "Countess", "bio": "", "time_zone": "Asia/Tokyo"}
    assert admin_client.post(address, data).status_code == 302
    member.refresh_from_db()
    assert (member.display_name, member.time_zone) == ("Countess", "Asia/Tokyo")


@pytest.mark.parametrize("cookie", ["tlh", "../en", "x" * 600, "é", "zh-Hans-CN"])
def test_a_cookie_with_an_unknown_language(client, db, cookie):
    client.cookies["django_language"] = cookie
    assert client.get("/").status_code == 200


def test_an_unknown_frequency_is_the_default(member):
    digest = types.get("home_by_mail")
    NotificationPreference.objects.create(user=member, type=digest.name, frequency="hourly")

    assert digest.frequency_for(member) == digest.default


def test_an_email_of_an_unknown_type_is_skipped(member, run_jobs, mailoutbox):
    outbox.enqueue("likes", member, "1", count=3)

    assert run_jobs() == ["SUCCESSFUL"]
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.answer) == ("skipped", "This site no longer has this kind of email.")
    assert mailoutbox == []


@pytest.mark.parametrize("type_name", ["likes", "password_changed"])
def test_a_schedule_of_an_unknown_type_waits_and_delays_no_other(member, run_jobs, type_name):
    now = timezone.now()
    schedule = DigestSchedule.objects.create(recipient=member, type=type_name, due_on=now)
    NotificationPreference.objects.create(user=member, type=type_name, frequency="daily")

    digests.advance(schedule.pk)
    schedule.refresh_from_db()
    assert schedule.due_on > now
    assert digests.due_schedules(timezone.now(), 10) == []


@given(
    zone=st.sampled_from(sorted(time_zones())),
    when=st.sampled_from(["daily", "weekly"]),
    now=st.datetimes(*YEARS, timezones=st.just(UTC)),
)
def test_a_digest_is_due_at_seven_in_the_members_time_zone(zone, when, now):
    due = digests.next_due(User(time_zone=zone), when, now)

    days = {"daily": 1, "weekly": 7}[when]
    # Even with a clock change in between, or a skipped day as once in Samoa.
    assert now < due <= now + timedelta(days=days + 1, hours=2)
    local = due.astimezone(ZoneInfo(zone))
    assert local.hour == 7 or abs(local.utcoffset() - (local - timedelta(days=1)).utcoffset()) > timedelta(0)
    assert due.tzinfo == UTC


@pytest.mark.parametrize(
    ("now", "due"),
    [
        ("2026-03-28T06:00", "2026-03-29T05:00"),
        ("2026-03-29T00:30", "2026-03-29T05:00"),
        ("2026-10-24T05:00", "2026-10-25T06:00"),
        ("2026-10-25T05:30", "2026-10-25T06:00"),
    ],
)
def test_a_daily_digest_across_a_clock_change(now, due):
    now, due = (datetime.fromisoformat(moment).replace(tzinfo=UTC) for moment in (now, due))

    assert digests.next_due(User(time_zone="Europe/Berlin"), "daily", now) == due
    # From the clock of the member, too.
    assert (
        digests.next_due(User(time_zone="Europe/Berlin"), "daily", now.astimezone(ZoneInfo("Europe/Berlin")))
        == due
    )


def test_a_follower_is_told_of_in_the_zone_of_the_site(member, run_jobs, mailoutbox):
    User.objects.filter(pk=member.pk).update(time_zone="Europe/Atlantis", language="tlh")
    UserFactory(username="bob").follow(member)
    run_jobs()

    assert [mail.subject for mail in mailoutbox] == ["@bob follows you"]


def test_the_admin_shows_rows_with_unknown_values(admin_client, member):
    post = PostFactory()
    ReportFactory(reporter=member, post=post, reason="boring", note="Hm")
    action = ModerationAction.objects.create(
        moderator=member,
        moderator_name="ada",
        action="applaud",
        subject_model="posts.Reply",
        subject_id=1,
        person_name="bob",
        reason="Because.",
    )
    delivery = Delivery.objects.create(recipient=member, type="likes", key="1", state="lost")
    Authenticator.objects.create(user=member, type="stone", data={})
    TimelineGeneration.objects.update_or_create(
        pk=TimelineGeneration.ONLY_PK, defaults={"maintained_by": "posts.timelines.Gone"}
    )
    TimelineGeneration.renew_if_timeline_changed()

    pages = (
        *(
            "moderation/",
            "moderation/record/",
            "moderation/people/ada/",
            "accounts/moderationaction/",
            f"accounts/moderationaction/{action.pk}/change/",
        ),
        *("accounts/delivery/", f"accounts/delivery/{delivery.pk}/change/", "mfa/authenticator/"),
    )
    statuses = {page: admin_client.get(f"/admin/{page}").status_code for page in pages}
    assert set(statuses.values()) == {200}, statuses
