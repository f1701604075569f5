"""Tables of versions: made where a history is switched on, and kept in step with their mirror tables."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy import Connection, inspect, text

from syncer.domain.catalogue.history import kept_tables
from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.catalogue.tables import tables_of
from syncer.store.db.database import Database
from syncer.store.schema import migrate as schema
from syncer.store.schema.classification import granted_columns
from syncer.store.schema.grants import grant_read
from syncer.store.schema.history_tables import extend_history_tables
from syncer.store.schema.mirror_tables import MIRROR
from tests.support.databases import PostgresServer

EMPLOYEES = tables_of(catalogue()["hris_employees"])


def columns(connection: Connection, table: str) -> dict[str, tuple[str, bool]]:
    """Type of each column, and whether it can be null."""
    return {
        column["name"]: (str(column["type"]), column["nullable"])
        for column in inspect(connection).get_columns(table)
    }


def tables(database: Database) -> set[str]:
    with database.read() as connection:
        return set(inspect(connection).get_table_names())


def test_every_mirror_table_can_have_versions_with_all_its_columns(database: Database) -> None:
    before = tables(database)
    schema.migrate(database, with_history=MIRROR)
    assert tables(database) - before == {f"{name}_history" for name in MIRROR}
    with database.read() as connection:
        for name, table in MIRROR.items():
            own, versions = columns(connection, name), columns(connection, f"{name}_history")
            assert [*versions] == [*own, "known_from", "known_to"]
            assert {each: kind for each, (kind, _) in versions.items() if each in own} == {
                each: kind for each, (kind, _) in own.items()
            }
            key = inspect(connection).get_pk_constraint(f"{name}_history")["constrained_columns"]
            assert key == [*(column.name for column in table.primary_key), "known_from"]
    assert schema.migrate(database, with_history=MIRROR) == schema.migrate(database)


def test_a_column_that_a_mirror_table_has_got_comes_to_its_versions_under_views_of_others(
    database: Database,
) -> None:
    schema.migrate(database, with_history=EMPLOYEES)
    with database.begin() as connection:
        was = columns(connection, "hris_employees_history")
        for name in ("job_title", "custom_fields"):
            connection.execute(text(f"ALTER TABLE hris_employees_history DROP COLUMN {name}"))
        connection.execute(text("CREATE VIEW others AS SELECT id, known_from FROM hris_employees_history"))
        extend_history_tables(connection)
        assert columns(connection, "hris_employees_history") == was
        assert connection.execute(text("SELECT count(*) FROM others")).scalar_one() == 0
        extend_history_tables(connection)


def test_a_downgrade_takes_the_tables_of_versions_with_it(database: Database) -> None:
    schema.migrate(database, with_history=EMPLOYEES)
    schema.downgrade(database, "base")
    assert tables(database) == set()
    schema.migrate(database, with_history=EMPLOYEES)
    assert {f"{name}_history" for name in EMPLOYEES} <= tables(database)


def test_a_model_brings_its_links_and_children_and_others_that_share_these_keep_them_too() -> None:
    assert kept_tables([]) == {}
    kept = kept_tables(["hris_employees"])
    assert kept["hris_employees"] == tuple(EMPLOYEES)
    shared = {child.table for model in catalogue().values() for child in model.children if not child.owner}
    for model in catalogue().values():
        kept = kept_tables([model.name])
        assert kept[model.name] == tuple(tables_of(model))
        for other, also in kept.items():
            assert other == model.name or set(also) <= shared.intersection(tables_of(model))


@pytest.fixture
def role(postgres_server: PostgresServer, postgres_url: str) -> Iterator[str]:
    """A role that may nothing yet."""
    name = f"analyst_{uuid.uuid4().hex}"
    postgres_server.admin.execute(f'CREATE ROLE "{name}"'.encode())
    yield name
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f'DROP OWNED BY "{name}"'.encode())
    postgres_server.admin.execute(f'DROP ROLE "{name}"'.encode())


@pytest.mark.parametrize("without_sensitive", [True, False])
def test_a_role_reads_of_versions_what_it_reads_of_their_table(
    postgres_url: str, role: str, without_sensitive: bool
) -> None:
    database = Database(postgres_url)
    try:
        schema.migrate(database, with_history=EMPLOYEES)
        granted = grant_read(database, role, without_sensitive=without_sensitive)
        assert granted.columns["mirror_history"] == ["name", "since", "until"]
        for name in EMPLOYEES:
            with database.read() as connection:
                every = list(columns(connection, f"{name}_history"))
                readable = [
                    column
                    for column in every
                    if connection.exec_driver_sql(
                        "SELECT has_column_privilege(%s, %s, %s, 'SELECT')",
                        (role, f"{name}_history", column),
                    ).scalar_one()
                ]
            expected = [*granted_columns(name), "known_from", "known_to"]
            assert readable == (expected if without_sensitive else every)
    finally:
        database.close()
