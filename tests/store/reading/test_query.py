"""Read-only SQL: whatever the statement says, the database itself refuses to write."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text

from syncer.domain.errors import DatabaseUnavailable, UsageError
from syncer.domain.stream_key import StreamKey
from syncer.store.db.database import Database
from syncer.store.reading.query import cancel, query
from syncer.store.state.runs import begin_run
from tests.support.waiting import PATIENCE

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
NOTHING: Mapping[str, str] = {}


def add_run(database: Database, run_id: str) -> None:
    with database.begin() as connection:
        begin_run(connection, run_id, "default", StreamKey("tool:one", "ats_tags"), "me", NOW)


def ask(database: Database, sql: str, parameters: Mapping[str, str] = NOTHING) -> list[tuple[Any, ...]]:
    with query(database, sql, parameters) as answer:
        return list(answer.rows)


def refused(database: Database, sql: str) -> str:
    """The words with which the statement is refused; the database is as it was, and usable."""
    with database.read() as connection:
        before = everything(connection)
    with pytest.raises(UsageError) as raised:
        ask(database, sql)
    with database.read() as connection:
        assert everything(connection) == before
    add_run(database, "written afterwards")
    with database.begin() as connection:
        connection.execute(text("DELETE FROM sync_runs WHERE id = 'written afterwards'"))
    message = str(raised.value)
    assert "\n" not in message
    return message


def everything(connection: Connection) -> list[object]:
    """All rows of some tables, and all things that there are."""
    things = (
        "SELECT type, name, sql FROM sqlite_master ORDER BY 1, 2"
        if connection.dialect.name == "sqlite"
        else "SELECT relkind, relname, relnamespace::text FROM pg_class ORDER BY 1, 2, 3"
    )
    return [
        connection.execute(text(sql)).all()
        for sql in ("SELECT * FROM sync_runs ORDER BY id", "SELECT count(*) FROM sync_streams", things)
    ]


@pytest.fixture
def database(database: Database) -> Database:
    """A database with one run."""
    add_run(database, "run")
    return database


# --- answers


def test_a_query_answers_columns_and_rows(database: Database) -> None:
    with query(database, "SELECT id, model AS what, 1.5, NULL FROM sync_runs", NOTHING) as answer:
        assert answer.columns[:2] == ("id", "what")
        rows = list(answer.rows)
    assert [(row[0], row[1], float(row[2]), row[3]) for row in rows] == [("run", "ats_tags", 1.5, None)]


def test_rows_are_not_read_before_they_are_asked_for(database: Database) -> None:
    # The last ones cannot be computed.
    rows = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
        " SELECT abs(CASE WHEN i < 99999 THEN i ELSE -9223372036854775807 - 1 END) FROM n"
        if database.is_sqlite
        else "SELECT i + 0 / (99999 - i) FROM generate_series(1, 99999) AS n(i)"
    )
    with query(database, rows, NOTHING) as answer:
        assert [next(answer.rows) for _ in range(3)] == [(1,), (2,), (3,)]


def test_an_answer_without_rows_is_an_answer(database: Database) -> None:
    with query(database, "SELECT model, state FROM sync_streams", NOTHING) as answer:
        assert answer.columns == ("model", "state")
        assert list(answer.rows) == []


def test_parameters_are_values_and_never_sql(database: Database) -> None:
    evil = "x' OR 1 = 1; DROP TABLE sync_runs; --"
    assert ask(database, "SELECT id FROM sync_runs WHERE id = :id", {"id": evil}) == []
    assert ask(database, "SELECT id FROM sync_runs WHERE id = :id", {"id": "run"}) == [("run",)]
    assert ask(database, "SELECT CAST(:a AS TEXT), CAST(:a AS TEXT)", {"a": evil}) == [(evil, evil)]


def test_percents_quotes_and_casts_are_the_statements_own(database: Database) -> None:
    assert ask(database, "SELECT '100 %', '%s', 'it''s', id FROM sync_runs WHERE id LIKE '%u%'") == [
        ("100 %", "%s", "it's", "run")
    ]
    if not database.is_sqlite:
        assert ask(database, "SELECT '1'::integer + 1") == [(2,)]


def test_json_is_read_with_the_databases_own_functions(database: Database) -> None:
    sql = (
        "SELECT value FROM json_each('[1, 2]') ORDER BY 1"
        if database.is_sqlite
        else "SELECT value::int FROM jsonb_array_elements('[1, 2]') ORDER BY 1"
    )
    assert ask(database, sql) == [(1,), (2,)]


def test_views_and_common_table_expressions_are_read(database: Database) -> None:
    assert ask(database, "WITH a AS (SELECT 1 AS one) SELECT one FROM a") == [(1,)]
    assert ask(database, "SELECT * FROM mirror_freshness") == []
    assert ask(database, "SELECT count(*) FROM hris_employees_live") == [(0,)]


def test_whatever_gives_rows_is_answered(database: Database) -> None:
    assert ask(database, "VALUES (1, 'a'), (2, 'b')") == [(1, "a"), (2, "b")]
    plan = ask(
        database, f"{'EXPLAIN QUERY PLAN' if database.is_sqlite else 'EXPLAIN'} SELECT * FROM sync_runs"
    )
    assert any("sync_runs" in str(row) for row in plan)
    if not database.is_sqlite:
        assert ask(database, "TABLE sync_runs") == ask(database, "SELECT * FROM sync_runs")
        assert ask(database, "SHOW transaction_read_only") == [("on",)]
        assert "actual time" in str(ask(database, "EXPLAIN ANALYZE SELECT * FROM sync_runs"))
        with query(database, "EXPLAIN (FORMAT JSON) SELECT 1", NOTHING) as answer:
            assert answer.columns == ("QUERY PLAN",)


def test_a_colon_is_a_place_only_where_sql_could_have_a_value(database: Database) -> None:
    sql = """SELECT ':a', '{"b":true}', 'it''s :c', 1 AS ":d", CAST(:a AS TEXT) -- :e
        /* :f
        :g */ WHERE :a = 'x' """
    assert ask(database, sql, {"a": "x"}) == [(":a", '{"b":true}', "it's :c", 1, "x")]
    if not database.is_sqlite:
        more = r"SELECT E'it\'s :b', $$ :c $$, $d$ :e $d$, :a::int + 1, (ARRAY[1, 2])[1:2], :a::text"
        assert ask(database, more, {"a": "1"}) == [("it's :b", " :c ", " :e ", 2, [1, 2], "1")]


def test_a_place_without_a_value_is_named(database: Database) -> None:
    assert "value" in refused(database, "SELECT id FROM sync_runs WHERE id = :run_id")
    assert ":run_id" in refused(database, "SELECT id FROM sync_runs WHERE id = :run_id")


def test_postgresql_gives_json_digit_by_digit_at_any_depth_and_months_as_months(postgres_url: str) -> None:
    database = Database(postgres_url)
    number = "12345678901234567890.12345678901234567890"
    deep = "[" * 3_000 + "1.50" + "]" * 3_000
    first = f'{{"a" : [{number}, 1e30], "b": "x  \\" y"}}'
    [(document, again, nested)] = ask(
        database, f"""SELECT '{first}'::jsonb, '{{"a" :\n 1.0}}'::json, '{deep}'::jsonb"""
    )
    thirty = "1" + "0" * 30
    assert bytes(document).decode() == f'{{"a":[{number},{thirty}],"b":"x  \\" y"}}'
    assert bytes(again) == b'{"a":1.0}'
    assert bytes(nested).decode() == deep
    assert ask(database, "SELECT age(date '2026-03-01', date '2024-01-31')") == [("2 years 1 mon 1 day",)]
    database.close()


# --- refusals

WRITES = [
    "INSERT INTO sync_streams (environment, integration_id, model, state) VALUES ('a', 'b', 'c', 'new')",
    "UPDATE sync_runs SET model = 'changed'",
    "DELETE FROM sync_runs",
    "DELETE FROM sync_runs RETURNING id",
    "DROP TABLE sync_runs",
    "CREATE TABLE mine AS SELECT 1 AS one",
    "CREATE TEMPORARY TABLE mine (id TEXT)",
    "CREATE VIEW mine AS SELECT 1 AS one",
    "ALTER TABLE sync_runs ADD COLUMN mine TEXT",
    "CREATE INDEX mine ON sync_runs (model)",
    "COMMIT",
    "ROLLBACK",
    "BEGIN",
    "SAVEPOINT a",
    "VACUUM",
    "ANALYZE",
    "REINDEX TABLE sync_runs",
    "EXPLAIN ANALYZE DELETE FROM sync_runs",
    "SELECT 1; DELETE FROM sync_runs",
    "COMMIT; DELETE FROM sync_runs",
    "DELETE FROM sync_runs; SELECT 1",
]
SQLITE_WRITES = [
    "REPLACE INTO sync_runs SELECT * FROM sync_runs",
    "WITH a AS (SELECT 'run' AS id) DELETE FROM sync_runs WHERE id IN (SELECT id FROM a)",
    "WITH a AS (SELECT 1) INSERT INTO sync_streams (environment, integration_id, model, state)"
    " SELECT 'a', 'b', 'c', 'new' FROM a",
    "PRAGMA query_only = OFF",
    "PRAGMA writable_schema = ON",
    "PRAGMA user_version = 7",
    "PRAGMA journal_mode = DELETE",
    "PRAGMA application_id(7)",
    "DETACH DATABASE main",
    "REINDEX",
    "SELECT load_extension('libc.so.6')",
]
POSTGRESQL_WRITES = [
    "WITH a AS (DELETE FROM sync_runs RETURNING id) SELECT id FROM a",
    "WITH a AS (INSERT INTO sync_streams (environment, integration_id, model, state)"
    " VALUES ('a', 'b', 'c', 'new') RETURNING model) SELECT model FROM a",
    "TRUNCATE sync_runs",
    "SELECT * INTO mine FROM sync_runs",
    "SET TRANSACTION READ WRITE",
    "SET TRANSACTION READ WRITE; DELETE FROM sync_runs",
    "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE",
    "SELECT set_config('transaction_read_only', 'off', true)",
    "SELECT set_config('transaction_read_only', 'off', false)",
    "SELECT 1; SET TRANSACTION READ WRITE; DELETE FROM sync_runs; SELECT 1",
    "COPY sync_runs TO PROGRAM 'cat'",
    "COPY (SELECT 1) TO STDOUT",
    "SELECT * FROM sync_runs FOR UPDATE",
    "SELECT query_to_xml('DELETE FROM sync_runs RETURNING id', true, true, '')",
    "SELECT nextval('counter')",
    "SELECT write_a_run()",
    "SELECT write_a_run_all_the_same()",
    "CALL write_runs()",
    "CALL write_runs_and_tell(NULL)",
    "CALL write_runs_all_the_same(NULL)",
    "EXPLAIN ANALYZE SELECT write_a_run()",
    "DO $$ BEGIN DELETE FROM sync_runs; END $$",
    "LOCK TABLE sync_runs",
    "NOTIFY a",
    "GRANT SELECT ON sync_runs TO PUBLIC",
    "PREPARE a AS DELETE FROM sync_runs",
]
FUNCTIONS = """
CREATE SEQUENCE counter;
CREATE FUNCTION write_a_run() RETURNS integer LANGUAGE plpgsql AS $$
    BEGIN DELETE FROM sync_runs; RETURN 1; END $$;
