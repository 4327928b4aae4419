"""In the admin, each role sees what it works with, and can't find out the rest indirectly."""

from io import StringIO

import pytest
from django.contrib.admin import site
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.management import call_command
from django.db.models import Q
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.emails.models import Delivery, SuppressedAddress
from accounts.models import User
from accounts.tests.factories import PASSWORD, FollowFactory, UserFactory
from posts.tests.factories import PostFactory, ReportFactory

LOOKUPS = [
    "",
    "__exact",
    "__startswith",
    "__icontains",
    "__gt",
    "__in",
    "__isnull",
    "__year",
    "__regex",
    "__length",
]
# What moderators may know about people, on any path to them.
SEEN = {"username", "display_name", "bio", "date_joined", "is_active", "suspended_on", "pending_since"}
SECRET = [field.name for field in User._meta.get_fields() if field.name not in SEEN]
SECRET += [
    "email__iexact",
    "pk",
    "read_marker__position",
    "emailaddress__email",
    "account_snapshot__email",
    "groups__name",
]


def client_of(user):
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def moderator(db):
    call_command("appoint_moderator", UserFactory(username="mo").username, stdout=StringIO())
    return client_of(User.objects.get(username="mo"))


@pytest.fixture
def administrator(db):
    return client_of(UserFactory(username="chief", is_staff=True, is_superuser=True))


@pytest.fixture
def bob(db):
    now = timezone.now()
    bob = UserFactory(username="bob", email="hidden@secret.example", last_login=now, time_zone="Asia/Tokyo")
    FollowFactory(follower=bob)
    FollowFactory(followed=bob)
    ReportFactory(post=PostFactory(author=bob))
    Delivery.objects.create(recipient=bob, address=bob.email, type="new_follower", key="k")
    SuppressedAddress.objects.create(address=bob.email, answer="550")
    LogEntry.objects.create(user=bob, object_id=bob.pk, object_repr="@bob", action_flag=CHANGE)
    return bob


def lists(client):
    """Return the labels of the models whose lists this client may open."""
    paths = {
        model: reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        for model in site._registry
    }
    return {model: path for model, path in paths.items() if client.get(path).status_code == 200}


def test_moderators_open_only_what_they_work_with(moderator, bob):
    opened = {model._meta.label for model in lists(moderator)}

    assert opened == {
        "accounts.User", "accounts.Follow", "accounts.ModerationAction", "accounts.Rule", "posts.Post",
        "accounts.Invitation", "accounts.InvitationUse",
    }  # fmt: skip


def pages_about(client, user):
    """Yield the pages of the admin that this client may open and that may be about `user`."""
    yield client.get("/admin/")
    for model, path in lists(client).items():
        yield client.get(path)
        yield client.get(path, {"q": user.username, "_facets": "1"})
        for row in model._default_manager.all():
            yield client.get(f"{path}{row.pk}/change/")
            yield client.get(f"{path}{row.pk}/history/")
            yield client.get(f"{path}?_popup=1&_to_field=id")
    chosen = {"action": "suspend", "_selected_action": [user.pk]}
    yield client.post(reverse("admin:accounts_user_changelist"), chosen)
    source = {"app_label": "accounts", "model_name": "follow", "field_name": "follower", "term": "bob"}
    yield client.get("/admin/autocomplete/", source)


def test_no_page_shows_private_data_to_moderators(moderator, bob):
    for page in pages_about(moderator, bob):
        text = page.content.decode()
        for private in (
            "secret.example", "algorithm", "argon2", "md5", bob.password, "Asia/Tokyo", "Last login", "last_login",
            "user_permissions", "Superuser", "is_staff",
        ):  # fmt: skip
            assert private not in text, page.request["PATH_INFO"]


@pytest.mark.parametrize("query", ["hidden@secret.example", "hidden", "secret.example", "md5", "Tokyo"])
def test_moderators_cannot_search_people_by_private_data(moderator, bob, query):
    page = moderator.get(reverse("admin:accounts_user_changelist"), {"q": query})
    assert not page.context["cl"].result_count

    source = {"app_label": "accounts", "model_name": "follow", "field_name": "follower", "term": query}
    assert not moderator.get("/admin/autocomplete/", source).json()["results"]


