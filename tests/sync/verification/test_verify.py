"""Verification of a mirror: every difference is found, nothing else is taken for one, nothing is written."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta
from math import ceil
from random import Random
from typing import Any

import pytest
from sqlalchemy import (
    Connection,
    Text,
    cast,
    delete,
    func,
    insert,
    inspect,
    literal,
    make_url,
    select,
    text,
    update,
)

from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.streams.stream import Mode
from syncer.domain.verification.difference import Difference, Verdict
from syncer.domain.verification.result import Verification
from syncer.operations.verify import Verified, verify
from syncer.simulator.life.random_change import random_change
from syncer.simulator.server import faults
from syncer.simulator.server.faults import Match
from syncer.store.schema.mirror_tables import MIRROR, missing, streams
from tests.support.readers import MakeReader
from tests.support.world import MakeWorld, World, company_of

EMPLOYEES, GROUPS, JOBS, PAYSLIPS = "hris_employees", "hris_groups", "ats_jobs", "hris_payslips"
MODELS = [EMPLOYEES, GROUPS, JOBS, PAYSLIPS]

on_sqlite = pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)


async def verified(world: World, **arguments: Any) -> Verified:
    async with world.app() as app:
        return await verify(app, **arguments)


async def verification(world: World, model: str, **arguments: Any) -> Verification:
    (found,) = (await verified(world, models=[model], **arguments)).streams
    return found


def differences(found: Verification) -> dict[str, int]:
    return {each.value: number for each, number in found.findings.differences.items() if number}


def apart(found: Verification) -> dict[str, int]:
    return {each.value: number for each, number in found.findings.apart.items() if number}


def everything(world: World) -> dict[str, list[str]]:
    """All rows of all tables but those of the budget, in which permits are counted."""
    with world.database() as connection:
        return {
            table: sorted(str(tuple(row)) for row in connection.execute(text(f"SELECT * FROM {table}")))
            for table in inspect(connection).get_table_names()
            if table != "sync_budgets"
        }


@pytest.fixture
async def mirrored(make_world: MakeWorld) -> World:
    """A world whose mirror is complete, an hour ago."""
    world = make_world(records=1_500, sync={"models": MODELS})
    await world.sync(mode=Mode.BACKFILL)
    world.clock.advance(timedelta(hours=1))
    return world


async def test_a_whole_mirror_is_equal_and_nothing_is_written(make_world: MakeWorld) -> None:
    world = make_world(records=3_000)
    await world.sync(mode=Mode.BACKFILL)
    company, before = company_of(world), everything(world)
    asked = len(world.environment.requests)
    found = await verified(world)
    assert found.is_well
    assert [each for each in found.streams if each.verdict is not Verdict.EQUAL] == []
    assert everything(world) == before
    requests = list(world.environment.requests)[asked:]
    for stream in found.streams:
        records = len(world.source(stream.key.model, company))
        of_list = [each for each in requests if each.model == stream.key.model]
        # Not one more than the pages that hold its records.
        assert len(of_list) == max(1, ceil(records / 250)), stream.key
        assert stream.source is not None
        assert stream.mirror is not None
        assert stream.source.records == records
        assert (stream.source.live, stream.source.deleted) == (stream.mirror.live, stream.mirror.deleted)
        assert stream.digests is not None
        assert stream.digests.source == stream.digests.mirror
    assert {each.model for each in requests} == set(catalogue())


def some_id(connection: Connection, model: str) -> str:
    columns = MIRROR[model].c
    found = select(columns.id).where(columns.remote_deleted_at.is_(None)).order_by(columns.id).limit(1)
    return str(connection.execute(found).scalar_one())


def lose(connection: Connection, model: str) -> None:
    connection.execute(delete(MIRROR[model]).where(MIRROR[model].c.id == some_id(connection, model)))


def double(connection: Connection, model: str) -> None:
    table = MIRROR[model]
    names = [column.name for column in table.c if column.name != "id"]
    copied = select(literal("nobody"), *(table.c[name] for name in names)).where(
        table.c.id == some_id(connection, model)
    )
    connection.execute(insert(table).from_select(["id", *names], copied))


def rewrite(connection: Connection, model: str, **members: Any) -> None:
    table, record_id = MIRROR[model], some_id(connection, model)
    document = connection.execute(
        select(cast(table.c.document, Text)).where(table.c.id == record_id)
    ).scalar_one()
    changed = json.dumps({**json.loads(document), **members})
    connection.execute(update(table).where(table.c.id == record_id).values(document=changed))


def forget_a_copy(connection: Connection, model: str) -> None:
    rewrite(connection, model, groups=[])


def mark(connection: Connection, model: str) -> None:
    table = MIRROR[model]
    connection.execute(
        update(table)
        .where(table.c.id == some_id(connection, model))
        .values(remote_deleted_at=table.c.mirrored_at, deleted_by="sweep")
    )


def change_column(name: str, value: Any) -> Callable[[Connection, str], None]:
    def change(connection: Connection, model: str) -> None:
        table = MIRROR[model]
        record_id = connection.execute(
            select(table.c.id).where(table.c[name].is_not(None)).order_by(table.c.id).limit(1)
        ).scalar_one()
        connection.execute(update(table).where(table.c.id == record_id).values({name: value}))

    return change


def lose_of(table_name: str) -> Callable[[Connection, str], None]:
    def change(connection: Connection, _: str) -> None:
        table = MIRROR[table_name]
        key = next(iter(table.primary_key.columns))
        first = select(func.min(key)).scalar_subquery()
        assert connection.execute(delete(table).where(key == first)).rowcount

    return change


def change_of(table_name: str, name: str) -> Callable[[Connection, str], None]:
    def change(connection: Connection, _: str) -> None:
        table = MIRROR[table_name]
        key = next(iter(table.primary_key.columns))
        first = select(func.min(key)).scalar_subquery()
        assert connection.execute(update(table).where(key == first).values({name: "other"})).rowcount

    return change


@pytest.mark.parametrize(
    ("model", "damage", "kinds"),
    [
        pytest.param(GROUPS, lose, {"missing"}, id="missing"),
        pytest.param(GROUPS, double, {"extra", "projected"}, id="extra"),
        pytest.param(
            EMPLOYEES,
            lambda connection, model: rewrite(connection, model, first_name="Nobody"),
            {"different", "projected"},
            id="different",
        ),
        pytest.param(
            EMPLOYEES,
            lambda connection, model: rewrite(connection, model, brand_new=[1]),
            {"different"},
            id="different-in-an-unknown-member",
        ),
        pytest.param(EMPLOYEES, forget_a_copy, {"different", "projected"}, id="different-in-a-copy"),
        pytest.param(GROUPS, mark, {"deleted"}, id="deleted"),
        pytest.param(EMPLOYEES, change_column("first_name", "Nobody"), {"projected"}, id="column"),
        pytest.param(EMPLOYEES, change_column("last_name", None), {"projected"}, id="column-that-is-null"),
        pytest.param(EMPLOYEES, lose_of("hris_employees_groups"), {"projected"}, id="link"),
        pytest.param(PAYSLIPS, lose_of("hris_payslip_line_items"), {"projected"}, id="own-child"),
        pytest.param(
            PAYSLIPS, change_of("hris_payslip_line_items", "remote_id"), {"projected"}, id="own-child-s"
        ),
        pytest.param(JOBS, lose_of("ats_screening_questions"), {"projected"}, id="shared-child"),
        pytest.param(
            JOBS, change_of("ats_screening_questions", "remote_id"), {"projected"}, id="shared-child-s"
        ),
    ],
)
async def test_every_kind_of_difference_is_found(
    mirrored: World, model: str, damage: Callable[[Connection, str], None], kinds: set[str]
) -> None:
    with mirrored.mirror.open() as (_, connection):
        damage(connection, model)
    found = await verification(mirrored, model)
    assert (found.verdict, set(differences(found)), apart(found)) == (Verdict.DIFFERENT, kinds, {})
    others = [each for each in MODELS if each != model]
    assert (await verified(mirrored, models=others)).is_well


@on_sqlite
async def test_what_the_source_changes_after_the_last_reading_is_newer_and_no_difference(
    mirrored: World,
) -> None:
    company = company_of(mirrored)
    first, second, third, fourth = company.ids(GROUPS)[:4]
    company.update(GROUPS, first, name="Renamed")
    company.delete(GROUPS, second)
    company.add(GROUPS, {"name": "Brand new", "type": "TEAM", "parent_id": None})
    with mirrored.mirror.open() as (_, connection):
        connection.execute(delete(MIRROR[GROUPS]).where(MIRROR[GROUPS].c.id == third))
    company.vanish(GROUPS, fourth)
    found = await verification(mirrored, GROUPS)
    assert (differences(found), apart(found)) == ({"missing": 1, "extra": 1}, {"newer": 3})
    assert found.findings.examples == {Difference.MISSING: [third], Difference.EXTRA: [fourth]}
    await mirrored.run(models=[GROUPS])
    # The next reading has brought what was newer.
    assert apart(await verification(mirrored, GROUPS)) == {}


@on_sqlite
async def test_copies_that_kombo_does_not_send_again_are_counted_apart(mirrored: World) -> None:
    company = company_of(mirrored)
    employees = mirrored.source(EMPLOYEES, company)
    group = next(each["groups"][0]["id"] for each in employees.values() if each["groups"])
    company.update(GROUPS, group, name="Renamed")
    carriers = sum(group in {each["id"] for each in one["groups"]} for one in employees.values())
    await mirrored.sync()
    found = await verification(mirrored, EMPLOYEES)
    assert (found.verdict, apart(found)) == (Verdict.EQUAL, {"stale_copies": carriers})
    assert found.digests is not None
    assert found.digests.source != found.digests.mirror


@on_sqlite
async def test_while_source_and_service_move_there_is_no_false_alarm(make_world: MakeWorld) -> None:
    world = make_world(records=1_000, kombo={"page_size": 20}, deletions={"max_share": 1.0})
    company, rng = company_of(world), Random(3)
    await world.sync(mode=Mode.BACKFILL)

    async def move() -> None:
        while True:
            for _ in range(3):
                random_change(company, rng)
            world.clock.advance(timedelta(seconds=rng.choice((0, 1, 30, 400))))
            await world.run()

    moving = asyncio.create_task(move())
    try:
        for _ in range(3):
            found = await verified(world)
            wrong = [
                (each.key.model, differences(each), each.findings.examples, apart(each), each.reason)
                for each in found.streams
                if each.verdict not in (Verdict.EQUAL, Verdict.UNSETTLED) or differences(each)
            ]
            assert wrong == []
    finally:
        moving.cancel()
        await asyncio.gather(moving, return_exceptions=True)


@on_sqlite
async def test_a_list_that_does_not_tell_its_changes_is_settled_by_another_reading(
    make_world: MakeWorld,
) -> None:
    model = "assessment_orders"
    world = make_world(records=1_000, sync={"models": [model]})
    await world.sync(mode=Mode.BACKFILL)
    world.clock.advance(timedelta(hours=1))
    company = company_of(world)
    record = company.ids(model)[0]
    other = "OPEN" if company.row(model, record)["status"] == "CANCELLED" else "CANCELLED"
    company.update(model, record, status=other)
    found = await verification(world, model)
    assert (found.verdict, differences(found), apart(found)) == (Verdict.UNSETTLED, {}, {"unsettled": 1})
    await world.sync()
    assert (await verification(world, model)).verdict is Verdict.EQUAL
    with world.mirror.open() as (_, connection):
        rewrite(connection, model, brand_new=True)
    # Its hash says that the mirror has what the source has.
    assert differences(await verification(world, model)) == {"different": 1}


@on_sqlite
async def test_a_list_without_tombstones_is_behind_until_it_is_read_again(make_world: MakeWorld) -> None:
    model = "hris_skills"
    world = make_world(records=1_500, sync={"models": [model]})
    world.environment.refused_parameters |= {(model, "include_deleted"), (model, "updated_after")}
    await world.sync(mode=Mode.BACKFILL)
    company = company_of(world)
    company.delete(model, company.ids(model)[0])
    found = await verification(world, model)
    assert (found.verdict, apart(found)) == (Verdict.UNSETTLED, {"unsettled": 1})
    await world.sync(mode=Mode.RESTART)
    assert (await verification(world, model)).verdict is Verdict.EQUAL


@on_sqlite
@pytest.mark.parametrize("after", ["follow", "keep"])
async def test_what_kombo_blanks_is_no_difference(make_world: MakeWorld, after: str) -> None:
    world = make_world(sync={"models": [EMPLOYEES]}, deletions={"after_anonymisation": after})
    company = company_of(world)
    await world.sync(mode=Mode.BACKFILL)
    company.delete(EMPLOYEES, company.ids(EMPLOYEES)[0])
    await world.sync()
    world.clock.advance(timedelta(days=15))
    company.settle()
    await world.sync(mode=Mode.RESTART)
    found = await verification(world, EMPLOYEES)
    assert (found.verdict, differences(found)) == (Verdict.EQUAL, {})
    assert ("kept" in apart(found)) is (after == "keep")


@on_sqlite
async def test_what_is_excluded_is_no_difference_and_named(make_world: MakeWorld) -> None:
    excluded = ["hris_employees.first_name", "*.remote_data"]
    world = make_world(sync={"models": MODELS}, privacy={"exclude": excluded})
    await world.sync(mode=Mode.BACKFILL)
    found = await verified(world)
    assert found.is_well
    (employees,) = [each for each in found.streams if each.key.model == EMPLOYEES]
    assert {"first_name", "*.remote_data"} <= set(employees.excluded)
    (payslips,) = [each for each in found.streams if each.key.model == PAYSLIPS]
    assert "employee.first_name" in payslips.excluded
    with world.mirror.open() as (_, connection):
        rewrite(connection, EMPLOYEES, first_name="Ada")
    assert differences(await verification(world, EMPLOYEES)) == {"different": 1}


@on_sqlite
async def test_rows_outside_of_the_filters_are_counted_apart(make_world: MakeWorld) -> None:
    world = make_world(sync={"models": [JOBS]}, records=1_500)
    company = company_of(world)
    await world.sync(mode=Mode.BACKFILL)
    world.settings["sync"]["model"] = {JOBS: {"filters": {"statuses": "OPEN"}}}
    assert (await verification(world, JOBS)).verdict is Verdict.UNREAD
    await world.sync()
    found = await verification(world, JOBS)
    jobs = world.source(JOBS, company).values()
    others = sum(each["status"] != "OPEN" and each["remote_deleted_at"] is None for each in jobs)
    assert others
    assert (found.verdict, apart(found)) == (Verdict.EQUAL, {"outside_filters": others})
    assert found.filters == {"statuses": "OPEN"}


@on_sqlite
async def test_records_that_cannot_be_rows_are_missing(make_world: MakeWorld) -> None:
    world = make_world(sync={"models": [GROUPS]})
    bad = company_of(world).ids(GROUPS)[0]

    def spoil(answer: Any) -> Any:
        results = answer["data"]["results"]
        for each in results:
            if each["id"] == bad:
                each["name"] = "a\0b"
        return answer

    world.environment.faults.add(Match(model=GROUPS), faults.rewritten(spoil), times=None)
    await world.run(mode=Mode.BACKFILL)
    world.clock.advance(timedelta(hours=1))
    found = await verification(world, GROUPS)
    assert (differences(found), found.findings.unreadable) == ({"missing": 1}, 1)
    assert found.findings.examples == {Difference.MISSING: [bad]}


async def test_a_sample_tells_how_much_can_differ_and_asks_for_no_more(mirrored: World) -> None:
    live = len(company_of(mirrored).ids(EMPLOYEES))
    asked = len(mirrored.environment.requests)
    found = await verification(mirrored, EMPLOYEES, sample=20, uniform=Random(1).random)
    assert len(mirrored.environment.requests) - asked == 1
    assert found.sample is not None
    assert (found.verdict, found.digests, found.sample.rows, found.sample.of) == (
        Verdict.EQUAL,
        None,
        20,
        live,
    )
    assert 0 < found.sample.at_most < live
    with mirrored.mirror.open() as (_, connection):
        table = MIRROR[EMPLOYEES]
        connection.execute(update(table).values(first_name="Nobody"))
    found = await verification(mirrored, EMPLOYEES, sample=20)
    assert differences(found) == {"projected": 20}


@on_sqlite
async def test_trouble_is_a_verdict_and_not_an_alarm(mirrored: World) -> None:
    mirrored.environment.faults.add(Match(model=GROUPS), faults.kombo_error(400, "PLATFORM.INPUT_INVALID"))
    found = await verification(mirrored, GROUPS)
    assert (found.verdict, differences(found)) == (Verdict.UNREAD, {})
    assert found.reason
    # A cursor that is refused has the list read again.
    mirrored.settings["kombo"] = {"page_size": 20}
    mirrored.environment.faults.add(Match(model=EMPLOYEES, page=2), faults.expired_cursor(), times=1)
    found = await verification(mirrored, EMPLOYEES)
    assert found.verdict is Verdict.EQUAL
    with mirrored.mirror.open() as (_, connection):
        connection.execute(update(streams).where(streams.c.model == JOBS).values(last_full_walk_at=None))
    assert (await verification(mirrored, JOBS)).verdict is Verdict.UNREAD


@pytest.mark.parametrize("migrated_url", ["postgresql"], indirect=True)
async def test_a_role_that_reads_the_mirror_and_takes_permits_is_enough(
    mirrored: World, make_reader: MakeReader
) -> None:
    with mirrored.mirror.open() as (database, connection):
        role = make_reader(database, name="verifier")
        for right in ("SELECT ON ALL TABLES IN SCHEMA public", "INSERT, UPDATE ON sync_budgets"):
            connection.exec_driver_sql(f'GRANT {right} TO "{role.name}"')
    url = make_url(role.url).set(username=role.name, password="secret")
    shown = url.render_as_string(hide_password=False)
    async with mirrored.app(database={"url": shown}) as app:
        assert (await verify(app)).is_well


@on_sqlite
async def test_held_rows_are_extra(mirrored: World) -> None:
    company = company_of(mirrored)
    mirrored.settings["deletions"] = {"max_rows": 0, "max_share": 0.0}
    company.vanish(GROUPS, company.ids(GROUPS)[0])
    await mirrored.run(mode=Mode.RESTART, models=[GROUPS])
    with mirrored.database() as connection:
        assert connection.execute(select(func.count()).select_from(missing)).scalar_one() == 1
    assert differences(await verification(mirrored, GROUPS)) == {"extra": 1}
