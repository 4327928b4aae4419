"""What operators tell all members, and the rules that members accept."""

from datetime import timedelta
from unittest import mock

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.announcements import tasks
from accounts.announcements.models import Announcement
from accounts.announcements.tasks import notify_members, publish
from accounts.jobs.models import Job
from accounts.joining.decisions import approve
from accounts.joining.models import Application
from accounts.models import User
from accounts.moderation.models import Rule
from accounts.notifications import digests, types
from accounts.notifications.models import Notification
from accounts.tests.factories import UserFactory

HOUR = timedelta(hours=1)
SECRET = "Back at noon"


@pytest.fixture
def member(db):
    """A member since yesterday."""
    return UserFactory(username="ada", date_joined=timezone.now() - 24 * HOUR)


@pytest.fixture
def administrator(db):
    return UserFactory(is_staff=True, is_superuser=True)


@pytest.fixture
def admin_client(administrator):
    client = Client()
    client.force_login(administrator)
    return client


def announce(text=SECRET, starts=-HOUR, ends=None, **fields):
    now = timezone.now()
    return Announcement.objects.create(
        text=text, starts_on=now + starts, ends_on=ends and now + ends, **fields
    )


def home(client):
    return client.get("/").content.decode()


class TestTheLineAboveHome:
    def test_it_is_shown_until_it_is_dismissed(self, member_client):
        announcement = announce(language="de")
        page = home(member_client)
        assert '<p class="announcement-text" dir="auto" lang="de">Back at noon</p>' in page
        assert SECRET not in member_client.get("/explore/").content.decode()
        assert SECRET not in Client().get("/").content.decode()

        response = member_client.post(f"/users/announcements/{announcement.pk}/dismiss/")
        assert (response.status_code, response.url) == (302, "/")
        assert SECRET not in home(member_client)

    def test_links_work_and_markup_does_not(self, member_client):
        announce("See https://example.org/new <b>now</b>\nand tell us.")
        page = home(member_client)
        assert '<a href="https://example.org/new" rel="nofollow">https://example.org/new</a>' in page
        assert "&lt;b&gt;now&lt;/b&gt;<br>and tell us." in page

    def test_several_are_shown_one_after_the_other_oldest_first(self, member_client):
        second, first = announce("Second"), announce("First", starts=-2 * HOUR)
        assert "First" in home(member_client)
        assert "Second" not in home(member_client)
        member_client.post(f"/users/announcements/{first.pk}/dismiss/")
        assert "Second" in home(member_client)
        member_client.post(f"/users/announcements/{second.pk}/dismiss/")
        # Dismissed again in another window.
        member_client.post(f"/users/announcements/{first.pk}/dismiss/")
        assert 'class="announcement"' not in home(member_client)

    @pytest.mark.parametrize(("starts", "ends"), [(HOUR, None), (-2 * HOUR, -HOUR)])
    def test_it_is_shown_only_from_its_start_to_its_end(self, member_client, starts, ends):
        announce(starts=starts, ends=ends)
        assert SECRET not in home(member_client)

    def test_one_that_has_not_started_cannot_be_dismissed(self, member, member_client):
        later = announce(starts=HOUR)
        for pk in (later.pk, 0, later.pk + 1):
            assert member_client.post(f"/users/announcements/{pk}/dismiss/").status_code == 302
        member.refresh_from_db()
        assert member.announcements_read is None

    def test_new_members_see_only_what_has_an_end(self, db):
        newcomer = Client()
        newcomer.force_login(UserFactory())
        announce("Old news")
        announce("Closed on Saturday", starts=-2 * HOUR, ends=HOUR)
        page = home(newcomer)
        assert "Closed on Saturday" in page
        assert "Old news" not in page

    def test_it_takes_no_query(self, member_client):
        def queries():
            with CaptureQueriesContext(connection) as found:
                home(member_client)
            return len(found)

        home(member_client)
        before = queries()
        announce()
        assert SECRET in home(member_client)
        assert queries() == before <= 5


