"""A passkey made of software, for tests: what a browser and its authenticator answer to a site."""

import os

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from fido2.cose import ES256
from fido2.utils import sha256, websafe_encode
from fido2.webauthn import (
    Aaguid,
    AttestationObject,
    AttestedCredentialData,
    AuthenticatorData,
    CollectedClientData,
)

FLAGS = AuthenticatorData.FLAG
HERE = "https://testserver"


class Passkey:
    """One key of one person at one site. `create()` and `get()` answer a ceremony as `navigator.credentials` does."""

    def __init__(self):
        self.credential_id = os.urandom(16)
        self.private_key = ec.generate_private_key(ec.SECP256R1())
        self.user_handle = None

    def create(self, options, origin=HERE):
        """The credential for a page that adds a passkey; `options` are its creation options."""
        options = options["publicKey"]
        self.user_handle = options["user"]["id"]
        public = ES256.from_cryptography_key(self.private_key.public_key())
        credential = AttestedCredentialData.create(Aaguid.NONE, self.credential_id, public)
        seen = FLAGS.UP | FLAGS.UV | FLAGS.AT
        data = AuthenticatorData.create(self.rp_hash(options["rp"]["id"]), seen, 0, credential)
        client_data = self.client_data(CollectedClientData.TYPE.CREATE, options, origin)
        attestation = AttestationObject.create("none", data, {})
        return self.answer(client_data, attestationObject=websafe_encode(attestation))

    def get(self, options, origin=HERE):
        """The assertion for a page that asks for a passkey; `options` are its request options."""
        options = options["publicKey"]
        data = AuthenticatorData.create(self.rp_hash(options["rpId"]), FLAGS.UP | FLAGS.UV, 1)
        client_data = self.client_data(CollectedClientData.TYPE.GET, options, origin)
        signature = self.private_key.sign(data + client_data.hash, ec.ECDSA(SHA256()))
        return self.answer(
            client_data,
            authenticatorData=websafe_encode(data),
            signature=websafe_encode(signature),
            userHandle=self.user_handle,
        )

    def rp_hash(self, rp_id):
        return sha256(rp_id.encode())

    def client_data(self, kind, options, origin):
        return CollectedClientData.create(type=kind, challenge=options["challenge"], origin=origin)

    def answer(self, client_data, **response):
        key = websafe_encode(self.credential_id)
        return {
            "id": key,
            "rawId": key,
            "type": "public-key",
            "clientExtensionResults": {},
            "response": {"clientDataJSON": websafe_encode(client_data)} | response,
        }
