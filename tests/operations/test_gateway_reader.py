"""Whoever keeps a copy of the gateway's lists by `updated_after` alone loses nothing that the mirror has."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from random import Random
from uuid import uuid4

import pytest
from sqlalchemy import delete

from syncer.domain.catalogue.lookup import model_named
from syncer.domain.records.row import Row
from syncer.domain.stream_key import StreamKey
from syncer.domain.streams.state import Outcome
from syncer.domain.streams.stream import Mode
from syncer.simulator.company.company import Erasure
from syncer.simulator.life.random_change import random_change
from syncer.store.reading import changed_records
from syncer.store.schema.destination import model_destination
from syncer.store.schema.mirror_tables import MIRROR
from syncer.store.state.runs import begin_run
from syncer.store.state.runs import end_run as end_run_of
from tests.support.gateway import GatewayLists, NaiveReader
from tests.support.records import row_of
from tests.support.rows import write_page
from tests.support.source import SOURCE_TIME
from tests.support.world import MakeWorld, World

#: Lists that carry copies of each other, also inside of copies.
MODELS = [
    *("hris_employees", "hris_groups", "hris_absence_types", "hris_time_off_balances", "hris_payslips"),
    *("ats_candidates", "ats_applications", "ats_jobs", "ats_tags", "ats_application_stages"),
]
EMPLOYEES = MIRROR["hris_employees"]


def assert_is_the_mirror(reader: NaiveReader) -> None:
    """Fail unless the reader holds what the gateway's lists hold as a whole."""
    for model in reader.models:
        whole = {each["id"]: each for each in reader.lists.walk(model, include_deleted="true")}
        assert reader.copies[model] == whole, model


def at_kombos_time(world: World) -> World:
    """Have the database's clock agree with the source's, which is far from today."""
    world.clock_offset = SOURCE_TIME - datetime.now(UTC)
    return world


def lists_of(world: World) -> GatewayLists:
    (integration,) = world.environment.companies
    return GatewayLists(world.app(), integration, max_age=timedelta(days=365))


@pytest.mark.parametrize("seed", range(2))
def test_a_naive_reader_ends_with_what_the_mirror_has(make_world: MakeWorld, seed: int) -> None:
    world = at_kombos_time(
        make_world(records=300, seed=seed, sync={"models": MODELS}, deletions={"max_share": 1.0})
    )
    (company,) = world.environment.companies.values()
    company.erasure = Erasure(after=timedelta(days=14), mode="remove" if seed % 2 else "blank")
    rng = Random(seed)
    asyncio.run(world.sync())
    reader = NaiveReader(lists_of(world), MODELS)
    with closing(reader.lists.app):
        for _ in range(4):
            # Between two polls: nothing, some changes, or so long a time that deletions have been forgotten.
            reader.poll()
            for _ in range(rng.choice((0, 5, 40))):
                random_change(company, rng)
            world.environment.clock.advance(rng.choice((timedelta(minutes=1), timedelta(days=15))))
            asyncio.run(world.sync(mode=rng.choice((Mode.SYNC, Mode.RESTART)), may_quarantine=True))
        reader.poll()
        assert_is_the_mirror(reader)


LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
FAR_AHEAD = datetime(2090, 1, 1, tzinfo=UTC)


def employee(id: str, changed_at: datetime = LONG_AGO) -> Row:
    shown = changed_at.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
    return row_of(model_named("hris_employees"), id, changed_at=shown)


@pytest.fixture
def lists(make_world: MakeWorld) -> Iterator[GatewayLists]:
    """An empty list of employees that has been complete for a while."""
    world = make_world(records=150, sync={"models": ["hris_employees"]})
    asyncio.run(world.sync())
    lists = lists_of(world)
    with closing(lists.app):
        with lists.app.database.begin() as connection:
            connection.execute(delete(EMPLOYEES))
        yield lists


@contextmanager
def writing(lists: GatewayLists, *rows: Row) -> Iterator[None]:
    """Write rows as a page does, and commit them after the block."""
    database = lists.app.database
    with database.begin() as connection:
        now = database.now(connection)
        destination = model_destination(model_named("hris_employees"), lists.integration)
        write_page(connection, destination, rows, now=now, walk_began_at=now)
        yield


def write(lists: GatewayLists, *rows: Row) -> None:
    with writing(lists, *rows):
        pass


def end_run(lists: GatewayLists) -> None:
    """Log a run of the stream that ends now."""
    database = lists.app.database
    with database.begin() as connection:
        key = StreamKey(lists.integration, "hris_employees")
        run_id, now = uuid4().hex, database.now(connection)
        begin_run(connection, run_id, "default", key, "owner", now)
        end_run_of(connection, run_id, Outcome.COMPLETE, None, database.now(connection), stored=0)


def shown(moment: datetime) -> str:
    return moment.isoformat().removesuffix("+00:00") + "Z"


def asked(lists: GatewayLists, moment: datetime) -> set[str]:
    records = lists.walk("hris_employees", updated_after=shown(moment), page_size="1")
    return {each["id"] for each in records}


def test_a_change_that_kombo_shows_late_comes_though_it_bears_a_time_that_has_passed(
    lists: GatewayLists,
) -> None:
    start = lists.now()
    write(lists, employee("late", LONG_AGO))
    assert asked(lists, start) == {"late"}


def test_a_change_of_kombos_counts_from_its_own_time_where_that_is_later(lists: GatewayLists) -> None:
    write(lists, employee("ahead", FAR_AHEAD), employee("other"))
    end_run(lists)
    start = lists.now()
    assert asked(lists, start) == asked(lists, FAR_AHEAD - timedelta(milliseconds=1)) == {"ahead"}


def test_what_was_being_written_when_a_reader_began_comes_with_its_next_question(lists: GatewayLists) -> None:
    write(lists, employee("before"))
    end_run(lists)
    with writing(lists, employee("in-between")):
        start = lists.now()
        assert {each["id"] for each in lists.walk("hris_employees")} == {"before"}
    write(lists, employee("after"))
    assert asked(lists, start) == {"in-between", "after"}


def test_what_a_reader_has_certainly_seen_does_not_come_again(lists: GatewayLists) -> None:
    write(lists, employee("seen"))
    end_run(lists)
    start = lists.now()
    write(lists, employee("new"))
    assert asked(lists, start) == {"new"}


@pytest.mark.parametrize("most", [0, 1, 10_000])
def test_who_carries_a_copy_of_what_changed_comes_again_however_many_these_are(
    make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(changed_records, "MOST_NAMED", most)
    world = make_world(records=1_000, sync={"models": ["hris_employees", "hris_groups"]})
    (company,) = at_kombos_time(world).environment.companies.values()
    asyncio.run(world.sync())
    lists = lists_of(world)
    with closing(lists.app):
        whole = lists.walk("hris_employees")
        sizes = Counter(entry["id"] for each in whole for entry in each["groups"])
        group = min(sizes, key=lambda each: (sizes[each], each))
        members = {each["id"] for each in whole if group in {entry["id"] for entry in each["groups"]}}
        assert 0 < len(members) < len(whole)
        start = lists.now()
        company.update("hris_groups", group, name="Renamed")
        asyncio.run(world.sync(models=["hris_groups"]))
        came = {each["id"]: each for each in lists.walk("hris_employees", updated_after=shown(start))}
        names = {entry["name"] for each in came.values() for entry in each["groups"] if entry["id"] == group}
        assert names == {"Renamed"}
        # And maybe some more: whose managers are in the group carry copies of these.
        assert came.keys() >= members
        assert (len(came) < len(whole)) is (most > len(whole))
