"""``syncer migrate --sql``: what it prints makes with psql what an upgrade makes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

import psycopg
import pytest
from sqlalchemy import make_url, text

from syncer.domain.errors import UsageError
from syncer.store.db.database import Database
from syncer.store.schema import migrate as schema
from syncer.store.schema import revisions
from syncer.store.schema.grants import grant_read
from syncer.store.schema.upgrade_sql import upgrade_sql
from tests.support.databases import PostgresServer
from tests.support.marked import NATIVE
from tests.support.readers import MakeReader

#: All there is to know of a schema but numbers, in a form that compares.
PICTURE = """
    SELECT 'relation' AS kind, c.relname::text AS name, ''::text AS of_it, concat_ws(
        ' ', c.relkind, pg_get_userbyid(c.relowner), c.relacl::text, obj_description(c.oid, 'pg_class'),
        CASE c.relkind WHEN 'v' THEN pg_get_viewdef(c.oid) WHEN 'i' THEN pg_get_indexdef(c.oid) END
    ) AS what
    FROM pg_class c WHERE c.relnamespace = current_schema()::regnamespace
    UNION ALL
    SELECT 'column', c.relname, a.attname, concat_ws(
        ' ', a.attnum, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attacl::text,
        col_description(c.oid, a.attnum), pg_get_expr(d.adbin, d.adrelid)
    )
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'v')
    UNION ALL
    SELECT 'constraint', r.conrelid::regclass::text, r.conname, pg_get_constraintdef(r.oid)
    FROM pg_constraint r WHERE r.connamespace = current_schema()::regnamespace
    UNION ALL
    SELECT 'row', 'sync_schema_version', '', version_num FROM sync_schema_version
    UNION ALL SELECT 'row', 'mirror_history', '', name FROM mirror_history
    UNION ALL SELECT 'row', 'sync_feed', '', id::text FROM sync_feed
    ORDER BY 1, 2, 3, 4
"""
HISTORY = ("hris_groups",)


def picture(database: Database) -> list[tuple[str, ...]]:
    with database.read() as connection:
        return [tuple(row) for row in connection.execute(text(PICTURE))]


@pytest.fixture
def make(postgres_server: PostgresServer, request: pytest.FixtureRequest) -> Callable[[], str]:
    """``make()``: the URL of an empty database."""

    def made() -> str:
        url = postgres_server.create()
        request.addfinalizer(lambda: postgres_server.drop(url))
        return url

    return made


def run(url: str, statements: str) -> None:
    """Run them as psql does: one after the other, outside of any transaction but their own."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statements.encode())


@pytest.mark.parametrize("revision", [None, "0002", revisions.known_revisions()[-1]])
def test_the_sql_of_an_upgrade_makes_what_the_upgrade_makes(
    make: Callable[[], str], make_reader: MakeReader, revision: str | None
) -> None:
    with (
        closing(Database(make(), schema="kombo")) as upgraded,
        closing(Database(make(), schema="kombo")) as by_hand,
    ):
        reader = None
        for each in (upgraded, by_hand):
            if revision is not None:
                schema.migrate(each, revision)
            if revision == revisions.known_revisions()[-1]:
                reader = reader or make_reader(each)
                grant_read(each, reader.name, without_sensitive=True)
        wanted = upgrade_sql(by_hand, with_history=HISTORY)
        assert wanted is not None
        assert wanted.startswith("BEGIN;\nSET LOCAL lock_timeout = '5s';\n")
        assert revisions.revisions(by_hand)[0] == revision
        run(by_hand.engine.url.set(drivername="postgresql").render_as_string(hide_password=False), wanted)
        schema.migrate(upgraded, with_history=HISTORY)
        assert picture(by_hand) == picture(upgraded)
        assert upgrade_sql(by_hand, with_history=HISTORY) is None
        listed = upgrade_sql(by_hand, with_history=HISTORY, lists=[NATIVE])
        assert listed is not None
        assert 'CREATE VIEW "people_live"' in listed
        if reader is not None:
            for each in (upgraded, by_hand):
                with each.begin() as connection:
                    connection.exec_driver_sql(f"DROP OWNED BY {reader.name}")


def test_the_sql_can_be_asked_for_by_a_role_that_may_change_nothing(
    postgres_url: str, make_reader: MakeReader
) -> None:
    with closing(Database(postgres_url)) as admin:
        plain = make_reader(admin, name="plain")
    url = make_url(postgres_url).set(username=plain.name, password="secret")
    with closing(Database(url.render_as_string(hide_password=False), schema="kombo")) as database:
        wanted = upgrade_sql(database)
        assert wanted is not None
        assert f'CREATE SCHEMA IF NOT EXISTS "kombo" AUTHORIZATION "{plain.name}";\n' in wanted
        run(postgres_url, wanted)
        revisions.check(database)
        assert schema.migrate(database) == (revisions.known_revisions()[-1],) * 2


def test_there_is_none_for_sqlite(shared_sqlite: Database) -> None:
    with pytest.raises(UsageError, match="no SQL of an upgrade for SQLite"):
        upgrade_sql(shared_sqlite)
