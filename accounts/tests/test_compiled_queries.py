"""A compiled query returns exactly what its queryset returns, whatever the values and whatever the author of the query did."""

from datetime import timedelta

import pytest
import time_machine
from django.conf import settings
from django.db import connection
from django.db.models import BigAutoField, CharField, DateTimeField, Value
from django.db.models.sql.compiler import SQLCompiler
from django.utils import timezone

from accounts.backends import members_with
from accounts.common.compiled_queries import CompiledQuery
from accounts.models import User
from accounts.sessions import LIVE_SESSIONS, SessionStore
from accounts.tests.factories import UserFactory


@pytest.fixture
def statements():
    """Return a list that collects (sql, parameters) of each statement."""
    collected = []

    def collect(execute, sql, params, many, context):
        # Django puts a compiled expression in brackets that it leaves out around a plain value.
        collected.append((sql.replace("(%s)", "%s"), tuple(params or ())))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(collect):
        yield collected


def assert_same_as_queryset(query, statements, **values):
    """Compare rows, loaded fields and statements. Returns the rows."""
    assert query.compile()
    statements.clear()
    rows, plain = query.rows(**values), list(query.build(**values))
    assert statements[0] == statements[1]
    assert rows == plain
    assert [row.__dict__.keys() for row in rows] == [row.__dict__.keys() for row in plain]
    for row, other in zip(rows, plain, strict=True):
        assert {name: value for name, value in vars(row).items() if name != "_state"} == {
            name: value for name, value in vars(other).items() if name != "_state"
        }
        assert (row._state.db, row._state.adding) == (other._state.db, other._state.adding)
    return rows


@pytest.mark.django_db
def test_sessions(statements):
    now, keys = timezone.now(), []
    for days in (-1, 1):
        session = SessionStore()
        session.set_expiry(now + timedelta(days=days))
        session.save()
        keys.append(session.session_key)
    for key, found in ((keys[0], 0), (keys[1], 1), ("unknown", 0)):
        assert len(assert_same_as_queryset(LIVE_SESSIONS, statements, session_key=key, now=now)) == found
    later = now + timedelta(days=2)
    assert not assert_same_as_queryset(LIVE_SESSIONS, statements, session_key=keys[1], now=later)


@pytest.mark.django_db
@pytest.mark.parametrize("related", [(), getattr(settings, "USER_SELECT_RELATED", ())])
def test_members(statements, related):
    ada, bob = UserFactory(username="ada", picture="p"), UserFactory(username="bob", is_active=False)
    for pk in (ada.pk, bob.pk, bob.pk + 1):
        rows = assert_same_as_queryset(members_with(*related), statements, pk=pk)
        assert [row.username for row in rows] == [user.username for user in (ada, bob) if user.pk == pk]


@pytest.mark.django_db
def test_the_sql_is_compiled_once_and_stays_the_same_for_other_values(statements, monkeypatch):
    query = CompiledQuery(lambda pk: User.objects.filter(pk=pk).only("username"), pk=BigAutoField())
    users = [UserFactory() for _ in range(3)]
    query.rows(pk=users[0].pk)
    monkeypatch.setattr(SQLCompiler, "as_sql", None)
    statements.clear()
    assert [query.rows(pk=user.pk) for user in users] == [[user] for user in users]
    assert len({sql for sql, _params in statements}) == 1
    assert [params for _sql, params in statements] == [(user.pk,) for user in users]


def looks_at_the_value(username):
    return User.objects.filter(username=username) if username == "ada" else User.objects.none()


def compares_the_value(username):
    return User.objects.filter(username=username) if username < "b" else User.objects.none()


def converts_the_value(username):
    return User.objects.filter(username=str(username))


def depends_on_the_time(username):
    return User.objects.filter(username=username, date_joined__lt=timezone.now())


def has_a_constant(username):
    return User.objects.filter(username=username).annotate(one=Value(1))


def is_prefetched(username):
    return User.objects.filter(username=username).prefetch_related("followers")


def finds_nothing_at_first(username, switch={"on": False}):  # noqa: B006
    found = User.objects.filter(username=username) if switch["on"] else User.objects.none()
    switch["on"] = True
    return found


@pytest.mark.django_db
@pytest.mark.parametrize(
    "build",
    [
        looks_at_the_value, compares_the_value, converts_the_value, depends_on_the_time, has_a_constant, is_prefetched,
        finds_nothing_at_first,
    ],
)  # fmt: skip
def test_a_query_that_depends_on_more_than_its_arguments_is_built_for_each_call(build):
    query = CompiledQuery(build, username=CharField())
    assert query.compile() is None
    tomorrow = timezone.now() + timedelta(days=1)
    with time_machine.travel(tomorrow):  # The SQL must not hold the time at which it was compiled.
        ada = UserFactory(username="ada")
    UserFactory(username="bob")
    with time_machine.travel(tomorrow + timedelta(days=1)):
        assert query.rows(username="ada") == [ada]
        assert query.rows(username="bob") == list(build("bob"))


@pytest.mark.django_db
@pytest.mark.parametrize("value", [None, ""])
def test_empty_values_are_left_to_the_queryset(value):
    """`email=None` is another SQL than `email='...'`, and a function may look whether there is a value."""
    query = CompiledQuery(lambda email: User.objects.filter(email=email), email=CharField())
    without, with_email = UserFactory(email=None), UserFactory(email="bob@example.org")
    assert query.rows(email="bob@example.org") == [with_email]
    assert query.rows(email=value) == ([without] if value is None else [])


@pytest.mark.django_db
def test_two_values_of_one_field_are_not_mixed_up(statements):
    query = CompiledQuery(
        lambda first, end: User.objects.filter(date_joined__gte=first, date_joined__lt=end),
        first=DateTimeField(),
        end=DateTimeField(),
    )
    user = UserFactory()
    early, late = user.date_joined - timedelta(days=1), user.date_joined + timedelta(days=1)
    assert assert_same_as_queryset(query, statements, first=early, end=late) == [user]
    assert assert_same_as_queryset(query, statements, first=late, end=early) == []
    with pytest.raises(KeyError):
        query.rows(first=early)
