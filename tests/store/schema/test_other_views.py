"""Views that others have made of the mirror's, while a migration changes what they show."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest
from sqlalchemy import Connection, text

from syncer.domain.errors import DatabaseRefused
from syncer.store.db.database import Database
from syncer.store.schema.migrate import migrate
from syncer.store.schema.other_views import without_other_views
from tests.support.databases import PostgresServer

#: A revision whose hashes are bytea, and shown by the live views.
BEFORE = "0010"
VIEWS = (
    "CREATE SCHEMA reports",
    "CREATE VIEW reports.staff AS SELECT * FROM hris_employees_live",
    "CREATE VIEW reports.members AS SELECT e.last_name, g.name, g.content_hash FROM hris_employees_live e"
    " JOIN hris_employees_groups l ON l.employee_id = e.id JOIN hris_groups_live g ON g.id = l.group_id",
    "CREATE VIEW reports.pairs AS SELECT hris_employees_live.content_hash, other.id FROM hris_employees_live"
    " JOIN hris_employees_live other ON hris_employees_live.manager_id = other.id",
    "CREATE VIEW reports.whole WITH (security_barrier) AS SELECT * FROM hris_groups WHERE name <> ''",
    'CREATE VIEW reports."names 100%" AS SELECT last_name FROM reports.staff',
    "CREATE MATERIALIZED VIEW reports.hashes AS SELECT id, content_hash FROM hris_groups",
    "CREATE UNIQUE INDEX hashes_id ON reports.hashes (id)",
    "COMMENT ON VIEW reports.staff IS 'who works, 100 %'",
    "COMMENT ON COLUMN reports.staff.id IS 'its id'",
    'GRANT SELECT ON reports."names 100%" TO PUBLIC',
    "GRANT SELECT (last_name) ON reports.staff TO PUBLIC",
    "INSERT INTO hris_groups (id, integration_id, name, first_seen_at, mirrored_at, content_hash, document)"
    " VALUES ('g', 'i', 'Sales', now(), now(), decode(repeat('ab', 16), 'hex'), '{}')",
    "REFRESH MATERIALIZED VIEW reports.hashes",
)
#: Everything about the views but what they select.
ABOUT = text("""
    SELECT c.relname, c.relkind::text, c.reloptions, pg_get_userbyid(c.relowner), c.relacl::text,
        obj_description(c.oid, 'pg_class'),
        array_agg(a.attname || ' ' || coalesce(a.attacl::text, '')
            || coalesce(col_description(c.oid, a.attnum), '') ORDER BY a.attnum),
        (SELECT array_agg(pg_get_indexdef(indexrelid)) FROM pg_index WHERE indrelid = c.oid)
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
    WHERE c.relnamespace = to_regnamespace('reports') AND c.relkind IN ('v', 'm')
    GROUP BY c.oid ORDER BY 1
""")


@pytest.fixture
def older(postgres_url: str) -> Iterator[Database]:
    """A database of that revision, with views of others."""
    database = Database(postgres_url)
    migrate(database, BEFORE)
    with database.begin() as connection:
        for statement in VIEWS:
            connection.exec_driver_sql(statement.replace("%", "%%"))
    yield database
    database.close()


def about(connection: Connection) -> list[tuple[object, ...]]:
    return [tuple(row) for row in connection.execute(ABOUT)]


def test_views_of_others_survive_a_change_of_what_they_show_with_all_that_belongs_to_them(
    older: Database,
) -> None:
    with older.read() as connection:
        before = about(connection)
    assert len(before) == 6
    migrate(older)
    with older.read() as connection:
        assert about(connection) == before
        assert connection.scalars(text("SELECT content_hash::text FROM reports.hashes")).all() == [
            "abababab-abab-abab-abab-abababababab"
        ]
        assert connection.scalars(text("SELECT name FROM reports.whole")).all() == ["Sales"]
        for view in ("staff", "members", "pairs"):
            assert connection.execute(text(f"SELECT * FROM reports.{view}")).all() == []


def test_a_view_that_computes_with_what_changes_stops_the_upgrade_by_its_name(older: Database) -> None:
    with older.begin() as connection:
        connection.exec_driver_sql(
            "CREATE VIEW reports.odd AS SELECT encode(content_hash, 'hex') FROM hris_groups"
        )
    with pytest.raises(DatabaseRefused, match=r"The view reports\.odd shows content_hash, which changes"):
        migrate(older)
    with older.read() as connection:
        # Nothing has been changed.
        assert connection.scalar(text("SELECT encode FROM reports.odd")) == "ab" * 16


def test_a_view_of_another_role_stops_the_upgrade_of_a_role_that_may_not_drop_it(
    older: Database, postgres_server: PostgresServer
) -> None:
    role = f"somebody_{uuid4().hex}"
    postgres_server.admin.execute(f'CREATE ROLE "{role}"'.encode())
    try:
        with older.begin() as connection:
            connection.exec_driver_sql(f'SET LOCAL ROLE "{role}"')
            with (
                pytest.raises(DatabaseRefused, match=r"The view reports\.\w+ shows what an upgrade changes"),
                without_other_views(connection, ["hris_groups"], "content_hash", ["hris_groups_live"]),
            ):
                raise AssertionError("nothing is dropped")
    finally:
        postgres_server.admin.execute(f'DROP ROLE "{role}"'.encode())
