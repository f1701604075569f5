"""Rows follow the catalogue out of their stored documents, whatever happens meanwhile; Kombo is not asked."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import Connection, Executable, delete, select, text, update

from syncer.app import App
from syncer.daemon.service import run_service
from syncer.domain.catalogue.lookup import catalogue, model_named
from syncer.domain.records.exclusions import exclusions
from syncer.domain.records.projection import projection
from syncer.domain.records.row import Row, project_text
from syncer.domain.stream_key import StreamKey
from syncer.domain.streams.state import Outcome
from syncer.domain.streams.stream import Mode
from syncer.operations.reproject import reproject
from syncer.store.db.database import Database
from syncer.store.records.model_projector import ModelProjector
from syncer.store.records.reproject import BatchContext, reproject_batch
from syncer.store.schema.destination import model_destination
from syncer.store.schema.mirror_tables import MIRROR
from syncer.store.schema.state_tables import projections, quarantine
from syncer.store.state.adoption import adopt
from syncer.store.state.projections import lock_cursor, pin
from syncer.sync.context import Result
from syncer.sync.integrations import Integrations
from syncer.sync.reproject import Reprojected
from syncer.sync.run import run_stream
from tests.support.alone import alone
from tests.support.rows import write_page
from tests.support.waiting import PATIENCE, until_async
from tests.support.world import MakeWorld, World

EMPLOYEES = MIRROR["hris_employees"]
#: Written by every write of ours, for whoever follows changes.
STAMPS = {"mirrored_at", "first_seen_at"}


#: Every kind of link and child is among them.
MODELS = [
    "hris_employees",
    "hris_groups",
    "hris_payslips",
    "hris_staffing_entities",
    "ats_jobs",
    "lms_courses",
]


@pytest.fixture
def database_url(migrated_url: str) -> str:
    """With all tables: making them is not the subject here."""
    return migrated_url


@pytest.fixture
def make_world(make_world: MakeWorld) -> MakeWorld:
    """Builds worlds of these models alone."""
    return partial(make_world, sync={"models": MODELS})


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    """One integration with a few records of each of them."""
    return make_world()


def contents(world: World, *, stamps: bool = False) -> dict[str, list[str]]:
    """Every row of every mirror, link and child table."""
    found = {}
    with world.database() as connection:
        for name, table in MIRROR.items():
            columns = _quoted(column.name for column in table.c if stamps or column.name not in STAMPS)
            rows = connection.exec_driver_sql(f"SELECT {', '.join(columns)} FROM {name}")
            found[name] = sorted(str(tuple(row)) for row in rows)
    return found


def _quoted(names: Iterable[str]) -> list[str]:
    return [f'"{name}"' for name in names]


def change(world: World, *statements: Executable) -> None:
    app = world.app()
    try:
        with app.database.begin() as connection:
            for statement in statements:
                connection.execute(statement)
    finally:
        app.database.close()


def as_an_older_version_wrote_it(world: World) -> None:
    """No typed columns but the kept ones, no links, no owned children; another projection's fingerprint."""
    statements: list[Executable] = []
    for model in catalogue().values():
        shared = [child for child in model.children if child.owner is None]
        for table, columns in ((model.name, model.columns), *((each.table, each.columns) for each in shared)):
            nothing = _quoted(["remote_id", *(column.name for column in columns)])
            statements.append(text(f"UPDATE {table} SET {', '.join(f'{name} = NULL' for name in nothing)}"))
        owned = [child for child in model.children if child.owner is not None]
        statements += [delete(MIRROR[link.table]) for link in model.links]
        statements += [delete(MIRROR[child.table]) for child in owned]
    change(world, *statements, update(projections).values(fingerprint="older"))


async def reprojected(world: World, models: Sequence[str] = (), **changes: Any) -> list[Reprojected]:
    async with world.app(**changes) as app:
        return await reproject(app, models)


def unfinished(world: World) -> Sequence[Any]:
    with world.database() as connection:
        return connection.execute(
            select(projections.c.model).where(projections.c.at_table.is_not(None))
        ).all()


def adopted(world: World) -> bool:
    with world.database() as connection:
        found = connection.execute(select(projections.c.fingerprint)).scalars()
        return "older" not in set(found)


