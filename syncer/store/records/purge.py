"""Delete everything of an integration, so many rows at a time: others wait for each transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from sqlalchemy import Connection, Table, and_, delete, select, tuple_

from syncer.domain.catalogue.lookup import catalogue
from syncer.store.db.in_values import in_values
from syncer.store.records.blank_versions import forget_versions
from syncer.store.schema.destination import Destination
from syncer.store.schema.mirror_tables import (
    MIRROR,
    all_tables,
    changes,
    erasures,
    runs,
    seen,
    streams,
    webhook_events,
)

#: Rows that one transaction deletes of a table.
AT_ONCE = 2_000
#: Tables that keep their rows: the feed has no gaps, events say nothing of records, and what was erased stays
#: out where the integration is mirrored again.
_KEPT = {changes.name, webhook_events.name, erasures.name}
#: Tables that a run needs which is under way; they come last.
_LAST = (seen.name, streams.name, runs.name)

Step = Callable[[Connection], int]


def remove_records(connection: Connection, destination: Destination) -> list[str]:
    """Delete some records of a stream with their links and children; give their ids, [] in the end."""
    ids = list(
        connection.execute(select(destination.id).where(*destination.stream_filter).limit(AT_ONCE)).scalars()
    )
    # What is kept with the rows has no integration of its own.
    with_rows = [(link.table, link.owner) for link in destination.links]
    with_rows += [(child.table, child.owner) for child in destination.children if child.owner is not None]
    for name, owner in with_rows:
        connection.execute(delete(MIRROR[name]).where(in_values(connection, MIRROR[name].c[owner], ids)))
    connection.execute(
        delete(destination.table).where(
            *destination.stream_filter, in_values(connection, destination.id, ids)
        )
    )
    return ids


def purge_steps(integration_id: str, *, last: bool) -> Iterator[Step]:
    """Give steps that each delete some rows of a table; each is to be repeated until it deletes none.

    last: those of the tables with the state of streams and runs, in place of the others.
    """
    tables = {each.name: each for each in all_tables().sorted_tables if "integration_id" in each.columns}
    if last:
        yield from (_rows_of(tables[name], integration_id) for name in _LAST)
        return
    yield from (partial(forget_versions, model, integration_id, AT_ONCE) for model in catalogue().values())
    for name in sorted(tables.keys() - {*_KEPT, *_LAST}):
        yield _rows_of(tables[name], integration_id)


def _rows_of(table: Table, integration_id: str) -> Step:
    key = tuple_(*table.primary_key.columns)
    some = select(*table.primary_key.columns).where(table.c.integration_id == integration_id).limit(AT_ONCE)

    def step(connection: Connection) -> int:
        chosen = and_(table.c.integration_id == integration_id, key.in_(some))
        return connection.execute(delete(table).where(chosen)).rowcount

    return step