class TestPublishing:
    def test_the_form_in_the_admin_notifies_all_members_in_batches(
        self, member, member_client, admin_client, administrator, run_jobs
    ):
        people = UserFactory.create_batch(4, date_joined=member.date_joined)
        people[0].suspend()
        User.objects.filter(pk=administrator.pk).update(date_joined=member.date_joined)
        data = {"text": SECRET, "language": "", "starts_on_0": "2020-01-01", "starts_on_1": "00:00:00"}
        with mock.patch.object(tasks, "BATCH", 2):
            response = admin_client.post("/admin/accounts/announcement/add/", data)
            assert response.status_code == 302, response.context["errors"]
            assert not Notification.objects.exists()
            run_jobs()

        announcement = Announcement.objects.get()
        assert announcement.created_by == administrator
        assert announcement.starts_on > timezone.now() - HOUR
        notified = Notification.objects.filter(type="announcement", subject=announcement.pk)
        assert {each.recipient for each in notified} == {member, administrator, *people[1:]}
        assert notified.count() == 5
        assert {each.emailed_in for each in notified} == {Notification.NOT_WANTED}
        assert SECRET in member_client.get("/notifications/").content.decode()

    def test_a_batch_that_runs_twice_notifies_nobody_twice(self, member, run_jobs):
        UserFactory.create_batch(3, date_joined=member.date_joined)
        announcement = announce()
        with mock.patch.object(tasks, "BATCH", 2):
            for _twice in range(2):
                notify_members.enqueue(announcement.pk)
                run_jobs()
        assert Notification.objects.count() == User.objects.count() == 4

    def test_a_scheduled_one_notifies_when_it_starts(self, member, run_jobs):
        later = announce(starts=HOUR)
        publish(later)
        assert Job.objects.get().run_after == later.starts_on
        # A job that was made for an earlier time, before the announcement was postponed.
        notify_members.enqueue(later.pk)
        run_jobs()
        assert not Notification.objects.exists()

    def test_correcting_a_text_notifies_nobody_again(self, member, admin_client, run_jobs):
        announcement = announce("Back at non")
        admin_client.post(
            f"/admin/accounts/announcement/{announcement.pk}/change/", {"text": SECRET, "language": "en"}
        )
        announcement.refresh_from_db()
        assert announcement.text == SECRET
        run_jobs()
        assert not Notification.objects.exists()

    def test_it_can_be_ended_at_once(self, member_client, admin_client):
        announcement = announce()
        start = timezone.localtime(timezone.now() - HOUR / 2)
        data = {
            "text": SECRET,
            "ends_on_0": start.strftime("%Y-%m-%d"),
            "ends_on_1": start.strftime("%H:%M:%S"),
        }
        admin_client.post(f"/admin/accounts/announcement/{announcement.pk}/change/", data)
        assert SECRET not in home(member_client)

    def test_it_must_end_after_it_starts_and_after_now(self, db):
        for starts, ends in ((0 * HOUR, -HOUR), (2 * HOUR, HOUR)):
            now = timezone.now()
            with pytest.raises(ValidationError):
                Announcement(text="x", starts_on=now + starts, ends_on=now + ends).full_clean()
        with pytest.raises(IntegrityError), transaction.atomic():
            announce(starts=2 * HOUR, ends=HOUR)

    def test_deleting_it_removes_it_everywhere(self, member, member_client, run_jobs):
        announcement = announce()
        notify_members.enqueue(announcement.pk)
        run_jobs()
        announcement.delete()
        assert SECRET not in home(member_client)
        page = member_client.get("/notifications/")
        assert page.status_code == 200
        assert SECRET not in page.content.decode()

    def test_it_stays_when_its_author_leaves(self, administrator):
        announcement = announce(created_by=administrator)
        administrator.leave()
        announcement.refresh_from_db()
        assert announcement.created_by is None


class TestEmails:
    def test_members_who_want_it_get_it_daily(self, member, run_jobs):
        announcement = announce()
        digests.choose(member, types.get("announcement"), "daily")
        notify_members.enqueue(announcement.pk)
        run_jobs()
        assert Notification.objects.get(recipient=member).emailed_in == ""

    def test_one_that_has_ended_is_left_out(self, member):
        ended, current = announce("Ended", starts=-3 * HOUR, ends=-HOUR), announce()
        digest = types.get("announcement")
        for each in (ended, current):
            digests.notify_all("announcement", [member], subject=each.pk, created_on=each.starts_on)
        content = digest.content_for(member, Notification.objects.all())
        assert content["announcements"] == [current]
        current.delete()
        assert digest.content_for(member, Notification.objects.all()) is None


