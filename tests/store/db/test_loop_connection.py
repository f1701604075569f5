"""Statements of an event loop's own: what commits, what their session is like, and how it is replaced."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import closing

import psycopg
import pytest
from sqlalchemy import BigInteger, Column, MetaData, Table, Text, make_url, text
from sqlalchemy.dialects import postgresql

from syncer.domain.errors import DatabaseUnavailable, StatementFailed
from syncer.store.db.database import Database
from syncer.store.db.loop_connection import LoopStatement
from syncer.store.db.postgres_connection import ImpatientConnection
from tests.support.databases import PostgresServer
from tests.support.pgbouncer import Pooling
from tests.support.silent_proxy import silent_proxy
from tests.support.waiting import until_async

NOTED = Table("noted", MetaData(), Column("name", Text, primary_key=True), Column("times", BigInteger))
_INSERT = postgresql.insert(NOTED).values(times=1)
#: Notes a name, or counts it where it is there; gives both.
NOTE = LoopStatement(
    _INSERT.on_conflict_do_update(index_elements=["name"], set_={"times": NOTED.c.times + 1}).returning(
        NOTED
    ),
    ["name"],
)


@pytest.fixture
def other(postgres_url: str) -> Iterator[psycopg.Connection]:
    """Somebody else's session, which has made the table."""
    with psycopg.connect(postgres_url, autocommit=True) as other:
        other.execute("CREATE TABLE noted (name text PRIMARY KEY, times bigint)")
        yield other


@pytest.fixture
def noting(other: psycopg.Connection, postgres_url: str) -> Iterator[Database]:
    with closing(Database(postgres_url)) as database:
        yield database


async def note(database: Database, *names: str) -> list[tuple[str, int]]:
    assert database.loop_connection is not None
    rows = [{"name": name} for name in names]
    return [(name, times) for name, times in await database.loop_connection.execute_each(NOTE, rows)]


def noted(other: psycopg.Connection) -> dict[str, int]:
    return dict(other.execute("SELECT name, times FROM noted").fetchall())


def sessions(other: psycopg.Connection) -> list[int]:
    """The sessions of the mirror's."""
    mine = (
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'syncer'"
    )
    return [pid for [pid] in other.execute(mine)]


def end(other: psycopg.Connection, pids: Sequence[int]) -> None:
    """End sessions, and wait until they have ended."""
    for pid in pids:
        other.execute("SELECT pg_terminate_backend(%s, 10000)", (pid,))


async def test_each_row_is_committed_when_it_is_answered_and_answers_in_its_order(
    noting: Database, other: psycopg.Connection
) -> None:
    assert await note(noting, "a") == [("a", 1)]
    assert noted(other) == {"a": 1}
    names = [f"n{number:03}" for number in range(200)]
    assert await note(noting, *names, "a") == [*((name, 1) for name in names), ("a", 2)]
    assert noted(other) == {**dict.fromkeys(names, 1), "a": 2}


async def test_those_who_ask_at_once_take_turns_on_one_connection(
    noting: Database, other: psycopg.Connection
) -> None:
    found = await asyncio.gather(*(note(noting, "all", f"n{number}") for number in range(50)))
    assert sorted(times for [(_, times), _] in found) == list(range(1, 51))
    assert len(sessions(other)) == 1


async def test_of_rows_of_which_one_fails_none_is_kept(noting: Database, other: psycopg.Connection) -> None:
    other.execute("ALTER TABLE noted ADD CHECK (name <> 'wrong')")
    other.execute("CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$")
    other.execute(
        "CREATE TRIGGER refuse BEFORE INSERT ON noted FOR EACH ROW WHEN (NEW.name = 'refused') "
        "EXECUTE FUNCTION refuse()"
    )
    with pytest.raises(StatementFailed):
        await note(noting, "before", "refused", "after")
    assert noted(other) == {}
    assert await note(noting, "before", "after") == [("before", 1), ("after", 1)]


