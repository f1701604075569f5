"""Rows of one integration are not another's to write, whoever is first and however close the second."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from sqlalchemy import Connection, select

from syncer.domain.catalogue.lookup import catalogue, model_named
from syncer.domain.catalogue.model import Model
from syncer.domain.records.change import Change, Counts
from syncer.domain.records.row import Row
from syncer.store.db.database import Database
from syncer.store.records.write import WrittenRows, write_rows
from syncer.store.schema.destination import model_destination
from syncer.store.schema.mirror_tables import MIRROR
from tests.support.records import NOW, MakeRow, row_of
from tests.support.rows import write_page
from tests.support.waiting import PATIENCE


def everything(connection: Connection, model: Model) -> list[Any]:
    """Read what there is of the record: its row, its links and its children."""
    names = [model.name, *(each.table for each in model.links), *(each.table for each in model.children)]
    tables = [MIRROR[name] for name in names]
    found = [connection.execute(select(each).order_by(*each.primary_key)).all() for each in tables]
    return [row for rows in found for row in rows if str(row[0]).startswith("record")]


@pytest.mark.parametrize("model", catalogue().values(), ids=catalogue())
def test_a_record_with_a_taken_id_writes_neither_row_nor_links_nor_children(
    connection: Connection, row_of: MakeRow, model: Model
) -> None:
    def write(integration: str, *rows: Row) -> WrittenRows:
        destination = model_destination(model, integration)
        return write_page(connection, destination, rows, now=NOW, walk_began_at=NOW)

    assert write("tool:one", row_of(model)).poisons == []
    before = everything(connection, model)
    written = write("tool:two", row_of(model, version=2), row_of(model, "another"))
    assert [(each.id, each.reason) for each in written.poisons] == [("record", "id_taken")]
    assert (written.counts, list(written.effects)) == (Counts(created=1, live=1), ["another"])
    assert everything(connection, model) == before


def write(database: Database, integration: str, row: Row) -> WrittenRows:
    """Write a row that was compared when there was none."""
    destination = model_destination(model_named("hris_employees"), integration)
    with database.begin() as connection:
        return write_rows(
            connection, destination, [row], {row.id: Change.CREATED}, {}, now=NOW, walk_began_at=NOW
        )


def test_of_two_that_write_one_id_at_once_the_second_one_writes_nothing(migrated_url: str) -> None:
    first, second = Database(migrated_url), Database(migrated_url)
    model = model_named("hris_employees")
    results: list[WrittenRows] = []
    other = threading.Thread(
        target=lambda: results.append(write(second, "tool:two", row_of(model, "record", 2)))
    )
    with first.begin() as connection:
        destination = model_destination(model, "tool:one")
        written = write_page(connection, destination, [row_of(model)], now=NOW, walk_began_at=NOW)
        before = everything(connection, model)
        other.start()
    other.join(PATIENCE)
    (refused,) = results
    assert (written.counts.created, refused.counts) == (1, Counts())
    assert [(each.id, each.reason) for each in refused.poisons] == [("record", "id_taken")]
    with first.read() as connection:
        assert everything(connection, model) == before
    first.close()
    second.close()
