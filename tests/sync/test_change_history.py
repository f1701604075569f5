"""What a run keeps of how often its stream changes."""

from __future__ import annotations

from datetime import timedelta

import pytest

from syncer.domain.scheduling.intervals import MEMORY, NEWS, ChangeHistory
from syncer.domain.streams.stream import Mode
from tests.support.world import MakeWorld, World

MODEL = "hris_groups"


def seen(world: World) -> ChangeHistory:
    """What is known of the one stream."""
    found: ChangeHistory = next(
        each.changes_seen for key, each in world.streams().items() if key.model == MODEL
    )
    return found


async def test_a_run_keeps_whether_it_found_changes_and_for_how_long_it_has_watched(
    make_world: MakeWorld,
) -> None:
    # The overlap is longer than the database's clock goes ahead of Kombo's here.
    world = make_world(records=200, sync={"models": [MODEL], "overlap": "2h"})
    company = next(iter(world.environment.companies.values()))
    await world.sync(mode=Mode.BACKFILL)
    # What came with the first walk has not changed.
    assert seen(world) == ChangeHistory()
    world.clock_offset += timedelta(hours=1)
    await world.sync()
    assert seen(world).changes == 0
    assert seen(world).watched == pytest.approx(3_600, rel=0.01)
    world.clock_offset += timedelta(hours=1)
    world.clock.advance(timedelta(hours=1))
    company.update(MODEL, company.ids(MODEL)[0], name="Renamed")
    await world.sync()
    assert seen(world).changes == 1
    # The overlap serves the same record again: that is no change.
    world.clock_offset += timedelta(hours=1)
    [again] = await world.sync()
    assert again.counts.unchanged == 1
    assert seen(world).changes == pytest.approx(1, abs=3_600 / MEMORY)
    assert seen(world).watched == pytest.approx(3 * 3_600, rel=0.02)


async def test_a_run_that_fails_says_nothing_of_changes(make_world: MakeWorld) -> None:
    world = make_world(records=200, sync={"models": [MODEL]})
    await world.sync(mode=Mode.BACKFILL)
    world.environment.integrations[next(iter(world.environment.integrations))].offers = ("hris_locations",)
    world.clock_offset += timedelta(hours=1)
    await world.run()
    assert seen(world) == ChangeHistory()


async def test_news_of_a_stream_of_which_nothing_is_known_are_taken_for_new(make_world: MakeWorld) -> None:
    world = make_world(records=200, sync={"models": [MODEL]})
    company = next(iter(world.environment.companies.values()))
    await world.sync(mode=Mode.BACKFILL)
    world.clock_offset += timedelta(hours=9)
    world.clock.advance(timedelta(hours=9))
    company.update(MODEL, company.ids(MODEL)[0], name="Renamed")
    await world.sync()
    assert seen(world) == ChangeHistory(1, NEWS)
