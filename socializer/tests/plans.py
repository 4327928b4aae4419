"""Explains every executed statement, and records those that scan a table that grows with the site."""

import json
import re
from contextlib import contextmanager

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.db import connection

from accounts.emails.models import Delivery
from accounts.jobs.models import Job
from accounts.models import Block, Follow, NameWord, User
from accounts.moderation.models import ModerationAction, Report
from accounts.notifications.models import DigestSchedule, Notification, NotificationPreference
from accounts.security.models import AccountSnapshot
from posts.models import Post, PostRevision
from posts.reading.models import ReadMarker

GROWING = {
    model._meta.db_table
    for model in (
        *(User, EmailAddress, Authenticator, UserSession, Session, AccountSnapshot, NameWord, ReadMarker),
        *(Follow, Block, Notification, DigestSchedule, NotificationPreference),
        *(Post, PostRevision, Report, ModerationAction, Delivery, Job),
    )
}
# Partial indexes of rare rows. Scanning a whole one is fine.
RARE = {
    *("user_suspended", "user_noindex", "user_staff", "user_superuser", "post_hidden", "report_open_subject"),
    *("account_snapshot_marked", "digest_schedule_due"),
}
_statement = re.compile(r"\s*(SELECT|WITH|UPDATE|DELETE|INSERT)\b", re.I)
_limit = re.compile(r"\bLIMIT (\d+)\b")


class Scan(str):
    """A statement that scans a whole table, and the step of its plan that shows it."""


@contextmanager
def scans():
    """Yield a list that collects the Scans among the executed statements, each once."""
    found, seen, busy = [], set(), []

    def explained(execute, sql, params, many, context):
        kind = re.sub(r"(%s, )+", "", sql)
        if not busy and _statement.match(sql) and kind not in seen:
            seen.add(kind)
            busy.append(True)
            try:
                step = scan_in(sql, params[0] if many and params else params)
            finally:
                busy.clear()
            if step:
                found.append(Scan(f"{step}: {sql}"))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(explained):
        yield found


def scan_in(sql, params):
    """Return the step of the plan that scans a whole growing table, or None.

    A walk along an index that ends as soon as it has found as many rows as it looks for is none.
    """
    steps = {"sqlite": steps_of_sqlite, "postgresql": steps_of_postgresql}[connection.vendor](sql, params)
    for step, is_walk in steps:
        if not (is_walk and finds_enough(sql, params)):
            return step
    return None


def finds_enough(sql, params):
    limit = _limit.findall(sql)
    if not limit or "FOR " in sql.upper().rpartition("LIMIT")[2]:
        return False
    if sql.upper().startswith("SELECT COUNT(*)"):
        return run(sql, params)[0][0] == int(limit[0])
    return len(run(sql, params)) == int(limit[-1])


def run(sql, params):
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall()


def steps_of_sqlite(sql, params):
    """Yield (step, whether it may end early) for each scan of a growing table."""
    plan = [row[3] for row in run(f"EXPLAIN QUERY PLAN {sql}", params)]
    names = aliases_in(sql)
    ordered = not any(
        "TEMP B-TREE FOR ORDER BY" in step or "TEMP B-TREE FOR GROUP BY" in step for step in plan
    )
    for step in plan:
        match = re.match(r"SCAN (\w+)(?: USING.* INDEX (\w+))?", step)
        if match and names.get(match[1], match[1]) in GROWING and match[2] not in RARE:
            yield step, ordered


def aliases_in(sql):
    pairs = re.findall(r'"(\w+)" (?:AS )?"?([A-Z]+\d+|[a-z])\b"?', sql)
    return {alias: table for table, alias in pairs}


def steps_of_postgresql(sql, params):
    """Do the same for PostgreSQL. Indexes are preferred regardless of size, because the tables here are small."""
    from psycopg import ClientCursor

    cursor = ClientCursor(connection.connection)
    cursor.execute("SET LOCAL enable_seqscan = off")
    try:
        cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}", params)
        (plan,) = cursor.fetchone()
    finally:
        cursor.execute("SET LOCAL enable_seqscan = on")
        cursor.close()
    plan = json.loads(plan) if isinstance(plan, str) else plan
    yield from scans_below(plan[0]["Plan"])


def scans_below(node, parent=None):
    """Yield (step, whether it may end early) for each step that scans a whole growing table or counts its rows in an index."""
    table, kind = node.get("Relation Name"), node["Node Type"]
    if kind == "Seq Scan" and table in GROWING:
        yield f"Seq Scan on {table}", False
    for child in node.get("Plans", []):
        counted = (
            kind == "Aggregate" and child["Node Type"] == "Index Only Scan" and "Index Cond" not in child
        )
        if counted and child["Relation Name"] in GROWING and child["Index Name"] not in RARE:
            yield f"Count of all {child['Relation Name']}", False
        # If the index has grown, a bitmap of all its rows can be cheaper than an index-only scan. Right below a limit, it stands
        # for a scan that ends early if it finds enough rows: which kind is chosen for these small tables tells nothing.
        is_bitmap = kind == "Bitmap Heap Scan" and child["Node Type"] == "Bitmap Index Scan"
        if is_bitmap and table in GROWING and "Index Cond" not in child and child["Index Name"] not in RARE:
            yield f"Bitmap of all {table}", parent == "Limit"
        yield from scans_below(child, kind)
