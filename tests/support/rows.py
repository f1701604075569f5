"""Write rows into the mirror as a page does, having looked up what is there."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from syncer.domain.records.change import change
from syncer.domain.records.row import Row
from syncer.store.records.compare import stored_rows
from syncer.store.records.write import WrittenRows, write_rows
from syncer.store.schema.destination import Destination


def write_page(
    connection: Connection,
    destination: Destination,
    rows: Sequence[Row],
    *,
    now: datetime,
    walk_began_at: datetime,
    keep_anonymised: bool = False,
) -> WrittenRows:
    """Write the rows; of several with one id the last counts."""
    latest = list({row.id: row for row in rows}.values())
    stored = stored_rows(connection, destination, [row.id for row in latest])
    effects = {row.id: change(row, stored.get(row.id)) for row in latest}
    return write_rows(
        connection,
        destination,
        latest,
        effects,
        stored,
        now=now,
        walk_began_at=walk_began_at,
        keep_anonymised=keep_anonymised,
    )
