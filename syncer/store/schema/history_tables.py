"""Tables of versions, ``<table>_history``: what the mirror said of each row, and from when to when.

Which there are is no matter of migrations but of the configuration, as are the views of native lists: each is
made when its history is switched on, with the columns of its mirror table, and an upgrade adds those that the
mirror table has got since.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import cache

from sqlalchemy import Column, Connection, MetaData, PrimaryKeyConstraint, Table, inspect, select
from sqlalchemy.schema import CreateColumn

from syncer.store.db.bulk import insert
from syncer.store.db.types import Timestamp
from syncer.store.schema.mirror_tables import MIRROR, history
from syncer.store.schema.partial_indexes import partial_index
from syncer.store.schema.state_tables import metadata

#: Columns with the time of a version.
SPAN = ("known_from", "known_to")


def history_name(table: str) -> str:
    """Name the table with the versions of a mirror table's rows."""
    return f"{table}_history"


@cache
def history_table(name: str) -> Table:
    """Build the table of versions of a mirror table's rows: its columns, and the time of each version."""
    mirrored = MIRROR[name]
    key = [column.name for column in mirrored.primary_key]
    table = Table(
        history_name(name),
        # Apart from that of migrations, as not every database has it; its own, as threads may build it twice.
        MetaData(naming_convention=metadata.naming_convention),
        *(Column(c.name, c.type, nullable=c.name not in key, comment=c.comment) for c in mirrored.columns),
        Column(
            "known_from",
            Timestamp,
            nullable=False,
            comment="Time from which the mirror said so, by the database's clock",
        ),
        Column("known_to", Timestamp, comment="Time up to which the mirror said so; null: it still does"),
        PrimaryKeyConstraint(*key, "known_from"),
        comment=f"Versions of the rows of {name}: what the mirror said, and when",
    )
    partial_index(table.c.known_to, where=table.c.known_to)
    return table


def history_tables(connection: Connection) -> list[str]:
    """Name the mirror tables that have a table of versions, whether it is written now or not."""
    return list(connection.execute(select(history.c.name).order_by(history.c.name)).scalars())


def kept_histories(connection: Connection) -> list[str]:
    """Name the mirror tables of which versions are written now."""
    going_on = (history.c.since.is_not(None), history.c.until.is_(None))
    return list(connection.execute(select(history.c.name).where(*going_on)).scalars())


def make_history_tables(
    connection: Connection, names: Collection[str], kept: Collection[str] | None = None
) -> Collection[str]:
    """Make the tables of versions of these mirror tables, as far as they are not there; give whose.

    kept: mirror tables that have one, where that is known.
    """
    if names and kept is None:
        kept = history_tables(connection)
    missing = sorted({*names}.difference(kept or ()))
    for name in missing:
        history_table(name).create(connection)
    insert(connection, history, [{"name": name} for name in missing])
    return missing


def extend_history_tables(connection: Connection, kept: Collection[str] | None = None) -> None:
    """Add the columns that mirror tables have got since theirs of versions were made; kept: as above."""
    quote = connection.dialect.identifier_preparer.quote_identifier
    for name in history_tables(connection) if kept is None else kept:
        if name not in MIRROR:
            continue
        table = history_table(name)
        present = {column["name"] for column in inspect(connection).get_columns(table.name)}
        for column in table.columns:
            if column.name not in present:
                definition = CreateColumn(column).compile(dialect=connection.dialect)
                connection.exec_driver_sql(f"ALTER TABLE {quote(table.name)} ADD COLUMN {definition}")
