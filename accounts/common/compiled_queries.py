"""Queries whose SQL is compiled once per process. Use it only for the few queries that run on every page.

    SESSIONS = CompiledQuery(lambda key: Session.objects.filter(session_key=key), key=CharField())
    sessions = SESSIONS.rows(key="...")

The function is called once, with placeholders, and its queryset is compiled. The SQL stays in the memory of this process. After
that, each call only passes its values to the database. Django's own compiler still runs the statement and makes the instances, so
`select_related()`, `only()`, annotations, converters and execute wrappers work as usual.

A query that can't be compiled this way still returns the right rows, because the function is then called for each execution. That
happens if the function inspects a value, if a value is falsy, such as None, or if the SQL has a parameter that isn't an
argument, such as the time or a setting. If the SQL of an expression contains a number that changes, wrap the number in
`Recomputed`.
"""

from copy import copy
from functools import cached_property
from types import SimpleNamespace

from django.core.exceptions import EmptyResultSet
from django.db import connections
from django.db.models import Expression
from django.db.models.query import ModelIterable


class NotCompilable(Exception):
    """The SQL depends on more than the query's arguments."""


class Placeholder(Expression):
    """Stands for an argument while the query is compiled."""

    def __init__(self, name, field):
        super().__init__(field)
        self.name, self.prepared_by = name, field

    def as_sql(self, compiler, connection):
        return "%s", [self]

    def value_from(self, values, connection):
        value = values[self.name]
        return value if self.prepared_by is None else self.prepared_by.get_db_prep_value(value, connection)

    def _refuse(self, *args):
        raise NotCompilable(f"The query depends on the value of {self.name}.")

    __int__ = __index__ = __str__ = __len__ = __iter__ = __lt__ = __le__ = __gt__ = __ge__ = _refuse

    def __bool__(self):
        return True  # Compiled SQL only receives truthy values.

    def __eq__(self, other):
        # Django compares each value with the empty string.
        return self is other if isinstance(other, Expression) or other == "" else self._refuse()

    __hash__ = object.__hash__


class Recomputed(int):
    """A number in SQL that compiled queries compute again for each execution. For other queries it is a plain number."""

    def __new__(cls, compute):
        number = super().__new__(cls, compute())
        number.compute = compute
        return number

    def value_from(self, values, connection):
        return self.compute()


class CompiledQuery:
    """`build` is a function of keyword arguments that returns a queryset of instances.

    `fields` names the arguments, each with a field that prepares its values for the database as a lookup does. The field is None
    where the driver accepts the value unchanged, such as among the parameters of RawSQL.
    """

    def __init__(self, build, **fields):
        self.build = build
        self.fields = fields
        self._compiled = {}

    def rows(self, **values):
        """Return a list of the instances that the query finds for these values."""
        compiled = self.compile() if all(values.values()) else None
        if compiled is None:
            return list(self.build(**values))
        compiler, sql, parameters = compiled
        compiler = copy(compiler)
        compiler.connection = connections[compiler.using]
        bound = [each.value_from(values, compiler.connection) for each in parameters]
        compiler.as_sql = lambda: (sql, bound)
        # This is all that ModelIterable reads from a queryset.
        query = SimpleNamespace(get_compiler=lambda using: compiler)
        return list(ModelIterable(SimpleNamespace(db=compiler.using, query=query, _known_related_objects={})))

    def compile(self):
        """Return (compiler, SQL, parameters) for the current database, or None if the query can't be compiled."""
        try:
            queryset = self._template
            key = queryset.db, connections[queryset.db].vendor
            if key not in self._compiled:
                self._compiled[key] = compile_queryset(queryset)
            return self._compiled[key]
        except NotCompilable:
            return None

    @cached_property
    def _template(self):
        return self.build(**{name: Placeholder(name, field) for name, field in self.fields.items()})


def compile_queryset(queryset):
    if (
        queryset._iterable_class is not ModelIterable
        or queryset._prefetch_related_lookups
        or queryset._known_related_objects
    ):
        raise NotCompilable("Its rows are not made from the SQL alone.")
    compiler = queryset.query.get_compiler(queryset.db)
    try:
        sql, parameters = compiler.as_sql()
    except EmptyResultSet as error:
        raise NotCompilable("It finds nothing, so it has no SQL.") from error
    if not all(hasattr(each, "value_from") for each in parameters):
        raise NotCompilable("Its SQL has a parameter that isn't an argument.")
    # The converters depend on the columns, not on the connection.
    converters = compiler.get_converters([column for column, *_rest in compiler.select])
    compiler.get_converters = lambda expressions: converters
    return compiler, sql, parameters
