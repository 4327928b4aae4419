"""What members take home is all that belongs to them, and nothing that opens a door or belongs to others."""

import io
import json
import tracemalloc
import zipfile

import pytest
from allauth.mfa.models import Authenticator
from django.apps import apps
from django.contrib.auth import get_user_model
from django.utils import timezone

from accounts.emails import kinds, outbox, plans
from accounts.models import Delivery, Milestone, ModerationAction
from accounts.moderation import moderate
from accounts.tests.factories import FollowFactory, UserFactory
from posts import export
from posts.models import HomeFeed, Post, ReadMark, Report
from posts.tests.factories import PostFactory


def references_to_members():
    """Every field of every model that names a member."""
    user = get_user_model()
    return {
        f"{model._meta.label}.{field.name}"
        for model in apps.get_models()
        if not model._meta.proxy
        for field in (*model._meta.fields, *model._meta.many_to_many)
        if field.is_relation and field.related_model is user
    }


def test_whatever_names_a_member_is_exported_or_left_out_for_a_reason():
    known = export.EXPORTED.keys() | export.LEFT_OUT.keys()
    assert references_to_members() == known
    assert not export.EXPORTED.keys() & export.LEFT_OUT.keys()
    assert all(export.LEFT_OUT.values())


def test_so_is_each_field_of_the_member():
    """Their own row is no reference; what is new there must be thought of as well."""
    exported = {
        "username", "email", "display_name", "bio", "noindex", "date_joined", "last_login", "is_staff", "picture",
        "time_zone", "language", "follows",
    }  # fmt: skip
    left_out = {
        "id": "means nothing elsewhere",
        "password": "a hash opens doors",
        "is_active": "who is suspended can't ask for an export",
        "suspended_on": "who is suspended can't ask for an export",
        "is_superuser": "is_moderator says enough",
        "follower_count": "followers.json has them",
        "following_count": "following.json has them",
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
    """A member of whom there is something in every file."""
    FollowFactory(follower=member, followed=bob)
    FollowFactory(follower=bob, followed=member)
    member.block(UserFactory(username="cleo"))
    UserFactory(username="dora").block(member)
    member.time_zone, member.language = "Europe/Berlin", "de"
    member.save()
    post = PostFactory(author=member, content="Hide me")
    ReadMark.begin(member, post.pk)
    moderator = UserFactory(username="mo")
    Report.objects.create(reporter=member, post=PostFactory(author=bob), reason="spam", note="Look at it")
    Report.objects.create(reporter=bob, post=post, reason="abuse", note="Bob's own words")
    moderate(moderator, ModerationAction.Verb.DISMISS, Post.objects.filter(pk=post.pk), "Bob exaggerates")
    moderate(moderator, ModerationAction.Verb.HIDE, Post.objects.filter(pk=post.pk), "Bob was right")
    Milestone.objects.create(user=member, threshold=10)
    plans.choose(member, kinds.get("new_follower"), "weekly")
    outbox.mail("new_device", member, "key-of-a-mail", when=timezone.now().isoformat())
    Authenticator.objects.create(user=member, type="totp", data={"secret": "totp-secret"})
    HomeFeed.renew(member, timezone.now())
    return member


def files(client):
    response = client.get("/users/export/")
    archive = zipfile.ZipFile(io.BytesIO(b"".join(response.streaming_content)))
    return {name: archive.read(name).decode() for name in archive.namelist()}


@pytest.fixture
def found(everything, member_client):
    return files(member_client)


def test_each_file_holds_what_it_should(everything, found):
    def read(name):
        return json.loads(found[name])

    assert read("settings.json")["time_zone"] == "Europe/Berlin"
    assert read("settings.json")["language"] == "de"
    assert read("settings.json")["emails"] == {
        kind.name: "weekly" if kind.name == "new_follower" else kind.default.value
        for kind in kinds.optional_kinds()
    }
    (report,) = read("reports.json")
    assert (report["author"], report["reason"], report["note"]) == ("bob", "spam", "Look at it")
    assert report["post"] == Report.objects.get(reporter=everything).post_id
    assert report["closed_on"] is None
    (decision,) = read("moderation.json")
    assert (decision["what"], decision["text"]) == ("hide", "Hide me")
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


def test_every_file_is_described_and_every_reference_has_its_own(found):
    described = found.pop("README.txt")
    assert all(name in described for name in found)
    assert set(export.EXPORTED.values()) <= found.keys()


def test_nothing_in_it_opens_a_door_or_belongs_to_others(everything, member_client, found):
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
    text = "".join(found.values())
    assert not [secret for secret in secrets if secret in text]


def test_it_can_be_had_without_any_of_it(member_client):
    assert json.loads(files(member_client)["security.json"]) == {"two_step_login": [], "private_feed": None}


def test_memory_does_not_grow_with_the_rows(member):
    def peak():
        tracemalloc.start()
        export.export_data(member).close()
        _now, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    few = peak()
    Delivery.objects.bulk_create(
        (Delivery(recipient=member, kind="new_device", key=str(number)) for number in range(20_000)),
        batch_size=2_000,
    )
    Post.objects.bulk_create(PostFactory.build_batch(2_000, author=member), batch_size=500)
    assert peak() < few + 10_000_000
