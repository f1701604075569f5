"""The change feed tells what a sync changed in the mirror: each change once, and nothing else."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from syncer.domain.feed.feed_change import FeedChange
from syncer.domain.stream_key import StreamKey
from syncer.domain.streams.stream import Mode
from syncer.operations.refresh import refresh
from syncer.operations.reproject import reproject
from syncer.simulator.company.company import Company
from syncer.simulator.server import faults
from syncer.simulator.server.faults import Match
from syncer.store.reading.changes import FeedState, feed_state, read_changes
from syncer.sync.run import run_stream
from tests.support.alone import ready
from tests.support.feed_copy import FeedCopy
from tests.support.world import MakeWorld, World

EMPLOYEES, GROUPS, SKILLS, JOBS = "hris_employees", "hris_groups", "hris_skills", "ats_jobs"
MODELS = [EMPLOYEES, GROUPS, SKILLS]


def company(world: World) -> Company:
    (only,) = world.environment.companies.values()
    return only


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    """Three models, whose changes are told with former values."""
    return make_world(sync={"models": MODELS}, changes={"models": ["*"], "before": True})


@pytest.fixture
def copy(world: World) -> FeedCopy:
    return FeedCopy([StreamKey(company(world).integration_id, model) for model in MODELS])


async def told(world: World, copy: FeedCopy, mode: Mode = Mode.SYNC, **arguments: Any) -> list[FeedChange]:
    """Sync a minute later; give what the feed told, which the mirror must equal."""
    world.clock.advance(timedelta(minutes=1))
    await world.sync(mode=mode, **arguments)
    with world.database() as connection:
        found = copy.follow(connection)
        copy.assert_equals(connection)
    return found


def shown(changes: list[FeedChange], model: str) -> list[tuple[str, str, list[str]]]:
    """Ids, operations and members of a model's changes; other records carry copies, which change as well."""
    return [
        (each.record_id, each.operation, sorted(each.members or ()))
        for each in changes
        if each.model == model
    ]


async def test_what_a_sync_changes_is_told_once_and_an_unchanged_reload_is_not(
    world: World, copy: FeedCopy
) -> None:
    first = await told(world, copy)
    employees = world.mirror.fetch("SELECT count(*) FROM hris_employees")[0][0]
    assert {each.operation for each in first} == {"created"}
    assert sum(each.model == EMPLOYEES for each in first) == employees
    assert await told(world, copy, Mode.RESTART) == []

    one, two, *others = company(world).ids(EMPLOYEES)
    linked = company(world).tables.of(EMPLOYEES)
    three = next(each for each in others if linked[each].links.get("groups"))
    group = next(iter(linked[three].links["groups"]))
    other = next(each for each in company(world).ids(GROUPS) if each not in linked[three].links["groups"])
    company(world).update(EMPLOYEES, one, first_name="Zoë")
    company(world).delete(EMPLOYEES, two)
    company(world).unlink(EMPLOYEES, three, "groups", group)
    company(world).link(EMPLOYEES, three, "groups", other)
    changed = await told(world, copy)
    assert sorted(shown(changed, EMPLOYEES)) == sorted(
        [
            (one, "updated", ["changed_at", "first_name"]),
            (two, "deleted", ["changed_at", "remote_deleted_at"]),
            (three, "updated", ["groups", "teams"]),
        ]
    )
    before = next(each.before for each in changed if each.record_id == one)
    assert before is not None
    assert set(json.loads(before)) == {"first_name", "changed_at"}
    newest = (
        "SELECT at FROM mirror_changes WHERE model = 'hris_employees' AND record_id = hris_employees.id"
        " ORDER BY sequence DESC LIMIT 1"
    )
    other_times = f"SELECT count(*) FROM hris_employees WHERE mirrored_at <> ({newest})"
    assert world.mirror.fetch(other_times)[0][0] == 0

    company(world).restore(EMPLOYEES, two)
    assert shown(await told(world, copy), EMPLOYEES) == [
        (two, "restored", ["changed_at", "remote_deleted_at"])
    ]


async def test_the_marks_of_a_sweep_and_their_end_are_told(world: World, copy: FeedCopy) -> None:
    await told(world, copy)
    (gone, *_) = company(world).ids(GROUPS)
    company(world).vanish(GROUPS, gone)
    assert shown(await told(world, copy, Mode.RESTART), GROUPS) == [(gone, "deleted", ["remote_deleted_at"])]
    assert await told(world, copy, Mode.RESTART) == []
    company(world).restore(GROUPS, gone, at=world.clock.now() - timedelta(days=300))
    ((record_id, operation, members),) = shown(await told(world, copy, Mode.RESTART), GROUPS)
    assert (record_id, operation) == (gone, "restored")
    assert "remote_deleted_at" in members


async def test_held_rows_are_told_once_they_are_approved(
    make_world: MakeWorld, world: World, copy: FeedCopy
) -> None:
    await told(world, copy)
    world.settings["deletions"] = {"max_share": 0, "max_rows": 0}
    (gone, *_) = company(world).ids(GROUPS)
    company(world).vanish(GROUPS, gone)
    await world.run(mode=Mode.RESTART)
    with world.database() as connection:
        assert shown(copy.follow(connection), GROUPS) == []
        copy.assert_equals(connection)
    assert shown(await told(world, copy, Mode.APPROVE), GROUPS) == [(gone, "deleted", ["remote_deleted_at"])]


