"""What an hour of ticks leaves in the database: connections, write-ahead log, dead rows, sizes of tables."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psycopg

from benchmarks.scale.measuring import print_table, shown_bytes
from benchmarks.scale.processes import Size, configuration, migrate, wait_for_runs, working
from benchmarks.servers import page_server, postgresql

#: Seconds between two looks.
LOOK_EVERY = 5.0
_TABLES = """
    SELECT relname, n_live_tup, n_dead_tup, n_tup_upd, n_tup_hot_upd, n_tup_ins, n_tup_del,
        pg_total_relation_size(relid), autovacuum_count
    FROM pg_stat_user_tables WHERE relname LIKE 'sync\\_%' OR schemaname NOT IN ('public')
"""
_CONNECTIONS = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""
_WAL = "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint"


@dataclass(frozen=True, slots=True)
class TableLook:
    """Statistics of one table at one moment. size: bytes, indexes included."""

    live: int
    dead: int
    updated: int
    hot: int
    inserted: int
    deleted: int
    size: int
    vacuums: int

    @property
    def changed(self) -> int:
        return self.updated + self.inserted + self.deleted


def look(database: psycopg.Connection) -> dict[str, TableLook]:
    """Read the statistics of the bookkeeping's tables."""
    return {row[0]: TableLook(*row[1:]) for row in database.execute(_TABLES).fetchall()}


def _number(database: psycopg.Connection, statement: str) -> int:
    row = database.execute(statement.encode()).fetchone()
    assert row is not None
    return int(row[0])


def report(integrations: int, every: int, minutes: float, processes: int) -> None:
    """Run services for so long, whose streams are due every so many seconds, and print what is left."""
    size = Size(1, integrations, 1)
    with (
        postgresql() as url,
        page_server(size.records) as server,
        tempfile.TemporaryDirectory() as name,
        psycopg.connect(url, autocommit=True) as database,
    ):
        directory = Path(name)
        file = directory / "config.toml"
        text = configuration(url, server.base_url, "embedded", size)
        file.write_text(text.replace('every = "1d"', f'every = "{every}s"', 1), encoding="utf-8")
        file.chmod(0o600)
        migrate(directory)
        with working(directory, [["run"]] * processes):
            wait_for_runs(database, "-infinity", size.streams, 600)
            first, wal, runs = look(database), _number(database, _WAL), _runs(database)
            middle, most_dead, connections = first, dict.fromkeys(first, 0), 0
            began = time.monotonic()
            while (passed := time.monotonic() - began) < minutes * 60:
                time.sleep(LOOK_EVERY)
                last = look(database)
                connections = max(connections, _number(database, _CONNECTIONS))
                most_dead = {each: max(most_dead.get(each, 0), found.dead) for each, found in last.items()}
                if passed < minutes * 30:
                    middle = last
            wal, runs = _number(database, _WAL) - wal, _runs(database) - runs
    title = (
        f"{size.streams:,} streams due every {every} s, {processes} services, {minutes:g} minutes: "
        f"{runs:,} runs, {connections} connections at most, {shown_bytes(wal)} of write-ahead log, "
        f"{wal / max(runs, 1):,.0f} bytes a run."
    )
    print_tables(title, first, middle, last, most_dead)


def _runs(database: psycopg.Connection) -> int:
    return _number(database, "SELECT count(*) FROM sync_runs")


def print_tables(
    title: str,
    first: Mapping[str, TableLook],
    middle: Mapping[str, TableLook],
    last: Mapping[str, TableLook],
    most_dead: Mapping[str, int],
) -> None:
    """Print the tables that have changed: one that bloats has grown from the middle to the end."""
    rows = []
    for name, end in sorted(last.items()):
        begin, half = first.get(name, end), middle.get(name, end)
        updated = end.updated - begin.updated
        if end.changed == begin.changed:
            continue
        hot = f"{(end.hot - begin.hot) / updated:.0%}" if updated else ""
        sizes = [shown_bytes(each.size) for each in (begin, half, end)]
        rows.append(
            [
                f"`{name}`",
                f"{end.live:,}",
                f"{updated:,}",
                hot,
                f"{most_dead[name]:,}",
                *sizes,
                f"{end.vacuums - begin.vacuums}",
            ]
        )
    columns = "table|rows|updates|of them HOT|dead rows, most|size at first|halfway|at the end|autovacuums"
    print_table(title, columns.split("|"), rows)
