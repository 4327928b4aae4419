"""Messages for the next page, for nobody but the member they are meant for."""

from django.contrib.messages.storage.cookie import CookieStorage
from django.contrib.messages.storage.fallback import FallbackStorage
from django.contrib.messages.storage.session import SessionStorage
from django.core import signing


class OwnCookieStorage(CookieStorage):
    """Keeps messages in a cookie that only the member, or the visitor, for whom it was made can read.

    The cookie outlives the session: without this, whoever logs in next in the same browser would be told what somebody
    else did. A log-in or log-out within the request counts: messages go to whoever the answer is for.
    """

    def _sign_for_user(self):
        self.signer = signing.get_cookie_signer(salt=f"{self.key_salt} {self.request.user.pk}")

    def _encode_parts(self, messages, encode_empty=False):
        self._sign_for_user()
        return super()._encode_parts(messages, encode_empty)

    def _decode(self, data):
        if data:
            self._sign_for_user()
        return super()._decode(data)


class MessageStorage(FallbackStorage):
    """Django's own, with the cookie above. The session, which takes what is too long for it, is a member's own anyway."""

    storage_classes = (OwnCookieStorage, SessionStorage)
