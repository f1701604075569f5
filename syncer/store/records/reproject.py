"""Re-projection: stored documents become rows once more, batch by batch, each list by its own projector.

    lock the cursor -> read a batch -> project -> write what differs -> update the quarantine -> move on

A batch is one transaction, with its rows locked: what a walk writes meanwhile comes before or after it, and
never gets lost.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, Protocol

from msgspec import Struct, field
from sqlalchemy import Connection, Select, func, select

from syncer.domain.erasure.erased import Erased
from syncer.domain.feed.row_change import FeedRules
from syncer.domain.limits import LARGE_PAGE_BYTES
from syncer.domain.records.projection import Projection
from syncer.store.db.removed_values import note_removed
from syncer.store.schema.state_tables import streams
from syncer.store.state.projections import ReprojectionCursor, lock_cursor, save_cursor

#: Characters of the documents of a batch, and rows that the driver fetches at once.
MOST_BATCH_BYTES: Final = LARGE_PAGE_BYTES
FETCHED_ROWS: Final = 25


class BatchContext(Struct, frozen=True):
    """Transaction of a batch. size in rows; run_id: named by records that come into quarantine.

    erased: what leaves the documents. feed: the lists whose changes are told by that.
    """

    connection: Connection
    run_id: str
    now: datetime
    size: int
    erased: Erased = field(default_factory=Erased)
    feed: FeedRules = field(default_factory=FeedRules)


class Batch(Struct, frozen=True):
    """Result of one transaction.

    rows: records of the list that it read. written: rows, links, children and entries of the quarantine that
    it changed. last: key after which its table goes on, None at the table's end.
    """

    rows: int = 0
    written: int = 0
    last: str | None = None


Step = Callable[[BatchContext, str], Batch]


class Projector(Protocol):
    """Projection of one list, table by table. There are two: ``ModelProjector``, ``NativeProjector``."""

    @property
    def name(self) -> str:
        """Name of the list."""

    @property
    def projection(self) -> Projection:
        """Projection that the rows are to have."""

    @property
    def removes_values(self) -> bool:
        """True where members are excluded, so that what it changes has lost values."""

    @property
    def steps(self) -> Mapping[str, Step]:
        """Re-projection of a batch of each table, by table, in order; it gets the key to go on after."""


def reproject_batch(context: BatchContext, projector: Projector) -> Batch | None:
    """Re-project the next batch of the list, and move the cursor; None: nothing is left.

    Raises ProjectionReplaced where another process has adopted another projection.
    """
    connection = context.connection
    cursor = lock_cursor(connection, projector.name, projector.projection)
    if cursor is None:
        return None
    steps = projector.steps
    tables = list(steps)
    if cursor.table not in steps:
        # It has just begun, or the catalogue has lost the table since.
        cursor = ReprojectionCursor(tables[0], None)
    batch = steps[cursor.table](context, cursor.after or "")
    if batch.written and (projector.removes_values or context.erased):
        note_removed(connection)
    following = tables[tables.index(cursor.table) + 1 :]
    if batch.last is not None:
        moved: ReprojectionCursor | None = ReprojectionCursor(cursor.table, batch.last)
    else:
        moved = ReprojectionCursor(following[0], None) if following else None
    save_cursor(connection, projector.name, moved)
    return batch


def expected_rows(connection: Connection, name: str) -> int:
    """Count the rows of a list, by the streams' own counters."""
    counted = select(func.coalesce(func.sum(streams.c.rows_live + streams.c.rows_deleted), 0)).where(
        streams.c.model == name
    )
    return int(connection.execute(counted).scalar_one())


def read_documents(context: BatchContext, rows: Select[Any]) -> tuple[list[Any], bool]:
    """Read rows with their ``document`` until there are enough of them, or these are large.

    Tells also whether the table may go on after them.
    """
    # A few at a time: the driver would have all of them in memory at once.
    options = {"stream_results": True, "yield_per": FETCHED_ROWS}
    found, size = list[Any](), 0
    with context.connection.execute(rows.limit(context.size), execution_options=options) as result:
        for row in result:
            found.append(row)
            size += len(row.document)
            if size > MOST_BATCH_BYTES:
                return found, True
    return found, len(found) == context.size


def joined_key(environment: str, integration_id: str, key: str) -> str:
    """Join the parts of a key to one. Names of environments and ids of integrations have no blanks."""
    return f"{environment} {integration_id} {key}"


def split_key(joined: str) -> tuple[str, str, str]:
    """Split a joined key; an empty one comes before all."""
    environment, _, rest = joined.partition(" ")
    integration_id, _, key = rest.partition(" ")
    return environment, integration_id, key