async def test_a_record_that_is_refreshed_is_told(world: World, copy: FeedCopy) -> None:
    await told(world, copy)
    (one, *_) = company(world).ids(EMPLOYEES)
    company(world).update(EMPLOYEES, one, first_name="Zoë")
    async with world.app() as app:
        await refresh(app, company(world).integration_id, EMPLOYEES, [one])
    with world.database() as connection:
        assert shown(copy.follow(connection), EMPLOYEES) == [(one, "updated", ["changed_at", "first_name"])]
        copy.assert_equals(connection)


async def test_poison_is_not_told_before_it_is_a_row(world: World, copy: FeedCopy) -> None:
    await told(world, copy)
    (one, *_) = company(world).ids(GROUPS)

    def spoil(answer: Any) -> Any:
        for each in answer["data"]["results"]:
            if each["id"] == one:
                each["name"] = "a\0b"
        return answer

    company(world).update(GROUPS, one, name="Legal")
    world.environment.faults.add(Match(model=GROUPS), faults.rewritten(spoil), None)
    assert await told(world, copy, may_quarantine=True) == []
    world.environment.faults.clear()
    assert shown(await told(world, copy), GROUPS) == [(one, "updated", ["changed_at", "name"])]


@pytest.mark.parametrize("after", ["follow", "keep"])
async def test_what_kombo_blanks_is_told_as_erased_and_blanked_in_former_values_too(
    world: World, copy: FeedCopy, after: str
) -> None:
    world.settings["deletions"] = {"after_anonymisation": after}
    await told(world, copy)
    one, other, *_ = company(world).ids(EMPLOYEES)
    for each, name in ((one, "Zoë"), (other, "Ida")):
        company(world).update(EMPLOYEES, each, first_name=name)
    await told(world, copy)
    for each in (one, other):
        company(world).update(EMPLOYEES, each, first_name="Later")
    company(world).delete(EMPLOYEES, one)
    await told(world, copy)
    world.clock.advance(timedelta(days=15))
    changed = [each for each in await told(world, copy, Mode.RESTART) if each.record_id == one]
    kept = dict(world.mirror.fetch("SELECT record_id, count(before) FROM mirror_changes GROUP BY record_id"))
    assert kept[other] >= 2
    if after == "follow":
        assert [each.operation for each in changed] == ["erased"]
        assert "first_name" in (changed[0].members or ())
        assert kept[one] == 0
    else:
        assert "erased" not in {each.operation for each in changed}
        assert kept[one] >= 2


async def test_a_reprojection_is_not_told(world: World, copy: FeedCopy) -> None:
    await told(world, copy)
    async with world.app() as app:
        await reproject(app, models=[])
    assert await told(world, copy, Mode.RESTART) == []


async def test_what_is_excluded_leaves_former_values_and_is_not_told(world: World, copy: FeedCopy) -> None:
    await told(world, copy)
    one, other, *_ = company(world).ids(EMPLOYEES)
    company(world).update(EMPLOYEES, one, ssn="secret-1", first_name="Zoë")
    company(world).update(EMPLOYEES, other, ssn="secret-2")
    await told(world, copy)
    company(world).update(EMPLOYEES, one, ssn="secret-3", first_name="Ida")
    await told(world, copy)
    text = "SELECT CAST(before AS text) FROM mirror_changes WHERE before IS NOT NULL"
    assert "secret-1" in str(world.mirror.fetch(text))

    company(world).update(EMPLOYEES, one, ssn="secret-4", first_name="Eva")
    async with (
        world.app(privacy={"exclude": ["hris_employees.ssn"]}) as app,
        ready(app) as (context, asking),
    ):
        # A page comes before the re-projection: the documents still have what is excluded.
        (key,) = (each for each in copy.keys if each.model == EMPLOYEES)
        await run_stream(context, asking, key, mode=Mode.RESTART)
        with world.database() as connection:
            (change,) = copy.follow(connection, is_checked=False)
        assert shown([change], EMPLOYEES) == [(one, "updated", ["changed_at", "first_name"])]
        assert "secret" not in str(change.before)
        await app.reprojection.finish()
    kept = str(world.mirror.fetch(text))
    assert "secret" not in kept
    assert "Zoë" in kept
    world.settings["privacy"] = {"exclude": ["hris_employees.ssn"]}
    await world.sync(mode=Mode.RESTART)
    with world.database() as connection:
        assert copy.follow(connection) == []


async def test_changes_are_dropped_when_they_are_too_old_and_never_others(
    world: World, copy: FeedCopy
) -> None:
    await told(world, copy)
    kept_from = copy.sequence
    world.clock_offset = timedelta(days=6)
    company(world).update(EMPLOYEES, company(world).ids(EMPLOYEES)[0], first_name="Zoë")
    await told(world, copy)
    with world.database() as connection:
        assert len(read_changes(connection, 0, 500).changes) == copy.sequence
    world.clock_offset = timedelta(days=8)
    async with world.app() as app:
        assert await app.drop_old_rows(at_once=3) == kept_from
        assert await app.drop_old_rows(at_once=3) == 0
    with world.database() as connection:
        assert feed_state(connection) == FeedState(copy.sequence, kept_from)
        page = read_changes(connection, 0, 500)
    assert [each.sequence for each in page.changes] == list(range(kept_from + 1, copy.sequence + 1))
    # A pass without a service does the same.
    world.clock_offset = timedelta(days=15)
    await world.sync()
    assert world.mirror.fetch("SELECT count(*) FROM mirror_changes")[0][0] == 0
