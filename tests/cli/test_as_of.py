"""``query --as-of``: the mirror as it was, and a plain word where nobody knows."""

from __future__ import annotations

import asyncio
import json
import re
import shlex
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url, text

from syncer.store.db.database import Database
from tests.support.command_line import Ran, Shell
from tests.support.databases import PostgresServer, migrated_database
from tests.support.mirror import Mirror
from tests.support.source import standing_environment
from tests.support.world import World

PAGE = Path(__file__).parents[2] / "docs" / "history.md"
COUNT = "SELECT count(*) AS people FROM hris_employees_live"
MODELS = ["hris_employees", "hris_groups", "hris_locations"]
KEPT = {"models": ["hris_employees", "hris_groups"]}


@dataclass(frozen=True)
class Asked:
    """A mirror in which one employee has got another title, and another one has left; asked by commands.

    before, between: moments before the history began, and before these changes.
    """

    shell: Shell
    one: str
    title: str
    people: int
    before: str
    between: str

    def query(self, sql: str, *arguments: str, as_of: str | None = None) -> Ran:
        past = [] if as_of is None else ["--as-of", as_of]
        return self.shell.run("query", sql, *past, *arguments)

    @property
    def is_sqlite(self) -> bool:
        return self.shell.settings["SYNCER_DATABASE__URL"].startswith("sqlite")


def now(url: str) -> str:
    """A moment behind all that has happened, before all that will."""
    database = Database(url)
    try:
        with database.read() as connection:
            moment = database.now(connection)
            while database.now(connection) <= moment + timedelta(milliseconds=1):
                pass
    finally:
        database.close()
    return moment.isoformat()


@dataclass(frozen=True)
class Past:
    """Such a mirror, made once for all tests, which leave it as it is; for the rest see ``Asked``."""

    url: str
    one: str
    title: str
    people: int
    before: str
    between: str


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def past(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Past]:
    with migrated_database(request, request.param, tmp_path_factory.mktemp("past")) as url:
        yield made(World(standing_environment(records=300), Mirror(url), {"sync": {"models": MODELS}}))


def made(world: World) -> Past:
    before = now(world.database_url)
    asyncio.run(world.sync(history=KEPT))
    between = now(world.database_url)
    (company,) = world.environment.companies.values()
    one, other, *_ = company.ids("hris_employees")
    title, people = company.row("hris_employees", one)["job_title"], len(company.ids("hris_employees"))
    company.update("hris_employees", one, job_title="Another")
    company.delete("hris_employees", other)
    asyncio.run(world.sync(history=KEPT))
    database = Database(world.database_url)
    with database.begin() as connection:
        connection.execute(text("CREATE VIEW others_view AS SELECT count(*) AS people FROM hris_employees"))
    database.close()
    return Past(world.database_url, one, title, people, before, between)


@pytest.fixture
def asked(shell: Shell, past: Past) -> Asked:
    shell.settings = {"SYNCER_DATABASE__URL": past.url}
    return Asked(shell, past.one, past.title, past.people, past.before, past.between)


def test_a_query_as_of_a_moment_reads_tables_and_live_views_as_they_were(asked: Asked) -> None:
    assert asked.query(COUNT, "--format", "json").json == [{"people": asked.people - 1}]
    assert asked.query(COUNT, "--format", "json", as_of=asked.between).json == [{"people": asked.people}]
    title = "SELECT e.job_title FROM hris_employees AS e WHERE e.id = :one"
    for as_of, expected in ((asked.between, asked.title), (None, "Another")):
        found = asked.query(title, "--param", f"one={asked.one}", "--format", "jsonl", as_of=as_of)
        assert json.loads(found.out) == {"job_title": expected}
    # What is not of the mirror's content is of today.
    freshness = "SELECT rows_live FROM mirror_freshness WHERE model = 'hris_employees'"
    assert asked.query(freshness, as_of=asked.between).out == asked.query(freshness).out