CREATE FUNCTION write_a_run_all_the_same() RETURNS integer LANGUAGE plpgsql AS $$
    BEGIN SET LOCAL transaction_read_only = off; DELETE FROM sync_runs; RETURN 1; END $$;
CREATE PROCEDURE write_runs() LANGUAGE plpgsql AS $$
    BEGIN COMMIT; SET transaction_read_only = off; DELETE FROM sync_runs; COMMIT; END $$;
CREATE PROCEDURE write_runs_and_tell(INOUT told integer) LANGUAGE plpgsql AS $$
    BEGIN COMMIT; SET transaction_read_only = off; DELETE FROM sync_runs; COMMIT; told := 1; END $$;
CREATE PROCEDURE write_runs_all_the_same(INOUT told integer) LANGUAGE plpgsql AS $$
    BEGIN SET LOCAL transaction_read_only = off; DELETE FROM sync_runs; told := 1; END $$;
"""


def test_statements_that_write_are_refused_in_one_sentence(database: Database) -> None:
    if not database.is_sqlite:
        with database.begin() as connection:
            connection.exec_driver_sql(FUNCTIONS)
    for sql in WRITES + (SQLITE_WRITES if database.is_sqlite else POSTGRESQL_WRITES):
        message = refused(database, sql)
        words = ("The database refuses the query: ", "The statement gives no rows: ", "The statement holds ")
        assert message.startswith(words), sql


def test_attaching_a_file_is_refused_before_it_comes_into_being(database: Database, tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    refused(database, f"ATTACH DATABASE '{other}' AS other")
    refused(database, f"VACUUM INTO '{other}'")
    assert not other.exists()


def test_what_gives_no_rows_is_not_even_begun(postgres_url: str) -> None:
    # A read-only transaction does not keep COPY from writing files and running programs.
    database = Database(postgres_url)
    for target in ("'/dev/null'", "PROGRAM 'exit 1'", "STDOUT"):
        with pytest.raises(UsageError, match="The statement gives no rows"):
            ask(database, f"COPY (SELECT 1 / 0) TO {target}")
    database.close()


def test_a_plan_does_not_make_a_new_table(postgres_url: str) -> None:
    database = Database(postgres_url)
    with pytest.raises(UsageError, match="permission denied"):
        ask(database, "EXPLAIN ANALYZE CREATE TABLE mine AS SELECT 1 AS one")
    assert ask(database, "SELECT to_regclass('mine')") == [(None,)]
    database.close()


def test_a_statement_that_is_no_sql_is_refused_with_the_databases_words(database: Database) -> None:
    assert "SELCT" in refused(database, "SELCT 1")
    assert "nowhere" in refused(database, "SELECT * FROM nowhere")
    assert refused(database, "").startswith("The ")
    assert refused(database, "SELECT CAST('a' AS integer) / 0 + abs(-9223372036854775807 - 1)").startswith(
        "The "
    )


def test_an_error_among_the_rows_is_told_when_it_comes(database: Database) -> None:
    rows = (
        "SELECT abs(CASE WHEN value < 3 THEN value ELSE -9223372036854775807 - 1 END)"
        " FROM json_each('[1, 2, 3, 4]')"
        if database.is_sqlite
        else "SELECT 6 / (3 - i) FROM generate_series(1, 100000) AS n(i)"
    )
    read: list[object] = []

    def read_all() -> None:
        with query(database, rows, NOTHING) as answer:
            read.extend(row[0] for row in answer.rows)

    with pytest.raises(UsageError, match=r"The database refuses the query: .*(overflow|zero)"):
        read_all()
    assert read[:1] == ([1] if database.is_sqlite else [3])
    add_run(database, "afterwards")


def test_an_error_of_the_readers_own_is_not_the_databases(database: Database) -> None:
    with pytest.raises(KeyError, match="mine"), query(database, "SELECT 1", NOTHING):
        raise KeyError("mine")
    add_run(database, "afterwards")


def test_reading_what_the_database_knows_of_itself_is_allowed(database: Database) -> None:
    if database.is_sqlite:
        assert ("id", "TEXT") in [row[1:3] for row in ask(database, "PRAGMA table_info(sync_runs)")]
        assert ask(database, "SELECT name FROM pragma_table_info('sync_runs') WHERE pk = 1") == [("id",)]
        assert ask(database, "SELECT count(*) FROM sqlite_master WHERE name = 'sync_runs'") == [(1,)]
        assert ask(database, "PRAGMA journal_mode") == [("wal",)]
        assert len(ask(database, "EXPLAIN QUERY PLAN SELECT * FROM sync_runs")) == 1
    else:
        assert ask(
            database,
            "SELECT data_type FROM information_schema.columns WHERE table_name = 'sync_runs' LIMIT 1",
        ) == [("text",)]
        assert ask(database, "SELECT 'sync_runs'::regclass::text") == [("sync_runs",)]


# --- what a query leaves behind: nothing


def test_a_statement_that_the_program_itself_has_run_is_refused_all_the_same(migrated_url: str) -> None:
    """SQLite's driver keeps prepared statements; one that was prepared to write must not be used."""
    database = Database(migrated_url, workers=1)
    delete = "DELETE FROM sync_runs WHERE id = 'run'"
    for _ in range(2):
        add_run(database, "run")
        with database.begin() as connection:
            assert connection.exec_driver_sql(delete).rowcount == 1
    add_run(database, "run")
    refused(database, delete)
    with database.begin() as connection:
        assert connection.exec_driver_sql(delete).rowcount == 1
    database.close()


