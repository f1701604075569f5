"""``migrate --from``: a mirror moves to another database, and goes on there where it was."""

from __future__ import annotations

from datetime import timedelta
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, select, update

from syncer.store.db.types import Json, decoded_json
from syncer.store.schema import migrate as schema
from syncer.store.schema.history_tables import history_table, history_tables
from syncer.store.schema.mirror_tables import MIRROR, all_tables, streams
from tests.support.command_line import Shell
from tests.support.mirror import Mirror
from tests.support.source import MODELS, Source

#: What keeps rows beside those of the mirror.
EVERYTHING = {"SYNCER_HISTORY__MODELS": '["hris_groups"]', "SYNCER_CHANGES__MODELS": '["*"]'}


def rows_of(url: str) -> dict[str, list[Any]]:
    """Read all rows of a database, JSON decoded, by the table's name."""
    with Mirror(url).read() as connection:
        kept = [history_table(name) for name in history_tables(connection) if name in MIRROR]
        return {
            table.name: sorted(
                [
                    tuple(
                        decoded_json(value) if isinstance(column.type, Json) else value
                        for column, value in zip(table.columns, row, strict=True)
                    )
                    for row in connection.execute(select(table))
                ],
                key=repr,
            )
            for table in chain(all_tables().sorted_tables, kept)
        }


@pytest.fixture
def moving(mirror: Shell, source: Source) -> Shell:
    """A mirror in SQLite, of which rows have changed, with history and a consumer of the feed."""
    mirror.settings |= EVERYTHING
    assert mirror.run("backfill").code == 0
    [company] = source.environment.companies.values()
    company.update("hris_groups", company.ids("hris_groups")[0], name="Renamed")
    company.delete("hris_employees", company.ids("hris_employees")[0])
    assert mirror.run("sync").code == 0
    return mirror


def test_a_mirror_moves_from_sqlite_to_postgresql_and_back_and_goes_on_where_it_was(
    moving: Shell, source: Source, postgres_url: str, tmp_path: Path
) -> None:
    sqlite_url = moving.settings["SYNCER_DATABASE__URL"]
    before = rows_of(sqlite_url)
    assert before["hris_groups_history"]
    assert before["mirror_changes"]
    moved = moving.run("migrate", "--from", sqlite_url, SYNCER_DATABASE__URL=postgres_url)
    assert moved.code == 0, moved.err
    assert f"{sum(map(len, before.values())):,} rows of " in moved.out
    assert rows_of(postgres_url) == before

    moving.settings["SYNCER_DATABASE__URL"] = postgres_url
    [company] = source.environment.companies.values()
    company.update("hris_groups", company.ids("hris_groups")[1], name="Renamed, too")
    source.environment.requests.clear()
    assert moving.run("sync").code == 0
    asked = [each for model in MODELS for each in source.environment.asked_for(model)]
    assert [each.params for each in asked if "updated_after" not in each.params] == []
    assert len(asked) >= len(MODELS)
    Mirror(postgres_url).assert_equals_source(source.environment)

    back = f"sqlite:///{tmp_path}/back.db"
    returned = moving.run("migrate", "--from", postgres_url, "--json", SYNCER_DATABASE__URL=back)
    assert returned.json["copied"]["hris_groups"] == len(before["hris_groups"])
    assert rows_of(back) == rows_of(postgres_url)


def test_a_database_with_rows_is_not_written_over(moving: Shell, sqlite_url: str, postgres_url: str) -> None:
    moving.run("migrate", "--from", sqlite_url, SYNCER_DATABASE__URL=postgres_url)
    again = moving.run("migrate", "--from", sqlite_url, SYNCER_DATABASE__URL=postgres_url)
    assert again.code == 3
    assert "holds rows already (in sync_streams): name an empty one in database.url." in again.err


def test_a_database_at_which_a_process_works_or_of_another_version_is_not_copied(
    moving: Shell, sqlite_url: str, tmp_path: Path
) -> None:
    def refused() -> str:
        ran = moving.run("migrate", "--from", sqlite_url, SYNCER_DATABASE__URL=f"sqlite:///{tmp_path}/new.db")
        assert ran.code == 3
        return ran.err

    def lease(connection: Connection, until: Any) -> None:
        connection.execute(update(streams).values(lease_owner="somebody", lease_until=until))

    with Mirror(sqlite_url).open() as (database, connection):
        lease(connection, database.now(connection) + timedelta(minutes=1))
    assert "A process works on the database sqlite:///" in refused()
    with Mirror(sqlite_url).open() as (database, connection):
        lease(connection, None)
        connection.exec_driver_sql(f"UPDATE {schema.VERSION_TABLE} SET version_num = '0001'")
    assert "is of an older syncer: run `syncer migrate` first." in refused()
