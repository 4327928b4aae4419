"""The export has everything that belongs to the member, but no secrets and nothing that belongs to others."""

import io
import json
import tracemalloc
import zipfile

import pytest
from allauth.mfa.models import Authenticator
from django.apps import apps
from django.contrib.auth import get_user_model
from django.utils import timezone

from accounts.emails import outbox
from accounts.emails.models import Delivery
from accounts.moderation.actions import moderate
from accounts.moderation.decisions import Decision, decide
from accounts.moderation.models import Appeal, ModerationAction, ModeratorNote, Report
from accounts.notifications import digests, types
from accounts.notifications.models import Notification
from accounts.tests.factories import FollowFactory, UserFactory
from posts import export
from posts.conversations.models import ConversationMute
from posts.feeds.models import HomeFeed
from posts.models import Post
from posts.reading.models import ReadMarker
from posts.tests.factories import PostFactory, ReportFactory


def references_to_members():
    """Return the names of all fields that refer to a member."""
    user = get_user_model()
    return {
        f"{model._meta.label}.{field.name}"
        for model in apps.get_models()
        if not model._meta.proxy
        for field in (*model._meta.fields, *model._meta.many_to_many)
        if field.is_relation and field.related_model is user
    }


def test_every_reference_to_a_member_is_exported_or_left_out_for_a_reason():
    known = export.EXPORTED.keys() | export.LEFT_OUT.keys()
    assert references_to_members() == known
    assert not export.EXPORTED.keys() & export.LEFT_OUT.keys()
    assert all(export.LEFT_OUT.values())


def test_every_field_of_the_member_is_exported_or_left_out():
    """The member's own row isn't a reference, so this test finds new fields."""
    exported = {
        "username", "email", "display_name", "bio", "noindex", "date_joined", "last_login", "is_staff", "picture",
        "time_zone", "language", "follows", "rules_accepted_on", "announcements_read",
    }  # fmt: skip
    left_out = {
        "id": "means nothing elsewhere",
        "password": "a hash opens doors",
        "is_active": "the page of a suspended member says so",
        "suspended_on": "moderation.json says so",
        "pending_since": "application.json says so",
        "suspended_until": "moderation.json says so",
        "unseen_decision": "moderation.json has the decision",
        "notifications_seen": "a position in a list that only the site has",
        "is_superuser": "is_moderator says enough",
        "follower_count": "followers.json has them",
        "following_count": "following.json has them",
        "milestone": "milestones.json has it",
        "rank": "the place in the directory follows from the followers",
        "groups": "is_moderator says enough",
        "user_permissions": "is_moderator says enough",
    }
    user = get_user_model()._meta
    assert {field.name for field in (*user.fields, *user.many_to_many)} == exported | left_out.keys()


@pytest.fixture
def bob(db):
    return UserFactory(username="bob")


@pytest.fixture
def everything(member, member_client, bob):
    """Return a member who has data in every file."""
    FollowFactory(follower=member, followed=bob)
    FollowFactory(follower=bob, followed=member)
    member.block(UserFactory(username="cleo"))
    UserFactory(username="dora").block(member)
    member.time_zone, member.language = "Europe/Berlin", "de"
    member.save()
    post = PostFactory(author=member, content="Hide me")
    ReadMarker.start(member, post.pk)
    moderator = UserFactory(username="mo")
    ReportFactory(reporter=member, post=PostFactory(author=bob), reason="spam", note="Look at it")
    ReportFactory(reporter=bob, post=post, reason="abuse", note="Bob's own words")
    decide(moderator, [post], Decision.DISMISS, reason="Bob exaggerates")
    moderate(moderator, Post.hide, Post.objects.filter(pk=post.pk), "Spam.")
    Appeal.objects.create(action=ModerationAction.objects.get(action="hide"), person=member, text="It isn't.")
    ModeratorNote.objects.create(person=member, author=moderator, author_name="mo", text="Bob was right")
    Notification.objects.create(recipient=member, type="follower_milestone", subject=10)
    Notification.objects.create(recipient=member, type="new_follower", actor=bob, subject=7)
    digests.choose(member, types.get("new_follower"), "weekly")
    digests.choose_on_site(member, types.get("like"), False)
    member.mute(bob)
    bobs = PostFactory(author=bob)
    bobs.like(member)
    bobs.bookmark(member)
    reply = PostFactory(author=member, in_reply_to=bobs, language="de", reply_policy="nobody")
    ConversationMute.objects.mute(member, reply)
    outbox.enqueue("new_device", member, "key-of-a-mail", when=timezone.now().isoformat())
    Authenticator.objects.create(user=member, type="totp", data={"secret": "totp-secret"})
    HomeFeed.renew(member, timezone.now())
    return member


