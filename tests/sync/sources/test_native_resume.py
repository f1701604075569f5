"""Native lists that are left in the middle: whoever comes next goes on there."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest

from syncer.domain.native.cursor import NativeCursor
from syncer.domain.streams.state import Outcome
from syncer.domain.streams.stream import Mode
from syncer.operations.sync import sync
from syncer.simulator.server import faults
from syncer.simulator.server.faults import Dropped, Match
from syncer.simulator.server.request_log import RequestInfo
from syncer.sync.context import Progress
from syncer.sync.run import run_stream
from tests.support.alone import alone
from tests.support.native_lists import (
    EMPLOYEES,
    ENTRIES,
    HISTORY,
    PAGED,
    PAGED_EACH,
    company,
    entries,
    history,
    id_of,
    only,
    places,
    remote_ids,
    stream,
    tool_of,
    view,
)
from tests.support.world import MakeNative, World

#: Where a list goes on is kept alike in both databases: histories of kills hold them to it.
pytestmark = pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)
#: Requests that are on their way when a page has been stored.
AHEAD = 2


class FurtherOn(Match, frozen=True):
    """Requests for any page but the first."""

    def fits(self, asked: RequestInfo) -> bool:
        return "cursor" in asked.params


async def stopped(world: World, name: str, pages: int) -> NativeCursor:
    """Read so many pages; gives where the list was left."""
    app = world.app()

    def stop(progress: Progress) -> None:
        if progress.step == "page" and progress.pages == pages:
            app.stopping.set()

    async with app:
        (result,) = await sync(app, Mode.SYNC, models=[name], report=stop)
    assert (result.outcome, result.pages) == (Outcome.STOPPED, pages)
    walk = stream(world, name).walk
    assert walk is not None
    return NativeCursor.read(walk.cursor)


def sent(cursor: NativeCursor) -> str:
    """Find what of the cursor is in a request."""
    return str(cursor.at).rpartition("=")[2] if cursor.at is not None else str(cursor.row)


@pytest.mark.parametrize("style", PAGED)
async def test_a_list_that_was_stopped_goes_on_at_the_next_page(make_native: MakeNative, style: str) -> None:
    model, listed = PAGED[style]
    name = listed["name"]
    world = make_native(listed, records=900)
    cursor = await stopped(world, name, 2)
    assert len(view(world, name)) > 0
    before = len(world.environment.requests)
    (result,) = await world.sync(models=[name])
    resumed, all_of_them = places(world, before), places(world)
    assert sent(cursor) in str(resumed[0])
    assert len(resumed) == result.pages == len(set(resumed))
    assert len(all_of_them) - len(set(all_of_them)) <= AHEAD
    assert set(view(world, name)) == set(remote_ids(world, tool_of(listed), model))


async def test_a_list_for_each_row_goes_on_at_the_next_row(make_native: MakeNative) -> None:
    world = make_native(entries())
    await world.sync(models=[EMPLOYEES])
    ids = sorted(remote_ids(world))
    cursor = await stopped(world, ENTRIES, 3)
    assert (cursor.row, cursor.at) == (ids[3], None)
    before = len(world.environment.requests)
    await world.sync(models=[ENTRIES])
    assert [call for call, _ in places(world, before)] == [f"GET /people/{id}/work" for id in ids[3:]]
    assert {row["parent"] for row in view(world, ENTRIES).values()} <= set(ids)


async def test_a_list_for_each_row_goes_on_in_the_middle_of_a_rows_pages(make_native: MakeNative) -> None:
    world = make_native(PAGED_EACH)
    await world.sync(models=[EMPLOYEES])
    ids = remote_ids(world, "personio")
    pages = -(-len(ids) // 4)
    assert pages > 2
    cursor = await stopped(world, "paged_each", pages + 1)
    assert (cursor.row, cursor.at) == (sorted(ids)[1], 4)
    before = len(world.environment.requests)
    await world.sync(models=["paged_each"])
    first, *_ = places(world, before)
    assert dict(first[1]).items() >= {"asked_for": sorted(ids)[1], "offset": "4"}.items()
    assert len(places(world, before)) == len(ids) * pages - (pages + 1)
    assert len(view(world, "paged_each")) == len(ids) ** 2


async def test_a_row_that_has_left_the_mirror_meanwhile_is_not_asked_for(make_native: MakeNative) -> None:
    """The tool may not know it any more: a list that begins there would be refused each time."""
    world = make_native(entries())
    await world.sync(models=[EMPLOYEES])
    cursor = await stopped(world, ENTRIES, 3)
    gone = str(cursor.row)
    company(world).delete(EMPLOYEES, id_of(world, gone))
    world.clock.advance(timedelta(minutes=1))
    await world.sync(models=[EMPLOYEES])
    before = len(world.environment.requests)
    await world.sync(models=[ENTRIES])
    assert f"GET /people/{gone}/work" not in dict(places(world, before))
    assert len(places(world, before)) == len(remote_ids(world)) - 3


async def test_a_list_ends_where_its_last_rows_have_left_the_mirror(make_native: MakeNative) -> None:
    world = make_native(entries())
    await world.sync(models=[EMPLOYEES])
    *_, last = sorted(remote_ids(world))
    await stopped(world, ENTRIES, len(remote_ids(world)) - 1)
    company(world).delete(EMPLOYEES, id_of(world, last))
    world.clock.advance(timedelta(minutes=1))
    await world.sync(models=[EMPLOYEES])
    before = len(world.environment.requests)
    (result,) = await world.sync(models=[ENTRIES])
    assert places(world, before) == []
    assert result.outcome is Outcome.COMPLETE


async def test_a_connection_that_breaks_keeps_the_pages_before(make_native: MakeNative) -> None:
    world = make_native(history())
    broken = Dropped(httpx.ReadError("connection reset"))
    world.environment.faults.add(Match(call="GET /bulk*"), broken, None, after=2)
    result = await only(world, HISTORY)
    assert (result.outcome, result.pages) == (Outcome.FAILED, 2)
    assert len(view(world, HISTORY)) == 10
    world.environment.faults.clear()
    before = len(world.environment.requests)
    await world.sync(models=[HISTORY])
    first, *_ = places(world, before)
    assert dict(first[1])["cursor"] == "10"
    assert set(view(world, HISTORY)) == set(remote_ids(world))


@pytest.mark.parametrize("status", [400, 404, 410, 422])
async def test_a_list_whose_place_the_tool_does_not_know_any_more_begins_again(
    make_native: MakeNative, status: int
) -> None:
    world = make_native(history())
    await stopped(world, HISTORY, 2)
    world.environment.faults.add(Match(call="GET /bulk*"), faults.native_answer(status, {"error": "gone"}))
    before = len(world.environment.requests)
    await world.sync(models=[HISTORY])
    cursors = [dict(params).get("cursor") for _, params in places(world, before)]
    assert cursors[:3] == ["10", None, "5"]
    assert set(view(world, HISTORY)) == set(remote_ids(world))


async def test_a_place_that_is_refused_each_time_fails_the_run_after_three_beginnings(
    make_native: MakeNative,
) -> None:
    world = make_native(history())
    await stopped(world, HISTORY, 1)
    world.environment.faults.add(FurtherOn(), faults.native_answer(410, {"error": "gone"}), None)
    before = len(world.environment.requests)
    result = await only(world, HISTORY)
    assert result.outcome is Outcome.FAILED
    assert "was refused with 410 by the tool in the middle of the list" in str(result.error)
    cursors = [dict(params).get("cursor") for _, params in places(world, before)]
    assert cursors.count(None) == 3
    world.environment.faults.clear()
    await world.sync(models=[HISTORY])
    assert set(view(world, HISTORY)) == set(remote_ids(world))


async def test_who_is_refused_in_the_middle_for_lack_of_rights_goes_on_there(make_native: MakeNative) -> None:
    world = make_native(history())
    await stopped(world, HISTORY, 2)
    world.environment.faults.add(Match(call="GET /bulk*"), faults.native_answer(403, {}))
    assert (await only(world, HISTORY)).outcome is Outcome.FAILED
    before = len(world.environment.requests)
    await world.sync(models=[HISTORY])
    first, *_ = places(world, before)
    assert dict(first[1])["cursor"] == "10"


async def test_a_list_that_is_asked_for_in_other_words_begins_anew(make_native: MakeNative) -> None:
    world = make_native(history())
    await stopped(world, HISTORY, 2)
    before = len(world.environment.requests)
    await world.sync(models=[HISTORY], passthrough=[history(limit=7)])
    cursors = [dict(params).get("cursor") for _, params in places(world, before)]
    assert cursors[:2] == [None, "7"]
    assert set(view(world, HISTORY)) == set(remote_ids(world))


async def test_a_page_that_was_on_its_way_when_the_stream_was_taken_over_is_not_written(
    make_native: MakeNative,
) -> None:
    world = make_native(history())

    def take_over(progress: Progress) -> None:
        if progress.step == "page" and progress.pages == 1:
            with app.database.begin() as connection:
                an_hour = timedelta(hours=1)
                later = app.database.now(connection) + an_hour
                taken = alone(app).streams.claim(
                    connection,
                    progress.key,
                    owner="other",
                    now=later,
                    length=an_hour,
                    is_dead=lambda _: False,
                )
            assert taken is not None

    async with world.app() as app:
        app.open_database()
        async with alone(app).open(take_over) as (engine, asking):
            keys = await alone(app).selection.refresh_streams(asking)
            (key,) = (each for each in keys if each[1] == HISTORY)
            result = await run_stream(engine, asking, key, mode=Mode.SYNC)
    assert result.outcome is Outcome.BUSY
    assert len(view(world, HISTORY)) == 5
