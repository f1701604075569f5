"""Deletion of rows for good: with their links, children, versions, entries in quarantine and former values.

The change feed says ``erased`` of each. Whoever calls it holds ``lock_projections``, and gives erasures a new
version: a page that was compared with these rows is compared again.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, delete, select, update

from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.environments import DEFAULT_ENVIRONMENT
from syncer.domain.feed.row_change import FeedRules, removed
from syncer.domain.native.cursor import NativeCursor
from syncer.domain.stream_key import StreamKey
from syncer.store.db.in_values import in_values
from syncer.store.db.removed_values import note_removed
from syncer.store.records.blank_versions import erase_versions
from syncer.store.records.feed import tell_changes
from syncer.store.records.versions import relations
from syncer.store.schema.destination import stream_destination
from syncer.store.schema.feed_tables import changes
from syncer.store.schema.history_tables import history_table, history_tables
from syncer.store.schema.mirror_tables import MIRROR
from syncer.store.schema.state_tables import missing, quarantine, streams
from syncer.store.schema.stream_key import stream_filter
from syncer.store.state.integrations import environments_of
from syncer.store.state.quarantine import record_key
from syncer.store.state.stream_columns import row_counts, walk_values

#: Rows that a statement deletes.
_AT_ONCE = 2_000


def erase_model_rows(
    connection: Connection, feed: FeedRules, model: str, ids: Collection[str], now: datetime
) -> Counter[str]:
    """Delete the rows of a model with these ids, whosever; give how many rows left each table.

    What is kept by the ids goes, too, where there is no row.
    """
    table, gone = MIRROR[model], Counter[str]()
    every = sorted(ids)
    for start in range(0, len(every), _AT_ONCE):
        some = every[start : start + _AT_ONCE]
        owners = connection.execute(
            select(table.c.integration_id).distinct().where(in_values(connection, table.c.id, some))
        ).scalars()
        integrations = sorted(owners)
        environments = environments_of(connection, integrations) if integrations else {}
        for integration_id in integrations:
            key = StreamKey(integration_id, model)
            environment = environments.get(integration_id, DEFAULT_ENVIRONMENT)
            gone += _erase_rows(connection, feed, environment, key, some, now)
        gone += erase_versions(connection, catalogue()[model], some)
        gone += _erase_kept(connection, some, quarantine.c.model == model, changes.c.model == model)
    note_removed(connection)
    return +gone


def erase_native_rows(
    connection: Connection,
    feed: FeedRules,
    environment: str,
    key: StreamKey,
    record_keys: Collection[str],
    now: datetime,
) -> Counter[str]:
    """Delete the rows of a native list with these keys; give how many rows left each table."""
    gone = _erase_rows(connection, feed, environment, key, record_keys, now)
    of_stream = (and_(*stream_filter(each, environment, key)) for each in (quarantine, changes))
    gone += _erase_kept(connection, record_keys, *of_stream)
    note_removed(connection)
    return +gone


def erase_parents(
    connection: Connection, environment: str, integration_id: str, parents: Iterable[tuple[str, str]]
) -> None:
    """Forget values that native lists are asked for: in entries that say so, and in walks that are at them.

    parents: native lists, each with the value.
    """
    for name, value in parents:
        key = StreamKey(integration_id, name)
        connection.execute(
            delete(quarantine).where(
                *stream_filter(quarantine, environment, key), quarantine.c.document == json.dumps(value)
            )
        )
        of_stream = stream_filter(streams, environment, key)
        cursor = connection.execute(select(streams.c.walk_cursor).where(*of_stream)).scalar_one_or_none()
        if cursor is not None and NativeCursor.read(cursor).row == value:
            connection.execute(update(streams).where(*of_stream).values(**walk_values(None)))


def erase_links_to(connection: Connection, erased: Mapping[str, Collection[str]]) -> None:
    """Delete the links of other records to erased ones, and their versions. erased: ids by table."""
    kept = set(history_tables(connection))
    for model in catalogue().values():
        for link in model.links:
            ids = erased.get(link.references)
            if ids:
                tables = [MIRROR[link.table]]
                tables += [history_table(link.table)] if link.table in kept else []
                for each in tables:
                    connection.execute(delete(each).where(in_values(connection, each.c[link.target], ids)))


def _erase_rows(
    connection: Connection,
    feed: FeedRules,
    environment: str,
    key: StreamKey,
    ids: Collection[str],
    now: datetime,
) -> Counter[str]:
    """Delete the stream's rows with these ids, with what is kept with them, and tell of it."""
    destination, gone = stream_destination(environment, key), Counter[str]()
    table = destination.table
    chosen = (*destination.stream_filter, in_values(connection, destination.id, ids))
    deleted_at = table.c.remote_deleted_at
    rows = connection.execute(select(destination.id, deleted_at).where(*chosen)).all()
    found = {row[0]: row[1] for row in rows}
    for name, owner in relations(destination.links, destination.children):
        gone[name] += connection.execute(
            delete(MIRROR[name]).where(in_values(connection, MIRROR[name].c[owner], found))
        ).rowcount
    gone[table.name] += connection.execute(delete(table).where(*chosen)).rowcount
    live = sum(each is None for each in found.values())
    if found:
        of_stream = stream_filter(streams, environment, key)
        counted = row_counts(-live, live - len(found))
        connection.execute(update(streams).where(*of_stream).values(**counted))
    tell_changes(connection, feed, environment, key, map(removed, sorted(found)), now)
    connection.execute(
        delete(missing).where(
            *stream_filter(missing, environment, key), in_values(connection, missing.c.record_id, ids)
        )
    )
    return gone


def _erase_kept(
    connection: Connection,
    ids: Collection[str],
    in_quarantine: ColumnElement[bool],
    in_feed: ColumnElement[bool],
) -> Counter[str]:
    """Delete entries in quarantine, and blank former values in the feed."""
    keys = {record_key(each, "") for each in ids}
    entries = connection.execute(
        delete(quarantine).where(in_quarantine, in_values(connection, quarantine.c.record_key, keys))
    ).rowcount
    blanked = connection.execute(
        update(changes)
        .where(changes.c.before.is_not(None), in_feed, in_values(connection, changes.c.record_id, ids))
        .values(before=None)
    ).rowcount
    return Counter({quarantine.name: entries, changes.name: blanked})
