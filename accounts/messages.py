"""Messages for the next page that only the intended member can see."""

from django.contrib.messages.storage.cookie import CookieStorage
from django.contrib.messages.storage.fallback import FallbackStorage
from django.contrib.messages.storage.session import SessionStorage
from django.core import signing


class UserCookieStorage(CookieStorage):
    """Stores messages in a cookie that is only valid for one member, or for a visitor.

    The cookie outlives the session. Otherwise the next person who logs in with the same browser would see messages about
    someone else's actions. If the request itself logs in or out, the messages are for the user after the login or logout.
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
    """Like Django's FallbackStorage, with the cookie above. Messages that don't fit go into the session."""

    storage_classes = (UserCookieStorage, SessionStorage)
