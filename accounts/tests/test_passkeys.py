import json

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client

from accounts.tests.factories import PASSWORD
from accounts.tests.passkeys import Passkey

ADD, LOGIN = "/users/2fa/webauthn/add/", "/users/2fa/webauthn/login/"


@pytest.fixture(autouse=True)
def _require_https(settings):
    settings.MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = False


@pytest.fixture
def owner(member):
    """A client that is logged in as ada and has just confirmed the password."""
    client = Client()
    client.force_login(member)
    client.post("/users/reauthenticate/", {"password": PASSWORD}, secure=True)
    return client


def add(client, passkey, **options):
    page = client.get(ADD, secure=True)
    credential = passkey.create(page.context["js_data"]["creation_options"], **options)
    return client.post(ADD, {"name": "My key", "credential": json.dumps(credential)}, secure=True)


def log_in(client, passkey, **options):
    page = client.get(LOGIN, headers={"X-Requested-With": "XMLHttpRequest"}, secure=True).json()
    credential = passkey.get(page["request_options"], **options)
    return client.post(LOGIN, {"credential": json.dumps(credential)}, secure=True, follow=True)


def is_logged_in(client):
    return "_auth_user_id" in client.session


def test_a_passkey_replaces_name_and_password(owner):
    passkey = Passkey()
    assert add(owner, passkey).status_code == 302

    client = Client()
    log_in(client, passkey)
    assert is_logged_in(client)


def test_a_passkey_can_be_renamed(owner):
    add(owner, Passkey())
    path = f"/users/2fa/webauthn/keys/{Authenticator.objects.get(type='webauthn').pk}/edit/"

    assert "My key" in owner.get(path, secure=True).content.decode()
    owner.post(path, {"name": "My phone"}, secure=True)
    assert "My phone" in owner.get("/users/2fa/webauthn/", secure=True).content.decode()


def test_a_passkey_of_another_site_is_rejected(owner):
    passkey = Passkey()
    response = add(owner, passkey, origin="https://testserver.evil.example")
    assert response.status_code == 200
    assert not Authenticator.objects.exists()

    add(owner, passkey)
    client = Client()
    page = log_in(client, passkey, origin="https://testserver.evil.example")
    assert not is_logged_in(client)
    assert "That code isn&#x27;t right." in page.content.decode()


def test_a_forged_signature_is_rejected(owner):
    passkey, forger = Passkey(), Passkey()
    add(owner, passkey)
    forger.credential_id, forger.user_handle = passkey.credential_id, passkey.user_handle

    client = Client()
    log_in(client, forger)
    assert not is_logged_in(client)
    log_in(client, passkey)
    assert is_logged_in(client)


def test_an_unknown_passkey_is_rejected(owner):
    known, unknown = Passkey(), Passkey()
    add(owner, known)
    unknown.user_handle = known.user_handle

    client = Client()
    log_in(client, unknown)
    assert not is_logged_in(client)
    log_in(client, known)
    assert is_logged_in(client)


@pytest.mark.parametrize(
    "credential",
    ["", "x", "1", "[]", "{}", "null", '{"id": 1}', '{"id": "eA", "rawId": "eA", "response": {}}',
     '{"id": "eA", "rawId": "eA", "type": "public-key", "response": {"clientDataJSON": "eA", "userHandle": "_"}}',
     '{"id": "eA", "rawId": "eA", "type": "public-key", "response": {"clientDataJSON": "e30", "attestationObject": "oA",'
     ' "authenticatorData": "eA", "signature": "eA", "userHandle": "9"}}'],
)  # fmt: skip
def test_invalid_credentials_get_a_page_with_an_error(owner, credential):
    owner.get(ADD, secure=True)
    assert owner.post(ADD, {"credential": credential}, secure=True).status_code == 200
    client = Client()
    client.get(LOGIN, headers={"X-Requested-With": "XMLHttpRequest"}, secure=True)
    assert client.post(LOGIN, {"credential": credential}, secure=True, follow=True).status_code == 200
    assert not is_logged_in(client)
