"""Roles that read the rows of some integrations alone: in every table and view, and whatever they try."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from psycopg.rows import TupleRow
from sqlalchemy import Table, make_url, text
from sqlalchemy import types as sql

from syncer.domain.errors import DatabaseRefused, UsageError
from syncer.store.db.database import Database
from syncer.store.db.types import Hash, Number, Timestamp
from syncer.store.schema import migrate as schema
from syncer.store.schema.grants import Granted, grant_read
from syncer.store.schema.history_tables import history_table
from syncer.store.schema.mirror_tables import (
    MIRROR,
    changes,
    integrations,
    passthrough_records,
    streams,
)
from syncer.store.schema.move import move_to_schema
from syncer.store.schema.native_views import make_views
from syncer.store.schema.readers import outdated_readers
from tests.support.databases import PostgresServer
from tests.support.marked import NATIVE
from tests.support.readers import Reader, answer
from tests.support.waiting import until

#: Integrations, which all values of their rows name. The roles here may see the first.
OURS, THEIRS = "customer-a", "customer-b"
WITH_HISTORY = ("hris_employees", "hris_employees_groups")
NOW = datetime(2026, 1, 1, tzinfo=UTC)
#: Ways to look at rows that are not for the role; {t}: a table or view, {c}: a column of it.
ATTEMPTS = (
    "SELECT {c} FROM {t}",
    "SELECT count(*) FROM {t} WHERE {c}::text LIKE '%customer-b%' HAVING count(*) > 0",
    "SELECT a.{c} FROM {t} a JOIN {t} b USING ({c})",
    "SELECT a.{c} FROM {t} a CROSS JOIN LATERAL (SELECT {c} FROM {t} b OFFSET 0) c",
    "SELECT max({c}::text) OVER () FROM {t}",
    "COPY (SELECT {c} FROM {t}) TO STDOUT",
    "SET row_security = off; SELECT {c} FROM {t}",
    "CREATE TEMP VIEW own AS SELECT {c} FROM {t}; SELECT * FROM own",
    "CREATE TEMP TABLE own AS SELECT {c} FROM {t}; SELECT * FROM own",
    "PREPARE own AS SELECT {c} FROM {t}; EXECUTE own; EXECUTE own",
    "BEGIN; DECLARE own CURSOR FOR SELECT {c} FROM {t}; FETCH ALL FROM own; COMMIT",
    "CREATE FUNCTION pg_temp.leak(value anyelement) RETURNS boolean LANGUAGE plpgsql COST 0.0000001"
    " AS $$ BEGIN RAISE NOTICE '%', value; RETURN true; END $$;"
    " SELECT 1 FROM {t} t WHERE pg_temp.leak(t.{c})",
    "SELECT 1 FROM {t} WHERE ({c}::text)::int > 0",
    "SELECT query_to_xml('SELECT {c} FROM {t}', true, true, '')::text",
    # Operators of its own, for a policy that would take the first it finds.
    "CREATE FUNCTION playground.never(name, name) RETURNS boolean LANGUAGE sql AS 'SELECT true';"
    " CREATE OPERATOR playground.= (LEFTARG = name, RIGHTARG = name, FUNCTION = playground.never);"
    " SET search_path = playground, kombo, pg_catalog; SELECT {c} FROM {t}",
    "ALTER TABLE {t} DISABLE ROW LEVEL SECURITY; SELECT {c} FROM {t}",
    "DROP POLICY mirror_integrations ON {t}; SELECT {c} FROM {t}",
    "CREATE POLICY more ON {t} USING (true); SELECT {c} FROM {t}",
    "INSERT INTO kombo.sync_readers VALUES (CURRENT_USER, 'customer-b'); SELECT {c} FROM {t}",
    "CREATE OR REPLACE FUNCTION kombo.mirror_readable_integrations() RETURNS text[] LANGUAGE sql"
    " AS 'SELECT NULL::text[]'; SELECT {c} FROM {t}",
    "SELECT most_common_vals::text FROM pg_stats WHERE schemaname = 'kombo'",
)
#: What could tell which integrations there are, and for whom.
ELSEWHERE = (
    "SELECT * FROM kombo.sync_readers",
    "SELECT kombo.sync_readable_integrations('{other}')",
    "SELECT kombo.sync_readable_integrations('{all}')",
    "SELECT prosrc FROM pg_proc",
    "SELECT qual FROM pg_policies",
    "SELECT description FROM pg_description",
)


@dataclass(frozen=True)
class Mirror:
    """A mirror of two integrations that belongs to a plain role; url: as that role."""

    database: Database
    url: str
    role: Callable[..., Reader]

    def grant(self, reader: Reader, *, without_sensitive: bool = False, **limits: Any) -> Granted:
        return grant_read(self.database, reader.name, without_sensitive=without_sensitive, **limits)


@pytest.fixture(scope="module")
def roles(postgres_server: PostgresServer) -> Iterator[Callable[..., str]]:
    """``roles(name, options)``: a role that may log in."""
    made: list[str] = []

    def make(name: str = "reader", options: str = "") -> str:
        made.append(f"{name}_{uuid.uuid4().hex}")
        create = f"CREATE ROLE {made[-1]} LOGIN PASSWORD 'secret' {options}"
        postgres_server.admin.execute(create.encode())
        return made[-1]

    yield make
    for name in reversed(made):
        postgres_server.admin.execute(f"DROP ROLE {name}".encode())


@pytest.fixture(scope="module")
def mirror(postgres_server: PostgresServer, roles: Callable[..., str]) -> Iterator[Mirror]:
    owner = roles("owner")
    with postgres_server.database() as url, ExitStack() as stack:
        with psycopg.connect(url, autocommit=True) as admin:
            admin.execute(f"CREATE SCHEMA kombo AUTHORIZATION {owner}".encode())
            admin.execute(f"CREATE SCHEMA elsewhere AUTHORIZATION {owner}".encode())
            admin.execute("CREATE SCHEMA playground")
            admin.execute("GRANT ALL ON SCHEMA playground TO PUBLIC")
        owners_url = make_url(url).set(username=owner, password="secret")
        shown = owners_url.render_as_string(hide_password=False)
        database = stack.enter_context(closing(Database(shown, schema="kombo")))
        schema.migrate(database, with_history=WITH_HISTORY)
        with database.begin() as connection:
            make_views(connection, [NATIVE])
            for table in filled():
                for integration in (OURS, THEIRS):
                    connection.execute(table.insert(), row_of(table, integration))
            connection.exec_driver_sql("ANALYZE")

        def role(name: str = "reader", options: str = "") -> Reader:
            return Reader(roles(name, options), url)

        yield Mirror(database, shown, role)


def filled() -> list[Table]:
    """Tables whose rows belong to an integration, themselves or by what they link."""
    return [
        *MIRROR.values(),
        *map(history_table, WITH_HISTORY),
        passthrough_records,
        changes,
        streams,
        integrations,
    ]


def row_of(table: Table, integration: str) -> dict[str, Any]:
    """A row whose every value that can names its integration."""
    return {
        column.name: value_of(column.type, integration)
        for column in table.columns
        if column.name not in ("resource", "mirrored", "remote_deleted_at", "known_to", "removed_at")
    } | {
        name: value
        for name, value in (("resource", NATIVE.name), ("mirrored", True), ("model", "hris_employees"))
        if name in table.columns
    }


def value_of(kind: Any, integration: str) -> Any:
    is_first = integration == OURS
    if isinstance(kind, Timestamp):
        return NOW
    if isinstance(kind, Hash):
        return uuid.UUID(int=int(is_first)).bytes
    if isinstance(kind, sql.Boolean):
        return is_first
    if isinstance(kind, sql.Integer):
        return int(is_first)
    if isinstance(kind, (sql.Float, Number)):
        return Decimal(1)
    if isinstance(kind, sql.Date):
        return date(2026, 1, 1)
    if isinstance(kind, sql.Time):
        return time(12)
    return integration if isinstance(kind, sql.Text) else f'{{"title": "{integration}"}}'


def outcome(connection: psycopg.Connection[TupleRow], statement: str) -> str:
    """All that comes back of it."""
    texts: list[str] = []
    connection.add_notice_handler(lambda notice: texts.append(str(notice.message_primary)))
    try:
        if statement.startswith("COPY"):
            with connection.cursor() as cursor, cursor.copy(statement.encode()) as copy:
                return " ".join(str(bytes(row)) for row in copy)
        cursor = connection.execute(statement.encode())
        while True:
            if cursor.description:
                texts += map(str, cursor)
            if not cursor.nextset():
                break
    except psycopg.Error as error:
        texts.append(f"{error} {error.diag.message_detail} {error.diag.context}")
    return " ".join(texts)


def seen(reader: Reader, granted: Granted) -> dict[str, str]:
    """All that a role sees of what it was granted, by table and view."""
    with reader.connect() as connection:
        found = {}
        for name, columns in granted.columns.items():
            # What grows by itself.
            shown = ", ".join(f'"{each}"' for each in columns if each != "lag_seconds")
            found[name] = str(answer(connection, f"SELECT {shown} FROM kombo.{name}"))
        return found


@pytest.mark.parametrize("without_sensitive", [False, True])
def test_a_limited_role_sees_rows_of_its_integrations_alone_in_every_table_and_view(
    mirror: Mirror, without_sensitive: bool
) -> None:
    limited, unlimited = mirror.role(), mirror.role()
    everything = mirror.grant(unlimited, without_sensitive=without_sensitive)
    before = seen(unlimited, everything)
    granted = mirror.grant(limited, without_sensitive=without_sensitive, integrations=[OURS])
    assert granted.integrations == [OURS]
    assert granted.columns == everything.columns
    after = seen(limited, granted)
    for name, rows in after.items():
        assert THEIRS not in rows, name
        if THEIRS in before[name]:
            assert OURS in rows, name
        elif name != "mirror_history":
            # Rows in which nothing names an integration.
            assert before[name].count("datetime") >= 2 * after[name].count("datetime"), name
    assert sum(THEIRS in rows for rows in before.values()) > 110
    # Neither the other role nor the program is concerned.
    assert seen(unlimited, everything) == before
    with mirror.database.read() as connection:
        for table in filled():
            assert connection.scalar(text(f"SELECT count(*) FROM {table.name}")) == 2


def test_no_attempt_of_a_limited_role_reaches_a_row_of_another_integration(mirror: Mirror) -> None:
    limited, other, everything = mirror.role(), mirror.role(), mirror.role()
    mirror.grant(everything)
    mirror.grant(other, integrations=[THEIRS])
    mirror.grant(limited, integrations=[OURS])
    places = [
        ("hris_employees", "first_name"),
        ("hris_employees_live", "document"),
        ("hris_employees_groups_safe", "group_id"),
        ("hris_employees_history", "ssn"),
        ("mirror_changes", "record_id"),
        ("people", "title"),
        ("mirror_integrations", "organisation"),
    ]
    made = [form.replace("{t}", f"kombo.{t}").replace("{c}", c) for form in ATTEMPTS for t, c in places]
    # What it wants to know is in these, where it knows it already.
    made = [each for each in made if "LIKE" not in each] + [each for each in made if "LIKE" in each]
    made += [each.format(other=other.name, all=everything.name) for each in ELSEWHERE]
    for each in made:
        with limited.connect() as connection:
            found = outcome(connection, each)
        assert THEIRS not in found.replace(f"'%{THEIRS}%'", ""), each
        assert "(1,)" not in found or "LIKE" not in each, each
    with limited.connect() as connection:
        for t, c in places:
            assert OURS in outcome(connection, f"SELECT {c} FROM kombo.{t}")


def test_a_view_of_its_own_shows_nobody_more_than_itself(mirror: Mirror) -> None:
    limited, everything, stranger = mirror.role(), mirror.role(), mirror.role()
    mirror.grant(everything)
    mirror.grant(limited, integrations=[OURS])
    names = "SELECT integration_id FROM playground.v_{}"
    with everything.connect() as connection:
        for table in ("hris_employees", "hris_employees_live"):
            view = f"playground.theirs_{table}"
            connection.execute(f"CREATE VIEW {view} AS SELECT integration_id FROM kombo.{table}".encode())
            connection.execute(f"GRANT SELECT ON {view} TO {stranger.name}".encode())
            with stranger.connect() as reading:
                # As before: whoever made it may see all, and nobody lends what a limited role sees.
                assert THEIRS in outcome(reading, f"SELECT * FROM {view}")
    for table in ("hris_employees", "hris_employees_live", "hris_employees_safe"):
        with limited.connect() as connection:
            view = f"playground.v_{table}"
            connection.execute(f"CREATE VIEW {view} AS SELECT integration_id FROM kombo.{table}".encode())
            connection.execute(f"GRANT SELECT ON {view} TO {stranger.name}".encode())
            assert outcome(connection, names.format(table)) == f"('{OURS}',)"
        with stranger.connect() as connection:
            assert THEIRS not in outcome(connection, names.format(table))
    with limited.connect() as connection:
        connection.execute(
            b"CREATE FUNCTION playground.all_of_it() RETURNS SETOF text LANGUAGE sql SECURITY DEFINER"
            b" AS 'SELECT integration_id FROM kombo.hris_employees_live'"
        )
    with everything.connect() as connection:
        assert THEIRS in outcome(connection, "SELECT integration_id FROM kombo.hris_employees_live")
        assert THEIRS not in outcome(connection, "SELECT playground.all_of_it()")
        connection.execute(b"DROP OWNED BY CURRENT_USER")
    with limited.connect() as connection:
        connection.execute(b"DROP OWNED BY CURRENT_USER")


def test_the_list_can_be_changed_is_kept_by_another_grant_and_lifted_by_name_alone(mirror: Mirror) -> None:
    limited = mirror.role()

    def customers() -> set[Any]:
        return {row[0] for row in connection.execute("SELECT integration_id FROM kombo.hris_employees_live")}

    mirror.grant(limited, integrations=[OURS])
    with limited.connect() as connection:
        connection.prepare_threshold = 0
        assert customers() == {OURS}
        mirror.grant(limited, integrations=[THEIRS])
        # Also what was planned before.
        assert customers() == {THEIRS}
        mirror.grant(limited, without_sensitive=True)
        assert customers() == {THEIRS}
        with mirror.database.read() as reading:
            assert list(outdated_readers(reading)) == []
        assert mirror.grant(limited, integrations=[OURS, THEIRS]).integrations == [OURS, THEIRS]
        assert customers() == {OURS, THEIRS}
        assert mirror.grant(limited, all_integrations=True).integrations is None
        assert customers() == {OURS, THEIRS}


def test_one_plan_serves_no_two_roles(mirror: Mirror, postgres_server: PostgresServer) -> None:
    pooled, first, second = mirror.role("pooled", "NOINHERIT"), mirror.role(), mirror.role()
    mirror.grant(first, integrations=[OURS])
    mirror.grant(second, integrations=[THEIRS])
    postgres_server.admin.execute(f"GRANT {first.name}, {second.name} TO {pooled.name}".encode())
    with pooled.connect() as connection:
        connection.execute(f"SET ROLE {first.name}".encode())
        connection.execute("PREPARE own AS SELECT integration_id FROM kombo.hris_employees_live")
        for each, found in ((first, OURS), (second, THEIRS), (first, OURS)):
            connection.execute(f"SET ROLE {each.name}".encode())
            assert connection.execute("EXECUTE own").fetchall() == [(found,)]


def test_a_table_that_is_made_later_is_limited_with_the_next_migration(mirror: Mirror) -> None:
    limited = mirror.role()
    mirror.grant(limited, integrations=[OURS])
    schema.migrate(mirror.database, with_history=[*WITH_HISTORY, "hris_groups"])
    with mirror.database.begin() as connection:
        for integration in (OURS, THEIRS):
            connection.execute(
                history_table("hris_groups").insert(), row_of(history_table("hris_groups"), integration)
            )
        connection.exec_driver_sql(f"GRANT SELECT ON hris_groups_history TO {limited.name}")
    with limited.connect() as connection:
        assert connection.execute("SELECT id FROM kombo.hris_groups_history").fetchall() == [(OURS,)]


def test_a_limit_holds_in_another_schema_too(mirror: Mirror) -> None:
    limited = mirror.role()
    mirror.grant(limited, integrations=[OURS])
    # All connections but one of its own: nobody else may be using it.
    mirror.database.reopen()
    for before, after in (("kombo", "elsewhere"), ("elsewhere", "kombo")):
        with closing(Database(mirror.url, schema=before)) as database:
            until(lambda: not sessions_of(database), "the end of other sessions")
            assert move_to_schema(database, after)[0] == before
        with limited.connect() as connection:
            for name in ("hris_employees_live", "hris_employees_groups", "mirror_integrations"):
                rows = outcome(connection, f"SELECT * FROM {after}.{name}")
                assert OURS in rows
                assert THEIRS not in rows


def sessions_of(database: Database) -> list[int]:
    statement = text(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    with database.read() as connection:
        return list(connection.execute(statement).scalars())


def test_without_any_limit_nothing_of_row_level_security_is_left(mirror: Mirror) -> None:
    limited = mirror.role()
    with mirror.database.begin() as connection:
        others = connection.execute(text("SELECT DISTINCT role FROM sync_readers")).scalars().all()
    mirror.grant(limited, integrations=[OURS])
    with pytest.raises(DatabaseRefused, match="roles that read some integrations alone, and would read all"):
        schema.downgrade(mirror.database, "base")
    for name in (*others, limited.name):
        grant_read(mirror.database, name, without_sensitive=False, all_integrations=True)
    with mirror.database.read() as connection:
        for left in (
            "SELECT count(*) FROM pg_policy",
            "SELECT count(*) FROM pg_class WHERE relrowsecurity OR relforcerowsecurity",
            "SELECT count(*) FROM pg_proc WHERE pronamespace = 'kombo'::regnamespace",
        ):
            assert connection.scalar(text(left)) == 0


def plan(connection: psycopg.Connection[TupleRow], statement: str) -> str:
    found = connection.execute(f"EXPLAIN (COSTS OFF) {statement}".encode()).fetchall()
    return "\n".join(row[0] for row in found)


def test_plans_of_others_stay_as_they_are_and_a_limit_is_read_by_its_index(mirror: Mirror) -> None:
    limited, everything = mirror.role(), mirror.role()
    mirror.grant(everything)
    questions = (
        "SELECT count(*) FROM kombo.hris_employees_live",
        "SELECT * FROM kombo.hris_employees_live WHERE id = 'x'",
        "SELECT * FROM kombo.hris_employees e JOIN kombo.hris_employees_groups l ON l.employee_id = e.id"
        " JOIN kombo.hris_groups_live g ON g.id = l.group_id WHERE e.id = 'x'",
        "SELECT title FROM kombo.people WHERE integration_id = 'x'",
        "SELECT * FROM kombo.mirror_freshness",
    )
    with everything.connect() as connection, psycopg.connect(mirror.url, autocommit=True) as owner:
        before = [plan(each, question) for each in (connection, owner) for question in questions]
        mirror.grant(limited, integrations=[OURS])
        assert [plan(each, question) for each in (connection, owner) for question in questions] == before
    with limited.connect() as connection:
        connection.execute("SET enable_seqscan = off")
        of_all = plan(connection, questions[0])
        assert "Index Cond: (integration_id = ANY ('{customer-a}'::text[]))" in of_all
        assert "mirror_readable_integrations" not in of_all
        assert plan(connection, questions[1]).count("Index Cond: (id = 'x'::text)") == 1


def test_the_owner_can_still_copy_everything_out(mirror: Mirror) -> None:
    mirror.grant(mirror.role(), integrations=[OURS])
    statement = "COPY kombo.hris_employees (id) TO STDOUT"
    with psycopg.connect(mirror.url) as owner, owner.cursor() as cursor, cursor.copy(statement) as copy:
        assert sorted(bytes(row) for row in copy) == [b"customer-a\n", b"customer-b\n"]


def refused(mirror: Mirror, reader: Reader, why: str, *, to: str = OURS) -> None:
    """A limit is refused for this reason, and the role is not let in."""
    with pytest.raises(UsageError, match=why):
        mirror.grant(reader, integrations=[to])
    assert not reader.may("SELECT id FROM kombo.hris_employees")


def test_what_no_limit_would_hold_for_is_refused(mirror: Mirror, postgres_server: PostgresServer) -> None:
    refused(mirror, mirror.role(), "no integration 'customer-c' in the mirror. Did you mean", to="customer-c")
    refused(mirror, mirror.role("reader", "BYPASSRLS"), "rows of other integrations, by BYPASSRLS")
    everything, member, wider = mirror.role(), mirror.role(), mirror.role()
    mirror.grant(everything)
    mirror.grant(wider, integrations=[THEIRS])
    for more in (everything, wider):
        postgres_server.admin.execute(f"GRANT {more.name} TO {member.name}".encode())
        with pytest.raises(UsageError, match=f"other integrations, as a member of '{more.name}': take that"):
            mirror.grant(member, integrations=[OURS])
        postgres_server.admin.execute(f"REVOKE {more.name} FROM {member.name}".encode())
    postgres_server.admin.execute(f"GRANT {wider.name} TO {member.name}".encode())
    assert mirror.grant(member, integrations=[OURS, THEIRS]).integrations == [OURS, THEIRS]
    with mirror.database.begin() as connection:
        # As with a server of an earlier version.
        newer, connection.dialect.server_version_info = connection.dialect.server_version_info, (14, 9)
    refused(mirror, mirror.role(), "PostgreSQL 14 is too old .*: that takes 15 or newer")
    mirror.database.engine.dialect.server_version_info = newer


def test_a_mirror_of_a_superusers_is_refused(empty: Database, mirror: Mirror) -> None:
    with empty.begin() as connection:
        connection.execute(integrations.insert(), row_of(integrations, OURS))
    with pytest.raises(UsageError, match="for whom no limit of rows holds, nor for its views"):
        grant_read(empty, mirror.role().name, without_sensitive=False, integrations=[OURS])


@pytest.fixture
def empty(postgres_template: str, postgres_server: PostgresServer) -> Iterator[Database]:
    """A migrated database that belongs to a superuser."""
    with postgres_server.database(postgres_template) as url, closing(Database(url)) as database:
        yield database
