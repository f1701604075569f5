"""Rows that a native list is asked for: each value once, in order, of one integration."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Connection, insert, update

from syncer.domain.catalogue.lookup import model_named
from syncer.domain.catalogue.tables import parameter_columns, table_models
from syncer.domain.native.spec import ForEach
from syncer.store.records.parents import has_full_walk, next_value
from syncer.store.schema.destination import model_destination
from syncer.store.schema.mirror_tables import MIRROR, streams
from tests.support.records import MakeRow
from tests.support.rows import write_page

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
ONE, OTHER = "hibob:one", "hibob:other"
EMPLOYEES = model_named("hris_employees")
EACH = ForEach("hris_employees", "remote_id", "remote_id")
LIVE = ForEach("hris_employees_live", "remote_id", "remote_id")


def put(connection: Connection, row_of: MakeRow, ids: Sequence[str | None], integration: str = ONE) -> None:
    """Employees with these ids of the tool's."""
    rows = [
        row_of(EMPLOYEES, f"{integration} {number}", remote_id=remote_id)
        for number, remote_id in enumerate(ids)
    ]
    write_page(connection, model_destination(EMPLOYEES, integration), rows, now=NOW, walk_began_at=NOW)


def walked(connection: Connection, each: ForEach = EACH, integration: str = ONE) -> list[str]:
    """All values, one after the other."""
    found: list[str] = []
    while (value := next_value(connection, each, integration, found[-1] if found else None)) is not None:
        assert value not in found
        # Whoever goes on there is given it again.
        assert next_value(connection, each, integration, value, inclusive=True) == value
        found.append(value)
    return found


def test_each_value_comes_once_whatever_it_looks_like(connection: Connection, row_of: MakeRow) -> None:
    ids = ["9", "10", "010", "b", "B", "ä", "a b", "a-b", "ab", "😀", "'", '"', "%", "_"]
    put(connection, row_of, [*ids, "9", None])
    assert sorted(walked(connection)) == sorted(ids)


def test_there_is_none_after_the_last_and_none_where_nothing_is(
    connection: Connection, row_of: MakeRow
) -> None:
    assert walked(connection) == []
    put(connection, row_of, [None, None])
    assert walked(connection) == []


def test_values_are_those_of_the_integration(connection: Connection, row_of: MakeRow) -> None:
    put(connection, row_of, ["1", "3"])
    put(connection, row_of, ["2", "3", "4"], OTHER)
    assert walked(connection) == ["1", "3"]
    assert walked(connection, integration=OTHER) == ["2", "3", "4"]


def test_a_live_view_has_no_values_of_deleted_rows(connection: Connection, row_of: MakeRow) -> None:
    put(connection, row_of, ["1", "2", "3"])
    table = MIRROR["hris_employees"]
    connection.execute(update(table).where(table.c.remote_id == "2").values(remote_deleted_at=NOW))
    assert walked(connection) == ["1", "2", "3"]
    assert walked(connection, LIVE) == ["1", "3"]
    # A list that is to go on with it goes on with the one after it.
    assert next_value(connection, LIVE, ONE, "2", inclusive=True) == "3"
    connection.execute(update(table).where(table.c.remote_id == "3").values(remote_deleted_at=NOW))
    assert next_value(connection, LIVE, ONE, "2", inclusive=True) is None


@pytest.mark.parametrize("table", sorted(parameter_columns()))
def test_every_table_that_can_be_named_can_be_asked_for_its_values(
    connection: Connection, table: str
) -> None:
    for column in sorted(parameter_columns()[table]):
        assert next_value(connection, ForEach(table, "x", column), ONE, None) is None
        assert next_value(connection, ForEach(table, "x", column), ONE, "1") is None


@pytest.mark.parametrize(
    ("stream", "is_whole"),
    [
        ({}, True),
        ({"last_full_walk_at": None}, False),
        ({"mirrored": False}, False),
        ({"integration_id": OTHER}, False),
        ({"environment": "other"}, False),
        ({"model": "hris_groups"}, False),
    ],
)
def test_a_table_is_read_whole_where_its_models_stream_has_been(
    connection: Connection, stream: dict[str, Any], is_whole: bool
) -> None:
    values = {
        "environment": "default",
        "integration_id": ONE,
        "model": "hris_employees",
        "state": "complete",
        "mirrored": True,
        "last_full_walk_at": NOW,
        **stream,
    }
    assert not has_full_walk(connection, "default", ONE, "hris_employees_live")
    connection.execute(insert(streams).values(values))
    of_it = [name for name, model in table_models().items() if model == "hris_employees"]
    for name in of_it:
        assert has_full_walk(connection, "default", ONE, name) is is_whole
