"""Stored native records get the columns that the configuration asks for now, batch by batch."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Text, bindparam, cast, select, tuple_, update

from syncer.domain.native.rows import native_projection, project_native
from syncer.domain.native.spec import NativeListSpec
from syncer.domain.records.record import Poison, Record
from syncer.domain.records.row import Row
from syncer.domain.stream_key import StreamKey
from syncer.store.records.reproject import Batch
from syncer.store.schema.native_table import passthrough_records
from syncer.store.state.projections import Place, move, place
from syncer.store.state.quarantine import keep_in_quarantine, keys_among

_ITS = passthrough_records.c
_CHANGE = (
    update(passthrough_records)
    .where(
        _ITS.environment == bindparam("its_environment"),
        _ITS.resource == bindparam("its_resource"),
        _ITS.integration_id == bindparam("its_integration"),
        _ITS.record_key == bindparam("its_key"),
    )
    .values(columns=bindparam("new_columns"))
)


@dataclass(frozen=True, slots=True)
class NativeTask:
    """What a batch needs besides its place; size in rows. run_id names what puts records into quarantine."""

    connection: Connection
    environment: str
    native_list: NativeListSpec
    run_id: str
    now: datetime
    size: int


def reproject_native_batch(task: NativeTask) -> Batch | None:
    """The next batch of the resource's re-projection, and its new place; None: all is done.

    Raises ProjectionReplaced where another process has adopted other columns.
    """
    connection, environment, native_list = task.connection, task.environment, task.native_list
    at = place(connection, environment, native_list.name, native_projection(native_list))
    if at is None:
        return None
    # Ids of integrations have no blanks.
    after = at.after.split(" ", 1) if at.after else ["", ""]
    found = connection.execute(
        select(
            _ITS.integration_id,
            _ITS.record_key,
            _ITS.content_hash,
            cast(_ITS.document, Text).label("document"),
            _ITS.parent,
            cast(_ITS["columns"], Text).label("columns"),
        )
        .where(
            _ITS.environment == environment,
            _ITS.resource == native_list.name,
            tuple_(_ITS.integration_id, _ITS.record_key) > tuple_(*after),
        )
        .order_by(_ITS.integration_id, _ITS.record_key)
        .limit(task.size)
        .with_for_update()
    ).all()
    projected: dict[str, list[tuple[Record, Row | Poison]]] = defaultdict(list)
    changes = []
    for stored in found:
        record = Record(
            stored.record_key, None, bytes(stored.content_hash), stored.document.encode(), stored.parent
        )
        row = project_native(native_list, record)
        projected[stored.integration_id].append((record, row))
        columns = row.values["columns"] if isinstance(row, Row) else None
        if _value(columns) != _value(stored.columns):
            changes.append(
                {
                    "its_environment": environment,
                    "its_resource": native_list.name,
                    "its_integration": stored.integration_id,
                    "its_key": stored.record_key,
                    "new_columns": columns,
                }
            )
    if changes:
        connection.execute(_CHANGE, changes)
    for integration_id, pairs in projected.items():
        _bring_quarantine(task, StreamKey(integration_id, native_list.name), pairs)
    last = f"{found[-1].integration_id} {found[-1].record_key}" if len(found) == task.size else None
    to = None if last is None else Place(passthrough_records.name, last)
    move(connection, environment, native_list.name, to)
    return Batch(len(found), len(changes), last)


def _bring_quarantine(task: NativeTask, key: StreamKey, pairs: list[tuple[Record, Row | Poison]]) -> None:
    """Keep what does not fit the columns now, and drop what was kept for others."""
    keep_in_quarantine(
        task.connection,
        task.environment,
        key,
        task.run_id,
        task.now,
        [row for _, row in pairs if isinstance(row, Poison)],
        [row for _, row in pairs if isinstance(row, Row)],
        keys_among(task.connection, task.environment, key, [record for record, _ in pairs]),
    )


def _value(text: str | None) -> object:
    return None if text is None else json.loads(text)
