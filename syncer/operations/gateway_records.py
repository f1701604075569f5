"""Records of a page as the gateway serves them: as received, with the copies inside them up to date."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Connection

from syncer.domain.gateway.copy_places import CopyFinder, RecordKey, copy_finder
from syncer.domain.gateway.copy_refresh import marked_deleted, refresh_copies
from syncer.domain.records.exclude import Excluded
from syncer.domain.records.record import decoded
from syncer.domain.records.values import json_bytes
from syncer.domain.stream_key import StreamKey
from syncer.store.reading.linked_rows import LinkedRow, Since, read_linked_rows
from syncer.store.reading.list_page import ListedRow

#: How much earlier than its carrier a record can be mirrored and say something else than the copy inside it:
#: the carrier may have been fetched long before it was stored, and Kombo may be late to show a change.
SLACK: Final = timedelta(days=1)


class ListedRecords(Struct, frozen=True):
    """Records of one list, read in one transaction.

    current: the tables whose rows are as fresh as a list of theirs would have to be; copies of others stay as
    they came. excluded: what records of the list lose, copies inside them too. kombo_ahead: by how much
    Kombo's clock is ahead of the database's; None: nobody knows.
    """

    connection: Connection
    key: StreamKey
    current: frozenset[str]
    excluded: Excluded | None
    kombo_ahead: timedelta | None

    def texts(self, rows: Sequence[ListedRow], suspects: Collection[str] | None = None) -> list[bytes]:
        """Give the records of these rows as JSON texts.

        suspects: ids of those whose copies may be stale; None: it may be any.
        """
        newer, carriers = self._newer([row for row in rows if suspects is None or row.id in suspects])
        return [
            self._text(row, newer) if row.deleted_at is not None or row.id in carriers else row.document
            for row in rows
        ]

    def stale(self, rows: Sequence[ListedRow]) -> set[str]:
        """Name the records of these rows that have a copy which its own row contradicts."""
        alive = [replace(row, deleted_at=None) for row in rows]
        newer, carriers = self._newer(alive)
        return {row.id for row in alive if row.id in carriers and self._text(row, newer) is not row.document}

    def _newer(self, rows: Sequence[ListedRow]) -> tuple[Mapping[RecordKey, dict[str, Any]], set[str]]:
        """Read the records that copies inside these rows' may contradict, and the ids of those rows."""
        finder = copy_finder(self.key.model, self.current)
        if finder is None or not rows:
            return {}, set()
        newer = self._linked(_found(finder, (row.document for row in rows)), self._since(rows))
        return newer, {row.id for row in rows if newer and _has(finder, row, newer)}

    def _since(self, rows: Iterable[ListedRow]) -> Since:
        here = min(row.mirrored_at for row in rows) - SLACK
        return Since(here, None if self.kombo_ahead is None else here + self.kombo_ahead)

    def _linked(
        self, records: Mapping[str, Collection[str]], since: Since | None
    ) -> dict[RecordKey, dict[str, Any]]:
        found = read_linked_rows(self.connection, self.key.integration_id, records, since)
        decoded_rows = ((key, _record(row)) for key, row in found.items())
        return {key: record for key, record in decoded_rows if record is not None}

    def _text(self, row: ListedRow, newer: Mapping[RecordKey, dict[str, Any]]) -> bytes:
        """Give one record, its copies and its deletion up to date; as it came where nothing differs."""
        record = _decoded(row.document)
        if record is None:
            return row.document
        has_changed = marked_deleted(record, row.deleted_at)
        is_another, new = refresh_copies(self.key.model, record, newer)
        unread = defaultdict[str, set[str]](set)
        for table, record_id in new - newer.keys():
            if table in self.current:
                unread[table].add(record_id)
        if unread:
            refresh_copies(self.key.model, record, {**newer, **self._linked(unread, None)})
        if is_another and self.excluded is not None:
            # What a copy may not show its own row may.
            self.excluded.strip(record)
        return json_bytes(record) if has_changed or is_another else row.document


def _found(finder: CopyFinder, texts: Iterable[bytes]) -> Mapping[str, set[str]]:
    """Find the records inside some others, by table."""
    found = defaultdict[str, set[str]](set)
    for text in texts:
        finder.find(text, found)
    return found


def _has(finder: CopyFinder, row: ListedRow, newer: Mapping[RecordKey, Any]) -> bool:
    """Tell whether one of these records stands inside a row's."""
    found = _found(finder, [row.document])
    return any((table, each) in newer for table, ids in found.items() for each in ids)


def _record(row: LinkedRow) -> dict[str, Any] | None:
    record = _decoded(row.document.encode())
    if record is not None:
        marked_deleted(record, row.deleted_at)
    return record


def _decoded(text: bytes) -> dict[str, Any] | None:
    """Decode a record; None where it is none, which no document of the mirror should be."""
    try:
        record = decoded(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return record if isinstance(record, dict) else None