def test_the_commands_of_the_page_run(asked: Asked) -> None:
    commands = re.findall(r"^\$ syncer (query .*)$", PAGE.read_text(encoding="utf-8"), flags=re.M)
    assert commands
    for command in commands:
        today = f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%d}"
        ran = asked.shell.run(*shlex.split(command.replace("2026-03-01", today)))
        assert "has not come yet" in ran.err
        ran = asked.shell.run(*shlex.split(command.replace("2026-03-01", asked.between)))
        assert ran.out.splitlines()[-1] == str(asked.people)


@pytest.mark.parametrize(
    ("sql", "word"),
    [
        ("SELECT * FROM hris_locations", "hris_locations has no history: once its model is among"),
        ("SELECT count(*) FROM hris_locations_live", "hris_locations has no history"),
        ('SELECT 1 FROM hris_groups, "hris_locations"', "hris_locations has no history"),
        ("SELECT count(*) FROM HRIS_Locations", "hris_locations has no history"),
        ("SELECT count(*) FROM {schema}.hris_employees", "The statement reads hris_employees of today"),
        ("EXPLAIN SELECT * FROM hris_locations", "hris_locations has no history"),
        ("SELECT * FROM {schema}.hris_employees", "The statement reads hris_employees of today"),
        ("SELECT * FROM {schema}/**/.hris_employees_live", "The statement reads hris_employees"),
        ("SELECT * FROM others_view", "The statement reads hris_employees of today"),
        ("SELECT count(*) FROM passthrough_records", "Native lists have no history"),
        ("DELETE FROM hris_employees", "refuses the query|only reads"),
        ("CREATE TEMPORARY TABLE t AS SELECT 1 AS one", "refuses the query|only reads"),
    ],
)
def test_what_is_not_known_of_that_moment_is_an_error(asked: Asked, sql: str, word: str) -> None:
    schema = "main" if asked.is_sqlite else "public"
    ran = asked.query(sql.format(schema=schema), as_of=asked.between)
    assert ran.code == 2
    assert re.search(word, ran.err), ran.err
    assert ran.out == ""


def test_a_moment_that_nobody_knows_is_an_error(asked: Asked) -> None:
    ran = asked.query(COUNT, as_of=asked.before)
    assert ran.code == 2
    assert re.search(r"The history of hris_employees begins at \S+Z: nobody knows what it said at", ran.err)
    ran = asked.query(COUNT, as_of="yesterday")
    assert ran.code == 2
    assert "--as-of yesterday should be a moment such as 2026-03-01" in ran.err


def test_a_role_reads_as_of_a_moment_what_it_may_read(asked: Asked, postgres_server: PostgresServer) -> None:
    if asked.is_sqlite:
        # It has no roles.
        return
    url = asked.shell.settings["SYNCER_DATABASE__URL"]
    role = f"analyst_{uuid.uuid4().hex}"
    postgres_server.admin.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'reading'".encode())
    try:
        ran = asked.shell.run("migrate", "--grant-read", role, "--without-sensitive")
        assert ran.code == 0, ran.err
        address = make_url(url).set(username=role, password="reading")
        asked.shell.settings["SYNCER_DATABASE__URL"] = address.render_as_string(hide_password=False)
        assert asked.query(COUNT, as_of=asked.between).out.splitlines()[-1] == str(asked.people)
        ran = asked.query("SELECT ssn FROM hris_employees", as_of=asked.between)
        assert ran.code == 2
        assert 'column "ssn" does not exist' in ran.err
        ran = asked.query("SELECT ssn FROM hris_employees_history")
        assert ran.code == 2
        assert "permission denied" in ran.err
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(f'REVOKE TEMPORARY ON DATABASE "{address.database}" FROM PUBLIC'.encode())
        ran = asked.query(COUNT, as_of=asked.between)
        assert ran.code == 2
        assert "TEMPORARY" in ran.err
    finally:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(f'GRANT TEMPORARY ON DATABASE "{make_url(url).database}" TO PUBLIC'.encode())
            connection.execute(f"DROP OWNED BY {role}".encode())
        postgres_server.admin.execute(f"DROP ROLE {role}".encode())
