"""Work that a transaction does last, right before its commit.

What takes a lock that all writers need is done here: so it is held for the shortest time, and nobody who has
it waits for another lock.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection

Work = Callable[[Connection, Sequence[Any]], object]

_LAST_WORK = "syncer_last_work"


def do_last(connection: Connection, work: Work, items: Sequence[Any]) -> None:
    """Have the transaction end with this work: once, on all items that it was asked for with.

    What is undone to a savepoint later stays asked for: call it outside of savepoints.
    """
    asked = _asked(connection)
    connection.execution_options(**{_LAST_WORK: {**asked, work: [*asked.get(work, ()), *items]}})


def do_last_work(connection: Connection) -> None:
    """Do what was asked for; nothing where the transaction is over already."""
    asked = _asked(connection)
    if asked and connection.in_transaction():
        connection.execution_options(**{_LAST_WORK: {}})
        for work, items in asked.items():
            work(connection, items)


def _asked(connection: Connection) -> dict[Work, list[Any]]:
    asked: dict[Work, list[Any]] = connection.get_execution_options().get(_LAST_WORK, {})
    return asked
