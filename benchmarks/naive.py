"""The naive way: the same list into a table of its own; what it did, as a line of JSON.

    python -m benchmarks.naive DATABASE_URL BASE_URL

Fetch with httpx, parse, and the driver's upsert of the same columns of the same types, values as they come:
no conversions, no links or children, no indexes, no state. SQLite: ``executemany``. PostgreSQL: ``COPY`` into
a temporary table, then ``INSERT … SELECT``.
"""

from __future__ import annotations

import json
import resource
import sqlite3
import sys
import time
from collections.abc import Callable
from typing import Any

import httpx
import msgspec
import psycopg

from benchmarks.pages import INTEGRATION
from syncer.domain.catalogue.lookup import model_named

COLUMNS = model_named("hris_employees").columns
#: What PostgreSQL calls the types of columns.
TYPES = {
    "text": "text",
    "boolean": "boolean",
    "integer": "bigint",
    "number": "numeric",
    "date": "date",
    "time": "time",
    "timestamp": "timestamptz",
    "json": "jsonb",
}
NAMES = ["id", *(column.name for column in COLUMNS), "document"]
DEFINED = ", ".join(
    ["id text PRIMARY KEY", *(f"{each.name} {TYPES[each.type]}" for each in COLUMNS), "document jsonb"]
)
REPLACED = ", ".join(f"{name} = excluded.{name}" for name in NAMES[1:])

Rows = list[tuple[Any, ...]]


def row_of(record: dict[str, Any]) -> tuple[Any, ...]:
    """The record's members as they come."""
    values = [record["id"]]
    for column in COLUMNS:
        value = record.get(column.source[0])
        values.append(json.dumps(value) if isinstance(value, dict | list) else value)
    return (*values, json.dumps(record))


def into_sqlite(url: str) -> Callable[[Rows], None]:
    connection = sqlite3.connect(url.removeprefix("sqlite:///"))
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute(f"CREATE TABLE naive ({DEFINED})")
    marks = ", ".join("?" for _ in NAMES)
    statement = f"INSERT INTO naive VALUES ({marks}) ON CONFLICT (id) DO UPDATE SET {REPLACED}"

    def write(rows: Rows) -> None:
        with connection:
            connection.executemany(statement, rows)

    return write


def into_postgresql(url: str) -> Callable[[Rows], None]:
    connection = psycopg.connect(url)
    # In a schema of its own: the mirror's must hold nobody else's tables.
    connection.execute("CREATE SCHEMA naive")
    connection.execute("SET search_path = naive")
    connection.execute(f"CREATE TABLE naive ({DEFINED})".encode())
    connection.execute(f"CREATE TEMP TABLE page ({DEFINED}) ON COMMIT DELETE ROWS".encode())
    connection.commit()

    def write(rows: Rows) -> None:
        with connection.cursor() as cursor:
            with cursor.copy("COPY page FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
            statement = f"INSERT INTO naive SELECT * FROM page ON CONFLICT (id) DO UPDATE SET {REPLACED}"
            cursor.execute(statement.encode())
        connection.commit()

    return write


def main() -> None:
    """Load once and say how it went."""
    url, base_url = sys.argv[1:]
    write = into_sqlite(url) if url.startswith("sqlite") else into_postgresql(url)
    count, cursor = 0, "0"
    start, processor = time.perf_counter(), time.process_time()
    with httpx.Client(headers={"x-integration-id": INTEGRATION}) as client:
        while cursor is not None:
            body = client.get(f"{base_url}/hris/employees", params={"cursor": cursor}).content
            page = msgspec.json.decode(body)["data"]
            write([row_of(record) for record in page["results"]])
            count, cursor = count + len(page["results"]), page["next"]
    said = {
        "seconds": time.perf_counter() - start,
        "processor_seconds": time.process_time() - processor,
        "rows": count,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    print(json.dumps(said))


if __name__ == "__main__":
    main()
