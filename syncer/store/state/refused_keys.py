"""API keys that Kombo refuses, by their fingerprints, for whoever asks how the mirror stands."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, and_, delete, select

from syncer.store.db.bulk import insert_statement
from syncer.store.schema.key_tables import refused_keys


class Refusal(Struct, frozen=True):
    """Refusal of a key: the time of the first one since the key was last accepted, the words of the last."""

    since: datetime
    error: str


def note_refusal(
    connection: Connection, environment: str, fingerprint: str, error: str, now: datetime
) -> None:
    """Note that a key is refused; the time of the first refusal stays."""
    values = {
        "environment": environment,
        "key_fingerprint": fingerprint,
        "refused_since": now,
        "error": error,
    }
    statement = insert_statement(connection, refused_keys).values(values)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=[*refused_keys.primary_key], set_={"error": statement.excluded.error}
        )
    )


def forget_refusal(connection: Connection, environment: str, fingerprint: str) -> None:
    """Note that a key is accepted."""
    connection.execute(delete(refused_keys).where(_of(environment, fingerprint)))


def read_refusal(connection: Connection, environment: str, fingerprint: str) -> Refusal | None:
    """Read the refusal of a key; None where it is accepted, as far as known."""
    found = connection.execute(
        select(refused_keys.c.refused_since, refused_keys.c.error).where(_of(environment, fingerprint))
    ).one_or_none()
    return None if found is None else Refusal(*found)


def _of(environment: str, fingerprint: str) -> ColumnElement[bool]:
    return and_(refused_keys.c.environment == environment, refused_keys.c.key_fingerprint == fingerprint)
