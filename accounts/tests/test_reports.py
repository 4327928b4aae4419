"""Reports about people."""

import pytest

from accounts.models import User
from accounts.moderation.decisions import Decision, decide
from accounts.moderation.forms import ReportForm
from accounts.moderation.models import ModerationAction, Report
from accounts.tests.factories import UserFactory

pytestmark = pytest.mark.django_db


def report(reporter, person):
    form = ReportForm({"reason": "harassment", "note": ""}, instance=Report.new(person, reporter=reporter))
    assert form.is_valid()
    return form.save()


def test_a_person_is_reported_and_the_reports_are_dismissed():
    ada, bob, moderator = UserFactory(), UserFactory(), UserFactory()

    assert report(ada, bob)
    assert not report(ada, bob)
    (group,) = Report.objects.by_subject()
    assert (group["subject_type"], group["subject_id"], group["count"]) == ("person", bob.pk, 1)
    stored = Report.objects.about(bob).get()
    assert (stored.subject_type, stored.subject_text, stored.person) == ("person", "", bob)

    assert len(decide(moderator, [bob], Decision.DISMISS, reason="He is nice.")) == 1
    assert not Report.objects.open().exists()
    record = ModerationAction.objects.get()
    assert (record.action, record.subject_model, record.person_name) == (
        "dismiss",
        "accounts.User",
        bob.username,
    )


def test_someone_who_was_blocked_meanwhile_cannot_report():
    ada, bob = UserFactory(), UserFactory()
    bob.block(ada)
    with pytest.raises(User.DoesNotExist):
        report(ada, bob)


def test_the_same_id_of_another_type_is_another_subject():
    ada, bob = UserFactory(), UserFactory()
    same = {"reporter": ada, "subject_id": bob.pk, "person": bob, "reason": "spam"}
    Report.objects.create(subject_type="post", **same)

    assert report(ada, bob)
    assert Report.objects.about(bob).count() == 1


def test_a_long_text_is_cut_between_two_characters():
    person = UserFactory()
    person.audit_subject = lambda: (person, "👨\u200d👩\u200d👧" * 1001)
    text = Report.new(person, reporter=UserFactory()).subject_text
    assert len(text) == 5000
    assert text == "👨\u200d👩\u200d👧" * 1000


def send(client, person, **data):
    return client.post(f"/@{person.username}/report/", {"reason": "identity", "note": ""} | data, follow=True)


def test_a_person_is_reported_from_the_profile_once(member_client):
    bob = UserFactory(username="bob", display_name="Bob", bio="I build")
    assert 'href="/@bob/report/"' in member_client.get("/@bob/").content.decode()
    page = member_client.get("/@bob/report/").content.decode()
    assert "I build" in page
    assert "pretends to be someone else" in page
    assert "against the law" not in page

    assert "Thank you." in send(member_client, bob).content.decode()
    page = member_client.get("/@bob/report/").content.decode()
    assert "already reported this person" in page
    assert "<fieldset>" not in page
    assert "already reported this person" in send(member_client, bob).content.decode()
    stored = Report.objects.get()
    assert (stored.reason, stored.subject_text) == ("identity", "Bob\n\nI build")


def test_reasons_of_posts_do_not_fit_people(member_client):
    assert send(member_client, UserFactory(), reason="illegal").status_code == 200
    assert not Report.objects.exists()


def test_nobody_reports_themselves_or_someone_they_cannot_see(member, member_client):
    blocker, suspended = UserFactory.create_batch(2)
    blocker.block(member)
    suspended.suspend()
    for person in (member, blocker, suspended):
        assert send(member_client, person).status_code == 404
    assert not Report.objects.exists()


def test_suspending_a_person_closes_the_reports_about_them():
    bob = UserFactory()
    report(UserFactory(), bob)
    bob.suspend()
    assert not Report.objects.open().exists()


def test_the_reports_about_a_person_leave_with_them():
    bob = UserFactory()
    report(UserFactory(), bob)
    bob.leave()
    assert not Report.objects.exists()


def test_the_report_form_links_to_the_rules(member_client):
    UserFactory(username="bob")
    assert 'href="/rules/"' in member_client.get("/@bob/report/").content.decode()
