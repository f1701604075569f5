"""What native lists have no more, where that is too much to be believed."""

from __future__ import annotations

import pytest

from syncer.domain.streams.state import Outcome
from syncer.domain.streams.stream import Mode
from syncer.simulator.server import faults
from syncer.simulator.server.faults import Match
from syncer.simulator.server.request_log import RequestInfo
from tests.support.native_lists import (
    EMPLOYEES,
    HISTORY,
    PEOPLE,
    company,
    history,
    id_of,
    only,
    people,
    remote_ids,
    stream,
    view,
)
from tests.support.world import MakeNative, World

#: How much is believed is decided before any database hears of it; random histories mark rows in both.
pytestmark = pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)
BRAKES = {"max_rows": 2, "max_share": 0.05}


def vanish(world: World, number: int) -> list[str]:
    """Take so many employees out of the list; gives their keys."""
    gone = remote_ids(world)[:number]
    for each in gone:
        company(world).vanish(EMPLOYEES, id_of(world, each))
    return gone


def marked(world: World) -> set[str]:
    return {key for key, row in view(world, PEOPLE).items() if row["deleted_by"] == "sweep"}


async def held(world: World, number: int) -> list[str]:
    """A complete list without so many of the rows: they are held at once."""
    await world.sync(models=[PEOPLE])
    gone = vanish(world, number)
    result = await only(world, PEOPLE)
    assert (result.outcome, result.outcome.is_well, result.counts.deleted) == (Outcome.HELD, False, 0)
    assert f"{number} of " in str(result.error)
    assert "are missing at Kombo and held back" in str(result.error)
    return gone


async def test_more_than_is_believed_is_held_and_nothing_is_marked(make_native: MakeNative) -> None:
    world = make_native(people(), deletions=BRAKES)
    await held(world, 3)
    assert marked(world) == set()
    assert stream(world, PEOPLE).state == "held"
    # It stays so until somebody has looked.
    assert (await only(world, PEOPLE)).outcome is Outcome.HELD
    assert (await only(world, PEOPLE, Mode.BACKFILL)).outcome is Outcome.HELD
    assert marked(world) == set()


async def test_as_much_as_is_believed_is_marked(make_native: MakeNative) -> None:
    world = make_native(people(), deletions=BRAKES)
    await world.sync(models=[PEOPLE])
    gone = vanish(world, 2)
    await world.sync(models=[PEOPLE])
    await world.sync(models=[PEOPLE])
    assert marked(world) == set(gone)


async def test_what_was_approved_is_marked_and_what_came_back_is_not(make_native: MakeNative) -> None:
    world = make_native(people(), deletions=BRAKES)
    back, *gone = await held(world, 5)
    company(world).restore(EMPLOYEES, id_of(world, back))
    await world.run(Mode.APPROVE)
    (result,) = await world.sync(models=[PEOPLE])
    assert marked(world) == set(gone)
    assert back in view(world, "people_live")
    assert (result.outcome, stream(world, PEOPLE).state) == (Outcome.COMPLETE, "complete")


async def test_approval_alone_ends_a_hold(make_native: MakeNative) -> None:
    world = make_native(people(), deletions=BRAKES)
    gone = await held(world, 3)
    (result,) = await world.run(Mode.APPROVE)
    assert (result.outcome, result.counts.deleted) == (Outcome.COMPLETE, 3)
    assert marked(world) == set(gone)


async def test_an_empty_list_over_rows_is_held_however_few_they_were(make_native: MakeNative) -> None:
    world = make_native(people())
    await held(world, len(remote_ids(world)))
    assert marked(world) == set()
    (result,) = await world.run(Mode.APPROVE)
    assert result.outcome is Outcome.COMPLETE
    assert marked(world) == set(view(world, PEOPLE))
    assert stream(world, PEOPLE).rows_live == 0


async def test_lists_that_did_not_come_to_their_end_say_nothing_of_what_is_gone(
    make_native: MakeNative,
) -> None:
    world = make_native(people())
    await world.sync(models=[PEOPLE])
    vanish(world, 1)
    for _ in range(3):
        world.environment.faults.add(Match(call="POST *"), faults.native_answer(403, {}))
        assert (await only(world, PEOPLE)).outcome is Outcome.FAILED
    await world.sync(models=[PEOPLE])
    assert marked(world) == set()


async def test_a_record_that_is_hidden_while_the_list_moves_is_not_taken_for_gone(
    make_native: MakeNative,
) -> None:
    """Where places are counted, one that goes behind the reader moves all others up."""
    world = make_native(history(limit=3))
    await world.sync(models=[HISTORY])
    first, *others = remote_ids(world)

    def leave(asked: RequestInfo) -> None:
        if asked.call is not None:
            world.environment.between_pages = None
            company(world).vanish(EMPLOYEES, id_of(world, first))

    world.environment.between_pages = leave
    await world.sync(models=[HISTORY])
    # Nobody was shown the one that took another's place.
    for _ in range(2):
        await world.sync(models=[HISTORY])
    assert set(view(world, "work_history_live")) == set(others)
    assert stream(world, HISTORY).rows_deleted == 1


async def test_what_is_missing_is_looked_into_only_where_kombo_says_that_the_integration_is_whole(
    make_native: MakeNative,
) -> None:
    world = make_native(people())
    await world.sync(models=[PEOPLE])
    (gone,) = vanish(world, 1)
    await world.sync(models=[PEOPLE])
    (integration,) = world.environment.integrations.values()
    integration.status = "INVALID"
    assert (await only(world, PEOPLE)).outcome is Outcome.WAITING
    assert marked(world) == set()
    integration.status = "ACTIVE"
    await world.sync(models=[PEOPLE])
    assert marked(world) == {gone}
