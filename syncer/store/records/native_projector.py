"""Re-projection of native and added lists: stored records get other columns, and lose what is excluded."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Mapping
from functools import partial
from typing import Generic, TypeVar

from sqlalchemy import Text, bindparam, cast, select, tuple_, update

from syncer.domain.added.rows import added_exclusions, added_projection, project_added, read_stored_added
from syncer.domain.added.spec import AddedList
from syncer.domain.native.rows import native_projection, project_native, read_stored_native
from syncer.domain.native.spec import NativeListSpec
from syncer.domain.records.exclude import Excluded, excluded_from_stored
from syncer.domain.records.exclusions import Exclusion
from syncer.domain.records.projection import Projection
from syncer.domain.records.record import Poison, Record
from syncer.domain.records.row import Row
from syncer.domain.stream_key import StreamKey
from syncer.store.records.reproject import Batch, BatchContext, Step, joined_key, read_documents, split_key
from syncer.store.records.reproject_feed import reproject_feed
from syncer.store.records.reproject_quarantine import reproject_native_quarantine
from syncer.store.schema.feed_tables import changes
from syncer.store.schema.native_table import passthrough_records
from syncer.store.schema.native_views import ConfiguredList
from syncer.store.schema.state_tables import quarantine
from syncer.store.state.quarantine import keep_in_quarantine, quarantined_keys

_COLUMNS = passthrough_records.c
_UPDATE = (
    update(passthrough_records)
    .where(
        _COLUMNS.environment == bindparam("row_environment"),
        _COLUMNS.resource == bindparam("row_resource"),
        _COLUMNS.integration_id == bindparam("row_integration"),
        _COLUMNS.record_key == bindparam("row_key"),
    )
    .values(
        columns=bindparam("new_columns"),
        document=bindparam("new_document"),
        content_hash=bindparam("new_hash"),
    )
)


_ListT = TypeVar("_ListT", bound=ConfiguredList)


class _SharedTableProjector(ABC, Generic[_ListT]):
    """A ``Projector`` of records in the table of native records, and of their typed columns."""

    def __init__(self, spec: _ListT, exclusions: frozenset[Exclusion]) -> None:
        self.spec = spec
        self.exclusions = exclusions

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    @abstractmethod
    def projection(self) -> Projection: ...

    @property
    def steps(self) -> Mapping[str, Step]:
        return {
            passthrough_records.name: self._records,
            quarantine.name: partial(reproject_native_quarantine, name=self.name, excluded=self._excluded),
            changes.name: partial(reproject_feed, name=self.name, excluded=self._excluded),
        }

    @property
    def removes_values(self) -> bool:
        return self._excluded is not None

    @property
    @abstractmethod
    def _excluded(self) -> Excluded | None: ...

    @abstractmethod
    def _read(self, stored: Record, excluded: Excluded) -> Record:
        """Read a row's record once more, without what is excluded."""

    @abstractmethod
    def _project(self, record: Record) -> Row | Poison:
        """Project a record to its row, or to the reason why there is none."""

    def _records(self, context: BatchContext, after: str) -> Batch:
        connection, name = context.connection, self.name
        found, goes_on = read_documents(
            context,
            select(
                _COLUMNS.environment,
                _COLUMNS.integration_id,
                _COLUMNS.record_key,
                _COLUMNS.content_hash,
                cast(_COLUMNS.document, Text).label("document"),
                _COLUMNS.parent,
                cast(_COLUMNS["columns"], Text).label("columns"),
            )
            .where(
                _COLUMNS.resource == name,
                tuple_(_COLUMNS.environment, _COLUMNS.integration_id, _COLUMNS.record_key)
                > tuple_(*split_key(after)),
            )
            .order_by(_COLUMNS.environment, _COLUMNS.integration_id, _COLUMNS.record_key)
            .with_for_update(),
        )
        projected: dict[tuple[str, str], list[tuple[Record, Row | Poison]]] = defaultdict(list)
        written = []
        for stored in found:
            record = Record(
                stored.record_key, None, bytes(stored.content_hash), stored.document.encode(), stored.parent
            )
            if self._excluded is not None:
                record = self._read(record, self._excluded)
            row = self._project(record)
            projected[stored.environment, stored.integration_id].append((record, row))
            columns = row.values["columns"] if isinstance(row, Row) else None
            document = record.text.decode()
            if document != stored.document or _decoded(columns) != _decoded(stored.columns):
                written.append(
                    {
                        "row_environment": stored.environment,
                        "row_resource": name,
                        "row_integration": stored.integration_id,
                        "row_key": stored.record_key,
                        "new_columns": columns,
                        "new_document": document,
                        "new_hash": record.content_hash,
                    }
                )
        if written:
            connection.execute(_UPDATE, written)
        for (environment, integration_id), pairs in projected.items():
            _update_quarantine(context, environment, StreamKey(integration_id, name), pairs)
        last = found[-1] if goes_on else None
        goes_on_after = last and joined_key(last.environment, last.integration_id, last.record_key)
        return Batch(len(found), len(written), goes_on_after)


class NativeProjector(_SharedTableProjector[NativeListSpec]):
    """A ``Projector``: records of a native list and their typed columns, less what is excluded."""

    @property
    def projection(self) -> Projection:
        return native_projection(self.spec, self.exclusions)

    @property
    def _excluded(self) -> Excluded | None:
        return excluded_from_stored(self.name, self.exclusions)

    def _read(self, stored: Record, excluded: Excluded) -> Record:
        return read_stored_native(self.spec, stored, excluded)

    def _project(self, record: Record) -> Row | Poison:
        return project_native(self.spec, record)


class AddedListProjector(_SharedTableProjector[AddedList]):
    """A ``Projector``: records of a list of Kombo's that the configuration adds, less what is excluded."""

    @property
    def projection(self) -> Projection:
        return added_projection(self.spec, self.exclusions)

    @property
    def _excluded(self) -> Excluded | None:
        return added_exclusions(self.spec, self.exclusions, is_stored=True)

    def _read(self, stored: Record, excluded: Excluded) -> Record:
        return read_stored_added(stored, excluded)

    def _project(self, record: Record) -> Row | Poison:
        return project_added(self.spec, record, self._excluded)


def _update_quarantine(
    context: BatchContext, environment: str, key: StreamKey, pairs: list[tuple[Record, Row | Poison]]
) -> None:
    """Keep what does not fit the columns now, and drop what was kept for others."""
    keep_in_quarantine(
        context.connection,
        environment,
        key,
        context.run_id,
        context.now,
        [row for _, row in pairs if isinstance(row, Poison)],
        [row for _, row in pairs if isinstance(row, Row)],
        quarantined_keys(context.connection, environment, key, [record for record, _ in pairs]),
    )


def _decoded(text: str | None) -> object:
    return None if text is None else json.loads(text)
