"""``syncer migrate --grant-read``: what it says, and what it refuses."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING

import psycopg
import pytest
from sqlalchemy import make_url

from syncer.store.db.database import Database
from syncer.store.schema.mirror_tables import MIRROR
from syncer.store.schema.revisions import known_revisions
from tests.support.databases import PostgresServer
from tests.support.readers import MakeReader

if TYPE_CHECKING:
    from tests.support.command_line import Shell


@pytest.fixture
def role(postgres_server: PostgresServer, postgres_url: str) -> Iterator[str]:
    """A role that may nothing yet."""
    name = f"analyst_{uuid.uuid4().hex}"
    postgres_server.admin.execute(f'CREATE ROLE "{name}"'.encode())
    yield name
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f'DROP OWNED BY "{name}"'.encode())
    postgres_server.admin.execute(f'DROP ROLE "{name}"'.encode())


@pytest.fixture
def postgres(shell: Shell, postgres_url: str) -> Shell:
    """The command line on an empty PostgreSQL database."""
    shell.settings = {"SYNCER_DATABASE__URL": postgres_url}
    return shell


def may_read(url: str, role: str, table: str, column: str) -> bool:
    with psycopg.connect(url) as connection:
        asked = "SELECT has_column_privilege(%s, %s, %s, 'SELECT')"
        return bool(connection.execute(asked, (role, table, column)).fetchall()[0][0])


def test_migrate_makes_the_tables_and_says_what_a_role_may_read_of_them(
    postgres: Shell, postgres_url: str, role: str
) -> None:
    safe = postgres.run("migrate", "--grant-read", role, "--without-sensitive")
    assert (safe.code, safe.err) == (0, "")
    made, granted = safe.out.splitlines()
    assert made.endswith(f" went from empty to revision {known_revisions()[-1]}.")
    assert granted.startswith(f"{role} may read ")
    assert granted.endswith(" tables and views of schema public without sensitive columns.")
    assert may_read(postgres_url, role, "hris_employees", "first_name")
    assert not may_read(postgres_url, role, "hris_employees", "ssn")
    told = postgres.run("migrate", "--grant-read", role, "--without-sensitive", "--json").json
    assert (told["from"], told["to"]) == (known_revisions()[-1], known_revisions()[-1])
    columns = told["granted"].pop("columns")
    assert told["granted"] == {
        "role": role,
        "schema": "public",
        "without_sensitive": True,
        "taken_back": [],
        "integrations": None,
    }
    assert set(MIRROR) < set(columns)
    assert "first_name" in columns["hris_employees_safe"]
    assert "ssn" not in columns["hris_employees"]
    plain = postgres.run("migrate", "--grant-read", role)
    assert plain.out.endswith(" tables and views of schema public.\n")
    again = postgres.run("migrate", "--grant-read", role, "--without-sensitive").out.splitlines()
    assert again[-1] == "It had been granted more, which was taken back: mirror_changes, passthrough_records."
    assert postgres.run("migrate", "--grant-read", role).code == 0
    assert may_read(postgres_url, role, "hris_employees", "ssn")
    assert postgres.run("migrate", "--json").json["granted"] is None


def test_a_role_that_there_is_not_is_refused_before_anything_is_done(
    postgres: Shell, postgres_url: str
) -> None:
    ran = postgres.run("migrate", "--grant-read", "nobody-here")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == (
        "Error: There is no role 'nobody-here' on this server: make it first, with CREATE ROLE.\n"
    )
    with psycopg.connect(postgres_url) as connection:
        found = connection.execute("SELECT 1 FROM pg_class WHERE relname = 'hris_employees'").fetchall()
    assert found == []


def test_sqlite_is_refused(shell: Shell, sqlite_url: str) -> None:
    ran = shell.run("migrate", "--grant-read", "analyst", SYNCER_DATABASE__URL=sqlite_url)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == "Error: SQLite has no roles: read access can only be granted on PostgreSQL.\n"


def test_leaving_out_sensitive_columns_needs_a_role(shell: Shell) -> None:
    ran = shell.run("migrate", "--without-sensitive")
    assert (ran.code, ran.out) == (2, "")
    assert "--without-sensitive needs --grant-read ROLE." in ran.err
    for option in (("--integration", "a"), ("--all-integrations",)):
        ran = shell.run("migrate", *option)
        assert (ran.code, ran.out) == (2, "")
        assert "--integration and --all-integrations need --grant-read ROLE." in ran.err


def test_a_role_is_limited_to_integrations_and_told_so(
    postgres: Shell, postgres_server: PostgresServer, postgres_url: str, make_reader: MakeReader
) -> None:
    with closing(Database(postgres_url)) as admin:
        owner, analyst = make_reader(admin, name="owner"), make_reader(admin)
    database = make_url(postgres_url)
    postgres_server.admin.execute(f'GRANT CREATE ON DATABASE "{database.database}" TO {owner.name}'.encode())
    url = database.set(username=owner.name, password="secret").render_as_string(hide_password=False)
    postgres.settings |= {"SYNCER_DATABASE__URL": url, "SYNCER_DATABASE__SCHEMA": "kombo"}
    grant = ("migrate", "--grant-read", analyst.name, "--integration", "personio:one")
    refused = postgres.run(*grant)
    assert (refused.code, refused.err) == (
        2,
        "Error: There is no integration 'personio:one' in the mirror.\n",
    )
    with psycopg.connect(url) as connection:
        connection.execute(
            "INSERT INTO kombo.sync_integrations (environment, id, origin) VALUES ('default', %s, 'command')",
            ("personio:one",),
        )
    ran = postgres.run(*grant)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.endswith(" of schema kombo.\nIt sees rows of personio:one alone.\n")
    assert postgres.run(*grant[:3], "--json").json["granted"]["integrations"] == ["personio:one"]
    lifted = postgres.run(*grant[:3], "--all-integrations")
    assert lifted.out.endswith(" of schema kombo.\n")


def test_a_role_with_access_asks_with_the_command_and_is_refused_what_it_may_not_see(
    postgres: Shell, role: str
) -> None:
    assert postgres.run("migrate", "--grant-read", role, "--without-sensitive").code == 0
    url = make_url(postgres.settings["SYNCER_DATABASE__URL"]).update_query_dict({"options": f"-crole={role}"})
    postgres.settings["SYNCER_DATABASE__URL"] = url.render_as_string(hide_password=False)
    asked = postgres.run("query", "SELECT current_user AS me, count(*) AS people FROM hris_employees_safe")
    assert (asked.code, asked.out) == (0, f"me,people\n{role},0\n")
    for sql in ("SELECT ssn FROM hris_employees", "SELECT * FROM sync_streams"):
        refused = postgres.run("query", sql)
        assert (refused.code, refused.out) == (2, "")
        assert "permission denied" in refused.err