class TestNewRules:
    @pytest.fixture
    def new_rules(self, member):
        Rule.objects.create(title="Write in rhyme.", text="All the time.")
        return announce("We've changed a rule.", new_rules=True, language="en")

    def accept(self, client, announcement, **data):
        return client.post("/users/rules/", {"announcement": announcement.pk} | data)

    def test_members_accept_them_before_anything_else_and_only_once(self, member, member_client, new_rules):
        response = member_client.get("/explore/?language=en")
        assert (response.status_code, response.url) == (
            302,
            "/users/rules/?next=%2Fexplore%2F%3Flanguage%3Den",
        )
        page = member_client.get(response.url).content.decode()
        for text in ("We&#x27;ve changed a rule.", "Write in rhyme.", "All the time.", "I accept"):
            assert text in page

        response = self.accept(member_client, new_rules, next="/explore/?language=en")
        assert (response.status_code, response.url) == (302, "/explore/?language=en")
        member.refresh_from_db()
        assert member.rules_accepted_on > new_rules.starts_on
        assert member_client.get("/explore/").status_code == 200
        # Dismissing it would be a second press for the same thing.
        assert 'class="announcement"' not in home(member_client)
        assert member_client.get("/users/rules/").url == "/"

    def test_a_clock_that_is_behind_asks_nobody_twice(self, member_client, new_rules):
        with mock.patch("accounts.views.announcements.timezone.now", return_value=new_rules.starts_on - HOUR):
            self.accept(member_client, new_rules)
        assert member_client.get("/").status_code == 200

    def test_announced_again_they_are_accepted_again(self, member_client, new_rules):
        self.accept(member_client, new_rules)
        User.objects.update(rules_accepted_on=timezone.now() - HOUR / 2)
        assert member_client.get("/").status_code == 200
        announce(starts=-HOUR / 4, new_rules=True)
        assert member_client.get("/").status_code == 302

    def test_an_edited_rule_asks_nobody(self, member_client, new_rules):
        self.accept(member_client, new_rules)
        rule = Rule.objects.get()
        rule.title = "Write in rhymes."
        rule.save()
        assert member_client.get("/").status_code == 200

    def test_scheduled_ones_wait_and_deleted_ones_ask_nobody(self, member_client, new_rules):
        new_rules.delete()
        assert member_client.get("/").status_code == 200
        announce(starts=HOUR, new_rules=True)
        assert member_client.get("/").status_code == 200

    def test_accepting_an_older_version_shows_the_newer_one(self, member, member_client, new_rules):
        announce("Once more.", starts=-HOUR / 2, new_rules=True)
        response = self.accept(member_client, new_rules)
        assert "Once more." in response.content.decode()
        for nonsense in ("", "x", "\0"):
            assert member_client.post("/users/rules/", {"announcement": nonsense}).status_code == 200
        member.refresh_from_db()
        assert member.rules_accepted_on is None

    @pytest.mark.parametrize("method", ["get", "post"])
    def test_who_waits_for_approval_sees_their_application_and_accepts_them_afterwards(
        self, member, member_client, new_rules, method
    ):
        application = Application.objects.create(person=member, text="Please", submitted_on=timezone.now())
        User.objects.update(pending_since=timezone.now())
        for path in ("/", "/explore/", "/posts/add/", "/users/rules/"):
            response = getattr(member_client, method)(path, {"content": "Hello"}, follow=True)
            assert response.redirect_chain == [("/users/application/", 302)]
            assert response.status_code == 200
        assert member_client.get("/users/settings/locale/").status_code == 200

        approve(UserFactory(is_staff=True), application)
        assert member_client.get("/").url.startswith("/users/rules/")
        self.accept(member_client, new_rules)
        assert member_client.get("/").status_code == 200

    @pytest.mark.parametrize(
        "path",
        ["/rules/", "/help/", "/about/", "/privacy/", "/users/export/", "/users/leave/", "/users/decisions/"],
    )
    def test_some_pages_are_open_before(self, member_client, new_rules, path):
        assert member_client.get(path).status_code == 200

    def test_members_can_log_out_before(self, member_client, new_rules):
        member_client.post("/users/logout/")
        assert member_client.get("/").status_code == 200
        assert "_auth_user_id" not in member_client.session

    def test_a_button_leads_to_the_rules_and_does_nothing(self, member, member_client, new_rules):
        bob = UserFactory(username="bob")
        response = member_client.post("/@bob/follow/", headers={"HX-Request": "true"})
        assert response["HX-Redirect"] == "/users/rules/?next=%2F"
        assert not member.is_following(bob)

    def test_the_way_on_stays_on_the_site(self, member_client, new_rules):
        assert self.accept(member_client, new_rules, next="https://evil.example/").url == "/"

    def test_who_signs_up_has_accepted_the_rules(self, new_rules, client):
        page = client.get("/users/signup/").content.decode()
        assert 'By signing up, you accept <a href="/rules/">our rules</a>.' in page
        data = {"username": "newcomer", "email": "new@example.org", "password1": "four unrelated words 9"}
        client.post("/users/signup/", data)
        assert client.get("/").status_code == 200
        assert User.objects.get(username="newcomer").rules_accepted_on

    def test_the_list_of_rules_leads_to_the_form_for_the_announcement(self, admin_client, db):
        page = admin_client.get("/admin/accounts/rule/").content.decode()
        assert "Announce the new rules" in page
        form = admin_client.get("/admin/accounts/announcement/add/?new_rules=1&text=Our+rules")
        assert form.context["adminform"].form["new_rules"].value() == "1"
        assert form.context["adminform"].form["text"].value() == "Our rules"
