"""Re-projection of Kombo's models: typed columns, links, children and quarantine, out of stored documents."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Table, Text, cast, delete, select

from syncer.domain.catalogue.model import Child, Model
from syncer.domain.environments import DEFAULT_ENVIRONMENT
from syncer.domain.erasure.texts import clean_text
from syncer.domain.records.exclude import Excluded, excluded_from_stored
from syncer.domain.records.exclusions import Exclusion
from syncer.domain.records.projection import Projection, projection
from syncer.domain.records.record import Poison, decoded, hashed
from syncer.domain.records.row import Row, project_entry, project_text
from syncer.domain.stream_key import StreamKey
from syncer.store.db.bulk import upsert
from syncer.store.records.reproject import Batch, BatchContext, Step, read_documents
from syncer.store.records.reproject_erased import erase_late, tell_forgotten
from syncer.store.records.reproject_feed import reproject_feed
from syncer.store.records.reproject_quarantine import reproject_quarantine
from syncer.store.records.version_projector import reproject_versions, rewrite_relations
from syncer.store.records.write import write_by_halves
from syncer.store.schema.mirror_tables import MIRROR, changes, history
from syncer.store.schema.state_tables import quarantine
from syncer.store.state.integrations import environments_of
from syncer.store.state.quarantine import add_to_quarantine

#: Columns that the document does not give: what a sweep, or Kombo's later word, has written stays.
NOT_IN_DOCUMENT = frozenset(
    {"remote_deleted_at", "changed_at", "deleted_by", "integration_id", "first_seen_at"}
)


class ModelProjector(Struct, frozen=True):
    """A ``Projector``: rows, links and children of a model, less what is excluded."""

    model: Model
    exclusions: frozenset[Exclusion]

    @property
    def name(self) -> str:
        return self.model.name

    @property
    def projection(self) -> Projection:
        return projection(self.model, self.exclusions)

    @property
    def steps(self) -> Mapping[str, Step]:
        shared = [child for child in self.model.children if child.owner is None]
        return {
            self.name: self._records,
            **{child.table: partial(self._shared, child) for child in shared},
            history.name: partial(reproject_versions, model=self.model, excluded=self._excluded),
            quarantine.name: partial(reproject_quarantine, model=self.model, excluded=self._excluded),
            changes.name: partial(reproject_feed, name=self.name, excluded=self._excluded),
        }

    @property
    def removes_values(self) -> bool:
        return self._excluded is not None

    @property
    def _excluded(self) -> Excluded | None:
        return excluded_from_stored(self.name, self.exclusions)

    def _records(self, context: BatchContext, after: str) -> Batch:
        found, goes_on = _stored(context, MIRROR[self.name], after)
        stored = {each.id: each for each in found}
        rows: list[Row] = []
        poisons: list[Poison] = []
        forgotten: dict[str, frozenset[str]] = {}
        receipts: dict[str, str] = {}
        for each in found:
            cleaned = clean_text(context.erased, self.name, each.integration_id, each.document.encode())
            if cleaned.receipt is not None:
                receipts[each.id] = cleaned.receipt
                continue
            record = project_text(self.model, cleaned.text, self._excluded)
            if isinstance(record, Row):
                if cleaned.members:
                    forgotten[each.id] = cleaned.members
                    # The hash that the record has when it comes again.
                    left = hashed(decoded(record.document.encode()))
                    record = replace(record, content_hash=left)
                rows.append(record)
            else:
                poisons.append(replace(record, id=each.id))
        written: list[int] = []

        def write(part: Sequence[Row]) -> None:
            written.append(write_projected(context, self.model, part, stored))

        poisons += write_by_halves(context.connection, write, rows)
        emptied = [each for each in poisons if self._excluded is not None or each.id in forgotten]
        if emptied:
            # Write empty rows: what is excluded or erased must not remain.
            write([_empty_row(self.model, str(poison.id)) for poison in emptied])
        owners = {each.id: each.integration_id for each in found}
        erase_late(context, self.name, receipts, owners)
        tell_forgotten(context, self.name, forgotten, owners)
        by_integration: dict[str, tuple[list[Poison], list[Row]]] = defaultdict(lambda: ([], []))
        for poison in poisons:
            by_integration[stored[str(poison.id)].integration_id][0].append(poison)
        for row in rows:
            if row.notes:
                by_integration[stored[row.id].integration_id][1].append(row)
        environments = environments_of(context.connection, by_integration) if by_integration else {}
        added = sum(
            add_to_quarantine(
                context.connection,
                environments.get(integration_id, DEFAULT_ENVIRONMENT),
                StreamKey(integration_id, self.name),
                context.run_id,
                context.now,
                *these,
            )
            for integration_id, these in sorted(by_integration.items())
        )
        return Batch(len(found), sum(written) + added, found[-1].id if goes_on else None)

    def _shared(self, child: Child, context: BatchContext, after: str) -> Batch:
        """Re-project children that several parents share, each out of its own document."""
        connection, table = context.connection, MIRROR[child.table]
        found, goes_on = _stored(context, table, after)
        values, excluded = [], []
        for each in found:
            entry = project_entry(child, each.document.encode(), self._excluded)
            if entry is None:
                excluded.append(each.id)
            else:
                values.append({**entry, "integration_id": each.integration_id, "mirrored_at": context.now})
        compared = {column.name for column in table.c} - {"id", "integration_id", "mirrored_at"}
        written = upsert(connection, table, values, keep=["integration_id"], compare=compared)
        if excluded:
            written += connection.execute(delete(table).where(table.c.id.in_(excluded))).rowcount
        return Batch(0, written, found[-1].id if goes_on else None)


def _stored(context: BatchContext, table: Table, after: str) -> tuple[Sequence[Any], bool]:
    """Read and lock the next rows of the table, by id; tell whether it goes on after them."""
    document = cast(table.c.document, Text).label("document")
    return read_documents(
        context,
        select(table.c.id, table.c.integration_id, document, table.c.content_hash)
        .where(table.c.id > after)
        .order_by(table.c.id)
        .with_for_update(),
    )


def write_projected(
    context: BatchContext, model: Model, rows: Sequence[Row], stored: Mapping[str, Any]
) -> int:
    """Write what differs of the rows, with their links and children; give how many rows that were."""
    connection, now = context.connection, context.now
    table = MIRROR[model.name]
    values = [
        {
            "id": row.id,
            "integration_id": stored[row.id].integration_id,
            **row.values,
            "document": row.document,
            # The hash of the record as it came, unless it is another record now.
            "content_hash": bytes(stored[row.id].content_hash)
            if row.document == stored[row.id].document
            else row.content_hash,
            "first_seen_at": now,
            "mirrored_at": now,
        }
        for row in rows
    ]
    typed = {column.name for column in table.c} - NOT_IN_DOCUMENT - {"id", "content_hash", "mirrored_at"}
    written = upsert(connection, table, values, keep=NOT_IN_DOCUMENT, compare=typed)
    owners = [row.id for row in rows]
    for link in model.links:
        entries = [entry for row in rows for entry in row.links[link.table]]
        written += _replace(context, MIRROR[link.table], link.owner, owners, entries)
    for child in model.children:
        entries = [
            {**entry, "integration_id": stored[row.id].integration_id}
            for row in rows
            for entry in row.children[child.table]
        ]
        target = MIRROR[child.table]
        if child.owner is not None:
            written += _replace(context, target, child.owner, owners, entries)
        else:
            # What is there may have come with a later parent; it is re-projected from its own document.
            new = {entry["id"]: {**entry, "mirrored_at": now} for entry in entries}
            everything = [column.name for column in target.c]
            written += upsert(connection, target, [new[key] for key in sorted(new)], keep=everything)
    return written + rewrite_relations(context, model, owners)


def _replace(
    context: BatchContext, table: Table, owner: str, owners: Sequence[str], entries: list[dict[str, Any]]
) -> int:
    """Make these the owners' entries; entries that are there and equal are left alone."""
    connection = context.connection
    key = [column.name for column in table.primary_key]
    wanted = {tuple(entry[name] for name in key) for entry in entries}
    found = connection.execute(select(*(table.c[name] for name in key)).where(table.c[owner].in_(owners)))
    with_others = {row[key.index(owner)] for row in found if tuple(row) not in wanted}
    removed = 0
    if with_others:
        removed = connection.execute(delete(table).where(table.c[owner].in_(sorted(with_others)))).rowcount
    values = [column.name for column in table.c if column.name not in key]
    return removed + upsert(connection, table, entries, compare=values)


def _empty_row(model: Model, record_id: str) -> Row:
    row = project_text(model, json.dumps({"id": record_id}).encode())
    assert isinstance(row, Row)
    return row
