"""Lists for each row of the mirror: whom they ask for, when, and what becomes of rows that go."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from syncer.domain.streams.state import Outcome
from syncer.domain.streams.stream import Mode
from syncer.operations.quarantine import list_quarantine
from syncer.simulator.server.faults import Match, not_ready
from tests.support.databases import ON_SQLITE
from tests.support.native_lists import (
    EMPLOYEES,
    ENTRIES,
    PAGED_EACH,
    asked,
    company,
    entries,
    id_of,
    only,
    remote_ids,
    stream,
    view,
)
from tests.support.world import MakeNative, World


def asked_for(world: World, since: int = 0) -> list[str]:
    """The employees in the order in which the tool was asked for them."""
    return [str(each.call).split("/")[2] for each in asked(world, since)]


def hire(world: World, remote_id: str) -> str:
    """Somebody comes, with one entry in the work history."""
    firm = company(world)
    employee = firm.add(EMPLOYEES, {"first_name": "Nova", "last_name": "Neu"}, remote_id=remote_id)
    firm.add(
        "hris_employments",
        {"employee_id": employee, "job_title": "Novice", "effective_date": "2031-01-01T00:00:00.000Z"},
        remote_id=f"{remote_id}|1",
    )
    return remote_id


async def employees(world: World) -> None:
    """Bring the mirror's employees up to date."""
    world.clock.advance(timedelta(minutes=10))
    await world.sync(models=[EMPLOYEES])


@ON_SQLITE
async def test_a_list_waits_until_its_model_has_been_read_whole(make_native: MakeNative) -> None:
    world = make_native(entries())
    world.environment.faults.add(Match(model=EMPLOYEES), not_ready(), None)
    results = {each.key.model: each for each in await world.run(models=[EMPLOYEES, ENTRIES])}
    assert results[ENTRIES].outcome is Outcome.WAITING
    assert asked(world) == []
    waiting = stream(world, ENTRIES)
    assert waiting.last_error is not None
    assert "asks for each row of hris_employees_live, which has not been read whole yet" in waiting.last_error
    assert waiting.due_at is not None
    assert waiting.last_run_at is not None
    assert waiting.due_at - waiting.last_run_at == timedelta(seconds=30)
    world.environment.faults.clear()
    # One pass is enough: models come first.
    await world.sync(models=[ENTRIES, EMPLOYEES])
    assert len(view(world, ENTRIES)) > 0


@ON_SQLITE
async def test_a_list_for_a_model_that_is_not_mirrored_waits(make_native: MakeNative) -> None:
    world = make_native(entries(), sync={"models": ["hris_groups"]})
    results = {each.key.model: each for each in await world.run()}
    assert results["hris_groups"].outcome is Outcome.COMPLETE
    assert results[ENTRIES].outcome is Outcome.WAITING
    assert not results[ENTRIES].outcome.is_well


@ON_SQLITE
async def test_where_the_mirror_has_no_row_nothing_is_asked_and_the_list_is_empty(
    make_native: MakeNative,
) -> None:
    world = make_native(entries())
    firm = company(world)
    for each in firm.ids(EMPLOYEES):
        firm.vanish(EMPLOYEES, each)
    await world.sync(models=[EMPLOYEES])
    result = await only(world, ENTRIES)
    assert (result.outcome, result.counts.written) == (Outcome.COMPLETE, 0)
    assert asked(world) == []
    assert view(world, ENTRIES) == {}
    assert stream(world, ENTRIES).last_full_walk_at is not None


async def test_whoever_is_new_in_the_mirror_is_asked_for_next_time(make_native: MakeNative) -> None:
    world = make_native(entries())
    await world.sync(models=[EMPLOYEES, ENTRIES])
    new = hire(world, "555")
    before = len(world.environment.requests)
    await world.sync(models=[ENTRIES])
    assert new not in asked_for(world, before)
    await employees(world)
    (result,) = await world.sync(models=[ENTRIES])
    assert new in asked_for(world, before)
    assert (result.counts.created, result.counts.written) == (1, 1)
    assert [row["title"] for row in view(world, ENTRIES).values() if row["parent"] == new] == ["Novice"]


