"""An answer of a tool that was cut off, or is too large, never overwrites a row and never marks one."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from syncer.domain.limits import MOST_RECORD_BYTES
from syncer.domain.streams.state import Outcome
from syncer.domain.streams.stream import Mode
from syncer.simulator.server import faults
from syncer.simulator.server.faults import Match
from syncer.store.state.quarantine import entries
from tests.support.native_lists import only, stream, view
from tests.support.world import MakeNative, World

#: What is made of an answer is decided before any database hears of it.
pytestmark = pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)
STAFF = "staff"
REPORT = Match(call="GET *")
ROWS = [{"id": f"e{number:02}", "name": f"Ann {number}, née X", "city": "Köln"} for number in range(20)]


def written(rows: list[dict[str, str]]) -> str:
    lines = ["id,name,city", *(f'{each["id"]},"{each["name"]}",{each["city"]}' for each in rows)]
    return "\r\n".join(lines) + "\r\n"


CSV = written(ROWS)
XML = (
    "<list>"
    + "".join(f"<row><id>{each['id']}</id><name>{each['name']}</name></row>" for each in ROWS)
    + "</list>"
)
JSON = json.dumps({"rows": ROWS}, ensure_ascii=False)
FORMATS: dict[str, tuple[str, str]] = {"csv": (CSV, "rows"), "xml": (XML, "list.row"), "json": (JSON, "rows")}


def staff(format: str = "csv", **request: Any) -> dict[str, Any]:
    return {
        "name": STAFF,
        "tool": "workday/custom-report",
        "request": {"path": "/owner/report", **request},
        "format": format,
        "records": FORMATS[format][1],
        "key": ["id"],
        "columns": {"name": "text"},
    }


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def answer(world: World, body: str) -> None:
    """Have the tool answer with this body from now on."""
    world.environment.faults.clear()
    world.environment.faults.add(REPORT, faults.native_rewritten(lambda _: body), None)


def names(world: World) -> dict[str, str]:
    return {key: row["name"] for key, row in view(world, f"{STAFF}_live").items()}


@pytest.mark.parametrize("wraps", [str, encoded], ids=["text", "base64"])
@pytest.mark.parametrize("format", list(FORMATS))
async def test_a_list_that_is_cut_off_again_and_again_is_a_failure_and_changes_nothing(
    make_native: MakeNative, format: str, wraps: Callable[[str], str]
) -> None:
    world = make_native({**staff(format), **({"base64": True} if wraps is encoded else {})})
    text = FORMATS[format][0]
    answer(world, wraps(text))
    await world.sync(models=[STAFF])
    before = names(world)
    assert len(before) == 20
    cut = text[: text.index("Ann 4") + 3]
    answer(world, wraps(cut))
    for _ in range(2):
        result = await only(world, STAFF)
        assert (result.outcome, result.counts.written, result.counts.deleted) == (Outcome.FAILED, 0, 0)
    said = str(stream(world, STAFF).last_error)
    assert "has an unreadable answer: " in said
    assert "Ann" not in said
    if format == "csv":
        assert said.endswith("it is cut off within a quoted cell of the row at line 6.")
    assert names(world) == before
    answer(world, wraps(text))
    await world.sync(models=[STAFF])
    assert names(world) == before


async def test_a_list_that_is_cut_off_between_two_rows_is_held_until_somebody_has_looked(
    make_native: MakeNative,
) -> None:
    world = make_native(staff())
    answer(world, CSV)
    await world.sync(models=[STAFF])
    before = names(world)
    answer(world, written(ROWS[:6]))
    for _ in range(3):
        result = await only(world, STAFF)
        assert (result.outcome, result.counts.deleted) == (Outcome.HELD, 0)
    assert names(world) == before
    answer(world, CSV)
    await world.sync(models=[STAFF])
    answer(world, written(ROWS[:9]))
    assert (await only(world, STAFF)).outcome is Outcome.HELD
    (result,) = await world.run(Mode.APPROVE)
    assert (result.outcome, result.counts.deleted) == (Outcome.COMPLETE, 11)
    # Half of the rows may go, as two lists in a row say.
    answer(world, written(ROWS[:5]))
    for _ in range(2):
        await world.sync(models=[STAFF])
    assert set(names(world)) == {each["id"] for each in ROWS[:5]}


async def test_base64_that_is_cut_off_is_no_text_of_its_own(make_native: MakeNative) -> None:
    world = make_native({**staff(), "base64": True})
    for length in range(41, 45):
        answer(world, encoded(CSV)[:length])
        result = await only(world, STAFF)
        assert result.outcome is Outcome.FAILED, length
    assert names(world) == {}


async def test_a_long_cell_is_stored_and_one_that_is_too_long_costs_its_record_alone(
    make_native: MakeNative,
) -> None:
    world = make_native(staff())
    answer(world, CSV)
    await world.sync(models=[STAFF])
    before = names(world)
    rows = [dict(each) for each in ROWS]
    rows[3]["name"], rows[7]["name"] = "y" * 1_000_000, "z" * MOST_RECORD_BYTES
    answer(world, written(rows))
    result = await only(world, STAFF)
    assert (result.counts.quarantined, result.counts.updated) == (1, 1)
    assert stream(world, STAFF).state == "incomplete"
    assert names(world) == {**before, "e03": "y" * 1_000_000}
    with world.database() as connection:
        (entry,) = entries(connection, "default")
    assert entry.record_id == "e07"
    assert entry.reason == "too large: it has 8,388,645 bytes, and no more than 8 MiB are kept"


async def test_a_row_with_other_cells_than_the_header_costs_itself_alone(make_native: MakeNative) -> None:
    world = make_native(staff())
    answer(world, CSV)
    await world.sync(models=[STAFF])
    answer(world, CSV.replace('e04,"Ann 4, née X",Köln', 'e04,"Ann 4, née X"'))
    result = await only(world, STAFF)
    assert (result.counts.quarantined, result.counts.updated, result.counts.deleted) == (1, 0, 0)
    with world.database() as connection:
        (entry,) = entries(connection, "default")
    assert entry.reason == "more or fewer cells than the header"
    assert len(names(world)) == 20


async def test_what_is_unreadable_in_the_same_way_each_time_is_not_asked_for_again(
    make_native: MakeNative,
) -> None:
    world = make_native(staff())
    for body, tries in (("id,id\n1,2\n", 1), ("name,city\nAnn,Köln\n", 1), (CSV[:100], 3), ("<html>no", 3)):
        answer(world, body)
        before = len(world.environment.requests)
        assert (await only(world, STAFF)).outcome is Outcome.FAILED
        asked = [each for each in list(world.environment.requests)[before:] if each.call is not None]
        assert len(asked) == tries, body
