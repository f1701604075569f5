"""SQLAlchemy metadata of every table: mirror tables from the catalogue, and the program's state.

There are no foreign keys between mirror tables: what a record refers to may be filtered out, not offered or
not yet read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from threading import Lock
from typing import Any

from sqlalchemy import Column, Index, Integer, MetaData, PrimaryKeyConstraint, Table, Text

from syncer.domain.catalogue import model as shape
from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.records.row import COMMON_COLUMNS
from syncer.store.db.types import SQL_TYPES, Hash, Json, Timestamp
from syncer.store.schema.alert_tables import alerts
from syncer.store.schema.delivery_tables import deliveries
from syncer.store.schema.erasure_tables import erased, erasure_key, erasures
from syncer.store.schema.feed_tables import changes, consumers, feed
from syncer.store.schema.histories import history
from syncer.store.schema.key_tables import budgets
from syncer.store.schema.later_of import last_told
from syncer.store.schema.native_table import passthrough_records
from syncer.store.schema.partial_indexes import partial_index
from syncer.store.schema.process_tables import processes
from syncer.store.schema.reader_table import readers
from syncer.store.schema.state_tables import (
    integrations,
    metadata,
    missing,
    projections,
    quarantine,
    refused_parameters,
    runs,
    seen,
    streams,
)
from syncer.store.schema.verification_table import verifications
from syncer.store.schema.webhook_tables import unknown_models, webhook_events

__all__ = [
    "CONTENT_HASH",
    "DELETED_BY",
    "DOCUMENT",
    "FIRST_SEEN_AT",
    "INTEGRATION_ID",
    "KOMBO_ID",
    "MEANING",
    "MIRROR",
    "MIRRORED_AT",
    "alerts",
    "all_tables",
    "budgets",
    "changes",
    "consumers",
    "deliveries",
    "erased",
    "erasure_key",
    "erasures",
    "feed",
    "history",
    "integrations",
    "missing",
    "passthrough_records",
    "processes",
    "projections",
    "quarantine",
    "readers",
    "refused_parameters",
    "runs",
    "seen",
    "streams",
    "unknown_models",
    "verifications",
    "webhook_events",
]

#: Key of a column's meaning in its ``info``: its comment says besides what it is an id of.
MEANING = "meaning"
#: Columns that we add to every mirror table.
DOCUMENT = ("document", "Whole record as Kombo sent it, as JSON")
CONTENT_HASH = ("content_hash", "Hash of the record, to see whether it changed")
FIRST_SEEN_AT = ("first_seen_at", "Time at which the mirror first wrote the row")
MIRRORED_AT = ("mirrored_at", "Time at which the mirror last wrote the row")
DELETED_BY = ("deleted_by", "What marked the record deleted: kombo or sweep; null while it lives")
INTEGRATION_ID = ("integration_id", "Integration that the record came from")
KOMBO_ID = ("id", "Kombo's id, unique within this table")


def mirror_table(model: shape.Model) -> Table:
    """Build the table of a model's records.

    What is large stands at the end: to read what stands behind it SQLite has to go through it.
    """
    columns = [
        Column(KOMBO_ID[0], Text, nullable=False, comment=KOMBO_ID[1]),
        Column(INTEGRATION_ID[0], Text, nullable=False, comment=INTEGRATION_ID[1]),
        *(_typed(column) for column in COMMON_COLUMNS),
        Column(DELETED_BY[0], Text, comment=DELETED_BY[1]),
        Column(FIRST_SEEN_AT[0], Timestamp, nullable=False, comment=FIRST_SEEN_AT[1]),
        Column(MIRRORED_AT[0], Timestamp, nullable=False, comment=MIRRORED_AT[1]),
        Column(CONTENT_HASH[0], Hash, nullable=False, comment=CONTENT_HASH[1]),
        *(_typed(column) for column in sorted(model.columns, key=lambda column: column.type == "json")),
        Column(DOCUMENT[0], Json, nullable=False, comment=DOCUMENT[1]),
    ]
    table = Table(
        model.name,
        metadata,
        *columns,
        PrimaryKeyConstraint(KOMBO_ID[0]),
        comment=f"{model.title}: {model.meaning}",
    )
    for name in ["remote_id", *(c.name for c in model.columns if c.is_looked_up)]:
        Index(None, table.c[name])
    # The rows of one integration, and its pages: in the order of ids, and what was told of since a moment.
    Index(None, table.c.integration_id, table.c.id)
    if model.has_changed_at:
        Index(f"ix_{model.name}_last_told", table.c.integration_id, last_told(table))
    partial_index(table.c.remote_deleted_at, where=table.c.remote_deleted_at)
    return table


def link_table(model: shape.Model, link: shape.Link) -> Table:
    """Build the table of a list of other models' records: pairs of ids."""
    table = Table(
        link.table,
        metadata,
        _owner(link.owner, model, "Id of the record that has the list"),
        Column(link.target, Text, nullable=False, comment=f"Entry of the list: id in {link.references}"),
        *(_typed(column) for column in link.columns),
        PrimaryKeyConstraint(link.owner, link.target),
        comment=link.meaning,
    )
    Index(None, table.c[link.target])
    return table


