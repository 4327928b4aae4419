import io
import json
import zipfile

from django.test import Client

from accounts import pictures
from accounts.emails import kinds, plans
from accounts.models import Block, Delivery, Follow, MailPreference, User
from accounts.tests.factories import PASSWORD, FollowFactory, UserFactory
from accounts.tests.pictures import picture
from posts.models import Post, PostRevision, ReadMark
from posts.tests.factories import PostFactory

URL = "/users/leave/"
GOES_TOO = (Follow, Block, MailPreference, Delivery, PostRevision, ReadMark)


def test_with_the_password_and_a_clear_word_everything_is_gone(member, member_client):
    bob = UserFactory(username="bob")
    FollowFactory(follower=member, followed=bob)
    FollowFactory(follower=bob, followed=member)
    kept = PostFactory(author=bob)
    PostFactory(author=member).revisions.create(content="Earlier")
    ReadMark.begin(member, kept.pk)
    Block.objects.create(blocker=member, blocked=UserFactory())
    plans.choose(member, kinds.get("new_follower"), "never")
    Delivery.objects.create(recipient=member, kind="new_follower", key="k")
    elsewhere = Client()
    elsewhere.force_login(member)

    response = member_client.post(URL, {"password": PASSWORD, "sure": "on"}, follow=True)

    assert "Goodbye." in response.content.decode()
    assert not User.objects.filter(username="ada").exists()
    assert not any(model.objects.exists() for model in GOES_TOO)
    assert list(Post.objects.all()) == [kept]
    for client in (member_client, elsewhere):
        assert client.get("/users/settings/").status_code == 302


def test_the_name_is_kept_from_being_taken_over(member, client):
    member.leave()
    data = {"username": "ADA", "email": "x@example.org", "password1": PASSWORD}

    assert "That name is taken." in client.post("/users/signup/", data).content.decode()


def test_without_either_nothing_happens(member, member_client):
    wrong = member_client.post(URL, {"password": "wrong", "sure": "on"})
    assert "That password is not right." in wrong.content.decode()
    member_client.post(URL, {"password": PASSWORD})
    member_client.get(URL)

    assert User.objects.filter(username="ada").exists()


def test_guessing_the_password_there_is_limited(member, member_client):
    answers = [
        member_client.post(URL, {"password": f"guess {n}", "sure": "on"}).status_code for n in range(15)
    ]

    assert answers[-1] == 429


def test_ones_data_comes_as_a_zip_of_json(member, member_client):
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


def test_ones_picture_is_in_it_unless_the_storage_has_lost_it(member, member_client):
    images = pictures.remake(picture())
    for key, names in ((pictures.store(images), 1), ("0" * 32, 0)):
        member.show_picture(key)
        answer = member_client.get("/users/export/")
        archive = zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content)))
        assert archive.namelist().count("picture.webp") == names
        assert not names or archive.read("picture.webp") == images[pictures.LARGE]


def test_others_data_is_not_to_be_had(client):
    assert client.get("/users/export/").url.startswith("/users/login/")