def test_locks_and_the_role_of_a_query_end_with_it(migrated_url: str) -> None:
    database = Database(migrated_url, workers=1)
    if not database.is_sqlite:
        assert ask(database, "SELECT pg_advisory_xact_lock(7), current_user")[0][1] == "pg_read_all_data"
        other = Database(migrated_url)
        assert ask(other, "SELECT pg_try_advisory_xact_lock(7)") == [(True,)]
        other.close()
        with database.read() as connection:
            assert connection.exec_driver_sql("SELECT current_user = session_user").scalar_one()
    for number in range(5):
        add_run(database, f"afterwards {number}")
        ask(database, "SELECT 1")
    database.close()


def test_a_query_sees_one_picture(database: Database) -> None:
    with query(database, "SELECT count(*) FROM sync_runs", NOTHING) as answer:
        add_run(database, "meanwhile")
        assert list(answer.rows) == [(1,)]


def test_a_query_does_not_stop_a_writer(database: Database) -> None:
    with query(database, "SELECT id FROM sync_runs", NOTHING) as answer:
        next(answer.rows)
        add_run(database, "meanwhile")


# --- cancelling

ENDLESS = {
    True: "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n",
    False: "SELECT count(*) FROM generate_series(1, 1000000000000)",
}


def test_a_long_statement_is_stopped_from_another_thread(database: Database) -> None:
    begun = threading.Event()
    connections: list[Connection] = []
    outcomes: list[BaseException] = []

    def started(connection: Connection) -> None:
        connections.append(connection)
        begun.set()

    def work() -> None:
        try:
            with query(database, ENDLESS[database.is_sqlite], NOTHING, started=started) as answer:
                list(answer.rows)
        except UsageError as error:
            outcomes.append(error)

    # If it cannot be stopped it must not hold the tests up.
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    assert begun.wait(PATIENCE)
    for _ in range(200):
        # The first may come before the statement does.
        cancel(database, connections[0])
        thread.join(0.05)
        if not thread.is_alive():
            break
    [error] = outcomes
    assert str(error).startswith("The database refuses the query: ")
    assert "interrupted" in str(error) or "cancel" in str(error)
    add_run(database, "afterwards")


def test_cancelling_what_has_ended_does_nothing(database: Database) -> None:
    connections: list[Connection] = []
    with query(database, "SELECT 1", NOTHING, started=connections.append) as answer:
        list(answer.rows)
    cancel(database, connections[0])
    add_run(database, "afterwards")


def test_a_server_that_goes_away_is_unavailable(postgres_url: str) -> None:
    database, other = Database(postgres_url), Database(postgres_url)

    def end(connection: Connection) -> None:
        pid = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
        with other.begin() as beside:
            beside.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})

    with (
        pytest.raises(DatabaseUnavailable, match="cannot be used"),
        query(database, "SELECT 1", NOTHING, started=end),
    ):
        pass
    other.close()
    assert ask(database, "SELECT 1") == [(1,)]
    database.close()
