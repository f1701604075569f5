"""The floor: the least in which one process can bring the list into the mirror's own tables; a line of JSON.

    python -m benchmarks.floor DATABASE_URL BASE_URL

The standard library's client on one connection, ``msgspec`` with types of the list that decode no more than
is looked at, and the driver's fastest insert, a transaction for each page, into the tables of the program
with all their indexes and links: ``executemany`` on SQLite, ``COPY`` on PostgreSQL. JSON columns and
documents are the bytes that came. It compares, converts and checks nothing, and keeps no state: run twice it
fails.
"""

from __future__ import annotations

import json
import resource
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import msgspec
import psycopg
from sqlalchemy import create_engine

from benchmarks.pages import INTEGRATION
from syncer.domain.catalogue.lookup import model_named
from syncer.domain.records.row import COMMON_COLUMNS
from syncer.store.schema.mirror_tables import MIRROR

EMPLOYEES = MIRROR["hris_employees"]
LINKS = MIRROR["hris_employees_groups"]
#: What every row has, since nothing is computed for it.
CONSTANTS: dict[str, bytes | str] = {
    "integration_id": INTEGRATION,
    "first_seen_at": "2026-01-01T00:00:00.000000Z",
    "mirrored_at": "2026-01-01T00:00:00.000000Z",
}
#: A hash as each database takes it.
HASHES: dict[str, bytes | str] = {"sqlite": bytes(16), "postgresql": "0" * 32}
TYPES = {each.name: each.type for each in (*COMMON_COLUMNS, *model_named("hris_employees").columns)}

Rows = list[tuple[Any, ...]]
#: The rows of a page, and its links.
Write = Callable[[Rows, Rows], None]


class Group(msgspec.Struct, gc=False):
    """What a link takes of a group."""

    id: str


class Page(msgspec.Struct, gc=False):
    """A page: its records as they came."""

    results: list[msgspec.Raw]
    next: str | None = None


class Answer(msgspec.Struct, gc=False):
    """An answer, of which nothing but the page is looked at."""

    data: Page


def decoder_of(types: Mapping[str, str]) -> msgspec.json.Decoder[Any]:
    """Make the decoder of a record: values that become text or JSON stay what came."""
    fields = [(name, msgspec.Raw if type_ == "json" else Any, None) for name, type_ in types.items()]
    return msgspec.json.Decoder(msgspec.defstruct("Employee", [("id", str), *fields], gc=False))


def rows_of(
    records: list[msgspec.Raw], decoder: msgspec.json.Decoder[Any], constants: dict[str, bytes | str]
) -> tuple[Rows, Rows]:
    """The page's rows, in the order of the table's columns, and its links."""
    names = [(column.name, TYPES.get(column.name)) for column in EMPLOYEES.columns]
    rows: Rows = []
    links: Rows = []
    groups = msgspec.json.Decoder(list[Group])
    for raw in records:
        employee = decoder.decode(raw)
        row = []
        for name, type_ in names:
            if name in constants:
                value: Any = constants[name]
            elif name == "document":
                value = bytes(raw).decode()
            elif name == "deleted_by":
                value = None
            else:
                value = getattr(employee, name)
                if value is not None and type_ == "json":
                    # Raw bytes: also those of null.
                    value = None if value == b"null" else bytes(value).decode()
                elif value is not None and type_ == "date":
                    value = value[:10]
            row.append(value)
        rows.append(tuple(row))
        links += [(employee.id, group.id) for group in groups.decode(employee.groups)]
    return rows, links


def into_sqlite(url: str) -> Write:
    connection = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    employees, links = (
        f"INSERT INTO {table.name} VALUES ({', '.join('?' for _ in table.columns)})"
        for table in (EMPLOYEES, LINKS)
    )

    def write(rows: Rows, of_groups: Rows) -> None:
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(employees, rows)
        connection.executemany(links, of_groups)
        connection.execute("COMMIT")

    return write


def into_postgresql(url: str) -> Write:
    connection = psycopg.connect(url)

    def write(rows: Rows, of_groups: Rows) -> None:
        with connection.cursor() as cursor:
            for table, several in ((EMPLOYEES, rows), (LINKS, of_groups)):
                with cursor.copy(f"COPY {table.name} FROM STDIN".encode()) as copy:
                    for row in several:
                        copy.write_row(row)
        connection.commit()

    return write


def pages(base_url: str) -> Iterator[Page]:
    """The list, page by page."""
    decoder = msgspec.json.Decoder(Answer)
    address = urlsplit(base_url)
    connection = HTTPConnection(address.hostname or "", address.port)
    cursor: str | None = "0"
    while cursor is not None:
        connection.request(
            "GET", f"{address.path}/hris/employees?cursor={cursor}", headers={"x-integration-id": INTEGRATION}
        )
        page = decoder.decode(connection.getresponse().read()).data
        yield page
        cursor = page.next
    connection.close()


def make_tables(url: str) -> None:
    """Make the tables with their indexes."""
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    EMPLOYEES.metadata.create_all(engine, [EMPLOYEES, LINKS])
    engine.dispose()


def main() -> None:
    """Load once and say how it went."""
    url, base_url = sys.argv[1:]
    make_tables(url)
    write = into_sqlite(url) if url.startswith("sqlite") else into_postgresql(url)
    constants = {**CONSTANTS, "content_hash": HASHES[url.partition(":")[0]]}
    count, decoder = 0, decoder_of(TYPES)
    start, processor = time.perf_counter(), time.process_time()
    for page in pages(base_url):
        write(*rows_of(page.results, decoder, constants))
        count += len(page.results)
    said = {
        "seconds": time.perf_counter() - start,
        "processor_seconds": time.process_time() - processor,
        "rows": count,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    print(json.dumps(said))


if __name__ == "__main__":
    main()
