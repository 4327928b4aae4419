import tracemalloc
from datetime import timedelta
from io import BytesIO, StringIO
from unittest import mock

import pytest
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.db import transaction
from django.utils import timezone
from PIL import Image

from accounts import pictures, signals
from accounts.models import User
from accounts.tests import pictures as samples
from accounts.tests.factories import PASSWORD

URL = "/users/settings/profile/"
DATA = {"display_name": "Ada Lovelace", "bio": ""}
STORAGES = {
    "folder": "django.core.files.storage.FileSystemStorage",
    # Like an object store, it has no paths on this machine.
    "elsewhere": "django.core.files.storage.InMemoryStorage",
}


@pytest.fixture(params=STORAGES)
def storage(request, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.STORAGES = settings.STORAGES | {"default": {"BACKEND": STORAGES[request.param]}}
    return default_storage


@pytest.fixture
def send(member_client, storage, django_capture_on_commit_callbacks):
    """Return a function that sends the settings form and then runs the callbacks that wait for the commit."""

    def send(picture=None, **data):
        files = {"picture": picture} if picture else {}
        with django_capture_on_commit_callbacks(execute=True):
            return member_client.post(URL, DATA | files | data)

    return send


def stored():
    try:
        return sorted(default_storage.listdir(pictures.FOLDER)[1])
    except FileNotFoundError:
        return []


def stored_picture(member, edge=pictures.LARGE):
    member.refresh_from_db()
    return Image.open(BytesIO(pictures.read(member.picture, edge)))


def colour(image, place):
    return tuple(round(part / 255) for part in image.convert("RGB").getpixel(place))


def test_an_upload_becomes_small_square_and_upright_without_metadata(member, send):
    assert send(samples.photo_from_a_camera()).status_code == 302

    for edge in pictures.SIZES:
        image = stored_picture(member, edge)
        assert (image.format, image.size) == ("WEBP", (edge, edge))
        assert not image.getexif()
        assert not image.info.keys() & {"exif", "comment", "icc_profile", "xmp"}
        assert colour(image, (edge // 2, edge // 8)) == (1, 0, 0)
        assert colour(image, (edge // 2, edge - edge // 8)) == (0, 0, 1)
        assert len(pictures.read(member.picture, edge)) < 10_000


@pytest.mark.parametrize("format", ["JPEG", "PNG", "GIF", "WEBP"])
def test_every_common_format_is_accepted(member, send, format):
    assert send(samples.picture(format=format, size=(90, 700))).status_code == 302
    assert stored_picture(member).size == (256, 256)


def test_only_the_first_frame_of_an_animation_is_kept(member, send):
    send(samples.animation())

    image = stored_picture(member)
    assert getattr(image, "n_frames", 1) == 1
    assert colour(image, (5, 5)) == (1, 0, 0)


def test_transparent_parts_stay_transparent(member, send):
    made = BytesIO()
    Image.new("RGBA", (100, 100), (0, 0, 0, 0)).save(made, "PNG")
    send(samples.upload(made.getvalue()))

    assert stored_picture(member).convert("RGBA").getpixel((9, 9))[3] == 0


SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
WRONG = {
    "an SVG with a script": (lambda: samples.upload(SVG, "x.svg", "image/svg+xml"), "Use JPEG, PNG"),
    "text by another name": (lambda: samples.upload(b"Not at all a picture. " * 99), "Use JPEG, PNG"),
    "truncated": (
        lambda: samples.upload(samples.picture_bytes(size=(900, 900), format="PNG")[:900]),
        "damaged",
    ),
    "empty": (lambda: samples.upload(b""), "empty"),
    "50,000 x 50,000": (lambda: samples.png_that_claims(50_000, 50_000), "too many pixels"),
    "just over the pixels": (lambda: samples.png_that_claims(10_000, 5_001), "too many pixels"),
    "claims what it lacks": (lambda: samples.png_that_claims(5_000, 5_000), "damaged"),
    "too big": (lambda: samples.upload(samples.picture_bytes() + b"\0" * 5_242_880), "limit is 5 MB"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_bad_file_is_refused_next_to_the_field_and_the_other_fields_are_kept(member, send, wrong):
    make, message = WRONG[wrong]
    response = send(make(), display_name="Ada K.", bio="Numbers.")

    assert response.status_code == 200
    text = response.content.decode()
    assert message in response.context["form"].errors["picture"][0]
    assert 'value="Ada K."' in text
    assert "Numbers." in text
    assert "alert(1)" not in text
    member.refresh_from_db()
    assert (member.picture, stored()) == ("", [])


def test_too_many_pixels_are_refused_before_any_is_decoded():
    tracemalloc.start()
    with mock.patch("PIL.ImageFile.ImageFile.load", side_effect=AssertionError("decoded")):
        with pytest.raises(pictures.ValidationError, match="pixels"):
            pictures.process_upload(samples.png_that_claims(50_000, 50_000))
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 5_000_000


def test_an_endless_upload_is_cut_off_at_the_limit(settings, member, send):
    settings.PICTURE_MAX_BYTES = 100_000
    seen = []
    with mock.patch("accounts.pictures.process_upload", side_effect=lambda file: seen.append(file.size)):
        send(samples.upload(b"x" * 3_000_000))

    assert seen == [100_001]


def test_a_new_picture_replaces_the_old_one_and_deletes_its_files(member, send):
    send(samples.picture(colour="red"))
    first = stored()
    send(samples.picture(colour="blue"))

    assert len(first) == len(stored()) == 2
    assert not set(first) & set(stored())
    assert colour(stored_picture(member), (9, 9)) == (0, 0, 1)


def test_two_members_with_the_same_picture_have_different_files():
    images = pictures.process_upload(samples.picture())
    assert pictures.store(images) != pictures.store(images)


def test_removing_the_picture_brings_back_the_identicon(member, member_client, send):
    assert "Remove my picture" not in member_client.get(URL).content.decode()
    send(samples.picture())
    page = member_client.get("/@ada/").content.decode()
    assert f'<img class="avatar" src="/media/pictures/{User.objects.get().picture}-256.webp"' in page
    assert "Remove my picture" in member_client.get(URL).content.decode()
    send(remove_picture="on")

    assert stored() == []
    assert '<svg class="avatar"' in member_client.get("/@ada/").content.decode()
    # Again, from a page that is still open: there is nothing to remove, and no error.
    assert send(remove_picture="on").status_code == 302


def test_an_event_is_sent_once_and_only_if_something_changed(member, send):
    seen = []

    def remember(user, **kwargs):
        seen.append(bool(user.picture))

    signals.profile_changed.connect(remember)
    try:
        send(samples.picture(), bio="Both at once.")
        send(bio="Both at once.")
        send(remove_picture="on", bio="Both at once.")
    finally:
        signals.profile_changed.disconnect(remember)
    assert seen == [True, False]


def test_if_the_row_cannot_be_stored_the_old_picture_stays_and_the_new_files_are_deleted(
    member, send, member_client
):
    send(samples.picture(colour="red"))
    before = stored()
    with mock.patch("accounts.models.User.show_picture", side_effect=RuntimeError("bug")):
        with pytest.raises(RuntimeError):
            send(samples.picture(colour="blue"))

    assert stored() == before
    assert colour(stored_picture(member), (9, 9)) == (1, 0, 0)


def test_files_are_deleted_only_after_the_commit(member, storage, django_capture_on_commit_callbacks):
    member.show_picture(pictures.store(pictures.process_upload(samples.picture())))
    with django_capture_on_commit_callbacks(execute=True) as callbacks:
        with transaction.atomic():
            member.remove_picture()
            transaction.set_rollback(True)

    assert callbacks == []
    assert len(stored()) == 2


def test_if_the_storage_is_down_the_page_says_so_and_keeps_the_typed_text(member, send):
    with mock.patch("django.core.files.storage.Storage.save", side_effect=OSError("full")):
        response = send(samples.picture(), display_name="Ada K.")

    assert response.status_code == 503
    assert "t save your picture" in response.content.decode()
    assert 'value="Ada K."' in response.content.decode()
    member.refresh_from_db()
    assert (member.display_name, member.picture) == ("Ada Lovelace", "")


def test_frequent_uploads_are_limited(settings, send):
    settings.ACCOUNT_RATE_LIMITS = {"picture": "2/h/user"}
    responses = [send(samples.picture(), display_name="Ada K.") for _ in range(3)]

    assert [response.status_code for response in responses] == [302, 302, 429]
    assert "Try again in" in responses[-1].content.decode()
    assert 'value="Ada K."' in responses[-1].content.decode()
    assert send(display_name="Ada K.").status_code == 302


def test_a_picture_is_served_with_its_type_forever_and_without_a_session(
    member, send, client, django_assert_num_queries
):
    send(samples.picture())
    member.refresh_from_db()
    client.cookies["sessionid"] = "x" * 32
    with django_assert_num_queries(1):  # Whether the site is for members only.
        response = client.get(member.picture_url())

    assert response.status_code == 200
    assert b"".join(response.streaming_content)[8:12] == b"WEBP"
    headers = response.headers
    assert headers["Content-Type"] == "image/webp"
    assert headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert headers["X-Robots-Tag"] == "noindex"
    assert "Vary" not in headers
    assert "Set-Cookie" not in headers
    assert client.head(member.picture_url()).status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path",
    [
        "/media/", "/media/pictures/", "/media/pictures/../../../etc/passwd", "/media/pictures/%2e%2e/x",
        "/media/pictures/" + "0" * 32 + "-96.webp", "/media/pictures/" + "0" * 32 + "-97.webp",
        "/media/pictures/" + "A" * 32 + "-96.webp", "/media/pictures/x\0y", "/media/socializer.sqlite3",
    ],
)  # fmt: skip
def test_nothing_else_is_served_from_the_folder(client, storage, path):
    response = client.get(path)
    assert response.status_code == 404
    assert "Page not found" in response.content.decode()


def test_the_picture_is_deleted_with_the_account(
    member, member_client, send, django_capture_on_commit_callbacks
):
    send(samples.picture())
    assert len(stored()) == 2
    with django_capture_on_commit_callbacks(execute=True):
        member_client.post("/users/leave/", {"password": PASSWORD, "sure": "on"})

    assert stored() == []


def test_unused_pictures_are_pruned_after_a_day(member, send):
    send(samples.picture())
    orphan = pictures.store(pictures.process_upload(samples.picture()))
    call_command("prune", verbosity=0)
    assert len(stored()) == 4

    tomorrow = timezone.now() + timedelta(days=1, minutes=1)
    with mock.patch("accounts.management.commands.prune.timezone.now", return_value=tomorrow):
        output = StringIO()
        call_command("prune", dry_run=True, stdout=output)
        assert "Would delete 1 unused pictures." in output.getvalue()
        assert len(stored()) == 4
        for _twice in range(2):
            call_command("prune", verbosity=0)

    member.refresh_from_db()
    assert stored() == [f"{member.picture}-{edge}.webp" for edge in (256, 96)]
    assert orphan != member.picture


def test_the_content_security_policy_allows_pictures_only_from_the_configured_host(settings, member, client):
    settings.MEDIA_URL = "https://pictures.example.com/"
    settings.STORAGES = settings.STORAGES | {"default": {"BACKEND": STORAGES["elsewhere"]}}
    User.objects.update(picture="0" * 32)

    assert (
        f'src="https://pictures.example.com/pictures/{"0" * 32}-256.webp"'
        in client.get("/@ada/").content.decode()
    )
