"""Reading roles and native lists: nobody knows what of them is sensitive."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import timedelta

import psycopg
import pytest

from syncer.domain.catalogue.model import Column
from syncer.domain.errors import UsageError
from syncer.domain.native.call import Call
from syncer.domain.native.spec import NativeListSpec
from syncer.store.db.database import Database
from syncer.store.schema import migrate as schema
from syncer.store.schema.grants import grant_read
from syncer.store.schema.native_views import make_views, native_relations
from tests.support.databases import PostgresServer

NATIVE = ("passthrough_records", "people", "people_live")
LISTED = NativeListSpec(
    name="people",
    call=Call("hibob/v1", "GET", "/list", is_listing=True),
    integrations=("hibob:*",),
    every=timedelta(hours=1),
    records="@",
    key=("id",),
    columns=(Column("title", "text", "title", path=("title",)),),
)


@pytest.fixture
def database(postgres_url: str) -> Iterator[Database]:
    """A database with a native list, on PostgreSQL."""
    database = Database(postgres_url)
    schema.migrate(database)
    with database.begin() as connection:
        make_views(connection, [LISTED])
    yield database
    database.close()


@pytest.fixture
def role(postgres_server: PostgresServer, postgres_url: str) -> Iterator[str]:
    """A role that may nothing yet."""
    name = f"analyst_{uuid.uuid4().hex}"
    postgres_server.admin.execute(f'CREATE ROLE "{name}"'.encode())
    yield name
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f'DROP OWNED BY "{name}"'.encode())
    postgres_server.admin.execute(f'DROP ROLE "{name}"'.encode())


def readable(database: Database, role: str) -> set[str]:
    """Which of the native relations the role can read something of."""
    with database.read() as connection:
        return {
            name
            for name in NATIVE
            if connection.exec_driver_sql(
                "SELECT has_any_column_privilege(%s, %s, 'SELECT')", (role, name)
            ).scalar_one()
        }


def test_the_table_and_all_views_of_native_records_are_found(database: Database) -> None:
    with database.read() as connection:
        assert native_relations(connection) == list(NATIVE)


def test_a_role_with_everything_reads_native_lists(database: Database, role: str) -> None:
    granted = grant_read(database, role, without_sensitive=False)
    assert readable(database, role) == set(NATIVE)
    assert {"title", "document", "last_seen_at"} <= set(granted.columns["people_live"])


def test_a_role_without_sensitive_columns_reads_nothing_of_native_lists(
    database: Database, role: str
) -> None:
    granted = grant_read(database, role, without_sensitive=True)
    assert readable(database, role) == set()
    assert not set(NATIVE) & set(granted.columns)


def test_what_a_role_could_read_of_them_is_taken_back_with_the_sensitive_columns(
    database: Database, role: str
) -> None:
    grant_read(database, role, without_sensitive=False)
    grant_read(database, role, without_sensitive=True)
    assert readable(database, role) == set()


def test_who_sees_their_documents_all_the_same_is_refused(database: Database, role: str) -> None:
    with database.begin() as connection:
        connection.exec_driver_sql("GRANT SELECT ON people_live TO PUBLIC")
    with pytest.raises(UsageError, match=r"could still read people_live\."):
        grant_read(database, role, without_sensitive=True)


def test_views_that_are_made_anew_keep_their_readers(database: Database, role: str) -> None:
    grant_read(database, role, without_sensitive=False)
    with database.begin() as connection:
        connection.exec_driver_sql("GRANT SELECT (title) ON people TO PUBLIC")
        make_views(connection, [LISTED], anew=["people"])
        privileges = "SELECT attacl::text FROM pg_attribute WHERE attrelid = 'people'::regclass"
        of_columns = connection.exec_driver_sql(f"{privileges} AND attname = 'title'").scalar_one()
    assert readable(database, role) == set(NATIVE)
    assert "=r/" in of_columns


def test_a_view_of_somebody_elses_of_the_same_table_is_not_taken_for_ours(database: Database) -> None:
    with database.begin() as connection:
        connection.exec_driver_sql("DROP VIEW people")
        connection.exec_driver_sql("CREATE VIEW people AS SELECT count(*) AS rows FROM passthrough_records")
        assert native_relations(connection) == ["passthrough_records", "people_live"]
    with pytest.raises(UsageError, match="people is in the database already"), database.begin() as connection:
        make_views(connection, [LISTED])
