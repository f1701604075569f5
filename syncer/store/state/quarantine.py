"""Records that could not be stored, or not whole: kept with the reason until a better version comes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection, delete, func, or_, select

from syncer.domain.clocks import VIEW_AHEAD
from syncer.domain.records.record import Poison, Record, ascii_json
from syncer.domain.records.row import Row
from syncer.domain.stream_key import StreamKey
from syncer.store.db.bulk import upsert
from syncer.store.db.in_values import in_values
from syncer.store.schema.state_tables import quarantine
from syncer.store.schema.stream_key import stream_filter

#: Characters of an id that still fit an index entry of PostgreSQL, beside the rest of the key.
LONGEST_KEY = 256
#: How the key of a record begins that has no id of its own.
HASHED = "hash:"


class Entry(Struct, frozen=True):
    """Record in quarantine. key: Kombo's id or, where that cannot be one, a hash."""

    integration_id: str
    model: str
    key: str
    reason: str
    first_seen_at: datetime
    last_seen_at: datetime

    @property
    def record_id(self) -> str | None:
        """Kombo's id; None where the record has none that it could be looked up by."""
        return None if self.key.startswith(HASHED) else self.key


def entries(connection: Connection, environment: str, key: StreamKey | None = None) -> list[Entry]:
    """Read the entries, those of one stream if given, in the order of integration, model and age."""
    chosen = (
        (quarantine.c.environment == environment,)
        if key is None
        else stream_filter(quarantine, environment, key)
    )
    found = connection.execute(
        select(
            quarantine.c.integration_id,
            quarantine.c.model,
            quarantine.c.record_key,
            quarantine.c.reason,
            quarantine.c.first_seen_at,
            quarantine.c.last_seen_at,
        )
        .where(*chosen)
        .order_by(
            quarantine.c.integration_id,
            quarantine.c.model,
            quarantine.c.first_seen_at,
            quarantine.c.record_key,
        )
    )
    return [Entry(*row) for row in found]


def quarantined_keys(
    connection: Connection, environment: str, key: StreamKey, records: Iterable[Record]
) -> set[str]:
    """Find the keys of the entries that there are of these records."""
    keys = [record_key(record.id, record.text) for record in records]
    found = connection.execute(
        select(quarantine.c.record_key).where(
            *stream_filter(quarantine, environment, key), in_values(connection, quarantine.c.record_key, keys)
        )
    )
    return set(found.scalars())


def forget_entries(connection: Connection, environment: str, key: StreamKey, keys: Collection[str]) -> None:
    """Drop the entries with these keys."""
    connection.execute(
        delete(quarantine).where(
            *stream_filter(quarantine, environment, key), quarantine.c.record_key.in_(keys)
        )
    )


def keep_in_quarantine(
    connection: Connection,
    environment: str,
    key: StreamKey,
    run_id: str,
    now: datetime,
    poisons: Sequence[Poison],
    rows: Sequence[Row],
    present: Collection[str],
) -> None:
    """Keep what could not be stored, or not whole; drop the entries of records that have come whole.

    present: keys of the entries that there are of these records, as ``quarantined_keys`` finds them.
    """
    new = _entries(environment, key, run_id, now, poisons, rows)
    if present:
        whole = {record_key(row.id, row.document) for row in rows} - {each["record_key"] for each in new}
        forget_entries(connection, environment, key, whole.intersection(present))
    upsert(connection, quarantine, new, keep=("first_seen_at",))


def add_to_quarantine(
    connection: Connection,
    environment: str,
    key: StreamKey,
    run_id: str,
    now: datetime,
    poisons: Sequence[Poison],
    rows: Sequence[Row],
) -> int:
    """Add entries of records that have none, and leave the others as they are; give how many are new."""
    new = _entries(environment, key, run_id, now, poisons, rows)
    return upsert(connection, quarantine, new, keep=[column.name for column in quarantine.c])


def _entries(
    environment: str,
    key: StreamKey,
    run_id: str,
    now: datetime,
    poisons: Sequence[Poison],
    rows: Sequence[Row],
) -> list[dict[str, Any]]:
    noted = [(row.id, "; ".join(row.notes), ascii_json(row.document)) for row in rows if row.notes]
    found = {
        record_key(record_id, document): {
            "environment": environment,
            "integration_id": key.integration_id,
            "model": key.model,
            "record_key": record_key(record_id, document),
            "reason": reason,
            "document": document,
            "run_id": run_id,
            "first_seen_at": now,
            "last_seen_at": now,
        }
        for record_id, reason, document in (
            *noted,
            *((poison.id, poison.reason, poison.document) for poison in poisons),
        )
    }
    return list(found.values())


def record_key(record_id: str | None, document: str | bytes) -> str:
    """Give the record's id where every database takes it as a key, else a hash of it or of the record."""
    if record_id and len(record_id) <= LONGEST_KEY and "\0" not in record_id:
        return record_id
    return hashed_key(record_id or document)


def hashed_key(named: str | bytes) -> str:
    """Give a hash in place of a key."""
    return HASHED + blake2b(named.encode() if isinstance(named, str) else named, digest_size=16).hexdigest()


def forget_missing_entries(
    connection: Connection, environment: str, key: StreamKey, walk_began_at: datetime, now: datetime
) -> None:
    """Drop entries of records that a full walk did not see: they are missing, or have come in other words."""
    last_seen_at = quarantine.c.last_seen_at
    connection.execute(
        delete(quarantine).where(
            *stream_filter(quarantine, environment, key),
            or_(last_seen_at < walk_began_at, last_seen_at > now + VIEW_AHEAD),
        )
    )


def quarantined(connection: Connection, environment: str, key: StreamKey) -> int:
    """Count the stream's records in quarantine."""
    return connection.execute(
        select(func.count()).select_from(quarantine).where(*stream_filter(quarantine, environment, key))
    ).scalar_one()
