"""Pseudonyms stand wherever their values would, and these stand nowhere: from the first page on, or later."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from syncer.domain.records.pseudonyms import Pseudonyms
from syncer.domain.streams.stream import Kind, Mode
from syncer.operations.reproject import reproject
from syncer.simulator.company.company import Company
from syncer.simulator.server import faults
from syncer.simulator.server.faults import Match
from syncer.sync.run import run_stream
from tests.support.alone import ready
from tests.support.database_text import database_text
from tests.support.native_lists import PEOPLE, people, select, view
from tests.support.world import MakeNative, MakeWorld, World

#: Records with addresses of their own, and others that have copies of them.
MODELS = ["hris_employees", "hris_performance_reviews", "lms_users"]
MEMBERS = ["*.work_email", "hris_employees.home_address.street_1"]
#: What stands in everything that is pseudonymised, and in nothing else.
MARK = "planted"
#: What follows the page transaction alone is the same on both databases.
on_sqlite = pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)
KEYS = {name: Pseudonyms.of_key(name * 32) for name in ("a", "b")}


@pytest.fixture
def make_world(make_world: MakeWorld) -> MakeWorld:
    """Builds worlds of these models alone, with everything that keeps former values."""
    return partial(
        make_world,
        records=300,
        sync={"models": MODELS},
        changes={"models": ["*"], "before": True},
        history={"models": ["hris_employees"]},
    )


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    """One integration; every address is marked, and one record is poison."""
    world = make_world()
    company = company_of(world)
    for number, each in enumerate(company.ids("hris_employees")):
        address = {"street_1": f"{MARK} street {number}", "city": "Bonn"}
        free = {"deep": [{"work_email": f"{MARK}.{number}@firm.example"}]}
        company.update(
            "hris_employees",
            each,
            work_email=f"{MARK}.{number}@firm.example",
            home_address=address,
            custom_fields=free,
        )
    for number, each in enumerate(company.ids("lms_users")):
        company.update("lms_users", each, work_email=f"{MARK}.{number}@firm.example")
    spoilt = company.ids("hris_employees")[0]

    def spoil(page: Any) -> Any:
        for record in page["data"]["results"]:
            if record["id"] == spoilt:
                record["first_name"] = "Ann\0"
        return page

    world.environment.faults.add(Match(model="hris_employees"), faults.rewritten(spoil), None)
    return world


@pytest.fixture
def keyed(tmp_path: Path) -> dict[str, dict[str, Any]]:
    """Settings that pseudonymise, by the name of the key."""
    for name in KEYS:
        (tmp_path / name).write_text(name * 32)
    return {
        name: {"privacy": {"pseudonymise": MEMBERS, "pseudonym_key_file": str(tmp_path / name)}}
        for name in KEYS
    }


def company_of(world: World) -> Company:
    (company,) = world.environment.companies.values()
    return company


def with_pseudonyms(value: Any, key: Pseudonyms) -> Any:
    """Replace addresses, and the marked texts, in a value of JSON: what the mirror should have."""
    match value:
        case dict():
            return {
                name: key.replace(item) if name == "work_email" else with_pseudonyms(item, key)
                for name, item in value.items()
            }
        case list():
            return [with_pseudonyms(item, key) for item in value]
        case str() if MARK in value:
            return key.replace(value)
        case _:
            return value


def assert_kept(world: World, key: Pseudonyms) -> None:
    """The mirror has exactly the source with pseudonyms in the place of what is marked."""
    (integration_id,) = world.environment.integrations
    spoilt = company_of(world).ids("hris_employees")[0]
    for model in MODELS:
        source = world.source(model, company_of(world))
        expected = {one: with_pseudonyms(each, key) for one, each in source.items()}
        if model == "hris_employees":
            del expected[spoilt]
        assert world.rows(model, integration_id) == expected, model


def pseudonyms_in(text: str, key: Pseudonyms) -> bool:
    """Tell whether the text has the pseudonym of the first address of all."""
    return str(key.replace(f"{MARK}.1@firm.example")) in text


async def test_no_plain_value_is_anywhere_and_equal_values_are_equal_in_all_models(
    world: World, keyed: dict[str, dict[str, Any]]
) -> None:
    with capture_logs() as logged:
        await world.sync(may_quarantine=True, mode=Mode.BACKFILL, **keyed["a"])
    kept = database_text(world)
    assert MARK not in kept
    assert MARK not in str(logged)
    assert "a" * 32 not in kept + str(logged)
    assert_kept(world, KEYS["a"])
    ((quarantined,),) = select(world, "SELECT document FROM sync_quarantine")
    assert json.loads(quarantined)["work_email"] == KEYS["a"].replace(f"{MARK}.0@firm.example")
    joined = "SELECT count(*) FROM hris_employees e JOIN lms_users u ON u.work_email = e.work_email"
    number = min(len(company_of(world).ids(model)) for model in ("hris_employees", "lms_users"))
    assert select(world, joined) == [(number - 1,)]
    again = await world.sync(may_quarantine=True, mode=Mode.RESTART, **keyed["a"])
    assert sum(each.counts.written for each in again) == 0


async def test_switched_on_later_no_plain_value_stays_and_nothing_is_asked(
    world: World, keyed: dict[str, dict[str, Any]]
) -> None:
    await world.sync(may_quarantine=True, mode=Mode.BACKFILL)
    company = company_of(world)
    for each in company.ids("hris_employees")[1:4]:
        company.update("hris_employees", each, work_email=f"{MARK}.later.{each}@firm.example")
    await world.sync(may_quarantine=True)
    before = {
        name: len(select(world, f"SELECT 1 FROM {name}"))
        for name in ("hris_employees_history", "mirror_changes")
    }
    assert all(before.values())
    assert MARK in str(select(world, "SELECT CAST(before AS text) FROM mirror_changes"))
    asked = len(world.environment.requests)
    async with world.app(**keyed["a"]) as app:
        first = await reproject(app)
    async with world.app(**keyed["a"]) as app:
        second = await reproject(app)
    assert len(world.environment.requests) == asked
    assert (sum(each.written for each in first) > 0, sum(each.written for each in second)) == (True, 0)
    assert MARK not in database_text(world)
    assert_kept(world, KEYS["a"])
    # It is no news of any record.
    assert {name: len(select(world, f"SELECT 1 FROM {name}")) for name in before} == before
    for table, column in (("hris_employees_history", "document"), ("mirror_changes", "before")):
        texts = str(select(world, f"SELECT CAST({column} AS text) FROM {table}"))
        assert pseudonyms_in(texts, KEYS["a"])
    results = await world.sync(may_quarantine=True, mode=Mode.RESTART, **keyed["a"])
    assert sum(each.counts.written for each in results) == 0


@on_sqlite
async def test_under_another_key_no_former_pseudonym_stays_and_the_records_are_read_again(
    world: World, keyed: dict[str, dict[str, Any]]
) -> None:
    await world.sync(may_quarantine=True, mode=Mode.BACKFILL, **keyed["a"])
    company = company_of(world)
    for each in company.ids("hris_employees")[1:4]:
        company.update("hris_employees", each, work_email=f"{MARK}.later.{each}@firm.example")
    await world.sync(may_quarantine=True, **keyed["a"])
    asked = len(world.environment.requests)
    with capture_logs() as logged:
        async with world.app(**keyed["b"]) as app:
            await reproject(app)
    assert len(world.environment.requests) == asked
    assert not any(KEYS["a"].is_own(each) for each in words(database_text(world)))
    assert select(world, "SELECT DISTINCT work_email FROM hris_employees") == [(None,)]
    (changed,) = (each for each in logged if each["event"] == "pseudonym_key_changed")
    assert set(MODELS) <= set(changed["models"])
    assert "exclusions_lifted" not in {each["event"] for each in logged}
    results = await world.sync(may_quarantine=True, **keyed["b"])
    assert {each.kind for each in results} == {Kind.FULL}
    assert_kept(world, KEYS["b"])
    kept = database_text(world)
    assert MARK not in kept
    assert not any(KEYS["a"].is_own(each) for each in words(kept))


def words(text: str) -> Iterator[str]:
    """Iterate over all texts that have the form of a pseudonym."""
    place = text.find("p_")
    while place >= 0:
        yield text[place : place + 34]
        place = text.find("p_", place + 1)


@on_sqlite
async def test_a_walk_before_the_reprojection_and_that_replace_each_value_once(
    world: World, keyed: dict[str, dict[str, Any]]
) -> None:
    await world.sync(may_quarantine=True, mode=Mode.BACKFILL)
    async with world.app(**keyed["a"]) as app, ready(app) as (context, asking):
        for key in world.streams():
            await run_stream(context, asking, key, mode=Mode.RESTART)
        await app.reprojection.finish()
    assert_kept(world, KEYS["a"])
    assert MARK not in database_text(world)


@on_sqlite
async def test_taken_off_the_list_the_values_come_back_by_one_full_walk(
    world: World, keyed: dict[str, dict[str, Any]]
) -> None:
    await world.sync(may_quarantine=True, mode=Mode.BACKFILL, **keyed["a"])
    with capture_logs() as logged:
        results = await world.sync(may_quarantine=True)
    assert {each.kind for each in results} == {Kind.FULL}
    assert "exclusions_lifted" in {each["event"] for each in logged}
    assert not pseudonyms_in(str(select(world, "SELECT work_email FROM hris_employees")), KEYS["a"])


@on_sqlite
async def test_pages_before_the_reprojection_tell_of_no_change_and_of_no_former_value(
    make_native: MakeNative, tmp_path: Path
) -> None:
    """Another key is another value: that is told, without what nobody can tell any more."""
    lists = ["hris_employees", PEOPLE]
    feed: dict[str, Any] = {"sync": {"models": lists[:1]}, "changes": {"models": ["*"], "before": True}}
    world = make_native(people(), **feed)
    await world.sync()
    told = "SELECT count(*), count(CASE WHEN operation = 'created' THEN 1 END) FROM mirror_changes"
    before = select(world, told)
    for name in KEYS:
        (tmp_path / name).write_text(name * 32)
        privacy = {
            "pseudonymise": ["people.email", "*.work_email"],
            "pseudonym_key_file": str(tmp_path / name),
        }
        async with world.app(privacy=privacy) as app, ready(app) as (context, asking):
            for key in world.streams():
                await run_stream(context, asking, key, mode=Mode.RESTART)
            if name == "a":
                assert select(world, told) == before
            await app.reprojection.finish()
    former = select(world, "SELECT members, before FROM mirror_changes WHERE operation = 'updated'")
    assert {(*json.loads(members),) for members, _ in former} >= {("email",)}
    assert {
        value for _, each in former for value in json.loads(each).values() if isinstance(value, str)
    } == set()


async def test_a_native_list_joins_the_models_by_pseudonyms(make_native: MakeNative, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a" * 32)
    privacy = {
        "pseudonymise": ["people.email", "people.work.title", "hris_employees.work_email"],
        "pseudonym_key_file": str(tmp_path / "a"),
    }
    world = make_native(people())
    lists = ["hris_employees", PEOPLE]
    joined = "SELECT p.record_key, p.email FROM people p JOIN hris_employees e ON e.work_email = p.email"
    await world.sync(models=lists)
    plain = select(world, joined)
    assert plain
    # Those that are stored already, and those that come in.
    for mode in (Mode.SYNC, Mode.RESTART):
        await world.sync(models=lists, mode=mode, privacy=privacy)
        expected = [(key, KEYS["a"].replace(email)) for key, email in plain]
        assert sorted(select(world, joined)) == sorted(expected)
        rows = view(world, PEOPLE).values()
        assert all(row["document"]["email"] == row["email"] for row in rows)
        titles = {row["document"]["work"]["title"] for row in rows} - {None}
        assert titles
        assert all(map(KEYS["a"].is_own, titles))
        kept = database_text(world)
        assert not any(email in kept for _, email in plain)
