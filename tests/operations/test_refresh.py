"""Single records fetched now, and records in quarantine that are tried again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from syncer.app import App
from syncer.domain.errors import Busy, IntegrationGone, ModelUnavailable, UsageError
from syncer.domain.ratelimit.budget import Purpose
from syncer.domain.stream_key import StreamKey
from syncer.domain.streams.stream import Mode
from syncer.operations import refresh as operation
from syncer.operations.quarantine import list_quarantine, retry_quarantine
from syncer.operations.sync import sync
from syncer.simulator.company.company import Company
from syncer.simulator.server import faults
from syncer.simulator.server.faults import Match
from syncer.store.schema.mirror_tables import missing, runs, streams
from syncer.sync.context import Progress
from syncer.sync.deletions.confirm import IdKind
from syncer.sync.refresh import Refreshed
from tests.support.alone import alone
from tests.support.databases import ON_SQLITE
from tests.support.world import MakeWorld, World

GROUPS = "hris_groups"


def company(world: World) -> Company:
    (only,) = world.environment.companies.values()
    return only


async def refresh(world: World, ids: list[str], *, model: str = GROUPS, **arguments: Any) -> list[Refreshed]:
    async with world.app() as app:
        return list(await operation.refresh(app, company(world).integration_id, model, ids, **arguments))


def stream_row(world: World, model: str = GROUPS) -> Any:
    with world.database() as connection:
        return connection.execute(select(streams).where(streams.c.model == model)).one()


def poison(world: World, record_id: str, **members: Any) -> Any:
    """From now on the list serves this record with these members."""

    def change(answer: Any) -> Any:
        for each in answer["data"]["results"]:
            if each["id"] == record_id:
                each.update(members)
        return answer

    return world.environment.faults.add(Match(model=GROUPS), faults.rewritten(change), times=None)


async def test_each_record_is_told_what_became_of_it(make_world: MakeWorld) -> None:
    world = make_world(records=6_000)
    await world.sync(models=[GROUPS])
    same, changed, deleted, back = company(world).ids(GROUPS)[:4]
    company(world).delete(GROUPS, back)
    await world.sync(models=[GROUPS])
    company(world).update(GROUPS, changed, name="Renamed")
    company(world).delete(GROUPS, deleted)
    company(world).restore(GROUPS, back)
    new = company(world).add(GROUPS, {"name": "Brand new", "type": "TEAM", "parent_id": None})
    before = stream_row(world)
    fates = await refresh(world, [same, changed, deleted, back, new, "nobody"])
    assert [(each.asked, each.became) for each in fates] == [
        (same, "unchanged"),
        (changed, "updated"),
        (deleted, "deleted"),
        (back, "restored"),
        (new, "created"),
        ("nobody", "unknown"),
    ]
    world.assert_equal([GROUPS])
    after = stream_row(world)
    assert after.rows_live == before.rows_live + 1
    assert after.lease_owner is None
    progress = ("state", "watermark", "complete_at", "last_full_walk_at", "last_run_at", "walk_id", "due_at")
    assert [getattr(after, each) for each in progress] == [getattr(before, each) for each in progress]


@ON_SQLITE
async def test_it_asks_for_just_these_records(world: World) -> None:
    await world.sync(models=[GROUPS])
    before = len(world.environment.requests)
    (one, *_) = company(world).ids(GROUPS)
    await refresh(world, [one])
    asked = [each for each in list(world.environment.requests)[before:] if each.model is not None]
    assert [each.params["ids"] for each in asked] == [one]
    assert asked[0].params["include_deleted"] == "true"


async def test_records_are_found_by_the_tools_ids(world: World) -> None:
    row = company(world).rows(GROUPS, include_deleted=False)[0]
    fates = await refresh(world, [row["remote_id"], "not-there"], by="remote_ids")
    assert fates == [
        Refreshed(row["remote_id"], row["id"], "created"),
        Refreshed("not-there", None, "unknown"),
    ]


async def test_a_record_that_was_held_back_as_missing_is_not_missing_any_more(make_world: MakeWorld) -> None:
    world = make_world(deletions={"max_rows": 0, "max_share": 0.0})
    await world.sync(models=[GROUPS])
    (gone, *_) = company(world).ids(GROUPS)
    company(world).vanish(GROUPS, gone)
    await world.run(mode=Mode.RESTART, models=[GROUPS])
    assert stream_row(world).state == "held"
    company(world).restore(GROUPS, gone)
    await refresh(world, [gone])
    assert stream_row(world).state == "complete"
    with world.database() as connection:
        assert connection.execute(select(missing)).all() == []


async def test_a_record_that_kombo_does_not_know_is_not_marked_for_that(world: World) -> None:
    await world.sync(models=[GROUPS])
    (gone, *_) = company(world).ids(GROUPS)
    company(world).vanish(GROUPS, gone)
    (fate,) = await refresh(world, [gone])
    assert fate.became == "unknown"
    assert gone in world.rows(GROUPS, company(world).integration_id)
    assert stream_row(world).rows_deleted == sum(
        row["remote_deleted_at"] is not None for row in company(world).rows(GROUPS)
    )


async def test_what_cannot_be_stored_is_said_with_the_reason(world: World) -> None:
    await world.sync(models=[GROUPS])
    one, other = company(world).ids(GROUPS)[:2]
    poison(world, one, name="a\0b")
    poisoned = await refresh(world, [one, other])
    assert [(each.became, each.reason) for each in poisoned] == [
        ("quarantined", "holds a NUL character"),
        ("unchanged", None),
    ]
    assert stream_row(world).state == "incomplete"


async def test_a_stream_that_another_runner_keeps_is_busy(world: World) -> None:
    await world.sync(models=[GROUPS])
    (one, *_) = company(world).ids(GROUPS)
    other = world.app()
    with other.database.begin() as connection:
        now = other.database.now(connection)
        alone(other).streams.claim(
            connection,
            StreamKey(company(world).integration_id, GROUPS),
            owner="somebody else",
            now=now,
            length=timedelta(hours=1),
            is_dead=lambda _: False,
        )
    other.database.close()
    with pytest.raises(Busy, match="Another runner works on hris_groups"):
        await refresh(world, [one])
    assert stream_row(world).lease_owner == "somebody else"


async def test_what_made_a_stream_due_is_not_answered_by_it(world: World) -> None:
    await world.sync(models=[GROUPS])
    key = StreamKey(company(world).integration_id, GROUPS)
    app = world.app()
    with app.database.begin() as connection:
        alone(app).streams.mark_due(
            connection, [key], now=app.database.now(connection), purpose=Purpose.WEBHOOK
        )
    app.database.close()
    due = stream_row(world)
    await refresh(world, company(world).ids(GROUPS)[:1])
    assert (stream_row(world).due_at, stream_row(world).due_purpose) == (due.due_at, due.due_purpose)


async def test_an_unfinished_walk_goes_on_as_if_nothing_had_been(make_world: MakeWorld) -> None:
    world = make_world(records=6_000, kombo={"page_size": 5})
    app = world.app()

    def stop(progress: Progress) -> None:
        if progress.step == "page":
            app.stopping.set()

    async with app:
        await sync(app, Mode.SYNC, models=[GROUPS], report=stop)
    before = world.streams()[StreamKey(company(world).integration_id, GROUPS)].walk
    await refresh(world, [company(world).ids(GROUPS)[-1]])
    assert world.streams()[StreamKey(company(world).integration_id, GROUPS)].walk == before
    await world.sync(models=[GROUPS])
    world.assert_equal([GROUPS])


@ON_SQLITE
@pytest.mark.parametrize(
    ("model", "ids", "by", "message"),
    [
        ("hris_group", ["a"], "ids", "There is no model 'hris_group'. Did you mean"),
        (GROUPS, ["a,b"], "ids", "'a,b' is no id"),
        (GROUPS, [""], "ids", "'' is no id"),
        ("assessment_orders", ["a"], "remote_ids", "assessment_orders cannot be fetched by the tool's ids"),
    ],
)
async def test_what_cannot_be_asked_for_is_refused_without_a_request(
    world: World, model: str, ids: list[str], by: IdKind, message: str
) -> None:
    with pytest.raises(UsageError) as refused:
        await refresh(world, ids, model=model, by=by)
    assert message in str(refused.value)
    assert not world.environment.requests


async def test_trouble_with_kombo_is_raised_and_the_stream_stays_as_it_was(world: World) -> None:
    await world.sync(models=[GROUPS])
    (one, *_) = company(world).ids(GROUPS)
    before = stream_row(world)
    integration = next(iter(world.environment.integrations.values()))
    integration.disabled = {GROUPS}
    with pytest.raises(ModelUnavailable):
        await refresh(world, [one])
    world.environment.remove(integration.id)
    with pytest.raises(IntegrationGone):
        await refresh_of(world, integration.id, one)
    after = stream_row(world)
    assert (after.state, after.last_outcome, after.lease_owner) == (before.state, before.last_outcome, None)
    with world.database() as connection:
        ended = connection.execute(select(runs.c.outcome).order_by(runs.c.started_at)).scalars().all()
    assert ended == ["complete", "failed", "failed"]


async def refresh_of(world: World, integration_id: str, record_id: str) -> list[Refreshed]:
    app: App = world.app(integrations=[{"id": integration_id}])
    async with app:
        return await operation.refresh(app, integration_id, GROUPS, [record_id])


# -- quarantine ----------------------------------------------------------------------------------------------


async def retry(world: World, **selected: Any) -> list[Refreshed]:
    async with world.app() as app:
        found = await retry_quarantine(app, **selected)
    return [fate for fates in found.values() for fate in fates]


def held_back(world: World) -> list[tuple[str, str]]:
    app = world.app()
    try:
        return [(each.key, each.reason) for each in list_quarantine(app)]
    finally:
        app.database.close()


async def test_a_record_that_was_mended_at_the_source_leaves_the_quarantine(world: World) -> None:
    (one, *_) = company(world).ids(GROUPS)
    fault = poison(world, one, name="a\0b")
    await world.run(models=[GROUPS])
    assert held_back(world) == [(one, "holds a NUL character")]
    assert stream_row(world).state == "incomplete"
    fault.left = 0
    assert await retry(world) == [Refreshed(one, one, "created")]
    assert held_back(world) == []
    assert stream_row(world).state == "complete"
    world.assert_equal([GROUPS])


async def test_what_is_still_bad_stays_with_its_reason(world: World) -> None:
    (one, *_) = company(world).ids(GROUPS)
    poison(world, one, name="a\0b")
    await world.run(models=[GROUPS])
    assert await retry(world) == [Refreshed(one, one, "quarantined", "holds a NUL character")]
    assert held_back(world) == [(one, "holds a NUL character")]


async def test_a_record_that_kombo_does_not_know_any_more_leaves_it(world: World) -> None:
    (one, *_) = company(world).ids(GROUPS)
    poison(world, one, name="a\0b")
    await world.run(models=[GROUPS])
    company(world).vanish(GROUPS, one)
    assert await retry(world) == [Refreshed(one, None, "unknown")]
    assert held_back(world) == []
    assert stream_row(world).state == "complete"


async def test_a_record_without_an_id_stays_and_nobody_is_asked(world: World) -> None:
    def nameless(answer: Any) -> Any:
        answer["data"]["results"].append({"name": "no id"})
        return answer

    world.environment.faults.add(Match(model=GROUPS), faults.rewritten(nameless), times=1)
    await world.run(models=[GROUPS])
    before = len(world.environment.requests)
    (fate,) = await retry(world)
    assert (fate.id, fate.became, fate.reason) == (None, "quarantined", "no usable id")
    assert not [each for each in list(world.environment.requests)[before:] if each.model]


async def test_a_column_that_did_not_fit_is_filled_once_it_does(world: World) -> None:
    (one, *_) = company(world).ids(GROUPS)
    fault = poison(world, one, changed_at="yesterday")
    await world.run(models=[GROUPS])
    ((key, reason),) = held_back(world)
    assert key == one
    assert "changed_at" in reason
    fault.left = 0
    assert await retry(world) == [Refreshed(one, one, "updated")]
    assert held_back(world) == []


async def test_only_the_selected_streams_are_tried_again(world: World) -> None:
    (one, *_) = company(world).ids(GROUPS)
    poison(world, one, name="a\0b")
    await world.run(models=[GROUPS])
    assert await retry(world, models=["hris_locations"]) == []
    assert len(await retry(world, models=["hris_g*"])) == 1
