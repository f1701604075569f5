"""Versions of rows: what the mirror said of each, kept in the transaction that writes the row.

A version ends when its row is written, and the next one begins at the same time. Links and children are
replaced with their parent, but those that stay the same keep their version. All of it is done by the database
out of the rows that were just written: no record is sent twice.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Insert,
    Table,
    and_,
    exists,
    func,
    insert,
    literal,
    select,
    update,
)

from syncer.domain.catalogue.model import Child, Link
from syncer.domain.records.row import Row
from syncer.store.db.in_values import in_values
from syncer.store.db.types import Timestamp
from syncer.store.schema.destination import Destination
from syncer.store.schema.history_tables import history_table
from syncer.store.schema.mirror_tables import CONTENT_HASH, MIRROR

_NEXT = timedelta(microseconds=1)


def keep_versions(
    connection: Connection,
    destination: Destination,
    tables: Collection[str],
    rows: Sequence[Row],
    stored: Collection[str],
    unchanged: Collection[str],
    now: datetime,
) -> None:
    """Keep versions of rows that were just written, with their links and children.

    tables: those with a history. rows: the records; of the unchanged ones only shared children were written.
    stored: ids of those that had a row before.
    """
    written = [row for row in rows if row.id not in unchanged]
    before = [row.id for row in written if row.id in stored]
    new = [row for row in written if row.id not in stored]
    began_at = now
    if destination.table.name in tables and written:
        began_at = _keep_rows(connection, destination, [row.id for row in new], before, now)
    for name, owner in relations(destination.links, destination.children):
        if name in tables:
            having = [row.id for row in new if row.links.get(name) or row.children.get(name)]
            _keep_entries(connection, name, owner, having, before, began_at)
    for child in destination.children:
        if child.owner is None and child.table in tables:
            ids = {entry["id"] for row in rows for entry in row.children[child.table]}
            if ids:
                _keep_shared(connection, child.table, ids, now)


def keep_marked(
    connection: Connection,
    destination: Destination,
    tables: Collection[str],
    ids: Sequence[str],
    now: datetime,
) -> None:
    """Keep versions of rows that were just marked deleted; their links and children stay as they are."""
    if destination.table.name in tables and ids:
        _keep_rows(connection, destination, [], ids, now)


def _keep_entries(
    connection: Connection,
    name: str,
    owner: str,
    new: Sequence[str],
    before: Sequence[str],
    began_at: datetime,
) -> None:
    """Keep versions of links or owned children; new, before: owners, new and such as may have had some."""
    table, versions = MIRROR[name], history_table(name)
    if before:
        same = same_row(table, versions)
        connection.execute(
            update(versions)
            .where(
                in_values(connection, versions.c[owner], before),
                versions.c.known_to.is_(None),
                ~exists().where(*same),
            )
            .values(known_to=began_at)
        )
        going_on = exists().where(
            *(versions.c[key.name] == key for key in table.primary_key), versions.c.known_to.is_(None)
        )
        chosen = and_(in_values(connection, table.c[owner], before), ~going_on)
        connection.execute(mirrored(table, versions, began_at, chosen))
    if new:
        connection.execute(mirrored(table, versions, began_at, in_values(connection, table.c[owner], new)))


def mirrored(table: Table, versions: Table, began_at: datetime, *conditions: ColumnElement[bool]) -> Insert:
    """Insert versions that begin now, of the rows that meet the conditions."""
    names = [*(column.name for column in table.columns), "known_from"]
    rows = select(*table.columns, literal(began_at, Timestamp)).where(*conditions)
    return insert(versions).from_select(names, rows, include_defaults=False)


def same_row(table: Table, versions: Table) -> list[ColumnElement[bool]]:
    """Make the conditions that a row is what a version says."""
    # Of the key by plain equality: for no other has PostgreSQL an index.
    return [
        column == versions.c[column.name]
        if column.primary_key
        else column.is_not_distinct_from(versions.c[column.name])
        for column in table.columns
    ]


def later_than(newest: datetime | None, now: datetime) -> datetime:
    """Choose when a version begins: now, unless the clock was set back behind the one before it."""
    return now if newest is None or newest < now else newest + _NEXT


def _keep_rows(
    connection: Connection, destination: Destination, new: Sequence[str], before: Sequence[str], now: datetime
) -> datetime:
    """End the versions of the rows that were there, begin one of each; give the time of that."""
    versions = history_table(destination.table.name)
    began_at = _end_versions(connection, versions, versions.c[destination.id_column], before, now)
    ids = in_values(connection, destination.id, [*new, *before])
    connection.execute(mirrored(destination.table, versions, began_at, ids))
    return began_at


def _keep_shared(connection: Connection, name: str, ids: Iterable[str], now: datetime) -> None:
    """Keep versions of shared children, of which nobody has said if they were written."""
    table, versions = MIRROR[name], history_table(name)
    is_same = and_(
        versions.c.id == table.c.id,
        versions.c.known_to.is_(None),
        versions.c[CONTENT_HASH[0]] == table.c[CONTENT_HASH[0]],
    )
    written = (
        connection.execute(
            select(table.c.id).where(in_values(connection, table.c.id, ids), ~exists().where(is_same))
        )
        .scalars()
        .all()
    )
    if written:
        began_at = _end_versions(connection, versions, versions.c.id, written, now)
        connection.execute(mirrored(table, versions, began_at, in_values(connection, table.c.id, written)))


def _end_versions(
    connection: Connection, versions: Table, id_column: Column[str], ids: Sequence[str], now: datetime
) -> datetime:
    """End the versions of these rows that go on; give the time at which the next ones begin."""
    if not ids:
        return now
    going_on = (in_values(connection, id_column, ids), versions.c.known_to.is_(None))
    newest = connection.execute(
        select(func.max(versions.c.known_from, type_=Timestamp)).where(*going_on)
    ).scalar()
    began_at = later_than(newest, now)
    connection.execute(update(versions).where(*going_on).values(known_to=began_at))
    return began_at


def relations(links: Iterable[Link], children: Iterable[Child]) -> list[tuple[str, str]]:
    """List the tables that are replaced with their parent, each with the column of its parent's id."""
    owned = [(child.table, child.owner) for child in children if child.owner is not None]
    return [*((link.table, link.owner) for link in links), *owned]
