"""The request budget of an API key as one shared row.

Each function is one short transaction's work: read the row under its lock, let ``domain.budget`` decide,
write it back. SQLite has one write lock, so nothing else may happen in these transactions.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Connection, Row, select, update

from syncer.domain.budget import Budget
from syncer.store.bulk import insert_or_ignore
from syncer.store.tables import budgets

_T = TypeVar("_T")


def change_budget(
    connection: Connection,
    environment: str,
    fingerprint: str,
    now: datetime,
    decide: Callable[[Budget, float], tuple[Budget, _T]],
) -> _T:
    """Apply a decision to the key's budget; decide gets the budget and the time in seconds."""
    is_row = (budgets.c.environment == environment, budgets.c.key_fingerprint == fingerprint)
    row = connection.execute(select(budgets).where(*is_row).with_for_update()).one_or_none()
    if row is None:
        first = {"environment": environment, "key_fingerprint": fingerprint, **_values(Budget())}
        connection.execute(insert_or_ignore(connection, budgets), first)
        row = connection.execute(select(budgets).where(*is_row).with_for_update()).one()
    before = _budget(row)
    after, answer = decide(before, now.timestamp())
    if after != before:
        connection.execute(update(budgets).where(*is_row).values(**_values(after)))
    return answer


def read_budget(connection: Connection, environment: str, fingerprint: str) -> Budget | None:
    """How the key's budget stands; None before its first request."""
    row = connection.execute(
        select(budgets).where(budgets.c.environment == environment, budgets.c.key_fingerprint == fingerprint)
    ).one_or_none()
    return None if row is None else _budget(row)


def _budget(row: Row[Any]) -> Budget:
    return Budget(
        window=row.window_number,
        limit=row.window_limit,
        used=row.used,
        own=row.own,
        ends_at=row.ends_at,
        length=row.length,
        probe_until=row.probe_until,
        confirmed=row.confirmed,
        refusals=row.refusals,
    )


def _values(budget: Budget) -> dict[str, object]:
    return {
        "window_number": budget.window,
        "window_limit": budget.limit,
        "used": budget.used,
        "own": budget.own,
        "ends_at": budget.ends_at,
        "length": budget.length,
        "probe_until": budget.probe_until,
        "confirmed": budget.confirmed,
        "refusals": budget.refusals,
    }
