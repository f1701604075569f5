"""A table that somebody locks, renames or changes stops its own streams, one of the bookkeeping the service.

The service is a process, impatient as in other tests of databases; it goes on by itself afterwards.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import httpx
import psycopg
import pytest
from sqlalchemy import make_url

from tests.reliability import impatient_program
from tests.support.databases import PostgresServer
from tests.support.mirror import Mirror
from tests.support.processes import Serve, ServedSource, Service
from tests.support.source import make_environment
from tests.support.waiting import PATIENCE, until

Trouble = Callable[[str], AbstractContextManager[None]]
GROUPS = "hris_groups"


@contextmanager
def changed(url: str, change: str, back: str) -> Iterator[None]:
    """Have the tables another way for the block."""
    with Mirror(url).open() as (_, connection):
        connection.exec_driver_sql(change)
    yield
    with Mirror(url).open() as (_, connection):
        connection.exec_driver_sql(back)


def renamed(url: str, table: str = GROUPS) -> AbstractContextManager[None]:
    return changed(
        url, f"ALTER TABLE {table} RENAME TO elsewhere", f"ALTER TABLE elsewhere RENAME TO {table}"
    )


def with_another_column(url: str) -> AbstractContextManager[None]:
    return changed(
        url,
        f"ALTER TABLE {GROUPS} RENAME COLUMN content_hash TO another",
        f"ALTER TABLE {GROUPS} RENAME COLUMN another TO content_hash",
    )


@contextmanager
def locked(url: str) -> Iterator[None]:
    with psycopg.connect(url) as other:
        other.execute(f"LOCK TABLE {GROUPS} IN ACCESS EXCLUSIVE MODE".encode())
        yield


def limited(server: PostgresServer, url: str, setting: str) -> None:
    name = make_url(url).database
    server.admin.execute(f'ALTER DATABASE "{name}" SET {setting}'.encode())


RUN_ENDS = {"run_ended", "run_failed"}


class Serving:
    """A service that has read everything once, and is looked at from outside."""

    def __init__(self, source: ServedSource, url: str) -> None:
        self.source, self.url = source, url
        settings = {**source.settings(url), "SYNCER_SYNC__EVERY": "1s", "SYNCER_LOG__LEVEL": "DEBUG"}
        command = (sys.executable, impatient_program.__file__, "run")
        self.service: Service = source.start_program(command, settings)
        self.page: str = self.service.wait_for("pages_served")["url"]
        until(lambda: Mirror(url).equals_source(source.environment), "what the source lists")
        for model in ("hris_groups", "hris_employees"):
            self.service.wait_for("run_ended", model=model, outcome="complete")

    def ended(self, outcome: str, since: int, model: str | None = None) -> set[str]:
        """Give the models whose runs have ended so since an event."""
        found = [each for each in self.service.events()[since:] if each["event"] in RUN_ENDS]
        return {
            each["model"] for each in found if each["outcome"] == outcome and model in (None, each["model"])
        }

    def is_well(self) -> bool:
        return httpx.get(f"{self.page}readyz", timeout=PATIENCE).status_code == 200

    def lives_through(self, trouble: AbstractContextManager[None]) -> None:
        """Only the streams of the table fail, and go on when it is over."""
        others = {key.model for key in Mirror(self.url).streams()} - {GROUPS}
        since = len(self.service.lines)
        with trouble:
            until(lambda: self.ended("failed", since, GROUPS), "a stream that is not well")
            since = len(self.service.lines)
            until(lambda: self.ended("complete", since) >= others, "the others")
            assert self.is_well()
            stream = next(
                each
                for each in httpx.get(f"{self.page}status", timeout=PATIENCE).json()["streams"]
                if each["model"] == GROUPS
            )
            assert stream["state"] == "failed"
            assert f"The rows of {GROUPS} cannot be read or written: " in stream["last_error"]
        since = len(self.service.lines)
        until(lambda: self.ended("complete", since, GROUPS), "the end of it")
        until(self.is_well, "the end of it")
        assert [each for each in self.service.events() if each["event"].startswith("database_")] == []


@pytest.mark.parametrize("setting", ["lock_timeout = '1s'", "statement_timeout = '1s'", "lock_timeout = 0"])
def test_a_lock_on_one_table_keeps_only_its_streams_waiting(
    serve: Serve, postgres_server: PostgresServer, migrated_postgres_url: str, setting: str
) -> None:
    limited(postgres_server, migrated_postgres_url, setting)
    serving = Serving(serve(make_environment()), migrated_postgres_url)
    serving.lives_through(locked(migrated_postgres_url))
    assert serving.service.stop() == 0


def test_a_table_that_is_not_as_it_was_made_stops_only_its_streams(serve: Serve, migrated_url: str) -> None:
    serving = Serving(serve(make_environment()), migrated_url)
    serving.lives_through(renamed(migrated_url))
    serving.lives_through(with_another_column(migrated_url))
    assert serving.service.stop() == 0


@pytest.mark.parametrize("table", ["sync_streams", "sync_seen"])
def test_a_bookkeeping_table_that_is_gone_is_a_trouble_of_the_database_that_passes(
    serve: Serve, migrated_url: str, table: str
) -> None:
    serving = Serving(serve(make_environment()), migrated_url)
    with renamed(migrated_url, table):
        serving.service.wait_for("database_unavailable")
        assert not serving.is_well()
    serving.service.wait_for("database_back")
    since = len(serving.service.lines)
    until(lambda: serving.ended("complete", since), "the work")
    until(serving.is_well, "the end of it")
    names = [each["event"] for each in serving.service.events() if each["event"].startswith("database_")]
    assert names == ["database_unavailable", "database_back"]
    assert serving.service.stop() == 0
