"""Sessions in the database that a transaction can store together with everything else that a request changes."""

from copy import deepcopy

from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.backends.db import SessionStore as DatabaseSessionStore
from django.db import DatabaseError


class SessionStore(DatabaseSessionStore):
    """Django's database sessions, with a `store()` after which the middleware has nothing left to write.

    Django's middleware saves a session after the view. If that fails, the answer is an error although the view's own
    changes are stored.
    """

    _stored = None

    def store(self):
        """Save the session now. The next `save()` writes only what changed since."""
        self.save()
        self._stored = (self.session_key, deepcopy(self._session))

    def save(self, must_create=False):
        """Save the session, unless `store()` has saved exactly this.

        Raises UpdateError if the session was deleted meanwhile. Django also raises it when the database fails;
        this raises the database's own error then.
        """
        if not must_create and self._stored and self._stored == (self.session_key, self._session):
            return
        try:
            super().save(must_create)
        except UpdateError as error:
            # A bare DatabaseError is Django's own: there was no row to update.
            if type(error.__context__) is not DatabaseError:
                raise error.__context__ from None
            raise
