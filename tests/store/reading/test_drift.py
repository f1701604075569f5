"""Members that documents have and no column: all of them, counted, and none that the catalogue knows."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import Connection

from syncer.domain.catalogue.lookup import catalogue, model_named
from syncer.domain.catalogue.model import Model
from syncer.store.reading.drift import Drift, drift
from syncer.store.schema.destination import model_destination
from tests.support.rows import write_page

if TYPE_CHECKING:
    from tests.support.records import MakeRow


def write(connection: Connection, model: Model, rows: list[Any], now: datetime) -> None:
    write_page(connection, model_destination(model, "tool:one"), rows, now=now, walk_began_at=now)


def test_an_empty_mirror_has_none(connection: Connection) -> None:
    assert list(drift(connection)) == []


@pytest.mark.parametrize("model", catalogue().values(), ids=catalogue())
def test_of_a_whole_record_only_the_unknown_member_is_told(
    connection: Connection, model: Model, row_of: MakeRow, now: datetime
) -> None:
    write(connection, model, [row_of(model)], now)
    own, *children = drift(connection)
    assert own == Drift(model.name, {"not_in_the_catalogue": 1}, 1, is_sample=False)
    assert [each.table for each in children] == [child.table for child in model.children]
    assert all(each.unknown == {} for each in children)


def test_members_are_counted_and_the_most_frequent_come_first(
    connection: Connection, row_of: MakeRow, now: datetime
) -> None:
    tags = model_named("ats_tags")
    rows = [row_of(tags, f"r{n}", colour="red", **({"shade": None} if n % 3 else {})) for n in range(9)]
    write(connection, tags, rows, now)
    (found,) = drift(connection)
    assert list(found.unknown.items()) == [("colour", 9), ("not_in_the_catalogue", 9), ("shade", 6)]


def test_unknown_members_of_embedded_records_are_told_of_their_table(
    connection: Connection, row_of: MakeRow, now: datetime
) -> None:
    payslips = model_named("hris_payslips")
    items = [{"id": "i", "name": "Bonus", "amount": None, "accrual": 1}]
    write(connection, payslips, [row_of(payslips, line_items=items)], now)
    assert {each.table: each.unknown for each in drift(connection)} == {
        "hris_payslips": {"not_in_the_catalogue": 1},
        "hris_payslip_line_items": {"accrual": 1},
    }


def test_of_a_huge_table_a_part_is_looked_at_and_said_to_be_one(
    connection: Connection, row_of: MakeRow, now: datetime
) -> None:
    tags = model_named("ats_tags")
    write(connection, tags, [row_of(tags, f"r{n}") for n in range(9)], now)
    assert list(drift(connection, look_at=4)) == [
        Drift("ats_tags", {"not_in_the_catalogue": 4}, 4, is_sample=True)
    ]
    (whole,) = drift(connection, look_at=9)
    assert (whole.looked_at, whole.is_sample) == (9, False)