def child_table(model: shape.Model, child: shape.Child) -> Table:
    """Build the table of embedded records without a list of their own."""
    own = [_typed(COMMON_COLUMNS[0]), *(_typed(column) for column in child.columns)]
    document = Column(DOCUMENT[0], Json, nullable=False, comment=DOCUMENT[1])
    key = Column(KOMBO_ID[0], Text, nullable=False, comment=KOMBO_ID[1])
    source = Column(INTEGRATION_ID[0], Text, nullable=False, comment=INTEGRATION_ID[1])
    if child.owner is None:
        table = Table(
            child.table,
            metadata,
            key,
            source,
            *own,
            document,
            Column(CONTENT_HASH[0], Hash, nullable=False, comment=CONTENT_HASH[1]),
            Column(MIRRORED_AT[0], Timestamp, nullable=False, comment=MIRRORED_AT[1]),
            PrimaryKeyConstraint(KOMBO_ID[0]),
            comment=child.meaning,
        )
        # Those that were written since a moment: lists that carry copies of them are checked by it.
        Index(None, source, table.c[MIRRORED_AT[0]])
    else:
        table = Table(
            child.table,
            metadata,
            _owner(child.owner, model, "Id of the record that has this one"),
            Column("position", Integer, nullable=False, comment="Position in the record's list, from 0"),
            key,
            source,
            *own,
            document,
            PrimaryKeyConstraint(child.owner, "position"),
            comment=child.meaning,
        )
        Index(None, key)
        Index(None, source)
    for column in child.columns:
        if column.is_looked_up:
            Index(None, table.c[column.name])
    return table


def _owner(name: str, model: shape.Model, meaning: str) -> Column[str]:
    return Column(
        name,
        Text,
        nullable=False,
        comment=_with_reference(meaning, model.name),
        info={MEANING: meaning},
    )


def _typed(column: shape.Column) -> Column[Any]:
    return Column(
        column.name,
        SQL_TYPES[column.type],
        comment=_with_reference(column.meaning, column.references),
        info={MEANING: column.meaning},
    )


def _with_reference(meaning: str, references: str | None) -> str:
    """Say in a comment what a column is an id of: there is no foreign key that would tell programs."""
    return f"{meaning} (id in {references})" if references else meaning


def _builders() -> Iterator[tuple[str, Callable[[], Table]]]:
    for model in catalogue().values():
        yield model.name, partial(mirror_table, model)
        for link in model.links:
            yield link.table, partial(link_table, model, link)
        for child in model.children:
            yield child.table, partial(child_table, model, child)


class _MirrorTables(Mapping[str, Table]):
    """Tables by name, each built when it is looked up: to build all takes a twentieth of a short command."""

    def __init__(self) -> None:
        self._builders = dict(_builders())
        self._built: dict[str, Table] = {}
        self._building = Lock()

    def __getitem__(self, name: str) -> Table:
        table = self._built.get(name)
        return self._build(name) if table is None else table

    def __iter__(self) -> Iterator[str]:
        return iter(self._builders)

    def __len__(self) -> int:
        return len(self._builders)

    def __contains__(self, name: object) -> bool:
        return name in self._builders

    def _build(self, name: str) -> Table:
        with self._building:
            # Another thread may have been faster.
            if name not in self._built:
                self._built[name] = self._builders[name]()
            return self._built[name]


#: Mirror, link and child tables by name.
MIRROR: Mapping[str, Table] = _MirrorTables()


def all_tables() -> MetaData:
    """Build the tables that are not built yet, and give the metadata of all."""
    for name in MIRROR:
        MIRROR[name]
    return metadata