async def test_what_an_older_version_did_not_know_is_filled_without_a_request(make_world: MakeWorld) -> None:
    world = make_world(integrations=2)
    await world.sync(mode=Mode.BACKFILL)
    before, asked = contents(world), len(world.environment.requests)
    as_an_older_version_wrote_it(world)
    assert contents(world) != before
    results = await reprojected(world)
    assert contents(world) == before
    assert len(world.environment.requests) == asked
    assert all(each.is_finished for each in results)
    assert sum(each.rows for each in results) == sum(len(before[name]) for name in catalogue())
    assert unfinished(world) == []


async def test_a_second_reprojection_writes_nothing(world: World) -> None:
    await world.sync(mode=Mode.BACKFILL)
    before = contents(world, stamps=True)
    first = await reprojected(world)
    assert sum(each.written for each in first) == 0
    as_an_older_version_wrote_it(world)
    second, third = await reprojected(world), await reprojected(world)
    assert sum(each.written for each in second) > sum(each.rows for each in second)
    assert sum(each.written for each in third) == 0
    assert contents(world, stamps=True) != before


async def test_only_what_differs_is_written_and_stamped(world: World) -> None:
    await world.sync(mode=Mode.BACKFILL)
    one, *_ = world.rows("hris_employees", *world.environment.integrations)
    stamped = select(EMPLOYEES.c.id, EMPLOYEES.c.mirrored_at)
    with world.database() as connection:
        before = {row.id: row.mirrored_at for row in connection.execute(stamped)}
    change(world, update(EMPLOYEES).where(EMPLOYEES.c.id == one).values(job_title="older"))
    (result,) = await reprojected(world, ["hris_employees"])
    with world.database() as connection:
        after = {row.id: row.mirrored_at for row in connection.execute(stamped)}
    assert result.written == 1
    assert {key for key in before if after[key] != before[key]} == {one}


async def test_entries_that_a_list_has_no_more_leave_its_link_table(world: World) -> None:
    await world.sync(mode=Mode.BACKFILL)
    before = contents(world)
    links, items = MIRROR["hris_employees_groups"], MIRROR["hris_payslip_line_items"]
    with world.database() as connection:
        link = connection.execute(select(links).limit(1)).one()
        item = connection.execute(select(items).limit(1)).one()
    change(
        world,
        links.insert().values(employee_id=link.employee_id, group_id="another"),
        items.insert().values({**item._mapping, "position": 99, "document": text("'{}'")}),
    )
    await reprojected(world)
    assert contents(world) == before


async def test_the_next_command_reprojects_by_itself(world: World) -> None:
    await world.sync(mode=Mode.BACKFILL)
    before = contents(world)
    as_an_older_version_wrote_it(world)
    results = await world.sync()
    assert contents(world) == before
    assert sum(each.counts.written for each in results) == 0
    assert unfinished(world) == []


async def test_the_service_reprojects_by_itself(world: World) -> None:
    await world.sync(mode=Mode.BACKFILL)
    before = contents(world)
    as_an_older_version_wrote_it(world)
    async with world.app(web={"enabled": False}) as app:
        serving = asyncio.create_task(run_service(app, handle_signals=False))
        await until_async(
            lambda: serving.done() or (adopted(world) and not unfinished(world)), "the re-projection"
        )
        assert not serving.done()
        app.stopping.set()
        await serving
    assert contents(world) == before


async def test_a_first_run_has_nothing_to_reproject(world: World) -> None:
    async with world.app() as app:
        app.open_database()
        app.reprojection.adopt()
        assert await app.reprojection.finish() == []


class Killed(BaseException):
    """Ends a re-projection without a chance to clean up."""