def files(client):
    response = client.get("/users/export/")
    archive = zipfile.ZipFile(io.BytesIO(b"".join(response.streaming_content)))
    return {name: archive.read(name).decode() for name in archive.namelist()}


@pytest.fixture
def exported(everything, member_client):
    return files(member_client)


def test_the_contents_of_each_file(everything, exported):
    def read(name):
        return json.loads(exported[name])

    assert read("settings.json")["time_zone"] == "Europe/Berlin"
    assert read("settings.json")["language"] == "de"
    assert read("settings.json")["emails"] == {
        digest.name: "weekly" if digest.name == "new_follower" else digest.default.value
        for digest in types.optional_types()
        if digest.offered_to(everything)
    }
    assert read("settings.json")["off_site"] == ["like"]
    bobs = Post.objects.get(replies__author=everything).pk
    assert read("settings.json")["muted_conversations"] == [bobs]
    assert [row["post"] for row in read("likes.json")] == [bobs]
    assert [row["post"] for row in read("bookmarks.json")] == [bobs]
    reply = read("posts.json")[-1]
    assert (reply["in_reply_to"], reply["language"], reply["who_may_reply"]) == (bobs, "de", "nobody")
    assert [(row["username"], row["until"]) for row in read("mutes.json")] == [("bob", None)]
    (report,) = read("reports.json")
    assert (report["person"], report["reason"], report["note"]) == ("bob", "spam", "Look at it")
    assert report["id"] == Report.objects.get(reporter=everything).subject_id
    assert report["closed_on"] is None
    (decision,) = read("moderation.json")
    assert (decision["what"], decision["text"], decision["reason"]) == ("hide", "Hide me", "Spam.")
    (appeal,) = read("appeals.json")
    assert (appeal["decision"], appeal["text"], appeal["answered_on"]) == ("hide", "It isn't.", None)
    assert [row["username"] for row in read("following.json")] == ["bob"]
    assert [row["username"] for row in read("followers.json")] == ["bob"]
    assert [row["username"] for row in read("blocks.json")] == ["cleo"]
    assert [row["followers"] for row in read("milestones.json")] == [10]
    assert read("addresses.json") == [{"email": "ada@example.org", "verified": True, "primary": True}]
    (session,) = read("sessions.json")
    assert session["ip"]
    assert session["created_on"].endswith("+00:00")
    assert [factor["kind"] for factor in read("security.json")["two_step_login"]] == ["totp"]
    assert read("security.json")["private_feed"]
    (email,) = read("emails.json")
    assert (email["kind"], email["state"], email["sent_on"]) == ("new_device", "waiting", None)
    assert read("profile.json")["is_moderator"] is False


def test_the_readme_describes_every_file(exported):
    described = exported.pop("README.txt")
    assert all(name in described for name in exported)
    assert set(export.EXPORTED.values()) <= exported.keys()


def test_the_export_has_no_secrets_and_nothing_of_others(everything, member_client, exported):
    secrets = [
        everything.password,
        everything.home_feed.key,
        everything.home_feed.token,
        member_client.session.session_key,
        "totp-secret",
        "key-of-a-mail",
        "Bob's own words",
        "Bob was right",
        "Bob exaggerates",
        "dora",
        '"mo"',
    ]
    text = "".join(exported.values())
    assert not [secret for secret in secrets if secret in text]


def test_the_export_works_for_a_member_without_data(member_client):
    assert json.loads(files(member_client)["security.json"]) == {"two_step_login": [], "private_feed": None}


def test_memory_use_does_not_depend_on_the_number_of_rows(member):
    def peak():
        tracemalloc.start()
        export.export_data(member).close()
        _now, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    few = peak()
    Delivery.objects.bulk_create(
        (Delivery(recipient=member, type="new_device", key=str(number)) for number in range(20_000)),
        batch_size=2_000,
    )
    Post.objects.bulk_create(PostFactory.build_batch(2_000, author=member), batch_size=500)
    assert peak() < few + 10_000_000
