"""What the mirror said at any moment since its history was switched on can be read as of that moment."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import pytest
from msgspec import Raw
from sqlalchemy import Table, delete, event, select, update

from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.catalogue.tables import tables_of
from syncer.domain.errors import UsageError
from syncer.domain.records.pseudonyms import Pseudonyms
from syncer.domain.stream_key import StreamKey
from syncer.domain.streams.stream import Mode
from syncer.operations.reproject import reproject
from syncer.operations.sync import sync
from syncer.simulator.life.random_change import random_change
from syncer.simulator.server.faults import Match, rewritten
from syncer.store.db.database import Database
from syncer.store.db.types import decoded_json
from syncer.store.reading.query import query
from syncer.store.records.histories import drop_old_versions
from syncer.store.schema.history_tables import history_table
from syncer.store.schema.mirror_tables import MIRROR
from syncer.sync.departed import mark_integration, purge_integration
from syncer.sync.run import run_stream
from tests.support.alone import ready
from tests.support.world import MakeWorld, World, company_of

Copy = dict[str, list[str]]

EMPLOYEES, GROUPS, LINKS = "hris_employees", "hris_groups", "hris_employees_groups"
#: Every kind of link and child is among them.
MODELS = ["hris_employees", "hris_employments", GROUPS, "hris_payslips", "ats_jobs", "lms_courses"]
KEPT: dict[str, Any] = {"sync": {"models": MODELS}, "history": {"models": MODELS}}
TABLES = sorted({table for model in MODELS for table in tables_of(catalogue()[model])})


@pytest.fixture
def database_url(migrated_url: str) -> str:
    """With all tables: making them is not the subject here."""
    return migrated_url


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    """One integration, of these models alone."""
    return make_world(records=400, sync={"models": MODELS})


def employee(world: World) -> str:
    """One who is there, and in a group."""
    company = company_of(world)
    return next(each for each in company.ids(EMPLOYEES) if company.row(EMPLOYEES, each)["groups"])


def copy(world: World, tables: Iterable[str] = TABLES, as_of: datetime | None = None) -> Copy:
    """All rows of these tables, as they are now or were at a moment."""
    database = Database(world.database_url, clock_offset=world.clock_offset)
    try:
        found = {}
        for name in tables:
            names = ", ".join(f'"{column.name}"' for column in MIRROR[name].columns)
            with query(database, f"SELECT {names} FROM {name}", {}, as_of=as_of) as answer:
                rows = ([bytes(v) if isinstance(v, Raw) else v for v in row] for row in answer.rows)
                found[name] = sorted(map(repr, rows))
        return found
    finally:
        database.close()


def now(world: World) -> datetime:
    """A moment of the database's clock behind which everything so far lies, and nothing that comes."""
    database = Database(world.database_url, clock_offset=world.clock_offset)
    try:
        with database.read() as connection:
            moment = database.now(connection)
            while database.now(connection) <= moment + timedelta(milliseconds=1):
                pass
        return moment
    finally:
        database.close()


def versions(world: World, name: str, *, where: str | None = None) -> list[Any]:
    """Versions of a table's rows, or of one of them, in order."""
    table: Table = history_table(name)
    statement = select(table).order_by(*table.primary_key.columns)
    if where is not None:
        statement = statement.where(next(iter(table.primary_key.columns)) == where)
    with world.database() as connection:
        return list(connection.execute(statement).all())


async def test_the_mirror_as_of_a_moment_equals_a_copy_taken_at_that_moment(make_world: MakeWorld) -> None:
    world = make_world(records=600, **KEPT)
    company = company_of(world)
    random = Random(11)
    taken: list[tuple[datetime, Copy]] = []
    for step in range(6):
        await world.sync(mode=Mode.RESTART if step % 3 == 2 else Mode.SYNC)
        taken.append((now(world), copy(world)))
        world.clock.advance(timedelta(hours=1))
        for _ in range(40):
            random_change(company, random)
        company.vanish("hris_employments", company.ids("hris_employments")[0])
    assert all(earlier[1] != later[1] for earlier, later in pairwise(taken))
    assert any(each.deleted_by == "sweep" for each in versions(world, "hris_employments"))
    for moment, before in taken:
        then = copy(world, as_of=moment)
        assert {name for name in before if then[name] != before[name]} == set()


# --- when a history is kept


