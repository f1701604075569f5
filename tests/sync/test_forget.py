"""Rows that have been deleted at their source for long enough leave the mirror whole, and stay out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from syncer.domain.streams.deletions import is_forgotten
from syncer.domain.streams.stream import Mode
from syncer.operations.verify import verify
from syncer.simulator.company.company import Company
from syncer.store.schema.feed_tables import changes
from tests.support.world import MakeWorld, World

EMPLOYEES = "hris_employees"
MODELS = [EMPLOYEES, "hris_employments"]


def company_of(world: World) -> Company:
    return next(iter(world.environment.companies.values()))


async def forgotten(world: World) -> int:
    """Let the program drop what is too old, by the source's time; give how many rows that were."""
    async with world.app() as app:
        return await app.drop_old_rows()


async def some_deleted(make_world: MakeWorld) -> tuple[World, str, str]:
    """A mirror whose clock is the source's, of an employee who was deleted nine days ago and one just now.

    What was deleted a week ago is forgotten from then on.
    """
    world = make_world(
        sync={"models": MODELS},
        changes={"models": ["*"], "keep": "1000d"},
        history={"models": MODELS},
    )
    world.clock_offset = world.clock.now() - datetime.now(UTC)
    company = company_of(world)
    company.settle()
    old, new = company.ids(EMPLOYEES)[:2]
    await world.sync(mode=Mode.BACKFILL)
    company.delete(EMPLOYEES, old, at=world.clock.now() - timedelta(days=9))
    company.delete(EMPLOYEES, new)
    world.clock.advance(timedelta(minutes=1))
    world.clock_offset += timedelta(minutes=1)
    await world.sync(mode=Mode.RESTART)
    world.settings["deletions"] = {"forget_after": "7d"}
    return world, old, new


async def test_rows_are_forgotten_once_they_have_been_deleted_for_long_enough(make_world: MakeWorld) -> None:
    world, old, new = await some_deleted(make_world)
    integration_id = company_of(world).integration_id
    assert {old, new} <= world.rows(EMPLOYEES, integration_id).keys()
    assert await forgotten(world) > 0
    left = world.rows(EMPLOYEES, integration_id)
    assert old not in left
    assert new in left
    assert await forgotten(world) == 0
    told = select(changes.c.operation).where(changes.c.record_id == old).order_by(changes.c.sequence)
    with world.database() as connection:
        assert connection.execute(told).scalars().all()[-1] == "erased"
    for table in (f"{EMPLOYEES}_history", f"{EMPLOYEES}_groups"):
        column = "id" if table.endswith("history") else "employee_id"
        assert world.mirror.fetch(f"SELECT 1 FROM {table} WHERE {column} = '{old}'") == []
    for stream in world.streams().values():
        rows = world.mirror.fetch(f"SELECT count(*) FROM {stream.key.model}")[0][0]
        assert stream.rows_live + stream.rows_deleted == rows


async def test_a_forgotten_record_that_the_source_still_lists_is_no_news(make_world: MakeWorld) -> None:
    world, old, _ = await some_deleted(make_world)
    await forgotten(world)
    results = await world.sync(mode=Mode.RESTART)
    assert sum(each.counts.written for each in results) == 0
    integration_id = company_of(world).integration_id
    assert old not in world.rows(EMPLOYEES, integration_id)
    async with world.app() as app:
        verified = await verify(app)
    assert {each.verdict for each in verified.streams} == {"equal"}
    # One that lives again is a record like any.
    company_of(world).restore(EMPLOYEES, old)
    world.clock.advance(timedelta(minutes=1))
    await world.sync()
    assert old in world.rows(EMPLOYEES, integration_id)


async def test_without_the_setting_nothing_is_forgotten(make_world: MakeWorld) -> None:
    world, old, _ = await some_deleted(make_world)
    world.settings["deletions"] = {}
    assert await forgotten(world) == 0
    assert old in world.rows(EMPLOYEES, company_of(world).integration_id)


@pytest.mark.parametrize(
    ("deleted", "keep", "expected"),
    [(None, 7, False), (6, 7, False), (7, 7, True), (8, None, False), (-1, 7, False)],
)
def test_what_was_deleted_at_least_so_long_ago_is_forgotten(
    deleted: int | None, keep: int | None, expected: bool
) -> None:
    now = datetime(2031, 3, 9, tzinfo=UTC)
    deleted_at = None if deleted is None else now - timedelta(days=deleted)
    after = None if keep is None else timedelta(days=keep)
    assert is_forgotten(deleted_at, after, now) is expected
