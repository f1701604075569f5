"""Databases that go away for a while: locked, shut, or full.

Plugin of pytest.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

from syncer.store.db import engines
from tests.support.databases import PostgresServer, migrated_database


@dataclass(frozen=True)
class Troubled:
    """A migrated database, and what takes it away for a while."""

    url: str
    outage: Callable[[], AbstractContextManager[None]]
    keeps_readers_out: bool = False


@pytest.fixture(params=["sqlite locked", "postgresql away", "postgresql full"])
def troubled(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Troubled]:
    """A database that can be read but not written, or not at all."""
    dialect, trouble = request.param.split()
    with migrated_database(request, dialect, tmp_path) as url:
        match trouble:
            case "locked":
                # Programs of this process give up soon.
                monkeypatch.setattr(engines, "SQLITE_BUSY_MS", 250)
                yield Troubled(url, partial(locked, url))
            case "away":
                server: PostgresServer = request.getfixturevalue("postgres_server")
                yield Troubled(url, partial(shut, server.admin, url), keeps_readers_out=True)
            case _:
                yield Troubled(url, partial(full, url))


@contextmanager
def locked(database_url: str) -> Iterator[None]:
    """Write to a SQLite file, as somebody who does not come to an end; it can still be read."""
    other = sqlite3.connect(database_url.removeprefix("sqlite:///"), isolation_level=None)
    try:
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.execute("ROLLBACK")
    finally:
        other.close()


@contextmanager
def shut(admin: psycopg.Connection, database_url: str) -> Iterator[None]:
    """Throw everybody out of a database on the server, and let nobody in."""
    name = make_url(database_url).database or ""
    admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false'.encode())
    admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
    try:
        yield
    finally:
        admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true'.encode())


@contextmanager
def full(database_url: str) -> Iterator[None]:
    """Let every write of a stream's state, or of an event, meet a full disk."""
    with psycopg.connect(database_url, autocommit=True) as inside:
        inside.execute(
            "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            "RAISE EXCEPTION 'no space left on device' USING ERRCODE = 'disk_full'; END $$"
        )
        for table in ("sync_streams", "sync_webhook_events"):
            trigger = (
                f"CREATE TRIGGER full_disk BEFORE INSERT OR UPDATE ON {table} EXECUTE FUNCTION full_disk()"
            )
            inside.execute(trigger.encode())
        try:
            yield
        finally:
            inside.execute("DROP FUNCTION full_disk CASCADE")
