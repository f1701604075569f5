"""Attempts to read more than the mirror by a query, to write or to stop something: all in vain."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url
from sqlalchemy.exc import DBAPIError

from syncer.domain.errors import UsageError
from syncer.store.db.database import Database
from syncer.store.reading.postgres_guard import excessive_power
from syncer.store.reading.query import query
from syncer.store.schema.migrate import migrate
from tests.support.databases import PostgresServer

ROOT = Path(__file__).parents[3]
CANARY = "canary-5ecret"
#: Expressions that read something else, change something or stop somebody.
ON_POSTGRESQL = (
    "pg_read_file('{file}')",
    "encode(pg_read_binary_file('{file}'), 'escape')",
    "(SELECT string_agg(name, ',') FROM pg_ls_dir('{folder}') AS name)",
    "(pg_stat_file('{file}')).size",
    "(SELECT string_agg(rolname || rolpassword, ',') FROM pg_authid)",
    "(SELECT string_agg(passwd, ',') FROM pg_shadow)",
    "set_config('role', 'none', true)",
    "set_config('session_authorization', 'default', false)",
    "query_to_xml('SELECT se' || 't_config(''role'', ''none'', true)', true, true, '')::text",
    "table_to_xml('pg_authid', true, true, '')::text",
    "(SELECT word FROM ts_stat('SELECT to_tsvector(passwd) FROM pg_shadow') LIMIT 1)",
    "lo_import('{file}')",
    "lo_export(lo_from_bytea(0, 'x'), '{folder}/written')",
    "pg_terminate_backend({pid})",
    "pg_cancel_backend({pid})",
    "pg_reload_conf()",
    "setval('counter', 7)",
    "nextval('counter')",
    "pg_advisory_lock(7)",
    "pg_notify('a', 'b')",
    "pg_stat_reset()",
    "pg_create_physical_replication_slot('kept', true)",
    "pg_switch_wal()",
    "dblink('', 'SELECT 1')",
    "pg_log_backend_memory_contexts({pid})",
)
ON_SQLITE = (
    "load_extension('{file}')",
    "readfile('{file}')",
    "writefile('{folder}/written', 'x')",
    "edit('x')",
    "fts3_tokenizer('simple')",
    "(SELECT * FROM pragma_wal_checkpoint)",
    "(SELECT group_concat(data) FROM sqlite_dbpage)",
    "load_extension('{file}', 'sqlite3_init')",
    "writefile('{folder}/written', 'x', 384)",
    "(SELECT group_concat(data) FROM fsdir('{folder}'))",
    "(SELECT group_concat(name) FROM zipfile('{file}'))",
    "(SELECT group_concat(value) FROM csv('{file}'))",
    "(SELECT count(*) FROM pragma_wal_checkpoint('TRUNCATE'))",
    "(SELECT count(*) FROM pragma_journal_mode('DELETE'))",
    "(SELECT count(*) FROM pragma_query_only(0))",
    "(SELECT count(*) FROM pragma_writable_schema(1))",
    "(SELECT count(*) FROM pragma_secure_delete(0))",
    "(SELECT count(*) FROM pragma_locking_mode('EXCLUSIVE'))",
    "(SELECT group_concat(name) FROM sqlite_dbdata('main'))",
    "readfile('/proc/self/environ')",
    "getenv('HOME')",
    "(SELECT load_extension(name) FROM sqlite_master)",
    "sqlite_log(1, 'x')",
)
#: Forms in which an expression can be written into a statement.
FORMS = (
    "SELECT {}",
    "select 1 where ({})::text is not null",
    "WITH a AS (SELECT {} AS b) SELECT b FROM a",
    "SELECT * FROM (SELECT {} AS b) a, generate_series(1, 2)",
    "VALUES (({}))",
    "SELECT CASE WHEN true THEN ({})::text END",
    "EXPLAIN (ANALYZE, VERBOSE) SELECT {}",
    "SELECT set_config('role', 'none', true), {}",
)
SQLITE_FORMS = (
    "SELECT {}",
    "WITH a AS (SELECT {} AS b) SELECT b FROM a",
    "VALUES ({})",
    "SELECT CASE WHEN 1 THEN {} END",
    "SELECT 1 WHERE {} IS NULL",
    "SELECT 1 UNION ALL SELECT {}",
    "SELECT max({}) OVER ()",
    "SELECT json_array({})",
    "SELECT a FROM (SELECT 1 AS a) GROUP BY a HAVING {}",
)
STATEMENTS = (
    "PRAGMA wal_checkpoint(TRUNCATE)",
    "PRAGMA wal_checkpoint",
    "PRAGMA main.wal_checkpoint",
    "PRAGMA optimize",
    "PRAGMA incremental_vacuum",
    "PRAGMA Journal_Mode=DELETE",
    "PRAGMA writable_schema",
    "PRAGMA query_only = 0",
    "PRAGMA shrink_memory",
    "ATTACH '{folder}/written' AS a",
    "CREATE TEMP TABLE kept AS SELECT 1 AS a",
    "CREATE TEMP VIEW kept AS SELECT 1 AS a",
    "CREATE VIRTUAL TABLE temp.kept USING fts5(a)",
    "VACUUM INTO '{folder}/written'",
    "INSERT INTO sqlite_master VALUES (1, 2, 3, 4, 5) RETURNING name",
    "COPY (SELECT 1) TO '{folder}/written'",
    "COPY (SELECT 1) TO PROGRAM 'touch {folder}/written'",
    "SELECT U&\"pg\\005fread_file\"('{file}')",
    "SELECT \"pg_read_file\"('{file}')",
    "SELECT pg_catalog . /* */ \"pg_read_file\" ('{file}')",
    "SELECT PG_READ_FILE('{file}')",
    "CREATE TEMP TABLE kept (a int)",
    "LISTEN a",
    "SET ROLE NONE",
    "DO $$ BEGIN PERFORM 1; END $$",
)


def attempts(is_sqlite: bool) -> Iterator[str]:
    yield from STATEMENTS
    for form in SQLITE_FORMS if is_sqlite else FORMS:
        yield from (form.format(each) for each in (ON_SQLITE if is_sqlite else ON_POSTGRESQL))


def state(database: Database) -> list[object]:
    """What an attempt could leave in the database."""
    asked = (
        ["SELECT type, name, sql FROM sqlite_master ORDER BY 1, 2", "PRAGMA user_version"]
        if database.is_sqlite
        else [
            "SELECT relname FROM pg_class ORDER BY 1",
            "SELECT last_value, is_called FROM counter",
            "SELECT count(*) FROM pg_largeobject_metadata",
            "SELECT count(*) FROM pg_replication_slots",
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'",
        ]
    )
    with database.read() as connection:
        return [connection.exec_driver_sql(each).all() for each in asked]


def test_no_attempt_reads_writes_or_stops_anything(migrated_url: str, tmp_path: Path) -> None:
    folder = tmp_path / "server"
    folder.mkdir(0o777)
    (folder / "secret").write_text(CANARY)
    (folder / "secret").chmod(0o644)
    database, victim = Database(migrated_url, workers=2), Database(migrated_url, workers=1)
    pid = 0
    if not database.is_sqlite:
        with victim.begin() as connection:
            connection.exec_driver_sql("CREATE SEQUENCE counter")
    with victim.read() as connection:
        if not database.is_sqlite:
            pid = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
        before, made = state(database), list(attempts(database.is_sqlite))
        for attempt in made:
            sql = attempt.format(file=folder / "secret", folder=folder, pid=pid)
            with pytest.raises(UsageError), query(database, sql, {}) as answer:
                list(answer.rows)
        assert len(made) >= 200
        assert connection.exec_driver_sql("SELECT 1").scalar_one() == 1
    assert state(database) == before
    assert [each.name for each in folder.iterdir()] == ["secret"]
    database.close()
    victim.close()


@pytest.fixture
def owned(postgres_server: PostgresServer, postgres_url: str) -> Iterator[Database]:
    """A migrated database as the first start of compose.yaml makes it, opened as the program's role."""
    lines = (ROOT / "deploy" / "postgres-roles.sql").read_text(encoding="utf-8").splitlines()
    url = make_url(postgres_url)
    # What psql would put in.
    script = "\n".join(line for line in lines if not line.startswith("\\"))
    script = script.replace(":'password'", "'pass'").replace(':"DBNAME"', f'"{url.database}"')
    # Roles are the server's: where tests share it, one at a time.
    postgres_server.admin.execute("SELECT pg_advisory_lock(8)")
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(script.encode())
        database = Database(
            url.set(username="syncer", password="pass").render_as_string(hide_password=False), workers=1
        )
        migrate(database)
        yield database
        database.close()
        connection.execute("REASSIGN OWNED BY syncer TO CURRENT_USER")
        connection.execute("DROP OWNED BY syncer")
        connection.execute("DROP OWNED BY syncer_reader")
        connection.execute("DROP ROLE syncer, syncer_reader")
    postgres_server.admin.execute("SELECT pg_advisory_unlock(8)")


