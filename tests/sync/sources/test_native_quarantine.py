"""Records of native lists that no row can hold: kept beside, while the list goes on and nothing is lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from syncer.domain.streams.state import Outcome
from syncer.domain.streams.stream import Mode
from syncer.operations.quarantine import list_quarantine, retry_quarantine
from syncer.simulator.server import faults
from syncer.simulator.server.faults import Match
from syncer.store.state.quarantine import Entry
from tests.support.native_lists import (
    EMPLOYEES,
    PEOPLE,
    company,
    id_of,
    only,
    people,
    remote_ids,
    stream,
    view,
)
from tests.support.world import MakeNative, World

Row = dict[str, Any]


def kept(world: World) -> list[Entry]:
    app = world.app()
    try:
        return list_quarantine(app)
    finally:
        app.database.close()


def spoil(world: World, change: Callable[[list[Row]], Any], times: int | None = 1) -> None:
    """Change the list before it comes."""

    def changed(data: Any) -> Any:
        change(data["employees"])
        return data

    world.environment.faults.clear()
    world.environment.faults.add(Match(call="POST *"), faults.native_rewritten(changed), times)


def without_key(rows: list[Row]) -> None:
    rows[0]["id"] = None


def with_nul(rows: list[Row]) -> None:
    rows[0]["email"] = "a\0b"


def with_a_lone_surrogate(rows: list[Row]) -> None:
    rows[0]["email"] = "\ud800"


def twice(rows: list[Row]) -> None:
    rows.append({**rows[0], "email": "another@firm.example"})


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (without_key, "no usable key: id is missing"),
        (with_nul, "holds a NUL character"),
        (with_a_lone_surrogate, "not readable: "),
    ],
)
async def test_a_record_that_cannot_be_a_row_is_kept_beside_and_the_others_are_stored(
    make_native: MakeNative, change: Callable[[list[Row]], Any], reason: str
) -> None:
    world = make_native(people())
    spoil(world, change)
    result = await only(world, PEOPLE)
    assert (result.outcome, result.counts.quarantined) == (Outcome.INCOMPLETE, 1)
    assert set(view(world, PEOPLE)) == set(remote_ids(world)[1:])
    (entry,) = kept(world)
    assert entry.reason.startswith(reason)
    assert stream(world, PEOPLE).state == "incomplete"
    # A good version of it comes.
    await world.sync(models=[PEOPLE])
    assert kept(world) == []
    assert set(view(world, PEOPLE)) == set(remote_ids(world))
    assert stream(world, PEOPLE).state == "complete"


async def test_of_two_records_with_one_key_the_first_is_the_row_and_the_other_is_kept_beside(
    make_native: MakeNative,
) -> None:
    world = make_native(people())
    (first, *_) = remote_ids(world)
    spoil(world, twice, None)
    for written in (len(remote_ids(world)), 0):
        result = await only(world, PEOPLE)
        assert (result.counts.written, result.counts.quarantined) == (written, 1)
        (entry,) = kept(world)
        assert (entry.key, entry.reason) == (first, "has the same key as another record")
        assert view(world, PEOPLE)[first]["email"] != "another@firm.example"
        assert stream(world, PEOPLE).state == "incomplete"
    world.environment.faults.clear()
    await world.sync(models=[PEOPLE])
    assert kept(world) == []
    assert stream(world, PEOPLE).state == "complete"


async def test_two_records_with_one_key_that_say_the_same_are_one(make_native: MakeNative) -> None:
    world = make_native(people())
    spoil(world, lambda rows: rows.append(dict(rows[0])))
    await world.sync(models=[PEOPLE])
    assert kept(world) == []
    assert set(view(world, PEOPLE)) == set(remote_ids(world))


@pytest.mark.parametrize("change", [with_nul, with_a_lone_surrogate, twice])
async def test_the_row_of_a_record_that_came_spoilt_stays_as_it_was(
    make_native: MakeNative, change: Callable[[list[Row]], Any]
) -> None:
    world = make_native(people())
    await world.sync(models=[PEOPLE])
    before = view(world, PEOPLE)
    spoil(world, change, None)
    for _ in range(3):
        assert (await only(world, PEOPLE)).outcome is Outcome.INCOMPLETE
    after = view(world, "people_live")
    assert {key: row["document"] for key, row in after.items()} == {
        key: row["document"] for key, row in before.items()
    }


async def test_no_row_is_taken_for_gone_while_a_record_comes_without_a_key(make_native: MakeNative) -> None:
    """It may be the one that is missing."""
    world = make_native(people())
    await world.sync(models=[PEOPLE])
    (first, gone, *_) = remote_ids(world)
    company(world).vanish(EMPLOYEES, id_of(world, gone))
    spoil(world, without_key, None)
    for _ in range(3):
        assert (await only(world, PEOPLE)).counts.deleted == 0
    assert set(view(world, "people_live")) >= {first, gone}
    world.environment.faults.clear()
    for _ in range(2):
        await world.sync(models=[PEOPLE])
    assert gone not in view(world, "people_live")
    assert first in view(world, "people_live")


async def test_a_value_that_does_not_fit_its_column_is_null_with_a_note_until_it_fits(
    make_native: MakeNative,
) -> None:
    world = make_native(people(columns={"email": "text", "started": {"type": "date", "path": "email"}}))
    result = await only(world, PEOPLE)
    rows = view(world, PEOPLE)
    with_email = {key for key, row in rows.items() if row["email"] is not None}
    assert result.outcome is Outcome.INCOMPLETE
    assert {row["started"] for row in rows.values()} == {None}
    assert {entry.key for entry in kept(world)} == with_email
    assert all("is not a date" in entry.reason for entry in kept(world))
    assert stream(world, PEOPLE).state == "incomplete"
    # It says so again each time, and writes nothing.
    assert (await only(world, PEOPLE)).counts.written == 0
    assert {entry.key for entry in kept(world)} == with_email
    await world.sync(models=[PEOPLE], passthrough=[people()])
    assert kept(world) == []


async def test_to_try_again_what_is_in_quarantine_leaves_native_records_there(
    make_native: MakeNative,
) -> None:
    world = make_native(people())
    spoil(world, twice)
    await only(world, PEOPLE)
    before = len(world.environment.requests)
    async with world.app() as app:
        ((key, fates),) = (await retry_quarantine(app)).items()
    assert key.model == PEOPLE
    assert [fate.became for fate in fates] == ["quarantined"]
    assert len(world.environment.requests) == before
    assert len(kept(world)) == 1


async def test_records_that_are_held_beside_are_counted_once_however_often_they_come(
    make_native: MakeNative,
) -> None:
    world = make_native(people())
    spoil(world, without_key, None)
    for mode in (Mode.SYNC, Mode.RESTART, Mode.SYNC):
        await only(world, PEOPLE, mode)
        assert len(kept(world)) == 1
