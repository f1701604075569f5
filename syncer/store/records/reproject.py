"""Stored documents become rows once more, batch by batch: typed columns, links, children and quarantine.

A batch reads and writes in one transaction, with the rows locked: what a walk writes meanwhile comes before
or after it, and never gets lost. Only what differs is written.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import Connection, Select, Table, Text, cast, delete, func, select, tuple_, update

from syncer.domain.catalogue.model import Child, Model
from syncer.domain.records.exclude import Excluded, Exclusion, excluded_from
from syncer.domain.records.projection import projection
from syncer.domain.records.record import Poison, ascii_json
from syncer.domain.records.row import Row, project_entry, project_text
from syncer.domain.stream_key import StreamKey
from syncer.store.db.bulk import upsert
from syncer.store.records.write import REFUSED, as_far_as_possible
from syncer.store.schema.mirror_tables import MIRROR
from syncer.store.schema.state_tables import quarantine, streams
from syncer.store.state.projections import Place, move, place
from syncer.store.state.quarantine import HASHED, add_to_quarantine, record_key

#: What the mirror knows of a row and its document does not.
KNOWLEDGE = frozenset({"remote_deleted_at", "changed_at", "deleted_by", "integration_id", "first_seen_at"})


@dataclass(frozen=True, slots=True)
class Batch:
    """What one transaction did.

    rows: records of the model that it looked at. written: rows, links, children and entries of the
    quarantine that it changed. last: what its table goes on after, None at the table's end.
    """

    rows: int = 0
    written: int = 0
    last: str | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """What a batch needs besides its place; size in rows."""

    connection: Connection
    environment: str
    model: Model
    exclusions: frozenset[Exclusion]
    run_id: str
    now: datetime
    size: int

    @property
    def excluded(self) -> Excluded | None:
        return excluded_from(self.model.name, self.exclusions)


def expected_rows(connection: Connection, environment: str, model: str) -> int:
    """How many rows the model has, by the streams' own counts."""
    counted = select(func.coalesce(func.sum(streams.c.rows_live + streams.c.rows_deleted), 0)).where(
        streams.c.environment == environment, streams.c.model == model
    )
    return int(connection.execute(counted).scalar_one())


def reproject_batch(task: Task) -> Batch | None:
    """The next batch of the model's re-projection, and its new place; None: all is done.

    Raises ProjectionReplaced where another process has adopted another projection.
    """
    connection, environment, model = task.connection, task.environment, task.model
    at = place(connection, environment, model.name, projection(model, task.exclusions))
    if at is None:
        return None
    steps: dict[str, Callable[[str], Batch]] = {
        model.name: partial(_records, task),
        **{child.table: partial(_entries, task, child) for child in model.children if child.owner is None},
        quarantine.name: partial(_quarantined, task),
    }
    tables = list(steps)
    # The catalogue may have lost the table since.
    table = at.table if at.table in steps else tables[0]
    done = steps[table]((at.after or "") if table == at.table else "")
    if done.last is not None:
        to: Place | None = Place(table, done.last)
    else:
        following = tables[tables.index(table) + 1 :]
        to = Place(following[0], None) if following else None
    move(connection, environment, model.name, to)
    return done


def _records(task: Task, after: str) -> Batch:
    connection, model, table = task.connection, task.model, MIRROR[task.model.name]
    found = connection.execute(
        select(table.c.id, table.c.integration_id, cast(table.c.document, Text), table.c.content_hash)
        .where(table.c.id > after)
        .order_by(table.c.id)
        .limit(task.size)
        .with_for_update()
    ).all()
    stored = {each[0]: each for each in found}
    rows: list[Row] = []
    refused: list[Poison] = []
    for record_id, _, document, _ in found:
        record = project_text(model, document.encode(), task.excluded)
        if isinstance(record, Row):
            rows.append(record)
        else:
            refused.append(replace(record, id=record_id))
    written: list[int] = []

    def write(part: Sequence[Row]) -> None:
        written.append(_write(task, part, stored))

    refused += as_far_as_possible(connection, write, rows)
    if refused and task.excluded is not None:
        # Rather empty rows than such that keep what must go.
        write([_emptied(model, str(poison.id)) for poison in refused])
    by_integration: dict[str, tuple[list[Poison], list[Row]]] = defaultdict(lambda: ([], []))
    for poison in refused:
        by_integration[stored[str(poison.id)].integration_id][0].append(poison)
    for row in rows:
        if row.notes:
            by_integration[stored[row.id].integration_id][1].append(row)
    held = sum(
        add_to_quarantine(
            connection, task.environment, StreamKey(each, model.name), task.run_id, task.now, poisons, noted
        )
        for each, (poisons, noted) in sorted(by_integration.items())
    )
    return Batch(len(found), sum(written) + held, _last([each[0] for each in found], task.size))