def test_the_role_of_compose_owns_its_schema_and_queries_read_as_another(owned: Database) -> None:
    with owned.read() as connection:
        assert excessive_power(connection) is None
        assert connection.exec_driver_sql("SELECT count(*) FROM sync_runs").scalar_one() == 0
    with query(owned, "SELECT current_user, count(*) FROM hris_employees", {}) as answer:
        assert list(answer.rows) == [("syncer_reader", 0)]
    with owned.begin() as connection:
        connection.exec_driver_sql("DELETE FROM sync_runs")
        for forbidden in (
            "SELECT * FROM pg_authid",
            "CREATE ROLE other",
            "SELECT pg_read_file('PG_VERSION')",
        ):
            with pytest.raises(DBAPIError, match="permission denied"), connection.begin_nested():
                connection.exec_driver_sql(forbidden)


def test_a_superuser_and_who_may_use_the_servers_files_have_too_much_power(
    owned: Database, postgres_url: str
) -> None:
    superuser = Database(postgres_url)
    with superuser.begin() as connection:
        assert excessive_power(connection) == "is a superuser"
        connection.exec_driver_sql("GRANT pg_read_server_files TO syncer")
    with owned.read() as connection:
        assert excessive_power(connection) == "is a member of pg_read_server_files"
    superuser.close()
