"""A database that says nothing any more, and hangs up on nobody: noticed, told once, and over by itself."""

from __future__ import annotations

import select
import signal
import sys
from collections.abc import Iterator
from functools import partial

import httpx
import psycopg
import pytest
from sqlalchemy import make_url
from sqlalchemy.exc import DBAPIError

from syncer.domain.errors import DatabaseUnavailable
from syncer.store.db.database import Database
from syncer.store.db.postgres_connection import PatientConnection
from tests.reliability import impatient_program
from tests.support.databases import PostgresServer
from tests.support.mirror import Mirror
from tests.support.processes import Serve
from tests.support.silent_proxy import SilentProxy, silent_proxy
from tests.support.source import make_environment
from tests.support.waiting import PATIENCE, until


@pytest.fixture
def proxy(postgres_server: PostgresServer) -> Iterator[SilentProxy]:
    with silent_proxy(postgres_server.url) as proxy:
        yield proxy


def test_a_service_whose_connections_go_silent_makes_new_ones_each_time(
    serve: Serve, migrated_postgres_url: str, proxy: SilentProxy
) -> None:
    source, mirror = serve(make_environment()), Mirror(migrated_postgres_url)
    settings = {**source.settings(proxy.url(make_url(migrated_postgres_url))), "SYNCER_SYNC__EVERY": "1s"}
    service = source.start_program((sys.executable, impatient_program.__file__, "run"), settings)
    page = f"{service.wait_for('pages_served')['url']}readyz"

    def told() -> list[str]:
        return [each["event"] for each in service.events() if each["event"].startswith("database_")]

    def has_told(number: int) -> bool:
        return len(told()) == number

    def is_well() -> bool:
        return httpx.get(page, timeout=PATIENCE).status_code == 200

    until(lambda: mirror.equals_source(source.environment), "what the source lists")
    company = next(iter(source.environment.companies.values()))
    for times in (1, 2):
        taken = proxy.accepted
        with psycopg.connect(migrated_postgres_url) as other:
            # One that nobody uses when it falls silent is replaced without a word: let somebody use one.
            other.execute("LOCK TABLE hris_employees IN ACCESS EXCLUSIVE MODE")
            company.update("hris_employees", company.ids("hris_employees")[1], job_title=f"No. {times}")
            until(lambda: mirror.fetch("SELECT 1 FROM pg_locks WHERE NOT granted"), "somebody who waits")
            proxy.silence()
            until(partial(has_told, 2 * times - 1), "the trouble")
            assert not is_well()
        until(partial(has_told, 2 * times), "the end of it")
        assert proxy.accepted > taken
        company.update("hris_employees", company.ids("hris_employees")[0], job_title=f"No. {times}")
        until(lambda: mirror.equals_source(source.environment), "what the source lists")
        until(is_well, "the end of it")
    assert told() == ["database_unavailable", "database_back"] * 2
    # Told to end while nothing is answered at all, it does.
    proxy.is_dead = True
    proxy.silence()
    until(partial(has_told, 5), "the trouble")
    service.send(signal.SIGTERM)
    assert service.process.wait(10) == 0


@pytest.fixture
def through(
    proxy: SilentProxy, migrated_postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Database]:
    """A database by way of the proxy, that is given up after half a second of silence."""
    monkeypatch.setattr(PatientConnection, "answer_within", 0.5)
    database = Database(proxy.url(make_url(migrated_postgres_url)))
    yield database
    database.close()


def test_a_statement_that_takes_long_is_not_cut(through: Database) -> None:
    with through.begin() as connection:
        assert connection.exec_driver_sql("SELECT 1 FROM pg_sleep(2)").scalar_one() == 1


def test_a_statement_that_waits_for_a_lock_is_not_cut(through: Database, migrated_postgres_url: str) -> None:
    with psycopg.connect(migrated_postgres_url, autocommit=True) as other:
        other.execute("CREATE TABLE noted (name TEXT)")
        other.execute("BEGIN")
        other.execute("LOCK TABLE noted")
        with through.begin() as connection:
            connection.exec_driver_sql("SET LOCAL lock_timeout = '2s'")
            with pytest.raises(DBAPIError, match="lock timeout"):
                connection.exec_driver_sql("SELECT * FROM noted")
            connection.rollback()


class LateAsker(PatientConnection):
    """A connection whose answer comes while somebody asks about it, so that nobody works on it any more."""

    answer_within = 0.2

    def _is_answer_coming(self) -> bool:
        poll = select.poll()
        poll.register(self.pgconn.socket, select.POLLIN)
        poll.poll()
        return False


def test_an_answer_that_comes_while_the_server_is_asked_is_taken(migrated_postgres_url: str) -> None:
    url = make_url(migrated_postgres_url).set(drivername="postgresql")
    with LateAsker.open(conninfo=url.render_as_string(hide_password=False)) as connection:
        assert connection.execute("SELECT 1 FROM pg_sleep(1)").fetchone() == (1,)


def test_silence_within_a_transaction_is_unavailable_and_the_next_one_works(
    through: Database, proxy: SilentProxy
) -> None:
    def ask_twice() -> None:
        with through.begin() as connection:
            connection.exec_driver_sql("SELECT 1")
            proxy.silence()
            connection.exec_driver_sql("SELECT 1")

    with pytest.raises(DatabaseUnavailable, match="has not answered"):
        ask_twice()
    with through.begin() as connection:
        assert connection.exec_driver_sql("SELECT 1").scalar_one() == 1