async def test_a_killed_reprojection_goes_on_after_its_last_batch(world: World) -> None:
    await world.sync(mode=Mode.BACKFILL)
    before = contents(world)
    rows = len(before["hris_employees"])
    as_an_older_version_wrote_it(world)
    seen = []

    def kill_after_two(step: Any) -> None:
        seen.append(step)
        if step.rows == 10:
            raise Killed

    async with world.app() as app:
        app.reprojection.adopt()
        small = replace(app.reprojection, batch_rows=5)
        with pytest.raises(Killed):
            await small.run(["hris_employees"], kill_after_two)
    assert [each.rows for each in seen] == [0, 5, 10]
    seen.clear()
    async with world.app() as app:
        (result,) = await replace(app.reprojection, batch_rows=5).run(["hris_employees"], seen.append)
    assert result.rows == rows - 10
    assert result.is_finished
    # Its beginning, each batch of rows, versions, the quarantine, former values in the feed, and its end.
    assert len(seen) == 1 + -(-(rows - 10 + 1) // 5) + 1 + 1 + 1 + 1
    await reprojected(world)
    assert contents(world) == before


CHILD = """
import asyncio, sys
from msgspec.structs import replace
from syncer.app import App
from syncer.config.settings import Settings

async def main():
    app = App(Settings(database={"url": sys.argv[1]}))
    app.reprojection.adopt()
    def tell(step):
        print("rows", step.rows, flush=True)
        if step.rows == 15:
            sys.stdin.read()
    await replace(app.reprojection, batch_rows=5).run(["hris_employees"], tell)

asyncio.run(main())
"""


def kill_after_three_batches(url: str) -> None:
    command = [sys.executable, "-c", CHILD, url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        while process.stdout.readline() != "rows 15\n":
            assert process.poll() is None
        process.kill()


async def test_kill_9_costs_at_most_the_batch_under_way(world: World) -> None:
    await world.sync(mode=Mode.BACKFILL)
    before = contents(world)
    as_an_older_version_wrote_it(world)
    kill_after_three_batches(world.database_url)
    (result,) = await reprojected(world, ["hris_employees"])
    assert result.rows == len(before["hris_employees"]) - 15
    assert contents(world)["hris_employees"] == before["hris_employees"]


async def test_a_reprojection_that_is_told_to_stop_is_not_finished_and_goes_on(world: World) -> None:
    await world.sync(mode=Mode.BACKFILL)
    before = contents(world)
    as_an_older_version_wrote_it(world)
    async with world.app() as app:
        results = await reproject(app, report=lambda step: app.stopping.set() if step.rows else None)
    assert not all(each.is_finished for each in results)
    assert unfinished(world)
    await world.sync()
    assert contents(world) == before


async def test_two_processes_share_one_reprojection(world: World) -> None:
    await world.sync(mode=Mode.BACKFILL)
    before = contents(world)
    as_an_older_version_wrote_it(world)
    async with world.app() as one, world.app() as other:
        one.reprojection.adopt()
        other.reprojection.adopt()
        results = await asyncio.gather(
            *(replace(app.reprojection, batch_rows=3).finish() for app in (one, other))
        )
    assert contents(world) == before
    assert sum(each.rows for part in results for each in part) == sum(
        len(before[name]) for name in catalogue()
    )


# --- walks at the same time -----------------------------------------------------------------------------


async def test_walks_between_the_batches_win(world: World) -> None:
    await world.sync(mode=Mode.BACKFILL)
    as_an_older_version_wrote_it(world)
    company = next(iter(world.environment.companies.values()))
    every = iter(sorted(company.ids("hris_employees")))
    async with world.app() as app:
        app.reprojection.adopt()
        with app.database.begin() as connection:
            connection.execute(
                update(projections).where(projections.c.model != "hris_employees").values(at_table=None)
            )

        def batch() -> Any:
            with app.database.begin() as connection:
                return reproject_batch(
                    BatchContext(connection, "run", app.database.now(connection), size=10),
                    ModelProjector(model_named("hris_employees"), frozenset()),
                )

        while batch() is not None:
            for each in (next(every), next(every)):
                company.update("hris_employees", each, job_title="Changed meanwhile")
            async with alone(app).open() as (engine, _):
                key = StreamKey(next(iter(world.environment.integrations)), "hris_employees")
                result = await run_stream(engine, Integrations(engine), key, mode=Mode.SYNC)
                assert result.outcome is Outcome.COMPLETE
    world.assert_equal(["hris_employees"])
    with world.database() as connection:
        found = connection.execute(select(EMPLOYEES.c.id, EMPLOYEES.c.job_title))
        titles = {row.id: row.job_title for row in found}
    integration_id = next(iter(world.environment.integrations))
    documents = world.rows("hris_employees", integration_id)
    assert titles == {key: document["job_title"] for key, document in documents.items()}
    assert list(titles.values()).count("Changed meanwhile") >= 4


def waits_for_a_lock(connection: Connection) -> int:
    found: int = connection.execute(text("SELECT count(*) FROM pg_locks WHERE NOT granted")).scalar_one()
    return found


async def test_a_page_that_commits_while_a_batch_waits_is_not_set_back(make_world: MakeWorld) -> None:
    world = make_world()
    await world.sync(mode=Mode.BACKFILL)
    as_an_older_version_wrote_it(world)
    (integration_id,) = world.environment.integrations
    record = {**row_of_source(world, "hris_employees"), "job_title": "Newer"}
    page, batches, looking = (Database(world.database_url) for _ in range(3))
    model = model_named("hris_employees")
    app = world.app()
    app.reprojection.adopt()
    app.database.close()

    def reproject() -> None:
        with batches.begin() as connection:
            now = batches.now(connection)
            context = BatchContext(connection, "run", now, size=500)
            reproject_batch(context, ModelProjector(model, frozenset()))

    behind = threading.Thread(target=reproject)
    with page.begin() as connection:
        row = project_text(model, json.dumps(record).encode())
        assert isinstance(row, Row)
        now = page.now(connection)
        write_page(connection, model_destination(model, integration_id), [row], now=now, walk_began_at=now)
        behind.start()
        if not page.is_sqlite:
            deadline = time.monotonic() + PATIENCE
            with looking.read() as other:
                while not waits_for_a_lock(other):
                    assert time.monotonic() < deadline
                    other.execute(text("SELECT pg_stat_clear_snapshot()"))
    behind.join()
    assert world.rows("hris_employees", integration_id)[record["id"]]["job_title"] == "Newer"
    for each in (page, batches, looking):
        each.close()


def row_of_source(world: World, model: str) -> dict[str, Any]:
    """Give the first record of the model's list."""
    company = next(iter(world.environment.companies.values()))
    return next(iter(world.source(model, company).values()))


# --- what the mirror knows and the documents do not -----------------------------------------------------


async def test_rows_that_a_sweep_marked_stay_marked(world: World) -> None:
    await world.sync(mode=Mode.BACKFILL)
    moment = datetime(2031, 3, 1, tzinfo=UTC)
    marks = {"remote_deleted_at": moment, "deleted_by": "sweep", "changed_at": moment}
    change(world, update(EMPLOYEES).values(**marks))
    before = contents(world)
    as_an_older_version_wrote_it(world)
    await reprojected(world)
    assert contents(world) == before


async def test_rows_kept_after_anonymisation_keep_their_last_values(make_world: MakeWorld) -> None:
    world = make_world(deletions={"after_anonymisation": "keep"})
    await world.sync(mode=Mode.BACKFILL)
    company = next(iter(world.environment.companies.values()))
    for each in list(company.ids("hris_employees"))[:3]:
        company.delete("hris_employees", each)
    await world.sync()
    world.clock.advance(timedelta(days=15))
    await world.sync()
    before = contents(world)
    as_an_older_version_wrote_it(world)
    await reprojected(world)
    assert contents(world) == before
    with world.database() as connection:
        kept = connection.execute(
            select(EMPLOYEES).where(EMPLOYEES.c.deleted_by == "kombo", EMPLOYEES.c.first_name.is_not(None))
        ).all()
    assert kept
    assert all(row.remote_deleted_at is not None for row in kept)


async def test_shared_children_that_no_version_knew_come_out_of_their_parents(world: World) -> None:
    await world.sync(mode=Mode.BACKFILL)
    shared = [
        child.table for model in catalogue().values() for child in model.children if child.owner is None
    ]
    before = {table: ids(world, table) for table in shared}
    assert all(before.values())
    emptied = [delete(MIRROR[table]) for table in shared]
    change(world, *emptied, update(projections).values(fingerprint="older"))
    await reprojected(world)
    assert {table: ids(world, table) for table in shared} == before
    again = await reprojected(world)
    assert sum(each.written for each in again) == 0


def ids(world: World, table: str) -> set[str]:
    with world.database() as connection:
        return set(connection.execute(select(MIRROR[table].c.id)).scalars())


async def test_a_shared_child_stays_as_its_last_parent_brought_it(world: World) -> None:
    await world.sync(mode=Mode.BACKFILL)
    questions = MIRROR["ats_screening_questions"]
    with world.database() as connection:
        one = connection.execute(select(questions.c.id)).scalars().first()
    document = json.dumps({"id": one, "title": "Newer than any job says"})
    written = text("document = :document").bindparams(document=document)
    column = (
        "document = CAST(:document AS jsonb)" if world.database_url.startswith("postgres") else written.text
    )
    change(
        world,
        text(f"UPDATE ats_screening_questions SET title = 'older', {column} WHERE id = :id").bindparams(
            document=document, id=one
        ),
    )
    await reprojected(world, ["ats_jobs"])
    with world.database() as connection:
        row = connection.execute(select(questions).where(questions.c.id == one)).one()
    assert (row.title, row.description) == ("Newer than any job says", None)


async def test_a_value_that_does_not_fit_its_new_column_is_noted(world: World) -> None:
    await world.sync(mode=Mode.BACKFILL)
    (integration_id,) = world.environment.integrations
    one, *_ = world.rows("hris_employees", integration_id)
    new = (
        "jsonb_set(document, '{weekly_hours}', '\"many\"')"
        if world.database_url.startswith("postgres")
        else "json_set(document, '$.weekly_hours', 'many')"
    )
    change(world, text(f"UPDATE hris_employees SET document = {new} WHERE id = :id").bindparams(id=one))
    await reprojected(world)
    again = await reprojected(world)
    with world.database() as connection:
        (held,) = connection.execute(select(quarantine)).all()
        hours = connection.execute(select(EMPLOYEES.c.weekly_hours).where(EMPLOYEES.c.id == one)).scalar_one()
    assert (held.record_key, held.reason) == (one, "weekly_hours: expected a number, got text")
    assert hours is None
    assert sum(each.written for each in again) == 0


# --- processes with other projections -------------------------------------------------------------------


async def test_a_process_with_another_projection_can_write_no_more(make_world: MakeWorld) -> None:
    world = make_world()
    await world.sync(mode=Mode.BACKFILL)
    company = next(iter(world.environment.companies.values()))
    for each in company.ids("hris_employees"):
        company.update("hris_employees", each, job_title="Everybody")
    async with world.app() as old, world.app(privacy={"exclude": ["hris_employees.job_title"]}) as new:
        old.reprojection.adopt()
        new.reprojection.adopt()
        before = contents(world, stamps=True)
        async with alone(old).open() as (engine, asking):
            (integration_id,) = world.environment.integrations
            result = await run_stream(
                engine, asking, StreamKey(integration_id, "hris_employees"), mode=Mode.SYNC
            )
        assert result.outcome is Outcome.FAILED
        assert result.error is not None
        assert "other exclusions" in result.error
        assert contents(world, stamps=True) == before
        other = await _of_another_family(old, integration_id)
        assert other.outcome is Outcome.COMPLETE


async def _of_another_family(app: App, integration_id: str) -> Result:
    async with alone(app).open() as (engine, asking):
        return await run_stream(engine, asking, StreamKey(integration_id, "ats_jobs"), mode=Mode.SYNC)


async def test_whoever_adopts_waits_for_the_pages_under_way(world: World) -> None:
    """On SQLite a writing transaction is alone; on PostgreSQL pages share a lock."""
    await world.sync(mode=Mode.BACKFILL)
    model = model_named("hris_employees")
    mine, others = projection(model, frozenset()), projection(model, exclusions(["hris_employees.ssn"]))
    page, adopting, looking = (Database(world.database_url) for _ in range(3))
    adopted = threading.Event()

    def replace_it() -> None:
        with adopting.begin() as connection:
            adopt(connection, {model.name: others}, adopting.now(connection))
        adopted.set()

    behind = threading.Thread(target=replace_it)
    with page.begin() as connection:
        pin(connection, model.name, mine)
        behind.start()
        if not page.is_sqlite:
            deadline = time.monotonic() + PATIENCE
            with looking.read() as other:
                while not waits_for_a_lock(other):
                    assert time.monotonic() < deadline
        assert not adopted.is_set()
        pin(connection, model.name, mine)
    behind.join()
    with looking.begin() as connection:
        assert lock_cursor(connection, model.name, others) is not None
    for each in (page, adopting, looking):
        each.close()
