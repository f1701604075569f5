"""Indexes that are missing are built, beside those who write, and again where that was interrupted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest
from sqlalchemy import inspect, text

from syncer.domain.errors import StatementFailed
from syncer.store.db.database import Database
from syncer.store.schema.indexes import build_indexes
from syncer.store.schema.upgrade_sql import upgrade_sql
from tests.support.databases import PostgresServer

NAME = "ix_hris_employees_work_email"
PARTIAL = "ix_hris_employees_remote_deleted_at"


def shape(database: Database) -> list[tuple[object, ...]]:
    with database.read() as connection:
        found = inspect(connection).get_indexes("hris_employees")
    return sorted(
        (each["name"], each["column_names"], *map(str, each.get("dialect_options", {}).values()))
        for each in found
    )


def test_an_index_that_is_missing_is_built_as_it_was(database: Database) -> None:
    before = shape(database)
    assert {NAME, PARTIAL} < {each[0] for each in before}
    assert build_indexes(database) == []
    with database.begin() as connection:
        for each in (NAME, PARTIAL):
            connection.execute(text(f"DROP INDEX {each}"))
    if not database.is_sqlite:
        wanted = upgrade_sql(database)
        assert wanted is not None
        assert wanted.count("CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_") == wanted.count(";\n") == 2
    assert sorted(build_indexes(database)) == [PARTIAL, NAME]
    assert shape(database) == before


@pytest.fixture
def impatient(postgres_template: str, postgres_server: PostgresServer) -> Iterator[Database]:
    with (
        postgres_server.database(postgres_template) as url,
        closing(Database(f"{url}&options=-c%20lock_timeout%3D200ms")) as database,
    ):
        yield database


def test_what_an_interrupted_build_left_is_built_anew_and_nobody_was_kept_from_writing(
    impatient: Database,
) -> None:
    before = shape(impatient)
    with impatient.begin() as connection:
        connection.exec_driver_sql(f"DROP INDEX {NAME}")
    url = impatient.engine.url
    shown = url.set(drivername="postgresql", query={**url.query, "options": ""}).render_as_string(
        hide_password=False
    )
    with psycopg.connect(shown) as writer, psycopg.connect(shown) as other:
        writer.execute("DELETE FROM hris_employees")
        with pytest.raises(StatementFailed, match=f"session {writer.info.backend_pid} of "):
            build_indexes(impatient)
        # It has come to be there, and of no use, with nobody waiting behind it.
        left = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)"
        assert other.execute(left, (NAME,)).fetchone() == (False,)
        other.execute("SET lock_timeout = 1")
        other.execute("UPDATE hris_employees SET work_email = NULL")
    assert build_indexes(impatient) == [NAME]
    assert shape(impatient) == before
