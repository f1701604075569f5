"""How fast a list is mirrored: first load, unchanged again, one row in a hundred changed.

    make bench                    20,000 employees of about 2 kB, SQLite and an embedded PostgreSQL

Pages come from a process of their own over HTTP, without a rate limit. The floor is the same work with
nothing around it: fetch, parse, the driver's fastest upsert of id and document. Figures are one run on this
machine: compare within a run, not between machines.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import httpx
import msgspec
import psycopg

from benchmarks.pages import INTEGRATION
from tests import embedded_postgres

ROOT = Path(__file__).resolve().parent.parent

LOAD = """
import asyncio, json, resource, sys, time
from syncer.app import App
from syncer.domain.plan import Mode
from syncer.settings import Settings

url, base_url, mode, integration = sys.argv[1:]

async def main():
    settings = Settings(
        kombo={"api_key": "bench", "base_url": base_url},
        database={"url": url},
        integrations=[{"id": integration, "models": ["hris_employees"]}],
    )
    async with App(settings) as app:
        start = time.perf_counter()
        (result,) = await app.run(Mode(mode))
        seconds = time.perf_counter() - start
    counts = result.counts
    print(json.dumps({
        "seconds": seconds,
        "written": counts.written,
        "seen": counts.written + counts.unchanged,
        "outcome": result.outcome,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }))

asyncio.run(main())
"""


def load(url: str, base_url: str, mode: str) -> dict[str, Any]:
    """One load by the program in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", LOAD, url, base_url, mode, INTEGRATION],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        cwd=ROOT,
        env={**os.environ, "SYNCER_LOG__LEVEL": "ERROR"},
    )
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert said["outcome"] == "complete", said
    return said


def floor(url: str, base_url: str, directory: Path) -> float:
    """Seconds of the same first load with nothing around it."""
    start = time.perf_counter()
    write = _floor_sqlite(directory) if url.startswith("sqlite") else _floor_postgresql(url)
    cursor: str | None = "0"
    with httpx.Client() as client:
        while cursor is not None:
            body = client.get(
                f"{base_url}/hris/employees", params={"cursor": cursor}, headers={"x-integration-id": "bench"}
            ).content
            page = msgspec.json.decode(body)["data"]
            write([(row["id"], json.dumps(row)) for row in page["results"]])
            cursor = page["next"]
    return time.perf_counter() - start


def _floor_sqlite(directory: Path):  # type: ignore[no-untyped-def]
    connection = sqlite3.connect(directory / "floor.db")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("CREATE TABLE floor (id TEXT PRIMARY KEY, document TEXT)")

    def write(rows: list[tuple[str, str]]) -> None:
        with connection:
            connection.executemany(
                "INSERT INTO floor VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET document = excluded.document",
                rows,
            )

    return write


def _floor_postgresql(url: str):  # type: ignore[no-untyped-def]
    connection = psycopg.connect(url)
    # In a schema of its own: the mirror's must hold nobody else's tables.
    connection.execute("CREATE SCHEMA floor")
    connection.execute("SET search_path = floor")
    connection.execute("CREATE TABLE floor (id text PRIMARY KEY, document jsonb)")
    connection.commit()

    def write(rows: list[tuple[str, str]]) -> None:
        with connection.cursor() as cursor:
            cursor.execute("CREATE TEMP TABLE page (id text, document jsonb) ON COMMIT DROP")
            with cursor.copy("COPY page FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
            cursor.execute(
                "INSERT INTO floor SELECT * FROM page"
                " ON CONFLICT (id) DO UPDATE SET document = excluded.document"
            )
        connection.commit()

    return write


@contextmanager
def page_server(records: int) -> Iterator[str]:
    """The page server; gives the address without a path."""
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.pages", str(records)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as server:
        assert server.stdout is not None
        try:
            yield f"http://127.0.0.1:{server.stdout.readline().strip()}"
        finally:
            server.terminate()


@contextmanager
def postgresql() -> Iterator[str]:
    """An empty database: of SYNCER_TEST_POSTGRES_URL, or of an embedded server."""
    given = os.environ.get("SYNCER_TEST_POSTGRES_URL")
    with nullcontext(given) if given else _embedded() as admin:
        name = f"syncer_bench_{os.getpid()}"
        with psycopg.connect(admin, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
            try:
                yield psycopg.conninfo.make_conninfo(admin, dbname=name)
            finally:
                connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@contextmanager
def _embedded() -> Iterator[str]:
    with embedded_postgres.running() as server:
        yield server.url


def measure(name: str, url: str, records: int, directory: Path) -> None:
    """Print the rows of one database."""
    with page_server(records) as address:
        base_url = f"{address}/v1"
        limit = floor(url, base_url, directory)
        loads = [
            ("first load", load(url, base_url, "backfill")),
            ("unchanged, read whole again", load(url, base_url, "restart")),
        ]
        httpx.post(f"{address}/change")
        loads.append(("1 % changed, incremental", load(url, base_url, "sync")))
    print(f"{name:<12}{'floor (id and document only)':<32}{limit:>8.1f}{records / limit:>10,.0f}")
    for what, said in loads:
        print(
            f"{name:<12}{what:<32}{said['seconds']:>8.1f}{said['seen'] / said['seconds']:>10,.0f}"
            f"{said['written']:>10,}{said['peak_mb']:>10.0f}"
        )


def main() -> None:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--records", type=int, default=20_000)
    records = parser.parse_args().records
    print(f"{records:,} employees, {sys.version.split()[0]}, {os.cpu_count()} cores")
    print(f"{'database':<12}{'what':<32}{'seconds':>8}{'rows/s':>10}{'written':>10}{'peak MB':>10}")
    with tempfile.TemporaryDirectory() as directory:
        measure("SQLite", f"sqlite:///{directory}/bench.db", records, Path(directory))
        with postgresql() as conninfo:
            measure("PostgreSQL", _url(conninfo), records, Path(directory))


def _url(conninfo: str) -> str:
    parts = psycopg.conninfo.conninfo_to_dict(conninfo)
    host, user = parts.get("host", ""), parts.get("user", "postgres")
    secret = f":{parts['password']}" if parts.get("password") else ""
    if str(host).startswith("/"):
        return f"postgresql://{user}{secret}@/{parts['dbname']}?host={host}"
    return f"postgresql://{user}{secret}@{host}:{parts.get('port', 5432)}/{parts['dbname']}"


if __name__ == "__main__":
    main()
