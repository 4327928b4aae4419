"""The list of devices on which a member is logged in. Each can be logged out."""

from allauth.usersessions.models import UserSession
from django.test import Client

from accounts.tests.factories import PASSWORD, UserFactory


def logged_in(username):
    """Return a client and the UserSession of its login."""
    client = Client()
    client.post("/users/login/", {"login": username, "password": PASSWORD})
    return client, UserSession.objects.latest("pk")


def is_logged_in(client):
    return client.get("/users/settings/").status_code == 200


def test_one_of_ones_own_devices_can_be_logged_out(member):
    (here, current), (there, other), (third, _) = (logged_in("ada") for _ in range(3))
    page = here.get("/users/sessions/").content.decode()
    main = page.partition("<main")[2]
    assert main.count(">Log out</button>") == 2
    # The current device is the first one.
    assert main.index(f"session-{current.pk}") < main.index(f"session-{other.pk}")
    assert main.count("Active now") == 1
    assert f"/users/sessions/{current.pk}/end/" not in page

    response = here.post(f"/users/sessions/{other.pk}/end/", follow=True)
    assert "That device is logged out." in response.content.decode()
    assert [is_logged_in(client) for client in (here, there, third)] == [True, False, True]

    # A second click, or another tab, finds nothing to do.
    response = here.post(f"/users/sessions/{other.pk}/end/", follow=True)
    assert response.status_code == 200
    assert "That device is logged out." not in response.content.decode()


def test_not_the_current_device_and_nobody_elses(member):
    UserFactory(username="bob")
    (here, current), (bobs, of_bob) = logged_in("ada"), logged_in("bob")
    for session in (current, of_bob):
        assert here.post(f"/users/sessions/{session.pk}/end/").status_code == 302
    assert Client().post(f"/users/sessions/{of_bob.pk}/end/").url.startswith("/users/login/")

    assert is_logged_in(here)
    assert is_logged_in(bobs)
    assert UserSession.objects.count() == 2
