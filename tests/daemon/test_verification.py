"""Verification by the service: each stream in its turn, by one process, its last result in every report."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from sqlalchemy import delete, select, update

from syncer.app import App
from syncer.daemon.database_health import DatabaseHealth
from syncer.daemon.key_health import KeyHealth
from syncer.daemon.verification import LEASE, Verifier
from syncer.domain.streams.stream import Mode
from syncer.operations.numbers import read_numbers
from syncer.operations.status import status
from syncer.simulator.server import faults
from syncer.simulator.server.faults import Match
from syncer.store.schema.mirror_tables import MIRROR, verifications
from syncer.store.state.verifications import VerificationStore
from tests.support.added_lists import SHIFTS, added_world, shifts
from tests.support.alone import alone
from tests.support.waiting import until_async
from tests.support.world import MakeWorld, World

GROUPS, LOCATIONS = "hris_groups", "hris_locations"
MONTH = timedelta(days=30)


@pytest.fixture
async def world(make_world: MakeWorld) -> World:
    made = make_world(sync={"models": [GROUPS, LOCATIONS]})
    await made.sync(mode=Mode.BACKFILL)
    return made


@asynccontextmanager
async def verifying(app: App, key_health: KeyHealth | None = None) -> AsyncIterator[None]:
    """Verify in the background, as the service does."""
    stopping = asyncio.Event()
    async with alone(app).open() as (context, _):
        verifier = Verifier(
            context, MONTH, stopping, DatabaseHealth(), key_health or KeyHealth(), look_every=0.05
        )
        task = asyncio.create_task(verifier.run())
        try:
            yield
        finally:
            stopping.set()
            await task


def verdicts(world: World) -> dict[str, str | None]:
    with world.database() as connection:
        found = connection.execute(select(verifications.c.model, verifications.c.verdict))
        return {row.model: row.verdict for row in found}


async def test_each_stream_is_verified_once_a_month_and_every_report_says_so(world: World) -> None:
    table = MIRROR[GROUPS]
    with world.mirror.open() as (_, connection):
        connection.execute(update(table).values(name="Nobody"))
    asked = len(world.environment.requests)
    async with world.app() as app:
        async with verifying(app):
            await until_async(
                lambda: verdicts(world) == {GROUPS: "different", LOCATIONS: "equal"}, "both are verified"
            )
        found = await asyncio.to_thread(status, app)
        numbers = await asyncio.to_thread(read_numbers, app)
    groups, locations = (each["verification"] for each in found["streams"])
    assert (groups["verdict"], locations["verdict"], locations["differing"]) == ("different", "equal", 0)
    summed = found["environments"][0]["verification"]
    assert (summed["streams"], summed["is_well"]) == ({"equal": 1, "different": 1}, False)
    assert summed["differing"] == groups["differing"] == groups["records"]
    assert numbers is not None
    assert numbers.verifications["default"].differing == groups["differing"]
    # Each list was read once: its time has not come again.
    requests = list(world.environment.requests)[asked:]
    assert sorted(each.model or "" for each in requests) == [GROUPS, LOCATIONS]
    with world.mirror.open() as (database, connection):
        old = database.now(connection) - MONTH - timedelta(minutes=1)
        connection.execute(update(verifications).values(ended_at=old))
    async with world.app() as app, verifying(app):
        await until_async(lambda: len(world.environment.requests) >= asked + 4, "both are verified again")


async def test_a_stream_that_differed_is_verified_again_once_it_has_been_read_whole(world: World) -> None:
    with world.mirror.open() as (_, connection):
        connection.execute(delete(MIRROR[GROUPS]))
    async with world.app() as app, verifying(app):
        first = {GROUPS: "different", LOCATIONS: "equal"}
        await until_async(lambda: verdicts(world) == first, "both are verified")
    await world.sync(mode=Mode.RESTART)
    asked = len(world.environment.requests)
    async with world.app() as app, verifying(app):
        await until_async(lambda: verdicts(world).get(GROUPS) == "equal", "they are verified again")
    assert {each.model for each in list(world.environment.requests)[asked:]} == {GROUPS}


async def test_lists_that_the_catalogue_lacks_have_their_turn_too(make_world: MakeWorld) -> None:
    world = added_world(make_world, shifts())
    await world.sync(mode=Mode.BACKFILL)
    async with world.app() as app, verifying(app):
        await until_async(lambda: verdicts(world) == {SHIFTS: "equal"}, "the shifts are verified")


def test_a_stream_is_verified_by_one_process_until_that_is_silent(world: World) -> None:
    first, second = (VerificationStore("default", owner, LEASE) for owner in ("one", "two"))
    with world.mirror.open() as (database, connection):
        now = database.now(connection)
        arguments = {"every": MONTH, "retry": timedelta(hours=1)}
        keys = {first.claim(connection, [GROUPS, LOCATIONS], now, **arguments) for _ in range(2)}
        assert {key.model for key in keys if key is not None} == {GROUPS, LOCATIONS}
        assert second.claim(connection, [GROUPS, LOCATIONS], now, **arguments) is None
        later = now + LEASE + timedelta(seconds=1)
        for key in keys:
            assert key is not None
            if key.model == GROUPS:
                assert first.renew(connection, key, later - timedelta(minutes=1))
        taken = second.claim(connection, [GROUPS, LOCATIONS], later, **arguments)
        assert taken is not None
        assert taken.model == LOCATIONS
        assert not first.renew(connection, taken, later)


@pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)
async def test_a_refused_key_is_told_and_nothing_is_kept(world: World) -> None:
    world.environment.faults.add(Match(), faults.key_refused(), times=None)
    key_health = KeyHealth()
    async with world.app() as app, verifying(app, key_health):
        await until_async(lambda: key_health.error is not None, "the key is refused")
    assert set(verdicts(world).values()) <= {None}
    with world.database() as connection:
        assert set(connection.execute(select(verifications.c.lease_owner)).scalars()) <= {None}


@pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)
async def test_one_that_waits_for_an_answer_ends_with_the_service(world: World) -> None:
    world.environment.faults.add(Match(), faults.Late(3600.0), times=None)
    async with world.app() as app, verifying(app):
        await until_async(lambda: bool(verdicts(world)), "a verification is under way")
    assert set(verdicts(world).values()) == {None}
