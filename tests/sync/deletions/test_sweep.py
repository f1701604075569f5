"""Full walks that miss rows: confirmed with Kombo, braked, held, marked, and taken back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import Table, select, update

from syncer.app import App
from syncer.domain.catalogue.lookup import catalogue, model_named
from syncer.domain.catalogue.model import Features
from syncer.domain.streams.state import Outcome
from syncer.domain.streams.stream import Kind, Mode
from syncer.operations.sync import sync
from syncer.simulator.company.company import Company
from syncer.simulator.server import faults
from syncer.simulator.server.faults import Match
from syncer.simulator.server.request_log import RequestInfo
from syncer.store.schema.mirror_tables import MIRROR, integrations, missing, seen
from syncer.store.state.missing import MissingStore
from syncer.sync.context import Progress, Result
from tests.support.databases import ON_SQLITE
from tests.support.world import MakeWorld, World

GROUPS = "hris_groups"
EMPLOYEES = "hris_employees"
RESTART: dict[str, Any] = {"mode": Mode.RESTART}


def company(world: World) -> Company:
    (only,) = world.environment.companies.values()
    return only


def vanish(world: World, model: str, number: int) -> list[str]:
    """Take so many live records out of the list, without a tombstone; gives their ids."""
    ids = company(world).ids(model)[:number]
    for each in ids:
        company(world).vanish(model, each)
    return list(ids)


def deletions(world: World, model: str) -> dict[str, str | None]:
    """The rows that are marked deleted, and by whom."""
    table = MIRROR[model]
    with world.database() as connection:
        found = connection.execute(
            select(table.c.id, table.c.deleted_by).where(table.c.remote_deleted_at.is_not(None))
        )
        return {row[0]: row[1] for row in found}


def swept(world: World, model: str) -> set[str]:
    return {record for record, by in deletions(world, model).items() if by == "sweep"}


def kept(world: World, table: Table) -> list[Any]:
    with world.database() as connection:
        return list(connection.execute(select(table)).all())


def asked_by_id(world: World, model: str, since: int = 0) -> list[RequestInfo]:
    requests = list(world.environment.requests)[since:]
    return [each for each in requests if each.model == model and "ids" in each.params]


def ids_of(requests: Iterable[RequestInfo]) -> list[str]:
    return [each for request in requests for each in request.params["ids"].split(",")]


async def only(world: World, model: str, **arguments: Any) -> Result:
    (result,) = await world.run(models=[model], **arguments)
    return result


async def test_rows_that_kombo_does_not_know_any_more_are_marked_after_it_was_asked(world: World) -> None:
    await world.sync(models=[GROUPS])
    gone = vanish(world, GROUPS, 2)
    result = await only(world, GROUPS, **RESTART)
    assert (result.outcome, result.counts.deleted) == (Outcome.COMPLETE, 2)
    assert swept(world, GROUPS) == set(gone)
    assert set(ids_of(asked_by_id(world, GROUPS))) == set(gone)
    stream = world.streams()[result.key]
    assert stream.rows_live == len(company(world).ids(GROUPS))
    assert stream.rows_live + stream.rows_deleted == len(world.rows(GROUPS, result.key.integration_id))


@ON_SQLITE
async def test_a_sweep_asks_for_just_the_missing_records_deleted_ones_and_unfiltered(
    make_world: MakeWorld,
) -> None:
    world = make_world(records=1_500)
    filters = {"filters": {"employment_status": "ACTIVE"}}
    await world.sync(models=[EMPLOYEES])
    vanish(world, EMPLOYEES, 1)
    await only(world, EMPLOYEES, sync={"models": ["*"], "model": {EMPLOYEES: filters}})
    (asked, *_) = asked_by_id(world, EMPLOYEES)
    assert asked.params["include_deleted"] == "true"
    assert "employment_status" not in asked.params
    assert "updated_after" not in asked.params


@ON_SQLITE
async def test_what_a_filter_leaves_out_is_asked_for_kept_and_current(make_world: MakeWorld) -> None:
    world = make_world(records=1_500)
    await world.sync(models=[EMPLOYEES])
    inactive = next(
        row["id"]
        for row in company(world).rows(EMPLOYEES, include_deleted=False)
        if row.get("employment_status") == "INACTIVE"
    )
    company(world).update(EMPLOYEES, inactive, job_title="Retired")
    filters = {"filters": {"employment_status": "ACTIVE"}}
    result = await only(world, EMPLOYEES, sync={"models": ["*"], "model": {EMPLOYEES: filters}})
    assert result.outcome is Outcome.COMPLETE
    assert not swept(world, EMPLOYEES)
    assert world.rows(EMPLOYEES, result.key.integration_id)[inactive]["job_title"] == "Retired"


@ON_SQLITE
async def test_a_record_that_the_walk_missed_but_kombo_has_is_alive_and_current(world: World) -> None:
    """A list that skips a record, as lists do that are paged by position while they change."""
    await world.sync(models=[GROUPS])
    (shy, *_) = company(world).ids(GROUPS)
    company(world).update(GROUPS, shy, name="Renamed meanwhile")

    def without(answer: Any) -> Any:
        answer["data"]["results"] = [each for each in answer["data"]["results"] if each["id"] != shy]
        return answer

    world.environment.faults.add(Match(model=GROUPS), faults.rewritten(without), times=1)
    result = await only(world, GROUPS, **RESTART)
    assert (result.outcome, result.counts.updated) == (Outcome.COMPLETE, 1)
    assert not swept(world, GROUPS)
    assert world.rows(GROUPS, result.key.integration_id)[shy]["name"] == "Renamed meanwhile"


async def test_a_row_first_seen_after_the_walk_began_is_no_candidate(world: World) -> None:
    await world.sync(models=[GROUPS])
    (young, *_) = company(world).ids(GROUPS)
    company(world).vanish(GROUPS, young)
    table = MIRROR[GROUPS]
    app = world.app()
    with app.database.begin() as connection:
        later = app.database.now(connection) + timedelta(hours=1)
        connection.execute(update(table).where(table.c.id == young).values(first_seen_at=later))
    app.database.close()
    await only(world, GROUPS, **RESTART)
    assert not asked_by_id(world, GROUPS)
    assert not swept(world, GROUPS)


async def test_a_swept_row_that_comes_back_unchanged_is_alive_again(world: World) -> None:
    await world.sync(models=[GROUPS])
    (gone,) = vanish(world, GROUPS, 1)
    await only(world, GROUPS, **RESTART)
    assert swept(world, GROUPS) == {gone}
    company(world).restore(GROUPS, gone)
    result = await only(world, GROUPS, **RESTART)
    assert result.counts.restored == 1
    assert gone not in deletions(world, GROUPS)
    world.assert_equal([GROUPS])


async def test_too_much_at_once_is_held_and_nothing_is_marked(make_world: MakeWorld) -> None:
    world = make_world(records=6_000, deletions={"max_rows": 2, "max_share": 0.05})
    await world.sync(models=[GROUPS])
    gone = vanish(world, GROUPS, 3)
    result = await only(world, GROUPS, **RESTART)
    assert result.outcome is Outcome.HELD
    assert result.error is not None
    assert result.error.startswith("3 of 35 rows (9%) are missing at Kombo and held back: ")
    assert not any(each in result.error for each in gone)
    assert not swept(world, GROUPS)
    assert world.streams()[result.key].state == "held"
    # It stays so until somebody has looked: no pass is a success.
    again = await only(world, GROUPS)
    assert (again.kind, again.outcome) == (Kind.INCREMENTAL, Outcome.HELD)
    skipped = await only(world, GROUPS, mode=Mode.BACKFILL)
    assert (skipped.outcome, skipped.pages) == (Outcome.HELD, 0)


@ON_SQLITE
async def test_an_empty_list_over_rows_is_held_after_one_question(make_world: MakeWorld) -> None:
    world = make_world(records=3_000)
    await world.sync(models=[EMPLOYEES])
    vanish(world, EMPLOYEES, len(company(world).ids(EMPLOYEES)))
    for each in company(world).ids(EMPLOYEES, include_deleted=True):
        company(world).vanish(EMPLOYEES, each)
    before = len(world.environment.requests)
    result = await only(world, EMPLOYEES, **RESTART)
    assert result.outcome is Outcome.HELD
    assert len(asked_by_id(world, EMPLOYEES, before)) == 1
    assert not swept(world, EMPLOYEES)


@ON_SQLITE
async def test_no_more_is_asked_for_than_it_takes_to_hold(make_world: MakeWorld) -> None:
    world = make_world(records=6_000)
    await world.sync(models=[EMPLOYEES])
    number = len(company(world).ids(EMPLOYEES)) - 5
    assert number > 200
    vanish(world, EMPLOYEES, number)
    before = len(world.environment.requests)
    result = await only(world, EMPLOYEES, **RESTART)
    assert result.outcome is Outcome.HELD
    assert len(asked_by_id(world, EMPLOYEES, before)) == 1
    assert len(kept(world, missing)) == number


async def test_approval_asks_once_more_and_marks_only_what_is_still_missing(make_world: MakeWorld) -> None:
    world = make_world(records=6_000, deletions={"max_rows": 2, "max_share": 0.05})
    await world.sync(models=[GROUPS])
    gone = vanish(world, GROUPS, 4)
    await only(world, GROUPS, **RESTART)
    company(world).restore(GROUPS, gone[0])
    before = len(world.environment.requests)
    result = await only(world, GROUPS, mode=Mode.APPROVE)
    assert (result.outcome, result.counts.deleted) == (Outcome.COMPLETE, 3)
    assert set(ids_of(asked_by_id(world, GROUPS, before))) == set(gone)
    assert swept(world, GROUPS) == set(gone[1:])
    assert world.streams()[result.key].state == "complete"
    assert kept(world, missing) == []


async def test_approval_concerns_what_was_held_and_what_is_missing_since_needs_its_own(
    make_world: MakeWorld,
) -> None:
    world = make_world(records=6_000, deletions={"max_rows": 2, "max_share": 0.05})
    await world.sync(models=[GROUPS])
    first = vanish(world, GROUPS, 3)
    await only(world, GROUPS, **RESTART)
    second = vanish(world, GROUPS, 3)
    await only(world, GROUPS, mode=Mode.APPROVE)
    assert swept(world, GROUPS) == set(first)
    result = await only(world, GROUPS, **RESTART)
    assert result.outcome is Outcome.HELD
    assert swept(world, GROUPS) == set(first)
    assert {row.record_id for row in kept(world, missing)} == set(second)


async def test_only_streams_with_something_held_are_approved(make_world: MakeWorld) -> None:
    world = make_world(deletions={"max_rows": 0, "max_share": 0.0})
    await world.sync(models=[GROUPS, "hris_locations"])
    vanish(world, GROUPS, 1)
    await world.run(models=[GROUPS, "hris_locations"], **RESTART)
    (result,) = await world.run(mode=Mode.APPROVE)
    assert result.key.model == GROUPS
    assert await world.run(mode=Mode.APPROVE) == []


async def test_a_hold_ends_when_the_rows_are_seen_again(make_world: MakeWorld) -> None:
    world = make_world(deletions={"max_rows": 0, "max_share": 0.0})
    await world.sync(models=[GROUPS])
    (gone,) = vanish(world, GROUPS, 1)
    assert (await only(world, GROUPS, **RESTART)).outcome is Outcome.HELD
    company(world).restore(GROUPS, gone)
    assert (await only(world, GROUPS)).outcome is Outcome.COMPLETE
    assert kept(world, missing) == []


@ON_SQLITE
@pytest.mark.parametrize(
    ("state", "outcome"),
    [
        ({"status": "INVALID"}, Outcome.WAITING),
        ({"status": "INACTIVE"}, Outcome.WAITING),
        ({"setup_status": "INCOMPLETE"}, Outcome.WAITING),
        ({"data_expired_at": datetime.fromisoformat("2031-03-09T11:00:00Z")}, Outcome.WAITING),
        ({"disabled": {GROUPS}}, Outcome.UNAVAILABLE),
        ({"offers": ("ats_*",)}, Outcome.UNAVAILABLE),
    ],
)
async def test_nothing_is_swept_while_the_integration_is_not_whole(
    world: World, state: dict[str, object], outcome: Outcome
) -> None:
    """The lists serve what they have: only what Kombo says of the integration tells that it is not all."""
    await world.sync(models=[GROUPS])
    gone = vanish(world, GROUPS, 1)
    integration = next(iter(world.environment.integrations.values()))

    def change(_asked: RequestInfo) -> None:
        # After the walk's last page has been read.
        for name, value in state.items():
            setattr(integration, name, value)

    world.environment.between_pages = change
    result = await only(world, GROUPS, **RESTART)
    assert result.outcome is outcome
    assert result.error
    assert not swept(world, GROUPS)
    world.environment.between_pages = None
    integration.status, integration.setup_status = "ACTIVE", "COMPLETED"
    integration.data_expired_at, integration.disabled, integration.offers = None, set(), ("*",)
    assert (await outdated(world)).outcome is Outcome.COMPLETE
    assert swept(world, GROUPS) == set(gone)


@ON_SQLITE
async def test_a_confirmation_that_fails_marks_nothing_and_goes_on_next_time(world: World) -> None:
    await world.sync(models=[GROUPS])
    gone = vanish(world, GROUPS, 2)
    fault = world.environment.faults.add(Match(path="*/integrations/*"), faults.server_error(), times=None)
    result = await only(world, GROUPS, **RESTART)
    assert result.outcome is Outcome.FAILED
    assert not swept(world, GROUPS)
    pages = len([each for each in world.environment.asked_for(GROUPS) if "ids" not in each.params])
    fault.left = 0
    assert (await only(world, GROUPS)).outcome is Outcome.COMPLETE
    assert swept(world, GROUPS) == set(gone)
    again = [each for each in world.environment.asked_for(GROUPS) if "ids" not in each.params]
    assert len(again) == pages, "the walk was not read anew for its sweep"


@ON_SQLITE
async def test_an_answer_about_other_records_is_no_confirmation(world: World) -> None:
    """A list that ignores ``ids`` serves its first page, in which the missing ones are not."""
    await world.sync(models=[GROUPS])
    vanish(world, GROUPS, 1)
    everything = company(world).rows(GROUPS)

    def other(answer: Any) -> Any:
        answer["data"]["results"] = answer["data"]["results"] or everything
        return answer

    world.environment.faults.add(Match(model=GROUPS, page=1), faults.rewritten(other), times=None)
    result = await only(world, GROUPS, **RESTART)
    assert result.outcome is Outcome.FAILED
    assert "answered with others" in (result.error or "")
    assert not swept(world, GROUPS)


@ON_SQLITE
async def test_a_refused_batch_is_halved_and_a_single_404_is_gone(world: World) -> None:
    await world.sync(models=[GROUPS])
    gone = vanish(world, GROUPS, 3)

    def change(asked: RequestInfo) -> None:
        """From the end of the walk on a request for missing ids is a 404."""
        world.environment.faults.add(
            Match(model=GROUPS), faults.kombo_error(404, None, "Not found."), times=None
        )

    world.environment.between_pages = change
    result = await only(world, GROUPS, **RESTART)
    # The incremental follow-up of this test's world is not due: all requests after the walk were for ids.
    assert result.outcome is Outcome.COMPLETE
    assert swept(world, GROUPS) == set(gone)
    assert [len(each.params["ids"].split(",")) for each in asked_by_id(world, GROUPS)] == [3, 1, 2, 1, 1]


@ON_SQLITE
async def test_a_404_of_something_before_kombo_is_no_confirmation(world: World) -> None:
    await world.sync(models=[GROUPS])
    vanish(world, GROUPS, 1)

    def change(asked: RequestInfo) -> None:
        world.environment.faults.add(Match(model=GROUPS), faults.bad_gateway(404, "no route"), times=None)

    world.environment.between_pages = change
    result = await only(world, GROUPS, **RESTART)
    assert result.outcome is Outcome.FAILED
    assert not swept(world, GROUPS)


async def test_a_sweep_that_was_told_to_stop_goes_on_without_another_walk(make_world: MakeWorld) -> None:
    world = make_world(records=6_000)
    await world.sync(models=[EMPLOYEES])
    gone = vanish(world, EMPLOYEES, 40)
    app = world.app()

    def stop(progress: Progress) -> None:
        if progress.step == "page":
            app.stopping.set()

    async with app:
        (stopped,) = await sync(app, Mode.RESTART, models=[EMPLOYEES], report=stop)
        assert stopped.outcome is Outcome.STOPPED
    pages = 1
    while (stream := world.streams()[stopped.key]).walk is not None and stream.walk.phase == "read":
        pages += 1
        app = world.app()
        async with app:
            await sync(app, Mode.SYNC, models=[EMPLOYEES], report=stop)
    assert stream.walk is not None
    assert not swept(world, EMPLOYEES)
    assert stream.watermark is not None
    result = await only(world, EMPLOYEES)
    assert (result.outcome, result.pages, result.counts.deleted) == (Outcome.COMPLETE, 0, 40)
    assert swept(world, EMPLOYEES) == set(gone)
    assert kept(world, seen) == []


async def test_a_quarantined_record_counts_as_seen(world: World) -> None:
    await world.sync(models=[GROUPS])
    (poor, *_) = company(world).ids(GROUPS)

    def with_nul(answer: Any) -> Any:
        for each in answer["data"]["results"]:
            if each["id"] == poor:
                each["name"] = "a\0b"
        return answer

    world.environment.faults.add(Match(model=GROUPS), faults.rewritten(with_nul), times=None)
    result = await only(world, GROUPS, **RESTART)
    assert result.counts.quarantined == 1
    assert not asked_by_id(world, GROUPS)
    assert not swept(world, GROUPS)


async def test_entries_that_a_full_walk_does_not_meet_again_leave_the_quarantine(world: World) -> None:
    def nameless(answer: Any) -> Any:
        answer["data"]["results"].append({"name": "no id"})
        return answer

    world.environment.faults.add(Match(model=GROUPS), faults.rewritten(nameless), times=1)
    result = await only(world, GROUPS)
    assert world.streams()[result.key].state == "incomplete"
    await only(world, GROUPS)
    assert world.streams()[result.key].state == "incomplete", "an incremental walk says nothing of it"
    await only(world, GROUPS, **RESTART)
    assert world.streams()[result.key].state == "complete"


@pytest.fixture
def _lookups_forgotten() -> Iterator[None]:
    """Models are looked up anew before the next test, which has the catalogue as it is."""
    yield
    model_named.cache_clear()


@ON_SQLITE
@pytest.mark.usefixtures("_lookups_forgotten")
async def test_records_without_ids_to_ask_by_must_be_missing_in_two_complete_walks(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.sync(models=[GROUPS])
    nameless = replace(model_named(GROUPS), features=Features(ids=False))
    monkeypatch.setitem(catalogue(), GROUPS, nameless)
    model_named.cache_clear()
    gone = vanish(world, GROUPS, 2)
    result = await only(world, GROUPS, **RESTART)
    assert result.outcome is Outcome.COMPLETE
    assert not swept(world, GROUPS)
    company(world).restore(GROUPS, gone[0])
    await only(world, GROUPS, **RESTART)
    assert swept(world, GROUPS) == {gone[1]}
    company(world).vanish(GROUPS, gone[0])
    await only(world, GROUPS, **RESTART)
    assert swept(world, GROUPS) == {gone[1]}, "the two walks must follow each other"


@ON_SQLITE
async def test_what_kombo_read_anew_after_a_change_of_its_configuration_is_walked_whole(world: World) -> None:
    await world.sync(models=[GROUPS])
    integration = next(iter(world.environment.integrations.values()))
    integration.data_expired_at = world.clock.now()
    assert (await outdated(world)).kind is Kind.INCREMENTAL
    integration.data_expired_at = None
    gone = vanish(world, GROUPS, 1)
    assert (await outdated(world)).kind is Kind.FULL
    assert swept(world, GROUPS) == set(gone)
    assert (await outdated(world)).kind is Kind.INCREMENTAL


async def outdated(world: World) -> Result:
    """A pass at a time when what Kombo said of the integration is no longer fresh."""
    app = world.app()
    with app.database.begin() as connection:
        connection.execute(update(integrations).values(checked_at=None))
    app.database.close()
    return await only(world, GROUPS)


@ON_SQLITE
async def test_a_model_that_is_offered_again_is_read_whole(world: World) -> None:
    await world.sync(models=[GROUPS])
    integration = next(iter(world.environment.integrations.values()))
    integration.disabled = {GROUPS}
    assert (await outdated(world)).outcome is Outcome.UNAVAILABLE
    gone = vanish(world, GROUPS, 1)
    integration.disabled = set()
    result = await outdated(world)
    assert (result.kind, result.outcome) == (Kind.FULL, Outcome.COMPLETE)
    assert swept(world, GROUPS) == set(gone)


async def test_a_view_older_than_tombstones_last_is_made_whole_by_itself(make_world: MakeWorld) -> None:
    world = make_world(sync={"models": ["*"], "full_every": "365d"})
    await world.sync(models=[GROUPS])
    gone = vanish(world, GROUPS, 1)
    world.clock_offset = timedelta(days=12)
    assert (await only(world, GROUPS)).kind is Kind.INCREMENTAL
    world.clock_offset = timedelta(days=12 + 14)
    result = await only(world, GROUPS)
    assert (result.kind, result.outcome) == (Kind.FULL, Outcome.COMPLETE)
    assert swept(world, GROUPS) == set(gone)


async def test_what_walks_have_seen_is_dropped_with_them(make_world: MakeWorld) -> None:
    world = make_world(records=1_500, kombo={"page_size": 10})
    await world.sync(models=[EMPLOYEES])
    assert kept(world, seen) == []
    assert kept(world, missing) == []


async def test_what_a_walk_has_seen_is_dropped_when_another_takes_its_place(make_world: MakeWorld) -> None:
    world = make_world(records=900, kombo={"page_size": 10})
    for pages in (3, 2):
        app = world.app()

        def stop(progress: Progress, app: App = app, pages: int = pages) -> None:
            if progress.step == "page" and progress.pages == pages:
                app.stopping.set()

        async with app:
            await sync(app, Mode.RESTART, models=[EMPLOYEES], report=stop)
        (stream,) = (each for each in world.streams().values() if each.model == EMPLOYEES)
        assert stream.walk is not None
        assert [(each.walk_id, each.page) for each in kept(world, seen)] == [
            (stream.walk.id, page) for page in range(1, pages + 1)
        ]


async def test_noting_what_is_missing_twice_changes_nothing_more(world: World) -> None:
    await world.sync(models=[GROUPS])
    key = next(key for key in world.streams() if key.model == GROUPS)
    app = world.app()
    with app.database.begin() as connection:
        now = app.database.now(connection)
        store = MissingStore("default", key)
        unseen = store.find(connection, "w", now, now)
        assert set(unseen) == set(company(world).ids(GROUPS))
        store.note(connection, unseen, "w", now)
        once = connection.execute(select(missing).order_by(missing.c.record_id)).all()
        store.note(connection, unseen, "w", now)
        assert connection.execute(select(missing).order_by(missing.c.record_id)).all() == once
        assert {row.walks for row in once} == {1}
        store.note(connection, unseen, "another", now)
        assert set(connection.execute(select(missing.c.walks)).scalars()) == {2}
    app.database.close()
