"""Lists that the catalogue lacks, mirrored by configuration: with all guarantees of a model."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select, update

from syncer.domain.catalogue.model import PARAMETERS
from syncer.domain.streams.state import Outcome
from syncer.domain.streams.stream import Kind
from syncer.domain.verification.difference import Verdict
from syncer.operations.erase import Wanted, erase
from syncer.operations.plan import plan
from syncer.operations.refresh import refresh
from syncer.planning.cost import Command
from syncer.simulator.server.faults import Match, rewritten
from syncer.store.db.types import decoded_json
from syncer.store.reading.changes import read_changes
from syncer.store.schema.mirror_tables import passthrough_records, projections
from syncer.sync.verification.verify import verify_stream
from tests.support.added_lists import (
    CLAIMS,
    POOLS,
    SHIFTS,
    added_world,
    assert_equal,
    block,
    company,
    shifts,
    stream,
    view,
)
from tests.support.alone import ready
from tests.support.databases import ON_SQLITE
from tests.support.world import MakeWorld, World

MINUTE = timedelta(minutes=1)


async def again(world: World) -> list[Kind | None]:
    """Sync ten minutes later; give the kinds of the walks."""
    world.clock.advance(10 * MINUTE)
    world.clock_offset += 10 * MINUTE
    return [each.kind for each in await world.sync()]


async def test_three_lists_that_nobody_knew_are_mirrored_by_three_lines_each(make_world: MakeWorld) -> None:
    world = added_world(make_world, shifts(), block(CLAIMS), block(POOLS), kombo={"page_size": 15})
    results = await world.sync()
    assert {(each.key.model, each.outcome, each.kind, each.pages) for each in results} == {
        (name, Outcome.COMPLETE, Kind.FULL, 3) for name in (SHIFTS, CLAIMS, POOLS)
    }
    for name in (SHIFTS, CLAIMS, POOLS):
        assert_equal(world, name)
        assert stream(world, name).rows_live == 40
    row = next(iter(view(world, SHIFTS).values()))
    assert row["remote_id"] == row["document"]["remote_id"]
    assert row["changed_at"] is not None
    assert row["status"] == row["document"]["status"]
    with world.database() as connection:
        names = connection.exec_driver_sql("SELECT model FROM mirror_freshness").scalars().all()
    assert {SHIFTS, CLAIMS, POOLS} <= set(names)


async def test_changes_and_tombstones_come_incrementally_and_vanished_rows_by_a_sweep(
    make_world: MakeWorld,
) -> None:
    world = added_world(make_world, shifts())
    await world.sync()
    firm = company(world)
    changed, deleted, vanished, *_ = firm.ids(SHIFTS)
    world.clock.advance(MINUTE)
    firm.update(SHIFTS, changed, status="CANCELLED")
    firm.delete(SHIFTS, deleted)
    assert await again(world) == [Kind.INCREMENTAL]
    rows = view(world, SHIFTS)
    assert rows[changed]["status"] == "CANCELLED"
    assert (rows[deleted]["deleted_by"], rows[deleted]["remote_deleted_at"] is None) == ("kombo", False)
    assert deleted not in view(world, f"{SHIFTS}_live")
    firm.restore(SHIFTS, deleted)
    firm.vanish(SHIFTS, vanished)
    world.clock.advance(timedelta(days=8))
    world.clock_offset += timedelta(days=8)
    assert await again(world) == [Kind.FULL]
    rows = view(world, SHIFTS)
    assert rows[vanished]["deleted_by"] == "sweep"
    assert (rows[deleted]["deleted_by"], rows[deleted]["remote_deleted_at"]) == (None, None)
    # Kombo was asked for just the one that was missing.
    assert [each.params["ids"] for each in world.environment.asked_for(SHIFTS) if "ids" in each.params] == [
        vanished
    ]
    assert_equal(world, SHIFTS)
    assert (stream(world, SHIFTS).rows_live, stream(world, SHIFTS).rows_deleted) == (39, 1)


@ON_SQLITE
@pytest.mark.parametrize("parameter", sorted(PARAMETERS - {"remote_ids"}))
async def test_a_parameter_that_the_list_refuses_is_left_out_and_nothing_is_lost(
    make_world: MakeWorld, parameter: str
) -> None:
    world = added_world(make_world, shifts())
    world.environment.refused_parameters.add((SHIFTS, parameter))
    await world.sync()
    await again(world)
    firm = company(world)
    changed, deleted, vanished, *_ = firm.ids(SHIFTS)
    for _ in range(3):
        world.clock.advance(MINUTE)
        firm.update(SHIFTS, changed, status="CANCELLED")
        if firm.row(SHIFTS, deleted)["remote_deleted_at"] is None:
            firm.delete(SHIFTS, deleted)
            firm.vanish(SHIFTS, vanished)
        world.clock.advance(timedelta(days=8))
        world.clock_offset += timedelta(days=8)
        await again(world)
    rows = view(world, SHIFTS)
    assert rows[changed]["status"] == "CANCELLED"
    assert rows[deleted]["deleted_by"] is not None
    assert rows[vanished]["deleted_by"] == "sweep"
    refused = [each for each in world.environment.asked_for(SHIFTS) if each.status == 400]
    # Once: the next runs know.
    assert [parameter in each.params for each in refused] == [True]


@ON_SQLITE
async def test_a_list_that_refuses_changes_is_read_whole_from_then_on(make_world: MakeWorld) -> None:
    world = added_world(make_world, shifts())
    await world.sync()
    world.environment.refused_parameters.add((SHIFTS, "updated_after"))
    await again(world)
    assert [await again(world), await again(world)] == [[Kind.FULL], [Kind.FULL]]
    # After a month it is tried again.
    world.environment.refused_parameters.clear()
    world.clock.advance(timedelta(days=31))
    world.clock_offset += timedelta(days=31)
    await again(world)
    assert await again(world) == [Kind.INCREMENTAL]


def planned(world: World) -> float:
    """Requests a day that the schedule needs for the list."""
    app = world.app()
    try:
        (model,) = plan(app, [Command.SYNC])["default"]["schedule"]["models"]
        requests: float = model["requests_a_day"]
        return requests
    finally:
        app.database.close()


@ON_SQLITE
async def test_a_list_that_refuses_changes_is_planned_with_all_its_pages(make_world: MakeWorld) -> None:
    world = added_world(make_world, shifts(), kombo={"page_size": 10})
    await world.sync()
    before = planned(world)
    world.environment.refused_parameters.add((SHIFTS, "updated_after"))
    await again(world)
    assert planned(world) == pytest.approx(4 * before)


@ON_SQLITE
async def test_a_parameter_that_was_stated_is_an_error_where_it_is_refused(make_world: MakeWorld) -> None:
    world = added_world(make_world, shifts(include_deleted=True))
    world.environment.refused_parameters.add((SHIFTS, "include_deleted"))
    (result,) = await world.run()
    assert (result.outcome, "include_deleted" in str(result.error)) == (Outcome.FAILED, False)


@ON_SQLITE
async def test_a_list_that_comes_in_one_piece_is_asked_for_no_page(make_world: MakeWorld) -> None:
    world = added_world(make_world, shifts(paging=False))
    await world.sync()
    (asked,) = world.environment.asked_for(SHIFTS)
    assert asked.params == {"include_deleted": "true"}
    assert_equal(world, SHIFTS)


async def test_other_columns_fill_the_view_without_a_request(make_world: MakeWorld) -> None:
    world = added_world(make_world, block(SHIFTS))
    await world.sync()
    asked = len(world.environment.requests)
    async with world.app(lists=[shifts()]) as app:
        await app.prepare()
        await app.reprojection.finish()
    rows = view(world, SHIFTS)
    assert all(row["status"] == row["document"]["status"] for row in rows.values())
    assert len(world.environment.requests) == asked


async def test_rows_of_earlier_versions_are_told_when_their_records_changed(make_world: MakeWorld) -> None:
    world = added_world(make_world, shifts())
    await world.sync()
    async with world.app(lists=[shifts()]) as app:
        with app.database.begin() as connection:
            # Versions before 0022 had no such column, and projections of other fingerprints.
            connection.execute(update(passthrough_records).values(changed_at=None))
            connection.execute(update(projections).values(fingerprint="an earlier one"))
        await app.prepare()
        await app.reprojection.finish()
    with world.database() as connection:
        told = connection.execute(
            select(passthrough_records.c.changed_at, passthrough_records.c.document)
        ).all()
    assert len(told) == len(company(world).ids(SHIFTS))
    for changed_at, document in told:
        assert changed_at == datetime.fromisoformat(decoded_json(document)["changed_at"])


async def test_the_feed_tells_of_it_as_of_a_model(make_world: MakeWorld) -> None:
    world = added_world(make_world, shifts(), changes={"models": ["*"], "before": True})
    await world.sync()
    changed, deleted, *_ = company(world).ids(SHIFTS)
    world.clock.advance(MINUTE)
    company(world).update(SHIFTS, changed, status="CANCELLED")
    company(world).delete(SHIFTS, deleted)
    await again(world)
    with world.database() as connection:
        told = read_changes(connection, 40, 10).changes
    assert {(each.record_id, each.operation) for each in told} == {(changed, "updated"), (deleted, "deleted")}


async def test_what_kombo_blanks_is_blanked_or_kept(make_world: MakeWorld) -> None:
    for policy, left in (("follow", 0), ("keep", 1)):
        world = added_world(make_world, shifts(), deletions={"after_anonymisation": policy})
        await world.sync()
        gone = company(world).ids(SHIFTS)[0]
        company(world).delete(SHIFTS, gone)
        await again(world)
        world.clock.advance(timedelta(days=15))
        world.clock_offset += timedelta(days=15)
        await again(world)
        row = view(world, SHIFTS)[gone]
        assert row["remote_deleted_at"] is not None
        assert (row["document"]["hours"] is not None) == bool(left)
        company(world).restore(SHIFTS, gone)


@ON_SQLITE
async def test_an_integration_that_does_not_offer_it_is_left_alone(make_world: MakeWorld) -> None:
    world = added_world(make_world, shifts())
    (integration,) = world.environment.integrations.values()
    integration.offers = ("hris_employees",)
    (result,) = await world.run()
    assert result.outcome is Outcome.UNAVAILABLE
    assert world.environment.asked_for(SHIFTS) == []


async def test_poison_is_in_quarantine_and_leaves_it(make_world: MakeWorld) -> None:
    world = added_world(make_world, shifts())

    def without_id(answer: dict[str, dict[str, list[dict[str, object]]]]) -> object:
        answer["data"]["results"][0]["id"] = ""
        return answer

    world.environment.faults.add(Match(model=SHIFTS), rewritten(without_id))
    (result,) = await world.run()
    assert (result.outcome, result.counts.quarantined) == (Outcome.INCOMPLETE, 1)
    world.clock.advance(timedelta(days=8))
    world.clock_offset += timedelta(days=8)
    await again(world)
    assert_equal(world, SHIFTS)


async def test_single_records_are_refreshed_by_id(make_world: MakeWorld) -> None:
    world = added_world(make_world, shifts())
    await world.sync()
    changed = company(world).ids(SHIFTS)[0]
    company(world).update(SHIFTS, changed, status="CANCELLED")
    async with world.app() as app:
        (found,) = await refresh(app, company(world).integration_id, SHIFTS, [changed])
    assert found.became == "updated"
    assert view(world, SHIFTS)[changed]["status"] == "CANCELLED"


async def test_what_is_excluded_never_enters_and_leaves_what_is_there(make_world: MakeWorld) -> None:
    world = added_world(make_world, shifts())
    await world.sync()
    async with world.app(privacy={"exclude": ["hris_shifts.hours", "hris_employees.remote_id"]}) as app:
        await app.prepare()
        await app.reprojection.finish()
    for row in view(world, SHIFTS).values():
        assert (row["hours"], row["who"], "hours" in row["document"]) == (None, None, False)
        assert "remote_id" not in (row["document"]["employee"] or {})
        # Its own id in the tool is not an employee's.
        assert row["remote_id"] is not None


async def test_a_record_that_is_erased_stays_away(make_world: MakeWorld) -> None:
    world = added_world(make_world, shifts())
    await world.sync()
    erased, *_ = company(world).ids(SHIFTS)
    async with world.app() as app:
        await erase(app, Wanted(SHIFTS, id=erased, integration_id=company(world).integration_id))
    assert erased not in view(world, SHIFTS)
    company(world).update(SHIFTS, erased, status="CANCELLED")
    await again(world)
    assert erased not in view(world, SHIFTS)
    assert len(view(world, SHIFTS)) == 39


async def test_it_is_verified_as_a_model_is(make_world: MakeWorld) -> None:
    world = added_world(make_world, shifts(), privacy={"exclude": ["hris_employees.remote_id"]})
    world.environment.refused_parameters.add((SHIFTS, "page_size"))
    await world.sync()
    changed, *_ = company(world).ids(SHIFTS)
    async with world.app() as app, ready(app) as (context, _):
        key = stream(world, SHIFTS).key
        found = await verify_stream(context, key)
        assert (found.verdict, found.reason) == (Verdict.EQUAL, None)
        with context.database.begin() as connection:
            of_one = passthrough_records.c.record_key == changed
            connection.execute(update(passthrough_records).where(of_one).values(columns="{}"))
        found = await verify_stream(context, key)
        assert found.verdict is Verdict.DIFFERENT


@ON_SQLITE
async def test_the_beta_lists_are_paged_and_read_incrementally(make_world: MakeWorld) -> None:
    world = make_world(records=150, sync={"models": ["hris_skills"]}, kombo={"page_size": 2})
    await world.sync()
    assert await again(world) == [Kind.INCREMENTAL]
    world.assert_equal(["hris_skills"])
    first, second, *_ = world.environment.asked_for("hris_skills")
    assert (first.params["page_size"], second.params["cursor"] is not None) == ("2", True)
