import io
import json
import zipfile

from django.test import Client

from accounts import pictures
from accounts.emails.models import Delivery
from accounts.models import Block, Follow, User
from accounts.notifications import digests, types
from accounts.notifications.models import NotificationPreference
from accounts.tests.factories import PASSWORD, FollowFactory, UserFactory
from accounts.tests.pictures import picture
from posts.models import Post, PostRevision
from posts.reading.models import ReadMarker
from posts.tests.factories import PostFactory

URL = "/users/leave/"
GOES_TOO = (Follow, Block, NotificationPreference, Delivery, PostRevision, ReadMarker)


def test_with_password_and_confirmation_everything_is_deleted(member, member_client):
    bob = UserFactory(username="bob")
    FollowFactory(follower=member, followed=bob)
    FollowFactory(follower=bob, followed=member)
    kept = PostFactory(author=bob)
    PostFactory(author=member).revisions.create(content="Earlier")
    ReadMarker.start(member, kept.pk)
    Block.objects.create(blocker=member, blocked=UserFactory())
    digests.choose(member, types.get("new_follower"), "never")
    Delivery.objects.create(recipient=member, type="new_follower", key="k")
    elsewhere = Client()
    elsewhere.force_login(member)

    response = member_client.post(URL, {"password": PASSWORD, "sure": "on"}, follow=True)

    assert "Goodbye." in response.content.decode()
    assert not User.objects.filter(username="ada").exists()
    assert not any(model.objects.exists() for model in GOES_TOO)
    assert list(Post.objects.all()) == [kept]
    for client in (member_client, elsewhere):
        assert client.get("/users/settings/").status_code == 302


def test_nobody_can_take_the_username(member, client):
    member.leave()
    data = {"username": "ADA", "email": "x@example.org", "password1": PASSWORD}

    assert "That name is taken." in client.post("/users/signup/", data).content.decode()


def test_without_password_or_confirmation_nothing_happens(member, member_client):
    wrong = member_client.post(URL, {"password": "wrong", "sure": "on"})
    assert "t right. Try again." in wrong.content.decode()
    member_client.post(URL, {"password": PASSWORD})
    member_client.get(URL)

    assert User.objects.filter(username="ada").exists()


def test_guesses_of_the_password_are_limited(member, member_client):
    answers = [
        member_client.post(URL, {"password": f"guess {n}", "sure": "on"}).status_code for n in range(15)
    ]

    assert answers[-1] == 429


def test_members_download_their_data_as_json_in_a_zip(member, member_client):
    bob = UserFactory(username="bob")
    FollowFactory(follower=member, followed=bob)
    own = PostFactory(author=member, content="Grüße 👋")
    PostFactory(author=bob)

    for _twice in range(2):
        response = member_client.get("/users/export/")
    archive = zipfile.ZipFile(io.BytesIO(b"".join(response.streaming_content)))

    read = {name: json.loads(archive.read(name)) for name in archive.namelist() if name.endswith(".json")}
    assert read["profile.json"]["email"] == "ada@example.org"
    assert [(post["id"], post["content"]) for post in read["posts.json"]] == [(own.pk, "Grüße 👋")]
    assert [row["username"] for row in read["following.json"]] == ["bob"]
    assert read["reading.json"] == {"read_up_to": None}
    assert read["followers.json"] == read["blocks.json"] == []
    assert all(name in archive.read("README.txt").decode() for name in read)
    assert "attachment" in response["Content-Disposition"]
    assert "picture.webp" not in archive.namelist()


def test_the_download_has_the_picture_unless_the_storage_lost_it(member, member_client):
    images = pictures.process_upload(picture())
    for key, names in ((pictures.store(images), 1), ("0" * 32, 0)):
        member.show_picture(key)
        answer = member_client.get("/users/export/")
        archive = zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content)))
        assert archive.namelist().count("picture.webp") == names
        assert not names or archive.read("picture.webp") == images[pictures.LARGE]


def test_nobody_can_download_the_data_of_others(client):
    assert client.get("/users/export/").url.startswith("/users/login/")
