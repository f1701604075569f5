"""Write many rows of one table in one statement, the fastest idempotent way each database has.

SQLite: one prepared statement for all rows, of the columns that any of them has. PostgreSQL: all
rows as one JSON parameter that the server unpacks, which needs one round trip and no client-side cast per
value; rows that are large take several. New rows are copied in (``bulk_copy``).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import date, time
from decimal import Decimal
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import Connection, Date, Table, Time
from sqlalchemy.dialects import sqlite

from syncer.domain.limits import MOST_STATEMENT_BYTES
from syncer.store.db.bulk_copy import can_copy, copy_in
from syncer.store.db.by_column import Encoders, Values, filled_columns
from syncer.store.db.types import Hash, Json, Number, Timestamp, timestamp_text

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql

# The dialect of PostgreSQL takes a while to be read: where the database is SQLite nobody does.

_encoder = msgspec.json.Encoder(decimal_format="number")


def insert(connection: Connection, table: Table, rows: Sequence[Values]) -> None:
    """Insert rows whose keys are not there; absent columns are null."""
    _execute(connection, table, rows, "")


def insert_new(connection: Connection, table: Table, rows: Sequence[Values]) -> int:
    """Do the same in the fastest way there is, for the many rows of a first load; give how many."""
    if rows and can_copy(connection, table):
        return copy_in(connection, table, rows)
    return _execute(connection, table, rows, "")


def upsert(
    connection: Connection,
    table: Table,
    rows: Sequence[Values],
    *,
    keep: Collection[str] = (),
    compare: Collection[str] | None = None,
    owner: Collection[str] = (),
) -> int:
    """Insert rows, or replace those with the same primary key except for the kept columns.

    compare: leave a row as it is that differs in none of these columns. owner: leave a row as it is that
    differs in any of these, which say whose it is. Give how many rows were written.
    """
    # SQLite knows the standard's words only since 3.39.
    differs = "IS NOT" if connection.dialect.name == "sqlite" else "IS DISTINCT FROM"
    on_conflict = _on_conflict(table, frozenset(keep))
    on_conflict += _where(table, frozenset(compare or ()), tuple(owner), differs)
    return _execute(connection, table, rows, on_conflict)


def insert_statement(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """Make an INSERT that can have an ON CONFLICT clause, for a few rows at a time."""
    if connection.dialect.name == "sqlite":
        return sqlite.insert(table)
    from sqlalchemy.dialects import postgresql

    return postgresql.insert(table)


def _execute(connection: Connection, table: Table, rows: Sequence[Values], on_conflict: str) -> int:
    if not rows:
        return 0
    if connection.dialect.name == "sqlite":
        names, parameters = filled_columns(table, rows, _sqlite_encoders(table))
        return connection.exec_driver_sql(_sqlite_statement(table, names) + on_conflict, parameters).rowcount
    statement = _postgresql_statement(table) + on_conflict
    return sum(
        connection.exec_driver_sql(statement, (page,)).rowcount for page in _postgresql_pages(table, rows)
    )


def _postgresql_pages(table: Table, rows: Iterable[Values]) -> Iterator[str]:
    """Write the rows as JSON lists that are no larger than a statement may be, unless one row is."""
    encoders = _postgresql_encoders(table)
    page, size = list[bytes](), 0
    for row in rows:
        present = {name: value for name, value in row.items() if value is not None}
        for name, encode in encoders:
            if name in present:
                present[name] = encode(present[name])
        text = _encoder.encode(present)
        if page and size + len(text) > MOST_STATEMENT_BYTES:
            yield f"[{b','.join(page).decode()}]"
            page, size = [], 0
        page.append(text)
        size += len(text)
    yield f"[{b','.join(page).decode()}]"


@cache
def _sqlite_encoders(table: Table) -> Encoders:
    encoders: dict[type, Callable[[Any], Any]] = {
        Timestamp: timestamp_text,
        Number: Decimal.__str__,
        Date: date.isoformat,
        Time: time.isoformat,
    }
    return {
        column.name: encoders[type(column.type)] for column in table.columns if type(column.type) in encoders
    }


@cache
def _postgresql_encoders(table: Table) -> list[tuple[str, Callable[[Any], Any]]]:
    encoders: dict[type, Callable[[Any], Any]] = {
        Json: lambda value: msgspec.Raw(value.encode()),
        Hash: bytes.hex,
        Timestamp: timestamp_text,
    }
    return [
        (column.name, encoders[type(column.type)])
        for column in table.columns
        if type(column.type) in encoders
    ]


@lru_cache(maxsize=1024)
def _sqlite_statement(table: Table, names: tuple[str, ...]) -> str:
    """Write the statement for rows with these columns; what it leaves out is null."""
    marks = ", ".join("?" for _ in names)
    return f"INSERT INTO {_quoted(table.name)} ({_column_list(names)}) VALUES ({marks})"


@cache
def _postgresql_statement(table: Table) -> str:
    from sqlalchemy.dialects import postgresql

    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    names = [column.name for column in table.columns]
    typed = ", ".join(f"{_quoted(column.name)} {column.type.compile(dialect)}" for column in table.columns)
    return (
        f"INSERT INTO {_quoted(table.name)} ({_column_list(names)}) SELECT {_column_list(names)} "
        f"FROM jsonb_to_recordset(CAST(%s AS jsonb)) AS page({typed})"
    )


@cache
def _on_conflict(table: Table, keep: frozenset[str]) -> str:
    key = [column.name for column in table.primary_key]
    replaced = [c.name for c in table.columns if c.name not in keep and c.name not in key]
    changes = ", ".join(f"{_quoted(name)} = excluded.{_quoted(name)}" for name in replaced)
    action = f"UPDATE SET {changes}" if replaced else "NOTHING"
    return f" ON CONFLICT ({_column_list(key)}) DO {action}"


@cache
def _where(table: Table, compare: frozenset[str], owner: tuple[str, ...], differs: str) -> str:
    def each(names: Iterable[str], operator: str) -> list[str]:
        stored = _quoted(table.name)
        return [f"{stored}.{_quoted(name)} {operator} excluded.{_quoted(name)}" for name in names]

    different = [f"({' OR '.join(each(sorted(compare), differs))})"] if compare else []
    conditions = each(owner, "=") + different
    return f" WHERE {' AND '.join(conditions)}" if conditions else ""


def _column_list(names: Iterable[str]) -> str:
    return ", ".join(_quoted(name) for name in names)


def _quoted(name: str) -> str:
    return f'"{name}"'
