"""Destination of the rows of a stream: the table of its model, or the one that all native lists share."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import Column, ColumnElement, Table

from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.catalogue.model import Child, Link, Model
from syncer.domain.records.row import Row
from syncer.domain.stream_key import StreamKey
from syncer.store.schema.mirror_tables import MIRROR
from syncer.store.schema.native_table import passthrough_records

#: Columns with the times of a row's first and last write.
WRITE_TIMESTAMPS = ("first_seen_at", "mirrored_at")


class Destination(Struct, frozen=True):
    """Table, key and constant columns of the rows of one stream.

    id_column: name of the column with the records' ids. stream_columns: columns that have the same value in
    all rows of the stream. links, children: entries that are kept with the rows in tables of their own.
    timestamp_columns: columns with the time at which a row is written.
    """

    table: Table
    id_column: str
    stream_columns: Mapping[str, str]
    links: tuple[Link, ...] = ()
    children: tuple[Child, ...] = ()
    timestamp_columns: tuple[str, ...] = WRITE_TIMESTAMPS

    @property
    def id(self) -> Column[Any]:
        """Column with the records' ids."""
        return self.table.c[self.id_column]

    @property
    def stream_filter(self) -> list[ColumnElement[bool]]:
        """Conditions that choose the stream's rows."""
        return self._equal(self.stream_columns)

    @property
    def key_filter(self) -> list[ColumnElement[bool]]:
        """Conditions that, together with an id, choose one row, whosever it is."""
        others = self.owner_columns
        return self._equal({name: each for name, each in self.stream_columns.items() if name not in others})

    @property
    def owner_columns(self) -> dict[str, str]:
        """Columns that are not of the primary key, with the stream's values: they say whose an id is."""
        key = self.table.primary_key.columns
        return {name: value for name, value in self.stream_columns.items() if name not in key}

    def values(self, row: Row, now: datetime) -> dict[str, Any]:
        """Values of the table's columns for a row that is written now."""
        return {
            self.id_column: row.id,
            **self.stream_columns,
            **row.values,
            "document": row.document,
            "content_hash": row.content_hash,
            **dict.fromkeys(self.timestamp_columns, now),
            "deleted_by": "kombo" if row.deleted_at is not None else None,
        }

    def _equal(self, values: Mapping[str, str]) -> list[ColumnElement[bool]]:
        return [self.table.c[name] == value for name, value in values.items()]


def model_destination(model: Model, integration_id: str) -> Destination:
    """Give the destination of a model's records of one integration."""
    stream_columns = {"integration_id": integration_id}
    return Destination(MIRROR[model.name], "id", stream_columns, model.links, model.children)


def stream_destination(environment: str, key: StreamKey) -> Destination:
    """Give the destination of a stream's records."""
    model = catalogue().get(key.model)
    if model is not None:
        return model_destination(model, key.integration_id)
    stream_columns = {
        "environment": environment,
        "resource": key.model,
        "integration_id": key.integration_id,
    }
    timestamps = (*WRITE_TIMESTAMPS, "last_seen_at")
    return Destination(passthrough_records, "record_key", stream_columns, timestamp_columns=timestamps)