async def test_a_transaction_in_the_way_is_no_error_but_runs_it_again(
    noting: Database, other: psycopg.Connection
) -> None:
    other.execute("CREATE SEQUENCE tries")
    other.execute(
        "CREATE FUNCTION conflict() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "IF nextval('tries') < 3 THEN RAISE 'in the way' USING ERRCODE = 'deadlock_detected'; END IF; "
        "RETURN NEW; END $$"
    )
    other.execute("CREATE TRIGGER conflict BEFORE INSERT ON noted EXECUTE FUNCTION conflict()")
    assert await note(noting, "a", "b") == [("a", 1), ("b", 1)]
    other.execute("ALTER SEQUENCE tries RESTART INCREMENT -1 MAXVALUE 1 MINVALUE -100")
    with pytest.raises(StatementFailed, match="in the way"):
        await note(noting, "c")


async def test_a_session_that_was_ended_meanwhile_is_replaced_without_a_word(
    noting: Database, other: psycopg.Connection
) -> None:
    await note(noting, "a")
    for _ in range(3):
        before = sessions(other)
        assert len(before) == 1
        end(other, before)
        await note(noting, "a")
        assert sessions(other) != before
    assert noted(other) == {"a": 4}


async def test_a_session_that_ends_under_a_statement_is_unavailable_and_the_next_one_works(
    noting: Database, other: psycopg.Connection, postgres_url: str
) -> None:
    await note(noting, "a")
    with psycopg.connect(postgres_url) as locking:
        locking.execute("LOCK TABLE noted")
        under_way = asyncio.create_task(note(noting, "a"))
        waiting = (
            "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name = 'syncer'"
        )
        await until_async(lambda: other.execute(waiting.encode()).fetchone(), "who waits for the table")
        end(other, sessions(other))
        with pytest.raises(DatabaseUnavailable):
            await under_way
    assert await note(noting, "a") == [("a", 2)]


async def test_a_caller_who_gives_up_leaves_nothing_behind_for_the_next_one(
    noting: Database, other: psycopg.Connection, postgres_url: str
) -> None:
    with psycopg.connect(postgres_url) as locking:
        locking.execute("LOCK TABLE noted")
        for names in (("a",), ("b", "c")):
            under_way = asyncio.create_task(note(noting, *names))
            await until_async(
                lambda: other.execute("SELECT 1 FROM pg_locks WHERE NOT granted").fetchone(), "who waits"
            )
            under_way.cancel()
            with pytest.raises(asyncio.CancelledError):
                await under_way
    assert await note(noting, "a", "b") == [("a", 1), ("b", 1)]


async def test_a_silent_server_is_unavailable_and_the_next_statement_works(
    other: psycopg.Connection,
    postgres_server: PostgresServer,
    postgres_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ImpatientConnection, "answer_within", 0.5)
    with (
        silent_proxy(postgres_server.url) as proxy,
        closing(Database(proxy.url(make_url(postgres_url)))) as through,
    ):
        await note(through, "a")
        proxy.silence()
        with pytest.raises(DatabaseUnavailable, match="has not answered"):
            await note(through, "a")
        assert await note(through, "b") == [("b", 1)]


SETTINGS = (
    "application_name",
    "client_encoding",
    "DateStyle",
    "default_toast_compression",
    "extra_float_digits",
    "idle_in_transaction_session_timeout",
    "IntervalStyle",
    "lock_timeout",
    "search_path",
    "standard_conforming_strings",
    "statement_timeout",
    "TimeZone",
    "transaction_isolation",
    "work_mem",
)


