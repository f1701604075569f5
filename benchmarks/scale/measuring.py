"""Measures of a piece of work: seconds, statements and bytes of the write-ahead log; and their table."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import event, text

from syncer.store.db.database import Database


@dataclass
class Took:
    """What a piece of work took. wal: bytes, on PostgreSQL; None on SQLite."""

    seconds: float = 0.0
    statements: int = 0
    wal: int | None = None


@contextmanager
def taking(database: Database) -> Iterator[Took]:
    """Measure what the block takes on this database; the log of PostgreSQL is that of the whole server."""
    took = Took()

    def count(*_: object) -> None:
        took.statements += 1

    before, began = wal(database), time.perf_counter()
    event.listen(database.engine, "before_cursor_execute", count)
    try:
        yield took
    finally:
        took.seconds = time.perf_counter() - began
        event.remove(database.engine, "before_cursor_execute", count)
        after = wal(database)
        took.wal = None if before is None or after is None else after - before


def wal(database: Database) -> int | None:
    """Read how far PostgreSQL's log has come, in bytes."""
    if database.is_sqlite:
        return None
    with database.read() as connection:
        found = connection.execute(text("SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')"))
        return int(found.scalar_one())


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table as documents have it."""
    print(f"\n{title}\n\n| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
    for row in rows:
        print(f"| {' | '.join(row)} |", flush=True)


def shown_seconds(seconds: float) -> str:
    """Show seconds with as many digits as they deserve."""
    return f"{seconds * 1000:,.1f} ms" if seconds < 1 else f"{seconds:,.1f} s"


def shown_bytes(number: int | None) -> str:
    """Show bytes in kilobytes or megabytes; nothing for None."""
    if number is None:
        return ""
    return f"{number / 1e3:,.0f} kB" if number < 10_000_000 else f"{number / 1e6:,.0f} MB"
