"""Attempts of a reporting role to read more than it may, to write or to stop something: all in vain."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread

import psycopg
import pytest
from psycopg.rows import TupleRow

from syncer.domain.errors import UsageError
from syncer.store.db.database import Database
from syncer.store.reading.query import query
from syncer.store.schema import migrate as schema
from syncer.store.schema.grants import grant_read
from tests.support.databases import PostgresServer
from tests.support.marked import mirror_marked
from tests.support.planted import MARK, holds_mark
from tests.support.readers import MakeReader, Reader
from tests.support.waiting import PATIENCE
from tests.support.world import World

ROOT = Path(__file__).parents[3]
MODELS = ("hris_employees", "hris_locations")
#: Where values are that the role is not to see.
HIDDEN = (
    ("hris_employees", "ssn"),
    ("hris_employees_live", "document"),
    ("hris_locations", "address"),
    ("sync_quarantine", "document"),
    ("people", "title"),
    ("mirror_changes", "before"),
)
#: Ways to read them, to change them or to keep others from them.
FORMS = (
    "SELECT {column} FROM {relation}",
    "SELECT t FROM {relation} t",
    "SELECT to_jsonb(t) FROM {relation} t",
    "SELECT count(*) FROM {relation} GROUP BY {column}",
    "SELECT 1 FROM {relation} ORDER BY {column} LIMIT 1",
    "SELECT 1 FROM {relation} WHERE {column}::text LIKE 's3%'",
    "SELECT {column}::text::int FROM {relation}",
    "SELECT CAST({column}::text AS inet) FROM {relation} LIMIT 1",
    "SELECT (SELECT {column} FROM {relation} LIMIT 1)",
    "SELECT max({column}::text) OVER () FROM {relation}",
    "WITH RECURSIVE a AS (SELECT {column}::text AS b FROM {relation}) SELECT b FROM a",
    "SELECT b.{column} FROM {relation} a JOIN {relation} b USING ({column})",
    "SELECT {column} FROM {relation} FOR UPDATE",
    "EXPLAIN (ANALYZE, VERBOSE) SELECT {column} FROM {relation} WHERE {column}::text > 's'",
    "COPY (SELECT {column} FROM {relation}) TO STDOUT",
    "COPY {relation} TO STDOUT",
    "COPY {relation} ({column}) FROM STDIN",
    "CREATE TEMP TABLE stolen AS SELECT {column} FROM {relation}",
    "CREATE TEMP TABLE stolen (LIKE {relation} INCLUDING ALL); SELECT {column} FROM pg_temp.stolen",
    "CREATE TEMP VIEW stolen AS SELECT {column} FROM {relation}; SELECT * FROM stolen",
    "PREPARE stolen AS SELECT {column} FROM {relation}; EXECUTE stolen",
    "BEGIN; DECLARE stolen CURSOR FOR SELECT {column} FROM {relation}; FETCH ALL FROM stolen; COMMIT",
    "SELECT query_to_xml('SELECT {column} FROM {relation}', true, true, '')::text",
    "SELECT table_to_xml('{relation}', true, true, '')::text",
    "SELECT word FROM ts_stat('SELECT to_tsvector({column}::text) FROM {relation}')",
    "DO $$ DECLARE a record; BEGIN FOR a IN SELECT {column} AS b FROM {relation} LOOP"
    " RAISE NOTICE '%', a.b; END LOOP; END $$",
    "CREATE FUNCTION pg_temp.stolen() RETURNS text LANGUAGE sql SECURITY DEFINER"
    " AS 'SELECT {column}::text FROM public.{relation} LIMIT 1'; SELECT pg_temp.stolen()",
    "CREATE FUNCTION pg_temp.leak(value anyelement) RETURNS boolean LANGUAGE plpgsql COST 0.0000001"
    " AS $$ BEGIN RAISE NOTICE '%', value; RETURN true; END $$;"
    " SELECT 1 FROM {relation} t WHERE pg_temp.leak(t.{column})",
    "UPDATE {relation} SET {column} = NULL RETURNING {column}",
    "DELETE FROM {relation} RETURNING *",
    "INSERT INTO {relation} ({column}) VALUES (NULL) RETURNING *",
    "TRUNCATE {relation}",
    "LOCK TABLE {relation} IN ACCESS EXCLUSIVE MODE",
    "CREATE INDEX stolen ON {relation} ({column})",
    "CREATE STATISTICS stolen ON {column}, {column} FROM {relation}",
    "CREATE TRIGGER stolen BEFORE UPDATE ON {relation} EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    "CREATE RULE stolen AS ON SELECT TO {relation} DO ALSO NOTHING",
    "ALTER TABLE {relation} OWNER TO CURRENT_USER",
    "ALTER VIEW {relation}_safe RESET (security_barrier)",
    "GRANT SELECT ON {relation} TO CURRENT_USER",
    "COMMENT ON TABLE {relation} IS 'mine'",
    "DROP TABLE {relation}",
)
#: Attempts that are about no table; {owner}: the role of the program, {pid}: a session of its.
OTHERS = (
    "SELECT stavalues1::text FROM pg_statistic",
    "SELECT stxdmcv FROM pg_statistic_ext_data",
    "SELECT most_common_vals::text, histogram_bounds::text FROM pg_stats",
    "SELECT query FROM pg_stat_activity",
    "SELECT rolpassword FROM pg_authid",
    "SELECT passwd FROM pg_shadow",
    "SELECT * FROM information_schema.column_privileges, information_schema.view_table_usage",
    "SELECT view_definition FROM information_schema.views WHERE table_schema = 'public'",
    "SELECT pg_get_viewdef('hris_employees_live'::regclass)",
    "SELECT data FROM pg_largeobject",
    "SELECT lo_get({large})",
    "SELECT lo_export({large}, '{folder}/written')",
    "SELECT lo_import('{file}')",
    "SELECT lo_unlink({large})",
    "SELECT lo_put({large}, 0, 'x')",
    "SELECT pg_read_file('{file}')",
    "SELECT pg_read_binary_file('{file}')",
    "SELECT pg_ls_dir('{folder}')",
    "SELECT pg_stat_file('{file}')",
    "SELECT pg_ls_logdir()",
    "SELECT * FROM pg_hba_file_rules",
    "CREATE TEMP TABLE stolen (a text); COPY stolen FROM '{file}'; SELECT a FROM stolen",
    "CREATE TEMP TABLE stolen (a text); COPY stolen FROM PROGRAM 'cat {file}'; SELECT a FROM stolen",
    "COPY (SELECT 1) TO '{folder}/written'",
    "COPY (SELECT 1) TO PROGRAM 'touch {folder}/written'",
    "SET ROLE {owner}; SELECT ssn FROM hris_employees",
    "SET SESSION AUTHORIZATION {owner}; SELECT ssn FROM hris_employees",
    "SELECT set_config('role', '{owner}', false); SELECT ssn FROM hris_employees",
    "SET ROLE pg_read_all_data; SELECT ssn FROM hris_employees",
    "GRANT {owner} TO CURRENT_USER",
    "GRANT pg_read_all_data TO CURRENT_USER",
    "ALTER ROLE CURRENT_USER SUPERUSER",
    "ALTER ROLE CURRENT_USER CREATEROLE",
    "ALTER ROLE {owner} SET search_path = pg_temp",
    "ALTER ROLE {owner} NOLOGIN",
    "CREATE ROLE accomplice",
    "ALTER DEFAULT PRIVILEGES FOR ROLE {owner} GRANT SELECT ON TABLES TO PUBLIC",
    "ALTER DATABASE {database} SET search_path = pg_temp",
    "CREATE TABLE public.stolen (a int)",
    "CREATE VIEW public.stolen AS SELECT 1 AS a",
    "CREATE FUNCTION public.lower(value text) RETURNS text LANGUAGE sql AS 'SELECT $1'",
    'CREATE SCHEMA "{owner}"',
    "CREATE SCHEMA stolen",
    "CREATE OPERATOR public.= (LEFTARG = text, RIGHTARG = text, FUNCTION = texteq)",
    "CREATE TYPE public.stolen AS (a int)",
    "CREATE EXTENSION dblink",
    "CREATE EXTENSION file_fdw",
    "CREATE DATABASE stolen",
    "CREATE SUBSCRIPTION stolen CONNECTION 'dbname=x' PUBLICATION x",
    "CREATE PUBLICATION stolen FOR ALL TABLES",
    "CREATE EVENT TRIGGER stolen ON sql_drop EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    "CREATE FUNCTION pg_temp.stolen() RETURNS int LANGUAGE c AS '{file}', 'stolen'",
    "CREATE TEMP TABLE hris_employees (ssn text); SELECT * FROM public.hris_employees_safe, hris_employees",
    "SET search_path = pg_temp, public; CREATE TEMP VIEW hris_employees AS SELECT 1 AS a;"
    " SELECT * FROM hris_employees_safe",
    "SELECT pg_terminate_backend({pid})",
    "SELECT pg_cancel_backend({pid})",
    "SELECT pg_log_backend_memory_contexts({pid})",
    "SELECT pg_reload_conf()",
    "SELECT pg_rotate_logfile()",
    "SELECT pg_stat_reset()",
    "SELECT pg_switch_wal()",
    "SELECT pg_create_physical_replication_slot('stolen', true)",
    "SELECT pg_create_logical_replication_slot('stolen', 'test_decoding')",
    "ALTER SYSTEM SET max_connections = 1",
    "SET session_replication_role = replica",
    "SET log_statement = 'all'",
    "VACUUM FULL hris_employees",
    "REINDEX TABLE hris_employees",
    "ANALYZE hris_employees",
    "CLUSTER hris_employees USING pk_hris_employees",
    "REFRESH MATERIALIZED VIEW hris_employees",
    "CHECKPOINT",
    "SECURITY LABEL ON TABLE hris_employees IS 'mine'",
    "REASSIGN OWNED BY {owner} TO CURRENT_USER",
    "DROP OWNED BY {owner}",
    "LISTEN syncer_changes",
)
#: What anybody may do who may log in; docs/security.md says so. It reads nothing, and stops nothing of ours.
CANNOT_BE_DENIED = (
    "SELECT pg_advisory_lock({key})",
    "SELECT pg_notify('syncer_changes', '999999999')",
    "SELECT lo_from_bytea(0, 'x')",
    "CREATE TEMP TABLE kept (a int)",
    "BEGIN; SELECT id FROM hris_employees",
)


@dataclass
class Outcome:
    """What the attempts gave: rows, notices, messages of errors."""

    texts: list[tuple[str, str]] = field(default_factory=list)

    def leaks(self, canary: str) -> list[str]:
        return [attempt for attempt, text in self.texts if holds_mark(text) or canary in text]


@dataclass(frozen=True)
class Target:
    """A marked mirror, a role that reads it without what is sensitive, and what attempts are made with."""

    world: World
    database: Database
    reader: Reader
    words: dict[str, object]
    canary: str = "canary-5ecret"

    @property
    def attempts(self) -> list[str]:
        of_tables = [form.format(relation=name, column=column) for form in FORMS for name, column in HIDDEN]
        return of_tables + [each.format(**self.words) for each in OTHERS]

    def state(self) -> list[object]:
        """What an attempt could have changed."""
        with self.database.read() as connection:
            return [
                connection.exec_driver_sql(each).all()
                for each in (
                    "SELECT relname, relowner, relacl::text FROM pg_class"
                    " WHERE relnamespace = 'public'::regnamespace ORDER BY 1",
                    "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace ORDER BY 1",
                    "SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' ORDER BY 1",
                    "SELECT oid, lomowner FROM pg_largeobject_metadata ORDER BY 1",
                    "SELECT extname FROM pg_extension ORDER BY 1",
                    "SELECT setconfig FROM pg_db_role_setting ORDER BY 1",
                    "SELECT subname FROM pg_subscription",
                    "SELECT pubname FROM pg_publication",
                    "SELECT slot_name FROM pg_replication_slots",
                    "SELECT md5(string_agg(t::text, '' ORDER BY id)) FROM hris_employees t",
                    "SELECT count(*) FROM mirror_changes",
                    "SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid)"
                    f" WHERE a.usename = '{self.reader.name}'",
                )
            ]


@pytest.fixture(scope="module")
def marked(postgres_template: str, postgres_server: PostgresServer) -> Iterator[World]:
    """The mirror of all tests here, which change none of its rows."""
    with postgres_server.database(postgres_template) as url:
        yield mirror_marked(url, records=80, models=MODELS)


@pytest.fixture
def target(marked: World, make_reader: MakeReader, tmp_path: Path) -> Iterator[Target]:
    with ExitStack() as stack:
        database = Database(marked.database_url)
        stack.callback(database.close)
        reader = make_reader(database)
        grant_read(database, reader.name, without_sensitive=True)
        folder = tmp_path / "server"
        folder.mkdir(0o777)
        (folder / "secret").write_text(Target.canary)
        (folder / "secret").chmod(0o644)
        with database.begin() as connection:
            owner, name = connection.exec_driver_sql("SELECT current_user, current_database()").one()
            large = connection.exec_driver_sql(f"SELECT lo_from_bytea(0, '{MARK}')").scalar_one()
        words = {
            "file": folder / "secret",
            "folder": folder,
            "owner": owner,
            "database": name,
            "large": large,
        }
        victim = stack.enter_context(psycopg.connect(marked.database_url, autocommit=True))
        victim.execute(f"SELECT '{MARK}'".encode())
        words["pid"] = victim.info.backend_pid
        yield Target(marked, database, reader, words)
        assert victim.execute("SELECT 1").fetchone() == (1,)
        assert [each.name for each in folder.iterdir()] == ["secret"]


def attempt(connection: psycopg.Connection[TupleRow], statement: str, outcome: Outcome) -> None:
    """Run it, and note all that comes back."""
    connection.add_notice_handler(
        lambda notice: outcome.texts.append((statement, str(notice.message_primary)))
    )
    try:
        if statement.startswith("COPY") and "STD" in statement:
            with connection.cursor() as cursor, cursor.copy(statement.encode()) as copy:
                outcome.texts += [(statement, str(bytes(row))) for row in copy]
            return
        cursor = connection.execute(statement.encode())
        while True:
            if cursor.description:
                outcome.texts += [(statement, str(row)) for row in cursor]
            if not cursor.nextset():
                break
    except psycopg.Error as error:
        outcome.texts.append((statement, f"{error} {error.diag.message_detail} {error.diag.context}"))


def test_no_attempt_of_a_reporting_role_reads_writes_or_stops_anything(target: Target) -> None:
    before, outcome, made = target.state(), Outcome(), target.attempts
    assert len(made) >= 200
    for each in made:
        # What an attempt leaves in its session is no help to another one.
        with target.reader.connect() as connection:
            attempt(connection, each, outcome)
    assert outcome.leaks(target.canary) == []
    assert target.state() == before


def test_no_attempt_of_a_reporting_role_in_syncer_query_does_either(target: Target) -> None:
    before, outcome = target.state(), Outcome()
    url = target.database.engine.url.set(username=target.reader.name, password="secret")
    database = Database(url.render_as_string(hide_password=False), workers=1)
    for each in target.attempts:
        try:
            with query(database, each, {}) as answer:
                outcome.texts += [(each, str(row)) for row in answer.rows]
        except UsageError as error:
            outcome.texts.append((each, str(error)))
    database.close()
    assert outcome.leaks(target.canary) == []
    assert target.state() == before


def test_what_postgresql_lets_everybody_do_stops_neither_migrations_nor_pages(target: Target) -> None:
    page = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    # Taken where there is no table yet, so no reader.
    files = (ROOT / "syncer").rglob("*.py")
    assert {each.name for each in files if "pg_advisory" in each.read_text(encoding="utf-8")} == {
        "schema_lock.py"
    }
    with ExitStack() as sessions:
        for each in CANNOT_BE_DENIED:
            connection = sessions.enter_context(target.reader.connect())
            outcome = Outcome()
            attempt(connection, each.format(key=schema.MIGRATION_LOCK), outcome)
            assert not any("permission denied" in text for _, text in outcome.texts), each
        for words in ("advisory locks", "`NOTIFY`", "large objects", "temporary tables", "open transaction"):
            assert words in page, words
        migrating = Thread(target=schema.migrate, args=(target.database,), daemon=True)
        migrating.start()
        migrating.join(PATIENCE)
        assert not migrating.is_alive()
        results = asyncio.run(target.world.run(models=["hris_locations"]))
        assert [each.outcome.is_well for each in results] == [True]
