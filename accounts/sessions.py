"""Database sessions that can be stored in the transaction of the view."""

from copy import deepcopy

from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.backends.db import SessionStore as DatabaseSessionStore
from django.db import DatabaseError
from django.db.models import CharField, DateTimeField
from django.utils import timezone

from accounts.common.compiled_queries import CompiledQuery


class SessionStore(DatabaseSessionStore):
    """Django's database sessions with a `store()` method. After it is called, the middleware has nothing left to write.

    Django's middleware saves the session after the view. If that fails, the response is an error although the view's changes
    are stored.
    """

    _stored = None

    def _get_session_from_db(self):
        """Return the row of this session, as Django does. Every page for a logged-in member runs this query."""
        found = LIVE_SESSIONS.rows(session_key=self.session_key, now=timezone.now())
        if not found:
            self._session_key = None
            return None
        return found[0]

    def store(self):
        """Save the session now. A later `save()` does nothing unless the session has changed."""
        self.save()
        self._stored = (self.session_key, deepcopy(self._session))

    def save(self, must_create=False):
        """Save the session, unless `store()` has already saved it in this state.

        Raises UpdateError if the session was deleted in the meantime. Django also raises UpdateError if the database fails;
        this method raises the database's error instead.
        """
        if not must_create and self._stored and self._stored == (self.session_key, self._session):
            return
        try:
            super().save(must_create)
        except UpdateError as error:
            # Django itself raises a plain DatabaseError if there was no row to update.
            if type(error.__context__) is not DatabaseError:
                raise error.__context__ from None
            raise


LIVE_SESSIONS = CompiledQuery(
    lambda session_key, now: SessionStore.get_model_class().objects.filter(
        session_key=session_key, expire_date__gt=now
    ),
    session_key=CharField(),
    now=DateTimeField(),
)
