"""Delete everything of an integration, so many rows at a time: others wait for each transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from sqlalchemy import Connection, Table, and_, delete, select, tuple_

from syncer.domain.catalogue.lookup import catalogue
from syncer.store.db.in_values import in_values
from syncer.store.records.blank_versions import forget_versions
from syncer.store.schema.mirror_tables import (
    MIRROR,
    changes,
    metadata,
    runs,
    seen,
    streams,
    webhook_events,
)

#: Rows that one transaction deletes of a table.
AT_ONCE = 2_000
#: Tables that keep their rows: the feed has no gaps, and events say nothing of records.
_KEPT = {changes.name, webhook_events.name}
#: Tables that a run needs which is under way; they come last.
_LAST = (seen.name, streams.name, runs.name)

Step = Callable[[Connection], int]


def purge_steps(integration_id: str, *, last: bool) -> Iterator[Step]:
    """Give steps that each delete some rows of a table; each is to be repeated until it deletes none.

    last: those of the tables with the state of streams and runs, in place of the others.
    """
    tables = {each.name: each for each in metadata.sorted_tables if "integration_id" in each.columns}
    if last:
        yield from (_rows_of(tables[name], integration_id) for name in _LAST)
        return
    for model in catalogue().values():
        # What is kept with the rows has no integration of its own.
        with_rows = {MIRROR[link.table]: link.owner for link in model.links}
        with_rows |= {MIRROR[child.table]: child.owner for child in model.children if child.owner is not None}
        yield _records_of(MIRROR[model.name], with_rows, integration_id)
        yield partial(forget_versions, model, integration_id, AT_ONCE)
    for name in sorted(tables.keys() - {*catalogue(), *_KEPT, *_LAST}):
        yield _rows_of(tables[name], integration_id)


def _records_of(table: Table, with_rows: dict[Table, str], integration_id: str) -> Step:
    def step(connection: Connection) -> int:
        ids = list(
            connection.execute(
                select(table.c.id).where(table.c.integration_id == integration_id).limit(AT_ONCE)
            ).scalars()
        )
        for other, owner in with_rows.items():
            connection.execute(delete(other).where(in_values(connection, other.c[owner], ids)))
        connection.execute(delete(table).where(in_values(connection, table.c.id, ids)))
        return len(ids)

    return step


def _rows_of(table: Table, integration_id: str) -> Step:
    key = tuple_(*table.primary_key.columns)
    some = select(*table.primary_key.columns).where(table.c.integration_id == integration_id).limit(AT_ONCE)

    def step(connection: Connection) -> int:
        chosen = and_(table.c.integration_id == integration_id, key.in_(some))
        return connection.execute(delete(table).where(chosen)).rowcount

    return step
