"""Moving a mirror to another schema: everything goes, with grants and others' views, or nothing does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta

import psycopg
import pytest
from sqlalchemy import text, update

from syncer.domain.errors import DatabaseRefused, UsageError
from syncer.domain.stream_key import StreamKey
from syncer.store.db.database import Database
from syncer.store.schema import migrate as schema
from syncer.store.schema import revisions
from syncer.store.schema.grants import grant_read
from syncer.store.schema.mirror_tables import streams
from syncer.store.schema.move import move_to_schema, must_be_movable
from syncer.store.schema.native_views import make_views
from syncer.store.state.streams import StreamStore
from tests.support.databases import PostgresServer
from tests.support.marked import NATIVE
from tests.support.readers import MakeReader

#: All that has a name, and what is granted on it.
THINGS = """
    SELECT relname, relkind::text, relacl::text FROM pg_class WHERE relnamespace = to_regnamespace(:schema)
    ORDER BY 1
"""


@pytest.fixture(scope="module")
def url(postgres_template: str, postgres_server: PostgresServer) -> Iterator[str]:
    with postgres_server.database(postgres_template) as url:
        yield url


def things(database: Database, name: str) -> list[tuple[str, ...]]:
    with database.read() as connection:
        return [tuple(row) for row in connection.execute(text(THINGS), {"schema": name})]


def test_all_of_it_moves_with_grants_and_others_views_and_can_move_back(
    url: str, make_reader: MakeReader
) -> None:
    with closing(Database(url)) as database:
        reader = make_reader(database)
        schema.migrate(database, with_history=["hris_groups"])
        with database.begin() as connection:
            make_views(connection, [NATIVE])
            connection.exec_driver_sql(
                "CREATE VIEW own AS SELECT e.id, p.title FROM hris_employees_live e"
                " LEFT JOIN people_live p ON p.integration_id = e.integration_id"
            )
            connection.exec_driver_sql("CREATE TABLE orders (id int)")
        grant_read(database, reader.name, without_sensitive=True)
        before = things(database, "public")
        own = [each for each in before if each[0] in ("own", "orders")]
        must_be_movable(database, "kombo")
        assert move_to_schema(database, "kombo") == ("public", len([e for e in before if e[1] in "rv"]) - 2)
        assert things(database, "kombo") == [each for each in before if each not in own]
        assert things(database, "public") == own
        with pytest.raises(DatabaseRefused, match="holds another program's tables"):
            revisions.check(database)
    assert reader.may("SELECT * FROM kombo.hris_employees_safe")
    assert not reader.may("SELECT ssn FROM kombo.hris_employees")
    with closing(Database(url, schema="kombo")) as moved:
        revisions.check(moved)
        assert schema.migrate(moved) == (revisions.known_revisions()[-1],) * 2
        with moved.read() as connection:
            assert connection.exec_driver_sql("SELECT * FROM public.own").all() == []
        assert move_to_schema(moved, "kombo") == ("kombo", 0)
        assert move_to_schema(moved, "public")[0] == "kombo"
        assert things(moved, "public") == before


def refused(database: Database, kind: type[Exception], why: str, *, to: str = "kombo") -> None:
    before = things(database, "public")
    with pytest.raises(kind, match=why):
        move_to_schema(database, to)
    assert things(database, "public") == before


def test_what_is_in_the_way_stops_it_before_anything_is_moved(url: str) -> None:
    with closing(Database(url)) as database:
        with database.begin() as connection:
            connection.exec_driver_sql("CREATE SCHEMA theirs")
            connection.exec_driver_sql("CREATE TABLE theirs.other (id int)")
            connection.exec_driver_sql("CREATE INDEX pk_hris_groups ON theirs.other (id)")
        refused(database, UsageError, "The schema theirs has pk_hris_groups already", to="theirs")
        refused(database, UsageError, "is no name for a schema", to="The irs")
        with psycopg.connect(url, application_name="syncer") as service:
            pid = service.info.backend_pid
            refused(database, DatabaseRefused, rf"syncer works with .* \(in session {pid}\).*: stop it first")
        with database.begin() as connection:
            StreamStore().add(connection, [StreamKey("i", "hris_groups")])
            until = database.now(connection) + timedelta(minutes=1)
            connection.execute(update(streams).values(lease_until=until))
        refused(database, DatabaseRefused, r"\(on 1 streams\)")
        with database.begin() as connection:
            connection.execute(update(streams).values(lease_until=None))


def test_a_mirror_is_looked_for_where_it_is_and_not_where_it_is_to_be(url: str, sqlite_url: str) -> None:
    with (
        closing(Database(url, schema="nowhere")) as database,
        pytest.raises(DatabaseRefused, match="says nowhere already, and there is no mirror there"),
    ):
        must_be_movable(database, "nowhere")
    with closing(Database(sqlite_url)) as database, pytest.raises(UsageError, match="SQLite has no schemas"):
        move_to_schema(database, "kombo")