def _write(task: Task, rows: Sequence[Row], stored: dict[str, Any]) -> int:
    connection, model, now = task.connection, task.model, task.now
    table = MIRROR[model.name]
    values = [
        {
            "id": row.id,
            "integration_id": stored[row.id].integration_id,
            **row.values,
            "document": row.document,
            # The hash of the record as it came, unless it is another record now.
            "content_hash": bytes(stored[row.id].content_hash)
            if row.document == stored[row.id][2]
            else row.content_hash,
            "first_seen_at": now,
            "mirrored_at": now,
        }
        for row in rows
    ]
    typed = {column.name for column in table.c} - KNOWLEDGE - {"id", "content_hash", "mirrored_at"}
    written = upsert(connection, table, values, keep=KNOWLEDGE, compare=typed)
    owners = [row.id for row in rows]
    for link in model.links:
        entries = [entry for row in rows for entry in row.links[link.table]]
        written += _replace(connection, MIRROR[link.table], link.owner, owners, entries)
    for child in model.children:
        entries = [
            {**entry, "integration_id": stored[row.id].integration_id}
            for row in rows
            for entry in row.children[child.table]
        ]
        target = MIRROR[child.table]
        if child.owner is not None:
            written += _replace(connection, target, child.owner, owners, entries)
        else:
            # What is there may have come with a later parent; it is re-projected from its own document.
            new = {entry["id"]: {**entry, "mirrored_at": now} for entry in entries}
            everything = [column.name for column in target.c]
            written += upsert(connection, target, [new[key] for key in sorted(new)], keep=everything)
    return written


def _replace(
    connection: Connection, table: Table, owner: str, owners: Sequence[str], entries: list[dict[str, Any]]
) -> int:
    """Make these the owners' entries; entries that are there and equal are left alone."""
    key = [column.name for column in table.primary_key]
    wanted = {tuple(entry[name] for name in key) for entry in entries}
    found = connection.execute(select(*(table.c[name] for name in key)).where(table.c[owner].in_(owners)))
    overfull = {row[key.index(owner)] for row in found if tuple(row) not in wanted}
    removed = 0
    if overfull:
        removed = connection.execute(delete(table).where(table.c[owner].in_(sorted(overfull)))).rowcount
    others = [column.name for column in table.c if column.name not in key]
    return removed + upsert(connection, table, entries, compare=others)


def _emptied(model: Model, record_id: str) -> Row:
    row = project_text(model, json.dumps({"id": record_id}).encode())
    assert isinstance(row, Row)
    return row


def _entries(task: Task, child: Child, after: str) -> Batch:
    """Children that several parents share, each from its own document."""
    connection, table = task.connection, MIRROR[child.table]
    found = connection.execute(
        select(table.c.id, table.c.integration_id, cast(table.c.document, Text))
        .where(table.c.id > after)
        .order_by(table.c.id)
        .limit(task.size)
        .with_for_update()
    ).all()
    values, gone = [], []
    for row in found:
        entry = project_entry(child, row[2].encode(), task.excluded)
        if entry is None:
            gone.append(row.id)
        else:
            values.append({**entry, "integration_id": row.integration_id, "mirrored_at": task.now})
    compared = {column.name for column in table.c} - {"id", "integration_id", "mirrored_at"}
    written = upsert(connection, table, values, keep=["integration_id"], compare=compared)
    if gone:
        written += connection.execute(delete(table).where(table.c.id.in_(gone))).rowcount
    return Batch(0, written, _last([row.id for row in found], task.size))


def _quarantined(task: Task, after: str) -> Batch:
    """What is held back, and why, as it would be written now."""
    connection, entry = task.connection, quarantine.c
    # Ids of integrations have no blanks.
    place = after.split(" ", 1) if after else ["", ""]
    found = connection.execute(
        _held_back(task)
        .where(tuple_(entry.integration_id, entry.record_key) > tuple_(*place))
        .order_by(entry.integration_id, entry.record_key)
        .limit(task.size)
        .with_for_update()
    ).all()
    table = MIRROR[task.model.name]
    mirrored = set(
        connection.execute(
            select(table.c.id).where(table.c.id.in_([row.record_key for row in found]))
        ).scalars()
    )
    written = sum(_held_again(task, row, row.record_key in mirrored) for row in found)
    last = _last([f"{row.integration_id} {row.record_key}" for row in found], task.size)
    return Batch(0, written, last)


def _held_back(task: Task) -> Select[Any]:
    return select(quarantine).where(
        quarantine.c.environment == task.environment, quarantine.c.model == task.model.name
    )


def _held_again(task: Task, held: Any, is_mirrored: bool) -> int:
    """Bring one entry up to date, or drop it where its row is whole now; gives how many rows that wrote."""
    connection = task.connection
    this = (
        quarantine.c.environment == held.environment,
        quarantine.c.integration_id == held.integration_id,
        quarantine.c.model == held.model,
        quarantine.c.record_key == held.record_key,
    )
    record = project_text(task.model, held.document.encode(), task.excluded)
    document = record.document if isinstance(record, Poison) else ascii_json(record.document)
    reason = held.reason
    if isinstance(record, Row) and not reason.startswith(REFUSED) and is_mirrored:
        if not record.notes:
            return connection.execute(delete(quarantine).where(*this)).rowcount
        reason = "; ".join(record.notes)
    elif document != held.document:
        # The reason may quote what the document does not have any more.
        reason = record.reason if isinstance(record, Poison) else reason.partition(":")[0]
    if (document, reason) == (held.document, held.reason):
        return 0
    key = held.record_key
    if key.startswith(HASHED):
        key = record_key(record.id, document)
        if key != held.record_key:
            connection.execute(delete(quarantine).where(*this[:3], quarantine.c.record_key == key))
    changes = update(quarantine).where(*this).values(record_key=key, document=document, reason=reason)
    return connection.execute(changes).rowcount


def _last(keys: Sequence[str], size: int) -> str | None:
    return keys[-1] if len(keys) == size else None