def test_moderators_cannot_filter_any_list_by_private_data(moderator, bob, rf):
    """Tries each field of each model, and each private field of related people, with each lookup."""
    request = rf.get("/")
    request.user = User.objects.get(username="mo")
    allowed = []
    for model in lists(moderator):
        related = [field.name for field in model._meta.get_fields() if field.related_model is User]
        names = SECRET if model is User else []
        names = [*names, *(f"{name}__{secret}" for name in related for secret in [*SECRET, "username"])]
        allowed += [
            f"{model._meta.label}: {name}{lookup}"
            for name in names
            for lookup in LOOKUPS
            if not name.endswith(("__id", "__pk"))  # A column of the row itself.
            and site._registry[model].lookup_allowed(name + lookup, "a", request)
        ]
    assert allowed == []


def test_a_filter_by_private_data_reveals_nothing(moderator, bob):
    """The answer is the same whether a person matches or not."""
    path = reverse("admin:accounts_user_changelist")
    for right, wrong in (("h", "x"), (bob.email, "nobody@example.org")):
        for name in (
            "email__startswith",
            "email",
            "email__exact",
            "password__contains",
            "follows__email__contains",
        ):
            answers = [moderator.get(path, {name: value}) for value in (right, wrong)]
            assert [answer.status_code for answer in answers] == [400, 400]


def test_moderators_can_only_sort_by_what_they_see(moderator, bob):
    path = reverse("admin:accounts_user_changelist")
    shown = moderator.get(path).context["cl"].list_display
    assert set(shown) - {"action_checkbox"} <= SEEN

    orders = [
        str(moderator.get(path, {"o": order}).context["cl"].queryset.query)
        for column in range(20)
        for order in (column, -column, f"{column}.-{column}")
    ]
    for sql in orders:
        assert not {"email", "last_login", "password"} & set(
            sql.partition("ORDER BY")[2].replace('"', " ").split()
        )


def test_moderators_find_and_suspend_people_by_name(moderator, bob):
    path = reverse("admin:accounts_user_changelist")
    page = moderator.get(path, {"q": "bob", "suspended_on__isempty": "1"})
    assert list(page.context["cl"].result_list) == [bob]

    moderator.post(path, {"action": "suspend", "_selected_action": [bob.pk], "reason": "Spam."})
    assert User.objects.filter(Q(pk=bob.pk) & ~Q(suspended_on=None)).exists()


def test_only_administrators_reinstate_moderators(moderator, administrator, bob):
    User.objects.filter(pk=bob.pk).update(is_staff=True)
    bob.suspend()
    path, data = reverse("admin:accounts_user_changelist"), {"action": "reinstate", "reason": "Sorry."}
    data["_selected_action"] = [bob.pk]
    page = moderator.post(path, data, follow=True).content.decode()
    assert "Only administrators can reinstate moderators and administrators." in page
    assert User.objects.suspended().get() == bob
    administrator.post(path, data)
    assert not User.objects.suspended().exists()


def test_administrators_see_addresses_and_nobody_sees_a_password(administrator, bob):
    change = reverse("admin:accounts_user_change", args=[bob.pk])
    for path in (reverse("admin:accounts_user_changelist"), change):
        assert bob.email in administrator.get(path).content.decode()
    for page in pages_about(administrator, bob):
        text = page.content.decode()
        assert bob.password not in text
        assert "algorithm" not in text
    page = administrator.get(reverse("admin:accounts_user_changelist"), {"q": bob.email})
    assert list(page.context["cl"].result_list) == [bob]


@pytest.mark.parametrize(
    "lookup",
    [
        "password",
        "password__startswith",
        "follows__password__startswith",
        "account_snapshot__password__contains",
    ],
)
def test_nobody_can_filter_by_passwords(administrator, bob, lookup):
    assert administrator.get(reverse("admin:accounts_user_changelist"), {lookup: "a"}).status_code == 400


def test_an_administrator_still_sets_a_password(administrator, bob):
    change = administrator.get(reverse("admin:accounts_user_change", args=[bob.pk])).content.decode()
    address = reverse("admin:auth_user_password_change", args=[bob.pk])
    assert f'href="{address}"' in change

    administrator.post(
        address, {"password1": PASSWORD + "!", "password2": PASSWORD + "!", "usable_password": "true"}
    )
    bob.refresh_from_db()
    assert bob.check_password(PASSWORD + "!")
