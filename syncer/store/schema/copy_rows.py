"""Copy of all rows of one database of ours into another one: the way from SQLite to PostgreSQL, or back.

Watermarks, unfinished walks, positions of consumers and versions are rows like any other, so what is copied
goes on where it was.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from sqlalchemy import Connection, Table, Text, cast, delete, select

from syncer.domain.errors import DatabaseRefused
from syncer.store.db.bulk import insert
from syncer.store.db.database import Database
from syncer.store.db.types import Json
from syncer.store.schema.history_tables import history_table, history_tables, make_history_tables
from syncer.store.schema.migrate import lock_schema
from syncer.store.schema.mirror_tables import MIRROR, all_tables, processes, readers, runs, streams
from syncer.store.schema.revisions import check

#: Rows that are read and written at a time.
AT_ONCE = 500
#: What tells of the database itself: who works on it, and the roles in it.
_OF_ONE_DATABASE = (processes, readers)


def copy_rows(source: Database, target: Database) -> dict[str, int]:
    """Copy all rows in one transaction; give how many, by the table's name.

    Both have this version's schema. Raises DatabaseRefused where the source has another one, or a process
    works on it, and where the target holds something already; DatabaseUnavailable.
    """
    check(source)
    with source.read() as reading, target.begin() as writing:
        lock_schema(writing)
        _must_be_at_rest(source, reading)
        _must_be_empty(target, writing)
        make_history_tables(writing, history_tables(reading))
        kept = [history_table(name) for name in history_tables(reading) if name in MIRROR]
        tables = [each for each in all_tables().sorted_tables if each not in _OF_ONE_DATABASE]
        return {table.name: _copy(reading, writing, table) for table in chain(tables, kept)}


def _must_be_at_rest(source: Database, connection: Connection) -> None:
    leased = select(streams.c.lease_owner).where(streams.c.lease_until > source.now(connection)).limit(1)
    owner = connection.scalar(leased)
    if owner is not None:
        raise DatabaseRefused(
            f"A process works on the database {source.shown_url}: stop it first, since what it writes "
            "from now on would not be copied."
        )


def _must_be_empty(target: Database, connection: Connection) -> None:
    for table in (streams, runs, *MIRROR.values()):
        if connection.execute(select(table).limit(1)).first() is not None:
            raise DatabaseRefused(
                f"The database {target.shown_url} holds rows already (in {table.name}): name an empty one in "
                "database.url."
            )


def _copy(reading: Connection, writing: Connection, table: Table) -> int:
    # What a migration puts there is another database's by now.
    writing.execute(delete(table))
    count = 0
    for rows in _pages(reading, table):
        insert(writing, table, rows)
        count += len(rows)
    return count


def _pages(connection: Connection, table: Table) -> Iterator[list[dict[str, object]]]:
    """Read the rows of a table, JSON as text."""
    columns = [
        cast(column, Text).label(column.name) if isinstance(column.type, Json) else column
        for column in table.columns
    ]
    found = connection.execution_options(yield_per=AT_ONCE).execute(select(*columns))
    for page in found.mappings().partitions():
        yield [dict(row) for row in page]
