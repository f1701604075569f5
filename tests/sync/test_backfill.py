"""The first full walk: everything is there, once, and a second pass writes nothing."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.errors import KeyRefused
from syncer.domain.streams.state import Outcome
from syncer.domain.streams.stream import Kind, Mode
from syncer.store.schema.mirror_tables import MIRROR
from tests.support.databases import ON_SQLITE
from tests.support.world import MakeWorld, World


@pytest.mark.parametrize("page_size", [1, 40])
async def test_every_record_of_every_model_is_there_as_at_the_source(
    make_world: MakeWorld, page_size: int
) -> None:
    world = make_world(integrations=2, records=80 if page_size == 1 else 600)
    await world.sync(mode=Mode.BACKFILL, kombo={"page_size": page_size})
    world.assert_equal()


async def test_a_second_sync_of_unchanged_data_writes_no_row(world: World) -> None:
    await world.sync(mode=Mode.BACKFILL)
    results = await world.sync()
    assert sum(each.counts.written for each in results) == 0
    assert sum(each.counts.live for each in results) == 0


@ON_SQLITE
async def test_a_second_backfill_asks_for_no_page(world: World) -> None:
    await world.sync(mode=Mode.BACKFILL)
    asked = len(world.environment.asked_for())
    results = await world.sync(mode=Mode.BACKFILL)
    assert {each.outcome for each in results} == {Outcome.SKIPPED}
    lists = [each for each in list(world.environment.requests)[asked:] if each.model is not None]
    assert lists == []


async def test_restart_walks_everything_again_and_writes_nothing(world: World) -> None:
    await world.sync(mode=Mode.BACKFILL)
    results = await world.sync(mode=Mode.RESTART)
    assert {each.kind for each in results} == {Kind.FULL}
    assert sum(each.counts.written for each in results) == 0
    assert sum(each.counts.unchanged for each in results) > 500


@ON_SQLITE
async def test_only_the_selected_streams_are_asked(make_world: MakeWorld) -> None:
    world = make_world(integrations=2)
    first, second = world.environment.integrations
    await world.sync(mode=Mode.BACKFILL, integrations=[first], models=["hris_employ*"])
    asked = {(each.integration_id, each.model) for each in world.environment.requests if each.model}
    assert asked == {
        (first, "hris_employees"),
        (first, "hris_employments"),
        (first, "hris_employee_document_categories"),
    }
    assert world.rows("hris_employees", second) == {}


@ON_SQLITE
async def test_every_list_request_asks_for_deleted_records_and_the_largest_page(world: World) -> None:
    await world.sync(mode=Mode.BACKFILL)
    await world.sync()
    for asked in world.environment.asked_for():
        if asked.model is None:
            continue
        features = catalogue()[asked.model].features
        assert (asked.params.get("include_deleted") == "true") is features.include_deleted
        assert (asked.params.get("page_size") == "250") is features.paging


async def test_records_that_come_with_their_members_in_another_order_are_not_written(world: World) -> None:
    groups = ["hris_groups"]
    (first,) = await world.sync(models=groups)
    # As if they had come in another one: what is known of it is the hash of the text.
    async with world.app() as app:
        with app.database.begin() as connection:
            connection.execute(update(MIRROR["hris_groups"]).values(content_hash=b"of another order"[:16]))
    (again,) = await world.sync(mode=Mode.RESTART, models=groups)
    assert (again.counts.unchanged, again.counts.written) == (first.counts.created, 0)


@ON_SQLITE
async def test_assessment_orders_are_read_whole_each_time(world: World) -> None:
    await world.sync(mode=Mode.BACKFILL, models=["assessment_orders"])
    [orders] = await world.sync(models=["assessment_orders"])
    assert orders.kind is Kind.FULL
    assert orders.counts.unchanged == len(world.rows("assessment_orders", orders.key.integration_id))
    assert all(
        "updated_after" not in each.params for each in world.environment.asked_for("assessment_orders")
    )


@ON_SQLITE
async def test_a_refused_key_stops_everything_after_a_handful_of_requests(make_world: MakeWorld) -> None:
    world = make_world(integrations=2)
    with pytest.raises(KeyRefused):
        await world.run(Mode.BACKFILL, kombo={"api_key": "ks_dev_wrong_key"})
    assert len(world.environment.requests) <= 3


async def test_counts_of_rows_are_those_of_the_tables(world: World) -> None:
    await world.sync(mode=Mode.BACKFILL)
    for (integration_id, model), stream in world.streams().items():
        rows = world.rows(model, integration_id).values()
        deleted = sum(1 for row in rows if row.get("remote_deleted_at"))
        assert (stream.rows_live, stream.rows_deleted) == (len(rows) - deleted, deleted), model
