"""The assertion that a mirror equals its source: it sees every difference, and nothing besides."""

from __future__ import annotations

import pytest

from syncer.domain.streams.stream import Mode
from tests.support.mirror import MirroredRecord, Record, row_differences
from tests.support.world import World

#: A list that tells of no deleted record.
SILENT = "assessment_orders"
RECORD: Record = {"id": "1", "name": "Ada"}
DELETED: Record = {**RECORD, "remote_deleted_at": "2031-03-01T00:00:00.000Z"}
ALIVE = MirroredRecord(RECORD, is_deleted=False, deleted_by=None)
SWEPT = MirroredRecord(RECORD, is_deleted=True, deleted_by="sweep")


@pytest.mark.parametrize(
    ("rows", "listed", "told"),
    [
        ({"1": ALIVE}, {"1": RECORD}, []),
        ({"1": SWEPT}, {}, []),
        ({"1": MirroredRecord(DELETED, is_deleted=True, deleted_by="kombo")}, {"1": DELETED}, []),
        ({}, {"1": RECORD}, ["lacks 1"]),
        ({"1": ALIVE}, {"1": {**RECORD, "name": "Eve"}}, ["has another 1 than the source"]),
        ({"1": SWEPT}, {"1": RECORD}, ["marks 1 wrongly: sweep"]),
        ({"1": MirroredRecord(DELETED, False, None)}, {"1": DELETED}, ["marks 1 wrongly: None"]),
        ({"1": ALIVE}, {}, ["has 1 alive, which the source has no more"]),
        ({"2": SWEPT}, {}, ["has 2, which the source never had"]),
    ],
)
def test_every_difference_between_rows_and_records_is_told_and_nothing_else(
    rows: dict[str, MirroredRecord], listed: dict[str, Record], told: list[str]
) -> None:
    assert list(row_differences(rows, listed, known=["1"])) == told


async def test_rows_that_a_list_leaves_out_must_be_marked(world: World) -> None:
    await world.sync(mode=Mode.BACKFILL, models=[SILENT])
    world.assert_equal([SILENT])
    (company,) = world.environment.companies.values()
    company.vanish(SILENT, company.ids(SILENT)[0])
    with pytest.raises(AssertionError, match="alive, which the source has no more"):
        world.assert_equal([SILENT])
    await world.sync(mode=Mode.RESTART, models=[SILENT])
    world.assert_equal([SILENT])