async def test_each_employee_is_asked_for_once_in_the_databases_own_order(make_native: MakeNative) -> None:
    world = make_native(entries())
    for each in ("9", "10", "0010", "B-7", "b-7", "ä 1/2", "a?b#c"):
        if each not in remote_ids(world):
            hire(world, each)
    await world.sync(models=[EMPLOYEES, ENTRIES])
    (result,) = await world.sync(models=[ENTRIES])
    # Paths have them in percent encoding.
    paths = [str(call.call) for call in asked(world)]
    each_once = paths[: len(paths) // 2]
    assert len(set(each_once)) == len(each_once) == len(remote_ids(world)) == result.pages
    assert paths == each_once * 2
    assert {row["parent"] for row in view(world, ENTRIES).values()} >= {
        "0010",
        "B-7",
        "b-7",
        "ä 1/2",
        "a?b#c",
    }


async def test_entries_of_who_left_the_mirror_go_missing_and_are_marked_then(make_native: MakeNative) -> None:
    world = make_native(entries())
    await world.sync(models=[EMPLOYEES, ENTRIES])
    gone = next(row["parent"] for row in view(world, ENTRIES).values())
    theirs = {key for key, row in view(world, ENTRIES).items() if row["parent"] == gone}
    company(world).delete(EMPLOYEES, id_of(world, gone))
    await employees(world)
    before = len(world.environment.requests)
    await world.sync(models=[ENTRIES])
    assert gone not in asked_for(world, before)
    assert set(view(world, "work_entries_live")) >= theirs
    await world.sync(models=[ENTRIES])
    assert not theirs & set(view(world, "work_entries_live"))
    assert {view(world, ENTRIES)[key]["deleted_by"] for key in theirs} == {"sweep"}


async def test_entries_of_all_who_are_gone_at_once_are_held(make_native: MakeNative) -> None:
    world = make_native(entries())
    await world.sync(models=[EMPLOYEES, ENTRIES])
    firm = company(world)
    for each in firm.ids(EMPLOYEES):
        firm.delete(EMPLOYEES, each)
    await employees(world)
    assert (await only(world, ENTRIES)).outcome is Outcome.HELD
    assert len(view(world, "work_entries_live")) == len(view(world, ENTRIES)) > 0


async def test_only_employees_of_the_lists_own_integration_are_asked_for(make_native: MakeNative) -> None:
    world = make_native(entries(), tools=("hibob", "personio"))
    hired = company(world, "personio").add(EMPLOYEES, {"first_name": "Pia"}, remote_id="of personio")
    assert hired
    await world.sync(models=[EMPLOYEES, ENTRIES])
    assert sorted(asked_for(world)) == sorted(remote_ids(world))


@ON_SQLITE
async def test_a_backfill_reads_models_first_and_lists_of_their_rows_then(make_native: MakeNative) -> None:
    world = make_native(entries(), sync={"models": [EMPLOYEES]})
    results: list[Any] = await world.sync(mode=Mode.BACKFILL)
    assert [each.key.model for each in results] == [EMPLOYEES, ENTRIES]
    assert len(view(world, ENTRIES)) > 0
    results = await world.sync(mode=Mode.BACKFILL)
    assert {each.outcome for each in results} == {Outcome.SKIPPED}


BY_ADDRESS = {
    "name": "by_address",
    "tool": "hibob/v1",
    "request": {
        "method": "POST",
        "path": "/people/search",
        "data": {
            "fields": ["root.id"],
            "showInactive": True,
            "filters": [{"fieldPath": "root.email", "operator": "equals", "values": ["{address}"]}],
        },
    },
    "for_each": {"table": "hris_employees_live", "param": "address", "column": "work_email"},
    "records": "employees",
    "key": ["id"],
}


async def test_a_record_that_moves_to_another_row_says_so(make_native: MakeNative) -> None:
    world = make_native(BY_ADDRESS)
    await world.sync(models=[EMPLOYEES, "by_address"])
    before = view(world, "by_address")
    moved, *others = before
    world.clock.advance(timedelta(minutes=1))
    company(world).update(EMPLOYEES, id_of(world, moved), work_email="moved@firm.example")
    await employees(world)
    (result,) = await world.sync(models=["by_address"])
    after = view(world, "by_address")
    assert result.counts.written == 1
    assert after[moved]["parent"] == "moved@firm.example"
    assert [after[each]["parent"] for each in others] == [before[each]["parent"] for each in others]


async def test_a_record_of_several_rows_is_that_of_the_first_and_is_written_once(
    make_native: MakeNative,
) -> None:
    shared = {**PAGED_EACH, "key": ["attributes.id.value"]}
    world = make_native(shared)
    await world.sync(models=[EMPLOYEES])
    ids = remote_ids(world, "personio")
    for written in (len(ids), 0, 0):
        before = len(world.environment.requests)
        (result,) = await world.sync(models=["paged_each"])
        assert result.counts.written == written
        assert len(asked(world, before)) == len(ids) * -(-len(ids) // 4)
    rows = view(world, "paged_each")
    assert set(rows) == set(ids)
    assert {row["parent"] for row in rows.values()} == {min(ids)}


@ON_SQLITE
async def test_a_row_whose_value_could_change_the_call_is_not_asked_for_and_stops_no_other(
    make_native: MakeNative,
) -> None:
    world = make_native(entries())
    for each in ("..", "../../admin", "%2e%2e%2fadmin", "\uff0e\uff0e"):
        hire(world, each)
    await world.sync(models=[EMPLOYEES])
    before = len(world.environment.requests)
    (result,) = await world.run(models=[ENTRIES])
    assert result.outcome is Outcome.INCOMPLETE
    assert (result.counts.quarantined, len(asked(world, before))) == (4, len(remote_ids(world)) - 4)
    assert not any("admin" in str(each.call) for each in asked(world, before))
    app = world.app()
    reasons = {each.reason for each in list_quarantine(app)}
    app.database.close()
    assert reasons == {
        "its list cannot be asked for: hris_employees_live.remote_id would leave its place in the path"
    }
