"""One request, one outcome: what a form does is stored together with the session, or nothing is.

On SQLite a transaction holds the only write lock. So no password is hashed and no storage or mail server is waited for
inside one: views whose forms check a password use AtomicFormMixin, all others `atomic_post`.
"""

import logging
from copy import copy, deepcopy
from functools import partial, wraps

from django.contrib.messages.storage import default_storage
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.exceptions import SessionInterrupted
from django.db import transaction
from django.urls import URLPattern, URLResolver

logger = logging.getLogger(__name__)


def in_one_transaction(request, act):
    """Call `act()` in a transaction that also stores the session, and return its response.

    The member whose request it is, if any, is locked first: all that `act()` does happens before they leave or are suspended,
    or not at all. Raises AccountGone if they were before.

    If it raises, or its response is a server error, nothing is stored, and the request's session, user and messages
    are what they were before. A callback that fails after the commit is only logged, as everything is stored by then.
    """
    before, response, committed = state_of(request), None, []
    try:
        with transaction.atomic():
            transaction.on_commit(partial(committed.append, True))
            if request.user.is_authenticated:
                request.user.lock(visible=True)
            response = act()
            stored = response.status_code < 500
            if stored:
                _store_session(request.session)
            else:
                transaction.set_rollback(True)
    except Exception:
        if not committed:
            restore(request, before)
            raise
        logger.exception("A callback failed after the commit")
    else:
        if not stored:
            restore(request, before)
    return response


def atomic_post(view):
    """Return `view` with each POST in one transaction. It must not hash passwords."""

    @wraps(view)
    def wrapper(request, *args, **kwargs):
        act = partial(view, request, *args, **kwargs)
        return in_one_transaction(request, act) if request.method == "POST" else act()

    return wrapper


def atomic_posts(patterns):
    """Return URL patterns like `patterns`, with `atomic_post` around each of their views."""
    return [_atomic(pattern) for pattern in patterns]


class AtomicFormMixin:
    """For a FormView whose form checks or hashes a password: the transaction begins when the form is valid."""

    def form_valid(self, form):
        return in_one_transaction(self.request, partial(super().form_valid, form))


def _atomic(pattern):
    if isinstance(pattern, URLResolver):
        inner = atomic_posts(pattern.url_patterns)
        return URLResolver(
            pattern.pattern, inner, pattern.default_kwargs, pattern.app_name, pattern.namespace
        )
    return URLPattern(pattern.pattern, atomic_post(pattern.callback), pattern.default_args, pattern.name)


def _store_session(session):
    """Save what changed. Raises SessionInterrupted, which is answered with 400, if somebody ended the session meanwhile."""
    if session.modified and not session.is_empty():
        try:
            # Other session engines have no store(); the middleware then saves a second time.
            getattr(session, "store", session.save)()
        except UpdateError as error:
            raise SessionInterrupted("The session was deleted before the request completed.") from error


def state_of(request):
    """Return what `restore` needs: the attributes of `request`, and a copy of the session as it is now."""
    # The body can be read only once: from now on it is remembered.
    if request.content_type != "multipart/form-data":
        request.body  # noqa: B018
    request.POST  # noqa: B018
    session = copy(request.session)
    if hasattr(session, "_session_cache"):
        session._session_cache = deepcopy(session._session_cache)
    return vars(request) | {"session": session}


def restore(request, before):
    """Make `request` again what `state_of` has seen, uploaded files included."""
    vars(request).clear()
    vars(request).update(before)
    for file in request.FILES.values():
        file.seek(0)
    if hasattr(request, "_messages"):
        request._messages = default_storage(request)
