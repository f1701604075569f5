"""Work that a transaction does last, right before its commit.

What takes a lock that all writers need is done here: so it is held for the shortest time, and nobody who has
it waits for another lock.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

Work = Callable[[Connection, Sequence[Any]], object]
#: What each work of a transaction gave.
Done = Mapping[Work, object]

_LAST_WORK = "syncer_last_work"


def do_last(connection: Connection, work: Work, items: Sequence[Any]) -> None:
    """Have the transaction end with this work: once, on all items that it was asked for with.

    What is undone to a savepoint later stays asked for: call it outside of savepoints.
    """
    asked = _asked(connection)
    connection.execution_options(**{_LAST_WORK: {**asked, work: [*asked.get(work, ()), *items]}})


def do_last_work(connection: Connection) -> Done:
    """Do what was asked for, and give what came of it; nothing where the transaction is over already."""
    asked = _asked(connection)
    if not asked or not connection.in_transaction():
        return {}
    connection.execution_options(**{_LAST_WORK: {}})
    return {work: work(connection, items) for work, items in asked.items()}


def _asked(connection: Connection) -> dict[Work, list[Any]]:
    asked: dict[Work, list[Any]] = connection.get_execution_options().get(_LAST_WORK, {})
    return asked