async def test_rows_that_are_there_begin_their_history_when_it_is_switched_on(world: World) -> None:
    await world.sync()
    before, rows = now(world), copy(world)
    await world.sync(**KEPT)
    first = versions(world, EMPLOYEES)
    assert len(first) == len(rows[EMPLOYEES])
    (since,) = {each.known_from for each in first}
    assert before < since
    assert {each.known_to for each in first} == {None}
    assert copy(world, as_of=since) == rows
    with pytest.raises(UsageError, match=rf"The history of {EMPLOYEES} begins at .*nobody knows"):
        copy(world, [EMPLOYEES], as_of=before)


async def test_the_time_while_a_history_was_off_is_not_made_up(world: World) -> None:
    await world.sync(**KEPT)
    company, one = company_of(world), employee(world)
    kept = now(world)
    was = copy(world)
    await world.sync()
    off = now(world)
    company.update(EMPLOYEES, one, job_title="Unseen")
    await world.sync()
    assert copy(world, [EMPLOYEES], as_of=kept) == {EMPLOYEES: was[EMPLOYEES]}
    with pytest.raises(UsageError, match=rf"The history of {EMPLOYEES} was switched off at"):
        copy(world, [EMPLOYEES], as_of=off)
    company.update(EMPLOYEES, one, job_title="Seen")
    await world.sync(**KEPT)
    first, found, seen = versions(world, EMPLOYEES, where=one)
    assert (found.job_title, seen.job_title, seen.known_to) == ("Unseen", "Seen", None)
    # When it was told the first, nobody knows: it was found as the history began anew.
    assert first.known_to < found.known_from
    for moment in (kept, off):
        with pytest.raises(UsageError, match=rf"The history of {EMPLOYEES} begins at"):
            copy(world, [EMPLOYEES], as_of=moment)
    assert copy(world, as_of=now(world)) == copy(world)


async def test_a_process_from_before_the_history_keeps_versions_too(world: World) -> None:
    await world.sync()
    company, one = company_of(world), employee(world)
    async with world.app() as earlier, ready(earlier) as (context, integrations):
        await world.sync(**KEPT)
        company.update(EMPLOYEES, one, job_title="Later")
        key = StreamKey(next(iter(world.environment.integrations)), EMPLOYEES)
        await run_stream(context, integrations, key, mode=Mode.SYNC)
    assert [each.job_title for each in versions(world, EMPLOYEES, where=one)][1:] == ["Later"]


