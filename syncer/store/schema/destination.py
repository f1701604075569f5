"""Where the rows of a stream are kept: in the table of its model, or among the records of native lists."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, Table

from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.catalogue.model import Child, Link, Model
from syncer.domain.records.row import Row
from syncer.domain.stream_key import StreamKey
from syncer.store.schema.mirror_tables import MIRROR
from syncer.store.schema.native_table import passthrough_records

#: When a row was first and last written.
STAMPED = ("first_seen_at", "mirrored_at")


@dataclass(frozen=True, slots=True)
class Shelf:
    """The rows of one stream.

    key: the column with the records' ids. own: columns that have the same value in all rows of the stream.
    links, children: what is kept with them in tables of their own. stamped: columns with the time at which a
    row is written.
    """

    table: Table
    key: str
    own: Mapping[str, str]
    links: tuple[Link, ...] = ()
    children: tuple[Child, ...] = ()
    stamped: tuple[str, ...] = STAMPED

    @property
    def id(self) -> Column[Any]:
        """The column with the records' ids."""
        return self.table.c[self.key]

    @property
    def its(self) -> list[ColumnElement[bool]]:
        """Which rows of the table are the stream's."""
        return [self.table.c[name] == value for name, value in self.own.items()]

    @property
    def beside(self) -> dict[str, str]:
        """What a row must have besides its id to be the record's: nothing where ids are the table's key."""
        key = self.table.primary_key.columns
        return {name: value for name, value in self.own.items() if name in key}

    @property
    def beside_id(self) -> list[ColumnElement[bool]]:
        """The same as conditions."""
        return [self.table.c[name] == value for name, value in self.beside.items()]

    def values(self, row: Row, now: datetime) -> dict[str, Any]:
        """The row as the table takes it, written now."""
        return {
            self.key: row.id,
            **self.own,
            **row.values,
            "document": row.document,
            "content_hash": row.content_hash,
            **dict.fromkeys(self.stamped, now),
            "deleted_by": "kombo" if row.deleted_at is not None else None,
        }


def model_shelf(model: Model, integration_id: str) -> Shelf:
    """Where a model's records of an integration are kept."""
    own = {"integration_id": integration_id}
    return Shelf(MIRROR[model.name], "id", own, model.links, model.children)


def shelf_of(environment: str, key: StreamKey) -> Shelf:
    """Where a stream's records are kept."""
    model = catalogue().get(key.model)
    if model is not None:
        return model_shelf(model, key.integration_id)
    own = {"environment": environment, "resource": key.model, "integration_id": key.integration_id}
    return Shelf(passthrough_records, "record_key", own, stamped=(*STAMPED, "last_seen_at"))
