"""Everything works through PgBouncer, whichever sessions it hands out, and leaves nothing in them."""

from __future__ import annotations

import signal
from contextlib import closing

import psycopg
import pytest
from sqlalchemy import make_url

from syncer.simulator.server import faults
from syncer.simulator.server.faults import Match
from syncer.store.db.database import Database
from tests.support.command_line import Shell
from tests.support.databases import PostgresServer
from tests.support.mirror import Mirror
from tests.support.pgbouncer import Pooler, Pooling, running
from tests.support.processes import Serve
from tests.support.readers import MakeReader
from tests.support.source import Source, make_environment
from tests.support.waiting import until

pytestmark = pytest.mark.tool("pgbouncer")

#: Parameters of which the next one in a session must find nothing changed.
PARAMETERS = (
    "TimeZone",
    "IntervalStyle",
    "lock_timeout",
    "statement_timeout",
    "default_transaction_isolation",
)


def in_every_session(pooler: Pooler, url: str, query: str) -> set[tuple[object, ...]]:
    """Give what each of the pooler's sessions answers that nobody has."""
    found: dict[int, tuple[object, ...]] = {}
    with psycopg.connect(pooler.url(url), prepare_threshold=None) as one:
        for _ in range(10):
            row = one.execute(f"SELECT pg_backend_pid(), {query}".encode()).fetchone()
            one.rollback()
            assert row is not None
            found[row[0]] = row[1:]
    return set(found.values())


@pytest.mark.parametrize("mode", ["transaction", "session"])
def test_every_command_works_and_leaves_nothing_in_a_session(
    shell: Shell, source: Source, postgres_url: str, pooling: Pooling, mode: str
) -> None:
    with pooling(mode) as pooler:
        shell.settings = source.settings(pooler.url(postgres_url))
        for command in (
            ("migrate",),
            ("backfill",),
            ("sync",),
            ("reconcile",),
            ("status",),
            ("check",),
            ("migrate", "--grant-read", "pg_monitor"),
            ("reproject",),
        ):
            ran = shell.run(*command)
            assert (ran.code, ran.err) == (0, ""), command
        mirror = Mirror(postgres_url)
        mirror.assert_equals_source(source.environment)
        employees = source.environment.companies[source.integration].ids("hris_employees")
        one = ("hris_employees", "--integration", source.integration, "--id", employees[0])
        assert shell.run("refresh", *one).code == 0
        count = "SELECT count(*) FROM hris_employees"
        counted = shell.run("query", "--format", "csv", count)
        assert counted.out.splitlines()[-1] == str(mirror.fetch(count)[0][0])
        settings = ", ".join(f"current_setting('{name}')" for name in PARAMETERS)
        prepared = "(SELECT count(*) FROM pg_prepared_statements)"
        locks = "(SELECT count(*) FROM pg_locks WHERE locktype = 'advisory')"
        left = in_every_session(pooler, postgres_url, f"{settings}, {prepared}, {locks}")
    with psycopg.connect(postgres_url) as fresh:
        assert left == {fresh.execute(f"SELECT {settings}, {prepared}, {locks}".encode()).fetchone()}


def test_two_services_share_the_work_through_fewer_sessions_than_they_have_workers(
    serve: Serve, postgres_url: str, pooling: Pooling
) -> None:
    source, mirror = serve(make_environment(integrations=3, records=200)), Mirror(postgres_url)
    # More work than one of them can do, so that there is some left whenever the other one looks: no session
    # of the pooler tells it when.
    source.environment.faults.add(Match(), faults.Late(1.0), None)
    each = {"SYNCER_SYNC__EVERY": "2s", "SYNCER_SYNC__CONCURRENCY": "2"}
    with pooling("transaction", size=3) as pooler:
        services = [source.start(pooler.url(postgres_url), **each) for _ in range(2)]
        until(lambda: all(service.events("run_ended") for service in services), "the work of both")
        until(lambda: mirror.equals_source(source.environment), "what the source lists")
        for service in services:
            service.send(signal.SIGTERM)
        assert [service.end() for service in services] == [0, 0]
        for service in services:
            # The tests' role is a superuser.
            found = [event for event in service.events() if event["event"] != "exposure_found"]
            assert {event["level"] for event in found} == {"info"}
    assert mirror.leases() == []


def test_a_role_of_odd_defaults_is_served_through_it_too(
    shell: Shell, source: Source, postgres_server: PostgresServer, postgres_url: str, pooling: Pooling
) -> None:
    name = make_url(postgres_url).database
    for setting in ("DateStyle = 'German'", "TimeZone = 'Asia/Kathmandu'", "extra_float_digits = -5"):
        postgres_server.admin.execute(f'ALTER DATABASE "{name}" SET {setting}'.encode())
    with pooling("transaction") as pooler:
        shell.settings = source.settings(pooler.url(postgres_url))
        assert shell.run("backfill").code == 0
        assert shell.run("sync").code == 0
    Mirror(postgres_url).assert_equals_source(source.environment)


def test_a_plain_role_mirrors_into_a_schema_of_its_own_through_it(
    shell: Shell,
    source: Source,
    postgres_server: PostgresServer,
    postgres_url: str,
    make_reader: MakeReader,
) -> None:
    with closing(Database(postgres_url)) as admin:
        plain, analyst = make_reader(admin, name="plain"), make_reader(admin, name="analyst")
    # As managed servers have it: nobody may make tables in public, and no role of theirs is a superuser.
    postgres_server.admin.execute(
        f'GRANT CREATE ON DATABASE "{make_url(postgres_url).database}" TO {plain.name}'.encode()
    )
    server = postgres_server.url.set(username=plain.name, password="secret")
    with running(server, "transaction", size=2) as pooler:
        shell.settings = {**source.settings(pooler.url(postgres_url)), "SYNCER_DATABASE__SCHEMA": "kombo"}
        for command in (("backfill",), ("sync",), ("migrate", "--grant-read", analyst.name), ("status",)):
            ran = shell.run(*command)
            assert (ran.code, ran.err) == (0, ""), command
        assert in_every_session(pooler, postgres_url, "current_setting('search_path')") == {
            ('"$user", public',)
        }
    employees = source.environment.companies[source.integration].ids("hris_employees")
    with analyst.connect() as connection:
        assert connection.execute("SELECT count(*) FROM kombo.hris_employees_live").fetchone() == (
            len(employees),
        )


def test_what_it_cannot_do_is_said_with_what_to_set(
    shell: Shell, postgres_url: str, pooling: Pooling
) -> None:
    with pooling("statement") as pooler:
        shell.settings = {"SYNCER_DATABASE__URL": pooler.url(postgres_url)}
        refused = shell.run("migrate")
        assert refused.code == 3
        assert "Set PgBouncer's pool_mode to transaction or session. " in refused.err
        options = f"{pooler.url(postgres_url)}?options=-c%20work_mem%3D8MB"
        refused = shell.run("migrate", SYNCER_DATABASE__URL=options)
        assert refused.code == 3
        assert refused.err.count("\n") == 1
        assert "leave `options` out of database.url" in refused.err
