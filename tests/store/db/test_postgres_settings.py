"""Roles and databases with other defaults than PostgreSQL's own: all works, or is refused in words."""

from __future__ import annotations

import re
import threading
import uuid
from collections.abc import Callable, Iterator

import psycopg
import pytest
from sqlalchemy import make_url, text

from syncer.domain.errors import DatabaseUnavailable
from syncer.store.db.database import Database
from syncer.store.schema import migrate as schema
from syncer.store.schema import revisions
from tests.support.command_line import Shell
from tests.support.databases import PostgresServer
from tests.support.mirror import Mirror
from tests.support.processes import Serve
from tests.support.silent_proxy import silent_proxy
from tests.support.source import make_environment
from tests.support.waiting import until

Set = Callable[..., None]

#: What a database can be set to, so that whoever relies on PostgreSQL's own defaults reads or writes wrongly.
ODD = (
    "DateStyle = 'German'",
    "IntervalStyle = 'iso_8601'",
    "TimeZone = 'Asia/Kathmandu'",
    "default_transaction_isolation = 'serializable'",
    "default_transaction_deferrable = on",
    "bytea_output = 'escape'",
    "client_encoding = 'LATIN1'",
    "extra_float_digits = -5",
    "quote_all_identifiers = on",
    "standard_conforming_strings = off",
    "transform_null_equals = on",
    "search_path = nowhere, public",
    "statement_timeout = '30s'",
    "lock_timeout = '5s'",
    "idle_in_transaction_session_timeout = '5s'",
)


@pytest.fixture
def set_default(postgres_server: PostgresServer, postgres_url: str) -> Set:
    """Sets defaults of the test's database, which sessions have from then on; such as the server knows."""

    def set_default(*settings: str) -> None:
        for setting in settings:
            name = setting.partition(" ")[0]
            known = postgres_server.admin.execute(
                "SELECT 1 FROM pg_settings WHERE name = lower(%s) AND context = 'user'", (name,)
            )
            if known.fetchone() or name == "DateStyle":
                alter = f'ALTER DATABASE "{make_url(postgres_url).database}" SET {setting}'
                postgres_server.admin.execute(alter.encode())

    return set_default


def test_a_mirror_under_odd_defaults_equals_its_source(
    shell: Shell, serve: Serve, postgres_url: str, set_default: Set
) -> None:
    set_default(*ODD)
    source = serve(make_environment())
    shell.settings = source.settings(postgres_url)
    for command in ("migrate", "backfill", "sync", "reconcile", "status", "migrate"):
        ran = shell.run(command)
        assert (ran.code, ran.err) == (0, ""), command
    shown = shell.run(
        "query", "SELECT timestamptz '2026-01-02 03:04:05+00', date '2026-01-02', 0.1::float8 + 0.2"
    )
    assert shown.out.splitlines()[1] == "2026-01-02T03:04:05Z,2026-01-02,0.30000000000000004"
    Mirror(postgres_url).assert_equals_source(source.environment)


def test_a_transaction_sees_what_is_committed_by_then_whatever_the_default(
    postgres_url: str, set_default: Set
) -> None:
    set_default("default_transaction_isolation = 'serializable'")
    database = Database(postgres_url)
    with database.begin() as connection:
        assert connection.scalar(text("SHOW transaction_isolation")) == "read committed"
    with database.read() as connection:
        assert connection.scalar(text("SHOW transaction_isolation")) == "repeatable read"
    database.close()


@pytest.mark.parametrize(("given", "ours"), [("0", "10s"), ("3s", "3s")])
def test_a_limit_of_the_role_is_kept_and_one_is_set_where_it_has_none(
    postgres_url: str, set_default: Set, given: str, ours: str
) -> None:
    set_default(f"lock_timeout = '{given}'")
    database = Database(postgres_url)
    with database.begin() as connection:
        assert connection.scalar(text("SHOW lock_timeout")) == ours
    database.close()


@pytest.mark.parametrize("given", [None, "pglz"])
def test_documents_are_compressed_by_lz4_where_the_server_offers_it_and_nobody_chose(
    postgres_server: PostgresServer, postgres_url: str, set_default: Set, given: str | None
) -> None:
    name = "default_toast_compression"
    offered = postgres_server.admin.execute("SELECT enumvals FROM pg_settings WHERE name = %s", (name,))
    row = offered.fetchone()
    # A server that is older than the setting does without.
    methods = [] if row is None else row[0]
    if given in methods:
        set_default(f"{name} = '{given}'")
    database = Database(postgres_url)
    with database.begin() as connection:
        found = connection.scalar(text(f"SELECT current_setting('{name}', true)"))
    database.close()
    if row is None:
        assert found is None
    else:
        assert found == ("lz4" if given is None and "lz4" in methods else "pglz")