async def test_without_a_history_no_statement_of_a_page_names_one(world: World) -> None:
    statements: list[str] = []
    async with world.app(sync={"models": MODELS}) as app:
        event.listen(app.database.engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
        await sync(app, Mode.SYNC)
    written = [each for each in statements if each.startswith("INSERT")]
    assert any(EMPLOYEES in each for each in written)
    assert [each for each in written if "_history" in each or "known_from" in each] == []


# --- what a version is


async def test_a_change_ends_one_version_and_begins_the_next_at_the_same_time(world: World) -> None:
    await world.sync(**KEPT)
    company, one = company_of(world), employee(world)
    for title in ("First", "Second"):
        company.update(EMPLOYEES, one, job_title=title)
        await world.sync(**KEPT)
    first, second, third = versions(world, EMPLOYEES, where=one)
    assert (second.job_title, third.job_title) == ("First", "Second")
    assert first.known_from < first.known_to == second.known_from < second.known_to == third.known_from
    assert third.known_to is None
    others = [each for each in versions(world, EMPLOYEES) if each.id != one]
    assert len(others) == len({each.id for each in others})


async def test_a_reload_and_a_reprojection_begin_no_version(world: World) -> None:
    await world.sync(**KEPT)
    before = {name: versions(world, name) for name in TABLES}
    await world.sync(mode=Mode.RESTART, **KEPT)
    async with world.app(**KEPT) as app:
        await reproject(app, [])
    assert {name: versions(world, name) for name in TABLES} == before


async def test_links_and_columns_that_a_catalogue_brings_are_as_old_as_what_is_known_of_their_record(
    world: World,
) -> None:
    await world.sync(**KEPT)
    one = employee(world)
    company_of(world).update(EMPLOYEES, one, job_title="Second")
    await world.sync(**KEPT)
    links, records = copy(world, [LINKS]), versions(world, EMPLOYEES)
    database = Database(world.database_url)
    with database.begin() as connection:
        # As they would be had the catalogue not known them.
        connection.execute(delete(MIRROR[LINKS]))
        connection.execute(delete(history_table(LINKS)))
        connection.execute(update(MIRROR[EMPLOYEES]).values(job_title=None))
        connection.execute(update(history_table(EMPLOYEES)).values(job_title=None))
    database.close()
    async with world.app(**KEPT) as app:
        await reproject(app, [EMPLOYEES])
    assert copy(world, [LINKS]) == copy(world, [LINKS], as_of=now(world)) == links
    assert [
        (each.id, each.job_title, each.known_from, each.known_to) for each in versions(world, EMPLOYEES)
    ] == [(each.id, each.job_title, each.known_from, each.known_to) for each in records]
    assert copy(world, as_of=now(world)) == copy(world)
    known = {each.id: each.known_from for each in records if each.known_to is None}
    assert all(each.known_from == known[each.employee_id] for each in versions(world, LINKS))


async def test_links_and_children_go_from_all_versions_with_their_excluded_list(world: World) -> None:
    await world.sync(**KEPT)
    lists = ["hris_employees.groups", "hris_payslips.line_items", "lms_courses.revisions"]
    await world.sync(**KEPT, privacy={"exclude": lists})
    gone = [LINKS, "hris_payslip_line_items", "lms_course_revisions"]
    assert {name: versions(world, name) for name in gone} == {name: [] for name in gone}
    assert copy(world, as_of=now(world)) == copy(world)


async def test_versions_of_links_lose_what_is_kept_out_inside_their_json(
    make_world: MakeWorld, tmp_path: Path
) -> None:
    name, label = "ats_jobs_hiring_team", "Planted role"
    kept: dict[str, Any] = {"sync": {"models": ["ats_jobs"]}, "history": {"models": ["ats_jobs"]}}
    world = make_world(**kept)

    def plant(page: Any) -> Any:
        for job in page["data"]["results"]:
            for user in job["hiring_team"]:
                user["job_roles"] = [{"id": "r", "remote_label": label, "scope": "JOB"}]
        return page

    world.environment.faults.add(Match(model="ats_jobs"), rewritten(plant), None)
    await world.sync()
    company = company_of(world)
    job = next(each for each in company.ids("ats_jobs") if company.row("ats_jobs", each)["hiring_team"])
    company.unlink("ats_jobs", job, "hiring_team", company.row("ats_jobs", job)["hiring_team"][0]["id"])
    await world.sync()

    def shown() -> tuple[int, int, list[str]]:
        found = versions(world, name)
        ended = sum(each.known_to is not None for each in found)
        return len(found), ended, [json.dumps(decoded_json(each.job_roles)) for each in found]

    before = shown()
    assert before[1] == 1
    assert all(label in roles for roles in before[2])
    (tmp_path / "key").write_text("k" * 32)
    replaced = {"pseudonymise": ["ats_roles.remote_label"], "pseudonym_key_file": str(tmp_path / "key")}
    pseudonym = Pseudonyms.of_key("k" * 32).replace(label)
    await world.sync(privacy=replaced)
    assert shown() == (*before[:2], [roles.replace(label, pseudonym) for roles in before[2]])
    await world.sync(privacy={"exclude": ["ats_roles.remote_label"]})
    assert shown()[:2] == before[:2]
    assert not any("remote_label" in roles for roles in shown()[2])
    assert all("JOB" in roles for roles in shown()[2])


async def test_links_that_stay_keep_their_version_when_their_record_changes(world: World) -> None:
    await world.sync(**KEPT)
    company = company_of(world)
    one = employee(world)
    (group, *_), new = (
        [each.group_id for each in versions(world, LINKS, where=one)],
        company.ids(GROUPS),
    )
    before = versions(world, LINKS, where=one)
    company.update(EMPLOYEES, one, job_title="Other")
    await world.sync(**KEPT)
    assert versions(world, LINKS, where=one) == before
    added = next(each for each in new if each not in {link.group_id for link in before})
    company.unlink(EMPLOYEES, one, "groups", group)
    company.link(EMPLOYEES, one, "groups", added)
    await world.sync(**KEPT)
    spans = {each.group_id: (each.known_from, each.known_to) for each in versions(world, LINKS, where=one)}
    assert spans[group][1] == spans[added][0]
    assert spans[added][1] is None


async def test_versions_stay_in_order_when_the_clock_is_set_back(world: World) -> None:
    await world.sync(**KEPT)
    company, one = company_of(world), employee(world)
    world.clock_offset = timedelta(hours=-2)
    for title in ("First", "Second"):
        company.update(EMPLOYEES, one, job_title=title)
        await world.sync(**KEPT)
    found = versions(world, EMPLOYEES, where=one)
    assert [each.job_title for each in found][1:] == ["First", "Second"]
    assert [each.known_to for each in found] == [*(each.known_from for each in found[1:]), None]
    assert all(earlier.known_from < later.known_from for earlier, later in pairwise(found))


@pytest.mark.parametrize("is_kept_still", [True, False])
async def test_what_kombo_blanks_is_blank_in_all_versions(world: World, is_kept_still: bool) -> None:
    await world.sync(**KEPT)
    company = company_of(world)
    one = employee(world)
    name = company.row(EMPLOYEES, one)["last_name"]
    company.update(EMPLOYEES, one, job_title="Before")
    await world.sync(**KEPT)
    company.delete(EMPLOYEES, one)
    await world.sync(**KEPT)
    assert name in str(versions(world, EMPLOYEES, where=one))
    world.clock.advance(timedelta(days=15))
    await world.sync(**(KEPT if is_kept_still else {}))
    found = versions(world, EMPLOYEES, where=one)
    assert len(found) == (4 if is_kept_still else 3)
    assert [each.remote_deleted_at is None for each in found] == [True, True, *[False] * (len(found) - 2)]
    for each in found:
        assert {each.last_name, each.job_title, each.work_email} == {None}
        assert name not in str(each)
    assert versions(world, LINKS, where=one) == []


async def test_with_keep_versions_of_a_blanked_record_stay_as_they_are(world: World) -> None:
    world.settings["deletions"] = {"after_anonymisation": "keep"}
    await world.sync(**KEPT)
    company, one = company_of(world), employee(world)
    name = company.row(EMPLOYEES, one)["last_name"]
    company.delete(EMPLOYEES, one)
    await world.sync(**KEPT)
    world.clock.advance(timedelta(days=15))
    await world.sync(**KEPT)
    assert {each.last_name for each in versions(world, EMPLOYEES, where=one)} == {name}


# --- how long versions are kept


async def test_old_versions_are_dropped_in_bounded_steps_and_the_history_begins_later(world: World) -> None:
    await world.sync(**KEPT)
    company = company_of(world)
    some = company.ids(EMPLOYEES)[:7]
    assert len(some) == 7
    moments = []
    for title in ("First", "Second"):
        for each in some:
            company.update(EMPLOYEES, each, job_title=title)
        moments.append(now(world))
        await world.sync(**KEPT)
    last = now(world)
    rows = copy(world, as_of=last)
    database = Database(world.database_url)
    try:
        dropped = []
        for _ in range(4):
            with database.begin() as connection:
                at = last + timedelta(days=30)
                dropped.append(drop_old_versions(timedelta(days=30), connection, at, 5))
        assert sum(dropped) == 14 + sum(dropped[3:])
        assert dropped[:3] == [5, 5, 4]
    finally:
        database.close()
    assert copy(world, as_of=last) == rows
    for moment in moments:
        with pytest.raises(UsageError, match=rf"The history of {EMPLOYEES} begins at"):
            copy(world, [EMPLOYEES], as_of=moment)


# --- integrations that go


async def test_an_integration_that_is_marked_has_a_last_version_and_one_that_is_purged_has_none(
    world: World,
) -> None:
    await world.sync(**KEPT)
    (integration,) = world.environment.integrations
    live = len(company_of(world).ids(EMPLOYEES))
    before, was = now(world), copy(world)
    async with world.app(**KEPT) as app, ready(app) as (context, integrations):
        await mark_integration(context, integrations, integration)
        assert copy(world, as_of=before) == was
        assert copy(world, as_of=now(world)) == copy(world)
        marked = [each for each in versions(world, EMPLOYEES) if each.deleted_by == "sweep"]
        assert len(marked) == live
        await purge_integration(context, integrations, integration)
    assert {name: versions(world, name) for name in TABLES} == {name: [] for name in TABLES}
