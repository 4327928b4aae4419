"""Runs requests in transactions: either everything that a form changes is stored, including the session, or nothing is.

On SQLite a transaction holds the only write lock. So no code hashes a password, or waits for a file storage or a mail
server, inside one. Views whose forms check a password use AtomicFormMixin, all others `atomic_post`.
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


def in_one_transaction(request, handle, *, others=()):
    """Call `handle()` in a transaction that also stores the session, and return its response.

    If a member is logged in, they are locked first, so that they can't leave or be suspended in the middle of the request.
    `others` are the primary keys of the people whom `handle()` locks, too: all must be locked at once, in one order. Raises
    AccountGone if the member has already left or been suspended.

    If `handle()` raises an exception or returns a server error, nothing is stored, and the session, user and messages of
    the request are restored. A callback that fails after the commit is only logged, because everything is stored by then.
    """
    before, response, committed = state_of(request), None, []
    try:
        with transaction.atomic():
            transaction.on_commit(partial(committed.append, True))
            if request.user.is_authenticated:
                request.user.lock(*others, visible=True)
            response = handle()
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
    """Return `view`, which handles each POST in one transaction. It must not hash passwords."""

    @wraps(view)
    def wrapper(request, *args, **kwargs):
        handle = partial(view, request, *args, **kwargs)
        return in_one_transaction(request, handle) if request.method == "POST" else handle()

    return wrapper


def atomic_posts(patterns):
    """Return a copy of the URL patterns with `atomic_post` around each view."""
    return [_atomic(pattern) for pattern in patterns]


class AtomicFormMixin:
    """A mixin for a FormView whose form checks or hashes a password. The transaction starts when the form is valid."""

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
    """Save the session if it changed. Raises SessionInterrupted, which results in a 400, if the session has ended."""
    if session.modified and not session.is_empty():
        try:
            # Other session engines have no store(). With those, the middleware saves a second time.
            getattr(session, "store", session.save)()
        except UpdateError as error:
            raise SessionInterrupted("The session was deleted before the request completed.") from error


def state_of(request):
    """Return the attributes of `request` and a copy of its session, for `restore`."""
    # The body can be read only once. Reading it here keeps it in memory.
    if request.content_type != "multipart/form-data":
        request.body  # noqa: B018
    request.POST  # noqa: B018
    session = copy(request.session)
    if hasattr(session, "_session_cache"):
        session._session_cache = deepcopy(session._session_cache)
    return vars(request) | {"session": session}


def restore(request, before):
    """Restore the state of `request` that `state_of` returned, including uploaded files."""
    vars(request).clear()
    vars(request).update(before)
    for file in request.FILES.values():
        file.seek(0)
    if hasattr(request, "_messages"):
        request._messages = default_storage(request)
