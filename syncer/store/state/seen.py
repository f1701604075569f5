"""Ids that full walks under way have seen: those of each page as one row."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator

from sqlalchemy import Connection, Select, cast, delete, exists, func, insert, select, true

from syncer.domain.stream_key import StreamKey
from syncer.store.db.in_values import in_values
from syncer.store.schema.state_tables import seen
from syncer.store.schema.stream_key import stream_filter

#: Made once: every page of a full walk runs it.
_INSERT = insert(seen)


def note_seen(
    connection: Connection,
    environment: str,
    key: StreamKey,
    walk_id: str,
    page: int,
    ids: Iterable[str | None],
) -> None:
    """Keep the ids of a page of a full walk, in the page's transaction. page counts from 1.

    None stands for a record whose id cannot be told.
    """
    row = {
        "environment": environment,
        "integration_id": key.integration_id,
        "model": key.model,
        "walk_id": walk_id,
        "page": page,
        # ASCII, so that no id can be a text that the database does not take.
        "ids": json.dumps(list(ids), separators=(",", ":")),
    }
    connection.execute(_INSERT, row)


def forget_seen(connection: Connection, environment: str, key: StreamKey) -> None:
    """Forget the ids that the stream's walks have seen."""
    connection.execute(delete(seen).where(*stream_filter(seen, environment, key)))


def seen_ids(connection: Connection, environment: str, key: StreamKey, walk_id: str) -> Select[tuple[str]]:
    """Make a query for the ids that the walk has seen, in one column."""
    if connection.dialect.name == "sqlite":
        ids = func.json_each(seen.c.ids).table_valued("value", name="entry")
    else:
        # Not read where the database is SQLite.
        from sqlalchemy.dialects.postgresql import JSONB

        entries = func.jsonb_array_elements_text(cast(seen.c.ids, JSONB))
        ids = entries.table_valued("value", name="entry").render_derived()
    return (
        select(ids.c.value)
        .select_from(seen)
        .join(ids, true())
        .where(*stream_filter(seen, environment, key), seen.c.walk_id == walk_id)
    )


def seen_pages(
    connection: Connection, environment: str, key: StreamKey, walk_id: str
) -> Iterator[list[str | None]]:
    """Read the ids that the walk has seen, page by page; None for a record whose id cannot be told."""
    pages = select(seen.c.ids).where(*stream_filter(seen, environment, key), seen.c.walk_id == walk_id)
    return map(json.loads, connection.execute(pages).scalars())


def seen_among(
    connection: Connection, environment: str, key: StreamKey, walk_id: str, ids: Collection[str]
) -> Collection[str]:
    """Find those of these ids that the walk has seen."""
    all_ids = seen_ids(connection, environment, key, walk_id).subquery()
    found = select(all_ids.c.value).where(in_values(connection, all_ids.c.value, ids))
    return set(connection.execute(found).scalars())


def has_record_without_id(connection: Connection, environment: str, key: StreamKey, walk_id: str) -> bool:
    """Tell if the walk has seen records whose ids cannot be told."""
    ids = seen_ids(connection, environment, key, walk_id).subquery()
    return connection.execute(select(exists().where(ids.c.value.is_(None)))).scalar_one()
