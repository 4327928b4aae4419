"""No query string makes the admin fail: unusable values are refused, or ignored with a message."""

import html
import re
from unittest import mock
from urllib.parse import quote

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group
from django.test import Client

from accounts.emails.models import SuppressedAddress
from accounts.moderation.models import ModerationAction
from accounts.tests.factories import UserFactory
from posts.tests.factories import PostFactory


@pytest.fixture
def chief(db):
    client = Client()
    client.force_login(UserFactory(username="chief", is_staff=True, is_superuser=True))
    SuppressedAddress.objects.create(address="x@example.org", answer="550")
    PostFactory()
    return client


REMOVED = [
    "posts/post/?created_on__year=99999999999",
    "posts/post/?created_on__month=2&created_on__year=0",
    "posts/post/?created_on__year=0&e=1",
    "posts/post/?created_on__date=9999999-01-01",
    "posts/post/?created_on__week=x",
    "posts/post/?created_on__iso_year=-1",
    "posts/post/?hidden_on__isempty=x",
    "accounts/follow/?created_on__year__gte=999999999999",
    "accounts/user/?date_joined__year=0",
    "accounts/delivery/?attempts__exact=x",
    "accounts/delivery/?sent_on__year=0&sent_on__day=99999999999999999999",
    "accounts/job/?enqueued_at__year=0",
    "accounts/moderationaction/?created_on__year=0",
    "mfa/authenticator/?last_used_at__iso_year=0",
]
ANSWERED = [
    "posts/post/?q=%00", "posts/post/?q=@%00", "posts/post/?p=-1", "posts/post/?p=" + "9" * 5000, "posts/post/?o=9.9.9", "posts/post/?e=1",
    "posts/post/?all=", "posts/post/?_popup=1&_to_field=id", "accounts/user/?q=%ED%A0%80",
    "accounts/user/?q=" + "a+" * 249,
]  # fmt: skip
REFUSED = [
    "posts/post/?q=" + "a" * 100_000, "posts/post/?q=" + "a+" * 2000, "posts/post/?_changelist_filters=%00", "posts/post/?_to_field=%00",
    "posts/post/?_popup=1&_to_field=content", "accounts/user/?username__regex=(", "accounts/user/?username__iregex=(a%2B)%2B$",
    "accounts/user/?follows__email=a", "accounts/user/?username__range=x", "accounts/suppressedaddress/?address__range=null", "accounts/job/?args_kwargs__args__0=1", "autocomplete/?term=" + "a+" * 2000,
]  # fmt: skip
NOT_THERE = [
    "accounts/suppressedaddress/%00/change/", "accounts/suppressedaddress/%ED%A0%80/change/", f"accounts/user/{2**64}/history/",
    f"r/{2**64}/1/", "r/%00/%00/", "r/x/x/", f"r/4/{2**70}/",
]  # fmt: skip


@pytest.mark.parametrize("address", REMOVED)
def test_meaningless_filters_are_ignored_with_a_message(chief, address):
    response = chief.get(f"/admin/{address}")
    assert response.status_code == 302
    page = chief.get(response.url)

    assert response.url == f"/admin/{address.partition('?')[0]}?e=1"
    assert "That filter doesn't work here" in html.unescape(page.content.decode())


@pytest.mark.parametrize("address", ["delivery/?state__exact=%00", f"delivery/?recipient__exact={2**64}"])
def test_values_that_no_column_can_hold_are_answered_on_every_database(chief, address):
    """PostgreSQL can't store NUL, and SQLite no number above eight bytes. The other engine finds nothing."""
    response = chief.get(f"/admin/accounts/{address}")
    removed = (302, "/admin/accounts/delivery/?e=1")
    assert (response.status_code, response.get("Location")) in ((200, None), removed)


@pytest.mark.parametrize("address", ANSWERED)
def test_unusual_but_valid_queries_are_answered(chief, address):
    assert chief.get(f"/admin/{address}").status_code == 200


@pytest.mark.parametrize("address", REFUSED)
def test_harmful_queries_are_refused(chief, address):
    assert chief.get(f"/admin/{address}").status_code == 400


@pytest.mark.parametrize("address", NOT_THERE)
@pytest.mark.parametrize("method", ["get", "post"])
def test_invalid_keys_are_not_found(chief, address, method):
    response = getattr(chief, method)(f"/admin/{address}", follow=True)
    # If Django can read the key, it redirects to the start of the admin with a message.
    assert response.status_code in (403, 404) or "doesn’t exist" in response.content.decode()


def every_model():
    return [f"{model._meta.app_label}/{model._meta.model_name}" for model in admin.site._registry]


@pytest.mark.parametrize("model", every_model())
@pytest.mark.parametrize(
    "key", ["\0", "x", "-1", str(2**63), str(2**64), "9" * 5000, "1.5", "²", "_5F", "\udcff", "💥"]
)
def test_every_page_of_every_list_accepts_every_key(chief, model, key):
    key_in_path = quote(key, safe="", errors="surrogatepass")
    for page in ("change", "history", "delete", "password"):
        for method in ("get", "post"):
            assert getattr(chief, method)(f"/admin/{model}/{key_in_path}/{page}/").status_code < 500
    actions = re.findall(r'<option value="(\w+)"', chief.get(f"/admin/{model}/").content.decode())
    for action in {*actions, "nonsense"}:
        chosen = f"action={action}&_selected_action={key_in_path}&reason=x"
        form = "application/x-www-form-urlencoded"
        assert chief.post(f"/admin/{model}/", chosen, content_type=form).status_code < 500
    assert not ModerationAction.objects.exists()


def test_our_own_bug_is_not_mistaken_for_a_wrong_query(chief):
    """A request without values can't be the cause."""
    chief.raise_request_exception = False
    with mock.patch("posts.admin.PostAdmin.get_queryset", side_effect=ValueError("bug")):
        assert chief.get("/admin/posts/post/").status_code == 500
        assert chief.get("/admin/posts/post/?e=1").status_code == 500


def test_refused_values_are_logged_with_the_cause(chief, caplog):
    chief.get("/admin/posts/post/?created_on__year=0")

    (record,) = [record for record in caplog.records if record.name == "accounts.admin_site"]
    assert record.levelname == "WARNING"
    assert "year 0" in str(record.exc_info or record.msg)


@pytest.mark.parametrize("name", ["user", "permissions", "id__x", "%s"])
@pytest.mark.parametrize("path", ["", "add/", "1/change/", "1/delete/"])
def test_a_reference_to_an_unknown_field_is_refused(chief, path, name):
    Group.objects.create(pk=1, name="Some")
    for send in (chief.get, chief.post):
        assert send(f"/admin/auth/group/{path}", {"_to_field": name}).status_code < 500
    assert chief.get(f"/admin/auth/group/{path}?_to_field={quote(name)}").status_code < 500
