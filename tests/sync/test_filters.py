"""A model's own filters: they go out with every page, and changing them leads to a full walk."""

from __future__ import annotations

from typing import Any

from syncer.domain.streams.stream import Kind, Mode
from syncer.operations.sync import sync
from tests.support.databases import ON_SQLITE
from tests.support.world import MakeWorld, World

MODEL = "ats_applications"


def configured(**filters: Any) -> dict[str, Any]:
    return {"model": {MODEL: {"filters": filters}}}


def sent(world: World, since: int = 0) -> list[dict[str, str]]:
    return [each.params for each in world.environment.asked_for(MODEL)][since:]


@ON_SQLITE
async def test_filters_go_out_with_every_page(make_world: MakeWorld) -> None:
    world = make_world(records=1_200, sync=configured(outcomes=["PENDING", "HIRED"]))
    await world.sync(mode=Mode.BACKFILL, models=[MODEL], kombo={"page_size": 5})
    asked = sent(world)
    assert len(asked) > 2
    assert {each["outcomes"] for each in asked} == {"PENDING,HIRED"}
    (integration_id,) = world.environment.integrations
    outcomes = {row["outcome"] for row in world.rows(MODEL, integration_id).values()}
    assert outcomes == {"PENDING", "HIRED"}


@ON_SQLITE
async def test_a_changed_filter_leads_to_a_full_walk(make_world: MakeWorld) -> None:
    world = make_world(records=1_200, sync=configured(outcomes=["HIRED"]))
    await world.sync(mode=Mode.BACKFILL, models=[MODEL])
    (same,) = await world.sync(models=[MODEL])
    assert same.kind is Kind.INCREMENTAL
    asked = len(sent(world))
    (changed,) = await world.sync(models=[MODEL], sync=configured(outcomes=["HIRED", "PENDING"]))
    assert changed.kind is Kind.FULL
    assert "updated_after" not in sent(world, asked)[0]
    (after,) = await world.sync(models=[MODEL], sync=configured(outcomes=["HIRED", "PENDING"]))
    assert after.kind is Kind.INCREMENTAL


@ON_SQLITE
async def test_a_changed_filter_drops_an_unfinished_walk(make_world: MakeWorld) -> None:
    world = make_world(records=1_200)
    app = world.app(kombo={"page_size": 5})

    def stop(progress: Any) -> None:
        if progress.step == "page":
            app.stopping.set()

    async with app:
        await sync(app, Mode.BACKFILL, models=[MODEL], report=stop)
    asked = len(sent(world))
    await world.sync(mode=Mode.BACKFILL, models=[MODEL], sync=configured(outcomes=["HIRED"]))
    assert "cursor" not in sent(world, asked)[0]
    assert all(each["outcomes"] == "HIRED" for each in sent(world, asked) if "ids" not in each)


@ON_SQLITE
async def test_a_backfill_with_other_filters_is_not_skipped(make_world: MakeWorld) -> None:
    world = make_world(records=1_200)
    await world.sync(mode=Mode.BACKFILL, models=[MODEL])
    asked = len(sent(world))
    await world.sync(mode=Mode.BACKFILL, models=[MODEL], sync=configured(outcomes=["HIRED"]))
    assert len(sent(world)) > asked
