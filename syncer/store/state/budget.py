"""Read and change the rate-limit budget of an API key, a row that all processes share.

Each function is one short transaction's work: read the row under its lock, let ``domain`` decide, write it
back if anything changed. SQLite has one write lock, so nothing else may happen in these transactions. Every
request passes here twice: so the statements are plain text, and the one that reads the row reads the clock.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, TypeVar

from msgspec.structs import astuple
from sqlalchemy import Connection

from syncer.domain.ratelimit.budget import Budget
from syncer.domain.ratelimit.stored import believable
from syncer.domain.ratelimit.waiters import Waiting

_T = TypeVar("_T")

#: Column -> field of Budget.
_FIELDS = {
    "window_number": "window",
    "window_limit": "limit",
    "used": "used",
    "sent": "sent",
    "in_flight": "in_flight",
    "in_flight_previous": "in_flight_previous",
    "ends_at": "ends_at",
    "earliest_end": "earliest_end",
    "length": "length",
    "reset_skew": "reset_skew",
    "probe_until": "probe_until",
    "paced_until": "paced_until",
    "confirmed": "confirmed",
    "refusals": "refusals",
    "waiting": "waiting",
    "by_webhooks": "by_webhooks",
    "webhooks_expected": "webhooks_expected",
}


def change_budget(
    connection: Connection,
    environment: str,
    fingerprint: str,
    clock_offset: timedelta,
    decide: Callable[[Budget, float], tuple[Budget, _T]],
) -> _T:
    """Apply a decision to the key's budget; decide gets the budget and the database's time in seconds."""
    key = {"environment": environment, "key_fingerprint": fingerprint}
    sql = _statements(connection.dialect.name)
    row = connection.exec_driver_sql(sql["lock"], key).one_or_none()
    if row is None:
        connection.exec_driver_sql(sql["insert"], {**key, **_values(Budget())})
        row = connection.exec_driver_sql(sql["lock"], key).one()
    shown, *values = row
    now = _seconds(shown) + clock_offset.total_seconds()
    before = _budget(values)
    after, answer = decide(believable(before, now), now)
    if after != before:
        connection.exec_driver_sql(sql["update"], {**key, **_values(after)})
    return answer


def read_budget(connection: Connection, environment: str, fingerprint: str) -> Budget | None:
    """Read the key's budget; None before its first request."""
    key = {"environment": environment, "key_fingerprint": fingerprint}
    row = connection.exec_driver_sql(_statements(connection.dialect.name)["read"], key).one_or_none()
    return None if row is None else believable(_budget(row[1:]), _seconds(row[0]))


@cache
def _statements(dialect: str) -> Mapping[str, str]:
    """Give the statements for a database of this kind, by what they do."""
    sqlite = dialect == "sqlite"
    given = {
        name: f":{name}" if sqlite else f"%({name})s" for name in ("environment", "key_fingerprint", *_FIELDS)
    }
    clock = (
        "strftime('%Y-%m-%dT%H:%M:%f', 'now')"
        if sqlite
        else "CAST(extract(epoch FROM clock_timestamp()) AS double precision)"
    )
    where = f"environment = {given['environment']} AND key_fingerprint = {given['key_fingerprint']}"
    read = f"SELECT {clock}, {', '.join(_FIELDS)} FROM sync_budgets WHERE {where}"
    return {
        "read": read,
        # SQLite's transactions that write are alone from their beginning.
        "lock": read if sqlite else f"{read} FOR UPDATE",
        "insert": f"INSERT INTO sync_budgets ({', '.join(given)}) VALUES ({', '.join(given.values())})"
        " ON CONFLICT DO NOTHING",
        "update": f"UPDATE sync_budgets SET {', '.join(f'{name} = {given[name]}' for name in _FIELDS)}"
        f" WHERE {where}",
    }


def _seconds(shown: str | float) -> float:
    """Convert the database's time to seconds since 1970; SQLite shows it as text."""
    if isinstance(shown, str):
        return datetime.fromisoformat(shown).replace(tzinfo=UTC).timestamp()
    return shown


def _budget(values: Any) -> Budget:
    fields = dict(zip(_FIELDS.values(), values, strict=True))
    waiting = tuple(Waiting(*each) for each in json.loads(fields["waiting"] or "[]"))
    return Budget(**{**fields, "confirmed": bool(fields["confirmed"]), "waiting": waiting})


def _values(budget: Budget) -> dict[str, Any]:
    values = {column: getattr(budget, field) for column, field in _FIELDS.items()}
    values["waiting"] = json.dumps([astuple(each) for each in budget.waiting]) if budget.waiting else None
    return values
