"""Passes over what changed: after any changes the mirror equals the source again."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from random import Random
from typing import Any, Literal

import pytest

from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.streams.stream import Kind, Mode
from syncer.operations.sync import sync
from syncer.simulator.life.random_change import random_change
from syncer.simulator.server.paging import Paging
from syncer.simulator.server.request_log import RequestInfo
from syncer.sync.page import store_page
from tests.support.databases import ON_SQLITE
from tests.support.world import MakeWorld, World

#: Enough where only some models matter, each with copies of others in its records.
SOME = ["hris_employees", "hris_employments", "hris_groups", "hris_absences", "ats_jobs", "ats_applications"]

PATTERN = re.compile(r"^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}:\d{2}(\.\d+)?)?Z?$")


def live(world: World, rng: Random, changes: int) -> None:
    """So many random changes, deletions, returns and nested-only changes, a few seconds apart."""
    for _ in range(changes):
        world.clock.advance(timedelta(seconds=rng.randint(0, 20)))
        for company in world.environment.companies.values():
            random_change(company, rng)


@pytest.mark.parametrize("page_size", [3, 250])
async def test_sixty_random_changes_arrive(make_world: MakeWorld, page_size: int) -> None:
    world = make_world(integrations=2, records=300)
    await world.sync(mode=Mode.BACKFILL)
    live(world, Random(1), 60)
    await world.sync(kombo={"page_size": page_size})
    world.assert_equal()


@ON_SQLITE
@pytest.mark.parametrize("hours", [3, -3])
async def test_a_server_clock_hours_from_ours_loses_nothing(make_world: MakeWorld, hours: int) -> None:
    """The source's time is years away from this host's as it is; here it is another time in between."""
    world = make_world(sync={"models": SOME})
    world.clock.advance(timedelta(hours=hours))
    await world.sync(mode=Mode.BACKFILL)
    for seed in range(3):
        live(world, Random(seed), 20)
        await world.sync()
    world.assert_equal(SOME)


async def test_a_change_right_after_the_walk_began_is_seen_by_the_next_one(make_world: MakeWorld) -> None:
    world = make_world(records=300, sync={"models": SOME})
    await world.sync(mode=Mode.BACKFILL)
    company = next(iter(world.environment.companies.values()))
    changed = company.ids("hris_employees")[0]
    done = False

    def change(asked: RequestInfo) -> None:
        nonlocal done
        if asked.model == "hris_employees" and not done:
            company.update("hris_employees", changed, job_title="Changed in the walk")
            done = True

    world.environment.between_pages = change
    await world.sync()
    await world.sync()
    assert done
    assert world.rows("hris_employees", company.integration_id)[changed]["job_title"] == "Changed in the walk"
    world.assert_equal(SOME)


async def test_a_change_committed_late_with_an_older_time_is_caught_by_the_overlap(
    make_world: MakeWorld,
) -> None:
    world = make_world(records=300, sync={"models": SOME})
    await world.sync(mode=Mode.BACKFILL)
    company = next(iter(world.environment.companies.values()))
    changed = company.ids("hris_employees")[0]
    world.clock.advance(timedelta(minutes=1))
    company.update("hris_employees", changed, at=world.clock.now() - timedelta(minutes=4), job_title="Late")
    await world.sync()
    world.assert_equal(["hris_employees"])


async def test_a_changed_membership_arrives_though_changed_at_stays(make_world: MakeWorld) -> None:
    world = make_world(records=300, sync={"models": SOME})
    await world.sync(mode=Mode.BACKFILL)
    world.clock.advance(timedelta(hours=1))
    company = next(iter(world.environment.companies.values()))
    employee = next(row for row in company.rows("hris_employees", include_deleted=False) if row["groups"])
    group = employee["groups"][0]["id"]
    company.unlink("hris_employees", employee["id"], "groups", group)
    await world.sync()
    mirrored = world.rows("hris_employees", company.integration_id)[employee["id"]]
    assert mirrored["changed_at"] == employee["changed_at"]
    assert group not in [each["id"] for each in mirrored["groups"]]


async def test_the_watermark_is_the_servers_time_at_the_start_and_the_overlap_is_for_asking(
    make_world: MakeWorld,
) -> None:
    world = make_world(records=300)
    start = world.clock.now()
    # Time passes while the walk goes on: the end is not the watermark.
    world.environment.between_pages = lambda _: world.clock.advance(timedelta(minutes=2))
    await world.sync(mode=Mode.BACKFILL, models=["hris_employees"], kombo={"page_size": 10})
    stream = next(iter(each for each in world.streams().values() if each.model == "hris_employees"))
    first = world.environment.asked_for("hris_employees")[0]
    assert start <= first.at
    assert stream.watermark is not None
    assert abs(stream.watermark - first.at) < timedelta(seconds=2)
    asked = len(world.environment.requests)
    await world.sync(models=["hris_employees"])
    (incremental,) = [each for each in list(world.environment.requests)[asked:] if each.model]
    assert incremental.params["updated_after"] == (
        (stream.watermark - timedelta(minutes=5)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    )
    assert PATTERN.match(incremental.params["updated_after"])


@ON_SQLITE
async def test_every_page_of_a_walk_repeats_the_literal_updated_after(make_world: MakeWorld) -> None:
    world = make_world(records=800)
    await world.sync(mode=Mode.BACKFILL, models=["hris_employees"])
    company = next(iter(world.environment.companies.values()))
    for each in company.ids("hris_employees"):
        company.update("hris_employees", each, job_title="All of them")
    asked = len(world.environment.requests)
    await world.sync(models=["hris_employees"], kombo={"page_size": 5})
    pages = [each for each in list(world.environment.requests)[asked:] if each.model]
    assert len(pages) > 3
    assert len({each.params["updated_after"] for each in pages}) == 1
    assert all("cursor" in each.params for each in pages[1:])


@ON_SQLITE
@pytest.mark.parametrize("order", ["id", "changed_at"])
@pytest.mark.parametrize("style", ["keyset", "offset"])
async def test_changes_between_any_two_pages_are_not_lost(
    make_world: MakeWorld, order: Literal["id", "changed_at"], style: Literal["keyset", "offset"]
) -> None:
    world = make_world(records=700, sync={"models": SOME})
    world.environment.paging = Paging(order=order, style=style)
    await world.sync(mode=Mode.BACKFILL)
    rng = Random(5)
    company = next(iter(world.environment.companies.values()))
    for each in company.ids("hris_employees"):
        world.clock.advance(timedelta(seconds=30))
        company.update("hris_employees", each, job_title="Before the walk")
    left = [15]

    def change(asked: RequestInfo) -> None:
        if asked.model is not None and left[0]:
            left[0] -= 1
            world.clock.advance(timedelta(seconds=1))
            company.update(
                "hris_employees", rng.choice(company.ids("hris_employees")), job_title=str(left[0])
            )
            random_change(company, rng)

    world.environment.between_pages = change
    await world.sync(kombo={"page_size": 3})
    assert left[0] == 0
    world.environment.between_pages = None
    await world.sync()
    world.assert_equal(SOME)


async def test_a_record_of_two_pages_counts_once_though_the_second_is_compared_ahead(
    make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make_world(records=300)
    world.environment.paging = Paging(order="changed_at", style="keyset")
    company = next(iter(world.environment.companies.values()))
    rows = list(company.rows("hris_employees"))
    first = min(rows, key=lambda row: (row["changed_at"], row["id"]))

    def change(asked: RequestInfo) -> None:
        if asked.model is not None:
            world.environment.between_pages = None
            world.clock.advance(timedelta(seconds=1))
            company.update("hris_employees", first["id"], job_title="Behind all the others now")

    async with world.app(kombo={"page_size": len(rows) // 2 + 1}) as app:
        ahead = asyncio.Event()
        ask, write = app.database.ask, app.database.write

        async def asking(work: Any) -> Any:
            pages = len(world.environment.asked_for("hris_employees"))
            try:
                return await ask(work)
            finally:
                if pages == 2:
                    ahead.set()

        async def writing(work: Any) -> Any:
            # The first page is not stored before the second one has been compared.
            if getattr(work, "func", None) is store_page:
                await ahead.wait()
            return await write(work)

        monkeypatch.setattr(app.database, "ask", asking)
        monkeypatch.setattr(app.database, "write", writing)
        world.environment.between_pages = change
        (result,) = await sync(app, Mode.BACKFILL, models=["hris_employees"])
    assert (result.counts.created, result.counts.updated) == (len(rows), 1)
    (stream,) = [each for each in world.streams().values() if each.rows_live]
    assert stream.rows_live + stream.rows_deleted == len(rows)
    world.assert_equal(["hris_employees"])


@ON_SQLITE
async def test_a_model_without_updated_after_is_walked_fully(world: World) -> None:
    await world.sync(mode=Mode.BACKFILL)
    kinds = {each.key.model: each.kind for each in await world.sync()}
    without = {name for name, model in catalogue().items() if not model.features.updated_after}
    assert {name for name, kind in kinds.items() if kind is Kind.FULL} == without


async def test_a_full_walk_longer_than_the_overlap_is_followed_by_an_incremental_one(
    make_world: MakeWorld,
) -> None:
    world = make_world(records=300, sync={"overlap": "0s"})
    results = await world.sync(mode=Mode.BACKFILL, models=["hris_employees"])
    assert [("updated_after" in each.params) for each in world.environment.asked_for("hris_employees")] == [
        False,
        True,
    ]
    assert results[0].pages == 2


@ON_SQLITE
@pytest.mark.parametrize(
    ("later", "kind"),
    [
        (timedelta(days=7) - timedelta(minutes=10), Kind.INCREMENTAL),
        (timedelta(days=7) + timedelta(minutes=10), Kind.FULL),
    ],
    ids=["just before", "just after"],
)
async def test_a_full_walk_comes_round_after_full_every(
    make_world: MakeWorld, later: timedelta, kind: Kind
) -> None:
    world = make_world(records=300, sync={"models": ["hris_employees"], "full_every": "7d"})
    await world.sync(mode=Mode.BACKFILL)
    for passed, expected in ((later / 2, Kind.INCREMENTAL), (later, kind)):
        # An incremental walk in between counts for nothing.
        world.clock_offset = passed
        (result,) = await world.sync()
        assert result.kind is expected
