"""Reading the mirror, and the one claim about it as a whole: that it equals its source."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, TypeAlias

from sqlalchemy import Connection, select

from syncer.domain.stream_key import StreamKey
from syncer.domain.streams.stream import Stream
from syncer.simulator.company.compare import comparable
from syncer.simulator.server.environment import Environment
from syncer.store.db.database import Database
from syncer.store.schema.mirror_tables import MIRROR
from syncer.store.state.streams import StreamStore
from tests.support.source import MODELS, listed

Record: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class MirroredRecord:
    """A row of the mirror. record: its document, maybe without what the mirror cannot be held to."""

    record: Record
    is_deleted: bool
    deleted_by: str | None


def document_of(value: Any) -> Record:
    """Decode a column of documents: on SQLite it is text."""
    document: Record = json.loads(value) if isinstance(value, str) else value
    return document


def mirrored_records(connection: Connection, model: str, integration_id: str) -> dict[str, MirroredRecord]:
    """Read the rows of a stream by id."""
    columns = MIRROR[model].c
    found = connection.execute(
        select(
            columns.id,
            columns.document,
            columns.remote_deleted_at.is_not(None).label("is_deleted"),
            columns.deleted_by,
        ).where(columns.integration_id == integration_id)
    )
    return {
        row.id: MirroredRecord(document_of(row.document), bool(row.is_deleted), row.deleted_by)
        for row in found
    }


def row_differences(
    rows: Mapping[str, MirroredRecord], listed: Mapping[str, Record], known: Collection[str]
) -> Iterator[str]:
    """Find what differs between the rows of a stream and the records of its list.

    What the source lists is there, alike, and alive or not as there; the rest was there once and is marked.
    known: ids of all records that the source has or had.
    """
    for id, record in listed.items():
        row = rows.get(id)
        if row is None:
            yield f"lacks {id}"
        elif row.record != record:
            yield f"has another {id} than the source"
        elif not is_current(row, record):
            yield f"marks {id} wrongly: {row.deleted_by}"
    for id in rows.keys() - listed.keys():
        if not rows[id].is_deleted:
            yield f"has {id} alive, which the source has no more"
        elif id not in known:
            yield f"has {id}, which the source never had"


def is_current(row: MirroredRecord | None, record: Record) -> bool:
    """Tell whether the row says what the source's record says."""
    return (
        row is not None
        and row.record == record
        and row.is_deleted == (record.get("remote_deleted_at") is not None)
    )


def differences(
    connection: Connection,
    environment: Environment,
    models: Iterable[str],
    *,
    integrations: Iterable[str] = (),
    with_copies: bool = False,
) -> Iterator[str]:
    """Find what differs between mirror and source, in all integrations where none is named.

    with_copies: documents are equal to the last byte of what records carry of others. That holds after a
    first walk; later a copy may be older by design, since Kombo does not re-send its carrier.
    """
    models = list(models)
    for integration_id in integrations or environment.companies:
        company = environment.companies[integration_id]
        for model in models:
            rows, records = mirrored_records(connection, model, integration_id), listed(company, model)
            if not with_copies:
                rows = {
                    id: MirroredRecord(comparable(model, row.record), row.is_deleted, row.deleted_by)
                    for id, row in rows.items()
                }
                records = {id: comparable(model, record) for id, record in records.items()}
            for each in row_differences(rows, records, company.known(model)):
                yield f"{model} of {integration_id} {each}"


@dataclass
class Mirror:
    """A database that the program under test writes. Between two looks it is not connected."""

    database_url: str
    _idle: list[Database] = field(default_factory=list, init=False, repr=False, compare=False)

    @contextmanager
    def open(self) -> Iterator[tuple[Database, Connection]]:
        """Open the database and a writing transaction on it."""
        with self._database() as database, database.begin() as connection:
            yield database, connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a transaction that nobody has to wait for."""
        with self._database() as database, database.read() as connection:
            yield connection

    @contextmanager
    def _database(self) -> Iterator[Database]:
        # The next look need not compile its statements again; one within another has a database of its own.
        database = self._idle.pop() if self._idle else Database(self.database_url)
        try:
            yield database
        finally:
            database.reopen()
            self._idle.append(database)

    def streams(self) -> dict[StreamKey, Stream]:
        """Read the state of every stream that is mirrored."""
        with self.read() as connection:
            return {each.key: each for each in StreamStore().all(connection)}

    def fetch(self, statement: str) -> list[Any]:
        """Read rows of a query in SQL."""
        with self.read() as connection:
            return list(connection.exec_driver_sql(statement).all())

    def documents(self, model: str, integration_id: str) -> dict[str, Record]:
        """Read the documents of a stream by id."""
        with self.read() as connection:
            rows = mirrored_records(connection, model, integration_id)
        return {id: row.record for id, row in rows.items()}

    def assert_equals_source(
        self,
        environment: Environment,
        models: Iterable[str] = MODELS,
        *,
        integrations: Iterable[str] = (),
        with_copies: bool = False,
    ) -> None:
        """Fail where mirror and source differ; see ``differences``."""
        with self.read() as connection:
            found = differences(
                connection, environment, models, integrations=integrations, with_copies=with_copies
            )
            some = list(islice(found, 5))
        assert not some, some

    def equals_source(
        self, environment: Environment, models: Iterable[str] = MODELS, *, with_copies: bool = False
    ) -> bool:
        """Tell whether mirror and source are equal by now; see ``differences``."""
        with self.read() as connection:
            return next(differences(connection, environment, models, with_copies=with_copies), None) is None

    def is_complete(self, streams: int) -> bool:
        """Tell whether so many streams are mirrored, all of them complete and due no more."""
        states = [each.state for each in self.streams().values() if each.due_at is None]
        return states == ["complete"] * streams

    def leases(self) -> list[Any]:
        """Read the streams that somebody has a lease on."""
        return self.fetch("SELECT integration_id, model FROM sync_streams WHERE lease_owner IS NOT NULL")