@pytest.mark.parametrize("is_first", [True, False])
def test_a_migration_waits_for_another_one_whatever_the_limits(
    postgres_url: str, set_default: Set, is_first: bool
) -> None:
    set_default("statement_timeout = '200ms'", "lock_timeout = '200ms'")
    database = Database(postgres_url)
    if not is_first:
        schema.migrate(database, revisions.known_revisions()[-2])
    with psycopg.connect(postgres_url) as other, database.begin() as first:
        other.execute("SET statement_timeout = 0")
        if is_first:
            other.execute("SELECT pg_advisory_xact_lock(%s)", (schema.MIGRATION_LOCK,))
        else:
            schema.lock_schema(first)
        migrating = threading.Thread(target=schema.migrate, args=(database,))
        migrating.start()
        waits = "SELECT 1 FROM pg_locks WHERE NOT granted"
        until(lambda: other.execute(waits.encode()).fetchone(), "the second migration")
        other.execute("SELECT pg_sleep(0.5)")
        assert migrating.is_alive()
    migrating.join()
    revisions.check(database)
    database.close()


def test_a_database_that_is_read_only_by_default_is_refused_with_what_to_do(
    shell: Shell, postgres_url: str, set_default: Set
) -> None:
    set_default("default_transaction_read_only = on")
    database = Database(postgres_url)
    for _ in range(2):
        # Also on a connection that has been used to read.
        with database.read() as connection:
            connection.execute(text("SELECT 1"))
        with pytest.raises(DatabaseUnavailable, match="read-only"), database.begin() as connection:
            connection.execute(text("CREATE TABLE noted (name TEXT)"))
    database.close()
    ran = shell.run("migrate", SYNCER_DATABASE__URL=postgres_url)
    assert ran.code == 3
    assert ran.err.count("\n") == 1
    assert "default_transaction_read_only is on for this role, database or server" in ran.err


@pytest.fixture(params=["LATIN1", "SQL_ASCII"])
def narrow_url(request: pytest.FixtureRequest, postgres_server: PostgresServer) -> Iterator[str]:
    """A database whose encoding does not hold every name."""
    url = postgres_server.url.set(database=f"syncer_test_{uuid.uuid4().hex}")
    encoding = f"TEMPLATE template0 ENCODING '{request.param}' LOCALE 'C'"
    postgres_server.admin.execute(f'CREATE DATABASE "{url.database}" {encoding}'.encode())
    yield url.render_as_string(hide_password=False)
    postgres_server.drop(url.render_as_string(hide_password=False))


def test_an_encoding_that_does_not_hold_every_name_is_refused_before_anything_is_made(
    shell: Shell, narrow_url: str
) -> None:
    ran = shell.run("migrate", SYNCER_DATABASE__URL=narrow_url)
    assert ran.code == 3
    assert "which cannot hold every name: make one with CREATE DATABASE … ENCODING 'UTF8'" in ran.err
    with psycopg.connect(narrow_url) as connection:
        assert connection.execute("SELECT * FROM pg_tables WHERE schemaname = 'public'").fetchall() == []


def test_a_search_path_without_a_schema_is_refused_with_what_to_do(
    shell: Shell, postgres_url: str, set_default: Set
) -> None:
    set_default("search_path = 'nowhere'")
    ran = shell.run("migrate", SYNCER_DATABASE__URL=postgres_url)
    assert ran.code == 3
    assert "search_path" in ran.err


def test_a_server_that_is_too_old_is_refused(
    shell: Shell, postgres_server: PostgresServer, postgres_url: str
) -> None:
    with silent_proxy(postgres_server.url) as proxy:
        proxy.rewrite = lambda passing: re.sub(rb"PostgreSQL \d\d", b"PostgreSQL 12", passing)
        ran = shell.run("migrate", SYNCER_DATABASE__URL=proxy.url(make_url(postgres_url)))
    assert ran.code == 3
    assert ": syncer needs 13 or newer. " in ran.err
