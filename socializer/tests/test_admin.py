import html
import re
from io import StringIO

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP
from django.contrib.admin import site
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from accounts import pictures
from accounts.emails.models import Delivery
from accounts.models import User
from accounts.moderation.models import ModerationAction
from accounts.tests.factories import FollowFactory, UserFactory
from accounts.tests.pictures import picture
from posts.models import Post
from posts.tests.factories import PostFactory


@pytest.fixture
def admin(db):
    user = UserFactory(username="chief", is_staff=True, is_superuser=True)
    client = Client()
    client.force_login(user)
    client.user = user
    return client


def act(client, model, action, *objects, reason="Because."):
    """Run an admin action on some rows, with the reason that it asks for."""
    url = reverse(f"admin:{model}_changelist")
    data = {"action": action, "_selected_action": [o.pk for o in objects]}
    return client.post(url, data | {"reason": reason}, follow=True)


def test_several_posts_are_hidden_and_restored_at_once(admin):
    posts = [PostFactory(), PostFactory()]

    assert "2 posts hidden." in act(admin, "posts_post", "hide", *posts).content.decode()
    assert not Post.objects.visible().exists()
    assert "1 post restored." in act(admin, "posts_post", "restore", posts[0]).content.decode()
    assert list(Post.objects.visible()) == [posts[0]]


def test_posts_are_found_by_author_and_by_text(admin):
    by_bob = PostFactory(author=UserFactory(username="bob"), content="about lighthouses")
    PostFactory(content="@bob knows")
    url = reverse("admin:posts_post_changelist")

    for words in ("@Bob", "LIGHTHOUSES"):
        assert list(admin.get(url, {"q": words}).context["cl"].result_list) == [by_bob]


def test_a_moderator_can_open_hidden_posts(admin, member_client):
    post = PostFactory(content="Hm")
    post.hide()

    assert "Hm" in admin.get(f"/posts/{post.pk}/").content.decode()
    assert member_client.get(f"/posts/{post.pk}/").status_code == 404


def test_names_set_in_the_admin_are_cleaned_like_others(admin):
    bob = UserFactory()
    url = reverse("admin:accounts_user_change", args=[bob.pk])

    assert admin.post(url, {"display_name": "\u200b\u3164", "bio": ""}).status_code == 200
    admin.post(url, {"display_name": " Bob\u202e ", "bio": "a\r\nb"})
    bob.refresh_from_db()
    assert (bob.display_name, bob.bio) == ("Bob", "a\nb")


def test_people_are_suspended_and_reinstated_except_oneself_and_administrators(admin):
    bob, other_admin = UserFactory(), UserFactory(is_superuser=True)

    text = act(admin, "accounts_user", "suspend", bob, other_admin, admin.user).content.decode()
    assert "1 person suspended." in text
    assert "You can&#x27;t suspend yourself or an administrator." in text
    assert list(User.objects.suspended()) == [bob]
    assert "1 person reinstated." in act(admin, "accounts_user", "reinstate", bob).content.decode()
    assert not User.objects.suspended().exists()


def test_staff_who_may_only_view_cannot_act(admin):
    from django.contrib.auth.models import Permission

    watcher = UserFactory(is_staff=True)
    watcher.user_permissions.set(Permission.objects.filter(codename__in=["view_post", "view_user"]))
    client = Client()
    client.force_login(watcher)
    post = PostFactory()

    act(client, "posts_post", "hide", post)
    act(client, "accounts_user", "suspend", post.author)

    assert Post.objects.visible().exists()


@pytest.mark.parametrize("model", ["posts_post", "accounts_follow", "accounts_user", "accounts_delivery"])
def test_rows_cannot_be_added_or_deleted_in_the_admin(admin, model):
    follow = FollowFactory()
    delivery = Delivery.objects.create(recipient=follow.follower, type="new_follower", key="k")
    rows = {"posts_post": PostFactory(), "accounts_follow": follow, "accounts_user": follow.follower}
    row = rows.get(model, delivery)

    assert admin.get(reverse(f"admin:{model}_add")).status_code == 403
    assert admin.get(reverse(f"admin:{model}_change", args=[row.pk])).status_code == 200
    assert admin.post(reverse(f"admin:{model}_delete", args=[row.pk]), {"post": "yes"}).status_code == 403
    assert "delete_selected" not in admin.get(reverse(f"admin:{model}_changelist")).content.decode()


def test_editing_a_person_doesnt_change_their_suspension(admin):
    bob = UserFactory()
    bob.suspend()
    url = reverse("admin:accounts_user_change", args=[bob.pk])

    response = admin.post(url, {"display_name": "Robert", "bio": "", "is_active": "on", "is_staff": "on"})

    assert response.status_code == 302
    bob.refresh_from_db()
    assert (bob.display_name, bob.is_staff, bob.is_active) == ("Robert", True, False)


