import pytest
from allauth.account.models import EmailAddress

from accounts.models import User
from accounts.tests.factories import PASSWORD, UserFactory
from accounts.tests.mailing import link_in


@pytest.fixture
def ask_for(member_client, run_jobs, mailoutbox):
    """Returns a function by which the member asks to change to an address; it returns the link that is mailed there."""

    def ask(email):
        # Changing it takes the password, lately.
        response = member_client.post("/users/email/", {"action_add": "", "email": email})
        if "reauthenticate" in response.url:
            member_client.post(response.url, {"password": PASSWORD})
            member_client.post("/users/email/", {"action_add": "", "email": email})
        run_jobs()
        return link_in(mailoutbox[-1])

    return ask


def test_a_new_address_counts_when_it_is_confirmed(member, member_client, ask_for):
    link = ask_for("new@example.org")
    assert User.objects.get(pk=member.pk).email == "ada@example.org"

    member_client.post(link)
    assert User.objects.get(pk=member.pk).email == "new@example.org"


@pytest.mark.parametrize("verified", [True, False])
def test_an_address_that_has_become_somebody_elses_is_refused_with_a_word(
    member, member_client, ask_for, verified
):
    link = ask_for("bob@example.org")
    bob = UserFactory(username="bob")
    bob.emailaddress_set.update(verified=verified)

    response = member_client.post(link, follow=True)
    assert response.status_code == 200
    assert "belongs to another account" in response.content.decode()
    assert User.objects.get(pk=member.pk).email == "ada@example.org"


def test_a_claim_that_was_never_confirmed_does_not_keep_the_owner_out(client, ask_for, run_jobs, mailoutbox):
    ask_for("victim@example.org")

    client.post("/users/password/reset/", {"email": "victim@example.org"})
    run_jobs()
    assert "password/reset/key" not in mailoutbox[-1].body

    client.post(
        "/users/signup/", {"username": "victim", "email": "Victim@example.org", "password1": PASSWORD}
    )
    assert User.objects.get(email="victim@example.org").username == "victim"
    assert EmailAddress.objects.get(email="victim@example.org").user.username == "victim"