@pytest.mark.parametrize("schema", [None, "kombo"])
@pytest.mark.parametrize("default", ["lock_timeout = '0'", "lock_timeout = '3s'"])
async def test_its_session_is_like_those_of_transactions(
    postgres_server: PostgresServer, postgres_url: str, schema: str | None, default: str
) -> None:
    name = make_url(postgres_url).database
    for each in (default, "default_transaction_isolation = 'repeatable read'", "TimeZone = 'Asia/Kathmandu'"):
        postgres_server.admin.execute(f'ALTER DATABASE "{name}" SET {each}'.encode())
    url = make_url(postgres_url).update_query_dict({"options": "-c work_mem=5MB -c statement_timeout=7s"})
    shown = text(" UNION ALL ".join(f"SELECT '{each}', current_setting('{each}')" for each in SETTINGS))
    with (
        closing(Database(url.render_as_string(hide_password=False), schema=schema)) as database,
        psycopg.connect(postgres_url, autocommit=True) as other,
    ):
        with database.begin() as connection:
            connection.execute(text("CREATE SCHEMA IF NOT EXISTS kombo"))
            connection.execute(text("CREATE TABLE noted (name text PRIMARY KEY, times bigint)"))
            connection.execute(text("CREATE TABLE seen (name text, value text)"))
            expected = {row[0]: row[1] for row in connection.execute(shown)}
        where = schema or "public"
        other.execute(
            f"CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"INSERT INTO {where}.seen {shown.text}; RETURN NEW; END $$".encode()
        )
        other.execute(f"CREATE TRIGGER look BEFORE INSERT ON {where}.noted EXECUTE FUNCTION look()".encode())
        assert await note(database, "a") == [("a", 1)]
        found: dict[str, str] = dict(
            other.execute(f"SELECT name, value FROM {where}.seen".encode()).fetchall()
        )
    assert found == expected
    assert found["work_mem"] == "5MB"


async def test_a_session_that_began_read_only_serves_no_longer_than_that_lasts(
    noting: Database, other: psycopg.Connection, postgres_server: PostgresServer, postgres_url: str
) -> None:
    read_only = f'ALTER DATABASE "{make_url(postgres_url).database}" SET default_transaction_read_only = '
    postgres_server.admin.execute(f"{read_only} on".encode())
    with pytest.raises(DatabaseUnavailable, match="read-only"):
        await note(noting, "a")
    postgres_server.admin.execute(f"{read_only} off".encode())
    assert await note(noting, "a") == [("a", 1)]


async def test_a_table_that_is_made_anew_is_used_like_the_one_before(
    noting: Database, other: psycopg.Connection
) -> None:
    for _ in range(10):
        # As often as the server needs to keep its plan.
        await note(noting, "a")
    other.execute("DROP TABLE noted")
    with pytest.raises(StatementFailed, match="does not exist"):
        await note(noting, "a")
    other.execute("CREATE TABLE noted (times bigint, name varchar(99) PRIMARY KEY)")
    assert await note(noting, "a") == [("a", 1)]


async def test_a_closed_database_has_no_session_left(noting: Database, other: psycopg.Connection) -> None:
    await note(noting, "a")
    assert len(sessions(other)) == 1
    noting.close()
    await until_async(lambda: not sessions(other), "the end of the session")


@pytest.mark.tool("pgbouncer")
@pytest.mark.parametrize("mode", ["transaction", "session"])
async def test_behind_a_pooler_rows_are_one_transaction_and_its_sessions_are_left_as_they_were(
    other: psycopg.Connection, postgres_url: str, pooling: Pooling, mode: str
) -> None:
    other.execute("ALTER TABLE noted ADD times_again bigint GENERATED ALWAYS AS (1 / (times - 3)) STORED")
    with pooling(mode, size=1) as pooler, closing(Database(pooler.url(postgres_url))) as database:
        for times in (1, 2):
            assert await note(database, "a", f"n{times}") == [("a", times), (f"n{times}", 1)]
        for _ in range(10):
            assert len(await note(database, "b")) == 1
            other.execute("UPDATE noted SET times = 1 WHERE name = 'b'")
        with pytest.raises(Exception, match="division by zero"):
            await note(database, "lost", "a")
        assert set(noted(other)) == {"a", "b", "n1", "n2"}
        database.close()
        with psycopg.connect(pooler.url(postgres_url), prepare_threshold=None) as next_one:
            left = "SELECT current_setting('lock_timeout'), count(*) FROM pg_prepared_statements"
            assert next_one.execute(left).fetchone() == ("0", 0)
