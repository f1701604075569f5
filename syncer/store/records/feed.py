"""Writing of the change feed: changes of rows, in the transaction that writes the rows.

Numbers are given as the last thing in a transaction, under a lock that is held until its commit: so they are
dense and in the order of the commits, and a reader who has seen one finds nothing new at or below it, ever.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, select, text, update

from syncer.domain.feed.row_change import FeedRules, RowChange, removed
from syncer.domain.stream_key import StreamKey
from syncer.store.db.bulk import insert
from syncer.store.db.channels import channel_sql
from syncer.store.db.in_values import in_values
from syncer.store.db.last_work import Done, do_last
from syncer.store.schema.feed_tables import changes, feed

#: Channel on which PostgreSQL tells its sessions the newest number.
CHANNEL = "syncer_changes"
#: Changes that are written at once.
_AT_ONCE = 2_000

#: Made once: every page runs them.
_TAKE_NUMBERS = update(feed).where(feed.c.id == 1).values(newest=feed.c.newest + bindparam("number"))
_NEWEST = select(feed.c.newest).where(feed.c.id == 1)
_NOTIFY = text(f"SELECT pg_notify({channel_sql(CHANNEL)}, :newest)")


def tell_changes(
    connection: Connection,
    rules: FeedRules,
    environment: str,
    key: StreamKey,
    told: Iterable[RowChange],
    now: datetime,
) -> None:
    """Append changes of a stream's rows to the feed, where it tells of the stream, as the transaction ends.

    now: the time at which the rows are written. Call it outside of savepoints.
    """
    if key.model not in rules.models:
        return
    entries = [
        {
            "at": now,
            "environment": environment,
            "integration_id": key.integration_id,
            "model": key.model,
            "record_id": each.record_id,
            "operation": each.operation.value,
            "members": each.members,
            "before": each.before if rules.before else None,
        }
        for each in told
    ]
    if entries:
        do_last(connection, _append_and_notify if rules.notify else _append, entries)


def blank_former_values(
    connection: Connection, environment: str, key: StreamKey, record_ids: Collection[str]
) -> None:
    """Blank the former values in all changes of these records: their source has blanked them, or a person."""
    if record_ids:
        connection.execute(
            update(changes)
            .where(
                changes.c.before.is_not(None),
                changes.c.model == key.model,
                in_values(connection, changes.c.record_id, record_ids),
                changes.c.environment == environment,
                changes.c.integration_id == key.integration_id,
            )
            .values(before=None)
        )


def tell_removed(
    connection: Connection,
    rules: FeedRules,
    environment: str,
    key: StreamKey,
    record_ids: Collection[str],
    now: datetime,
) -> None:
    """Tell that these rows of a stream leave the mirror, and blank their former values in all changes."""
    tell_changes(connection, rules, environment, key, map(removed, record_ids), now)
    blank_former_values(connection, environment, key, record_ids)


def newest_told(done: Done) -> int | None:
    """Give the newest number of a transaction that has ended; None where it told of no change."""
    newest = done.get(_append, done.get(_append_and_notify))
    return newest if isinstance(newest, int) else None


def _append(connection: Connection, entries: Sequence[dict[str, Any]]) -> int:
    """Number the entries and write them; give the newest number. Nothing may follow but the commit."""
    connection.execute(_TAKE_NUMBERS, {"number": len(entries)})
    newest: int = connection.execute(_NEWEST).scalar_one()
    sequence = newest - len(entries)
    for start in range(0, len(entries), _AT_ONCE):
        part = entries[start : start + _AT_ONCE]
        numbered = [{**each, "sequence": sequence + start + i} for i, each in enumerate(part, 1)]
        insert(connection, changes, numbered)
    return newest


def _append_and_notify(connection: Connection, entries: Sequence[dict[str, Any]]) -> int:
    newest = _append(connection, entries)
    connection.execute(_NOTIFY, {"channel": CHANNEL, "newest": str(newest)})
    return newest
