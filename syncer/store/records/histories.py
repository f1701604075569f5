"""Histories: which tables keep versions, since when, and how old ones are dropped.

A process that starts adopts its configuration: from then on every page, whosever, keeps versions of just
these tables. Pages read that with their projection, under the lock that adopting takes alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta

from msgspec import Struct
from sqlalchemy import Connection, delete, func, select, tuple_, update

from syncer.store.db.types import Timestamp, decoded_json
from syncer.store.records.versions import later_than, mirrored
from syncer.store.schema.history_tables import history_table
from syncer.store.schema.mirror_tables import MIRROR, history, projections
from syncer.store.state.projections import lock_projections


class AdoptedHistories(Struct, frozen=True):
    """Tables whose histories have begun and ended, by name."""

    begun: tuple[str, ...] = ()
    ended: tuple[str, ...] = ()


def adopt_histories(
    connection: Connection, kept: Mapping[str, tuple[str, ...]], now: datetime
) -> AdoptedHistories:
    """Keep versions of just these tables from now on; what they hold is their first version.

    kept: the tables by the model that writes them. Their tables of versions must be there.
    """
    if not _differs(connection, kept):
        return AdoptedHistories()
    lock_projections(connection)
    wanted = {table for tables in kept.values() for table in tables}
    stored = connection.execute(select(history)).all()
    going_on = {row.name for row in stored if row.since is not None and row.until is None}
    begun, ended = sorted(wanted - going_on), sorted(going_on - wanted)
    for name in begun:
        _begin(connection, name, now)
    for name in ended:
        _end(connection, name, now)
    for model in connection.execute(select(projections.c.model)).scalars().all():
        tables = kept.get(model)
        connection.execute(
            update(projections)
            .where(projections.c.model == model)
            .values(history=json.dumps(tables) if tables else None)
        )
    return AdoptedHistories(tuple(begun), tuple(ended))


def drop_old_versions(keep: timedelta, connection: Connection, now: datetime, limit: int) -> int:
    """Drop versions that ended before the time that they are kept, so many at most; give how many.

    A history is without a gap from then on, and not before.
    """
    before, dropped = now - keep, 0
    for name in connection.execute(select(history.c.name).order_by(history.c.name)).scalars().all():
        if name in MIRROR and dropped < limit:
            dropped += _drop(connection, name, before, limit - dropped)
    return dropped


def _differs(connection: Connection, kept: Mapping[str, tuple[str, ...]]) -> bool:
    rows = connection.execute(select(projections.c.model, projections.c.history)).all()
    return any(tuple(decoded_json(row.history) or ()) != kept.get(row.model, ()) for row in rows)


def _begin(connection: Connection, name: str, now: datetime) -> None:
    """Make the rows that there are first versions, behind those of an earlier history."""
    table, versions = MIRROR[name], history_table(name)
    newest = connection.execute(select(func.max(versions.c.known_from, type_=Timestamp))).scalar()
    since = later_than(newest, now)
    connection.execute(mirrored(table, versions, since))
    connection.execute(update(history).where(history.c.name == name).values(since=since, until=None))


def _end(connection: Connection, name: str, now: datetime) -> None:
    """End the versions that go on: nobody knows what comes after them."""
    versions = history_table(name)
    newest = connection.execute(select(func.max(versions.c.known_from, type_=Timestamp))).scalar()
    until = later_than(newest, now)
    connection.execute(update(versions).where(versions.c.known_to.is_(None)).values(known_to=until))
    connection.execute(update(history).where(history.c.name == name).values(until=until))


def _drop(connection: Connection, name: str, before: datetime, limit: int) -> int:
    versions = history_table(name)
    key = tuple_(*versions.primary_key.columns)
    old = select(*versions.primary_key.columns).where(versions.c.known_to <= before).limit(limit)
    dropped = connection.execute(delete(versions).where(key.in_(old))).rowcount
    if dropped:
        connection.execute(
            update(history).where(history.c.name == name, history.c.since < before).values(since=before)
        )
    return dropped