@pytest.mark.parametrize("query", ["", "?q=person"])
@pytest.mark.parametrize(
    "model", ["posts_post", "accounts_follow", "accounts_user", "accounts_delivery", "accounts_job"]
)
def test_lists_need_no_query_per_row(
    admin, model, query, django_assert_num_queries, django_assert_max_num_queries
):
    def fill(count):
        for _ in range(count):
            follow = FollowFactory()
            PostFactory()
            Delivery.objects.create(recipient=follow.follower, type="new_follower", key="k")

    url = reverse(f"admin:{model}_changelist") + query
    fill(1)
    with django_assert_max_num_queries(6) as captured:
        admin.get(url)
    fill(25)
    with django_assert_num_queries(len(captured)):
        admin.get(url)


@pytest.mark.parametrize(
    ("model", "action"),
    [
        ("posts_post", "hide"),
        ("accounts_user", "suspend"),
        ("accounts_job", "retry"),
        ("accounts_suppressedaddress", "trust"),
    ],
)
@pytest.mark.parametrize("key", ["abc", "9" * 30, "-1", "\x00", "1.5"])
def test_an_action_on_an_invalid_key_is_answered(admin, model, action, key):
    url = reverse(f"admin:{model}_changelist")
    response = admin.post(url, {"action": action, "_selected_action": [key], "reason": "x"}, follow=True)

    assert response.status_code in (200, 400)


def moderator_client():
    """A client of a member who was appointed with `appoint_moderator`."""
    call_command("appoint_moderator", UserFactory(username="mo").username, stdout=StringIO())
    client = Client()
    client.force_login(User.objects.get(username="mo"))
    return client


def test_a_moderator_handles_posts_and_people_but_gives_nobody_permissions(admin):
    moderator, post = moderator_client(), PostFactory()

    assert "1 post hidden." in act(moderator, "posts_post", "hide", post).content.decode()
    assert "1 person suspended." in act(moderator, "accounts_user", "suspend", post.author).content.decode()
    for path in ("accounts_moderationaction_changelist", "moderation"):
        assert moderator.get(reverse(f"admin:{path}")).status_code == 200

    mo = User.objects.get(username="mo")
    for target in (mo, admin.user):
        change = reverse("admin:accounts_user_change", args=[target.pk])
        assert moderator.post(change, {"is_staff": "on", "is_superuser": "on"}).status_code == 403
        password = reverse("admin:auth_user_password_change", args=[target.pk])
        assert moderator.post(password, {"password1": "x", "password2": "x"}).status_code == 403
    mo.refresh_from_db()
    assert not mo.is_superuser


def test_members_cannot_open_the_admin(member_client):
    assert member_client.get("/admin/").status_code in (302, 403)
    assert member_client.get("/admin/posts/post/").status_code in (302, 403)


def test_a_picture_is_removed_once_and_with_a_reason(admin, django_capture_on_commit_callbacks):
    bob, cleo = UserFactory(username="bob"), UserFactory()
    bob.show_picture(pictures.store(pictures.process_upload(picture())))
    key = bob.picture
    with django_capture_on_commit_callbacks(execute=True):
        said = act(admin, "accounts_user", "remove_picture", bob, cleo).content.decode()

    assert "1 picture removed." in said
    bob.refresh_from_db()
    assert bob.picture == ""
    assert pictures.read(key, pictures.LARGE) is None
    record = ModerationAction.objects.get()
    assert (record.action, record.person_name, record.reason) == ("remove_picture", "bob", "Because.")


def test_no_secret_of_two_step_login_a_session_or_a_job_is_shown(admin):
    TOTP.activate(UserFactory(username="bob"), "JBSWY3DPEHPK3PXP")
    factor = Authenticator.objects.get()
    changelist = reverse("admin:mfa_authenticator_changelist")
    change = reverse("admin:mfa_authenticator_change", args=[factor.pk])
    index = admin.get("/admin/").content.decode()

    for path in (changelist, change):
        page = admin.get(path).content.decode()
        assert "@bob" in page
        assert "JBSWY3DPEHPK3PXP" not in page
    for path in ("usersessions/usersession/", "django_tasks_database/dbtaskresult/"):
        assert path not in index
        assert admin.get(f"/admin/{path}").status_code == 404


@pytest.mark.parametrize(
    "address", ["mfa/authenticator/?data__secret__startswith=A", "accounts/job/?args_kwargs__icontains=key"]
)
def test_hidden_values_cannot_be_guessed_letter_by_letter(admin, address):
    assert admin.get(f"/admin/{address}").status_code == 400


def test_every_filter_of_a_list_works(admin, run_jobs):
    """The links of the filters are among the allowed lookups."""
    FollowFactory()
    run_jobs()
    offered = set()
    for model in site._registry:
        path = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        page = admin.get(path).content.decode()
        offered |= {path + html.unescape(query) for query in re.findall(r'<a href="(\?[a-z][^"]+)"', page)}

    assert any("hidden_on__isempty" in address for address in offered)
    assert any("type" in address for address in offered)
    assert {address for address in offered if admin.get(address).status_code != 200} == set()


def test_an_administrator_removes_a_lost_second_step(admin):
    TOTP.activate(UserFactory(username="bob"), "JBSWY3DPEHPK3PXP")
    factor = Authenticator.objects.get()
    url = reverse("admin:mfa_authenticator_changelist")
    admin.post(url, {"action": "delete_selected", "_selected_action": [factor.pk], "post": "yes"})

    assert not Authenticator.objects.exists()
