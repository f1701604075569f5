"""An excluded member leaves no trace in the database: from the first page on, or once it is excluded."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Executable, delete, func, insert, select, text, update

from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.streams.stream import Kind, Mode
from syncer.operations.reproject import reproject
from syncer.operations.sync import sync
from syncer.simulator.server import faults
from syncer.simulator.server.faults import Match
from syncer.store.schema.history_tables import history_table, history_tables
from syncer.store.schema.mirror_tables import MIRROR
from syncer.store.schema.state_tables import projections, quarantine
from syncer.sync.context import Progress
from tests.support.database_text import database_text
from tests.support.world import MakeWorld, World, company_of

#: Every kind of link and child is among them, and copies of records inside others.
MODELS = [
    "hris_employees",
    "hris_employments",
    "hris_locations",
    "hris_performance_reviews",
    "hris_payslips",
    "hris_staffing_entities",
    "ats_jobs",
    "lms_courses",
]
#: Pattern -> where the member stands in which records, found by hand.
PLACES: dict[str, list[tuple[str, str]]] = {
    "hris_employees.ssn": [("hris_employees", "ssn")],
    "hris_employees.home_address.street_1": [("hris_employees", "home_address.street_1")],
    "hris_employees.work_email": [
        ("hris_employees", "work_email"),
        ("hris_employees", "manager.work_email"),
        ("hris_performance_reviews", "reviewee.work_email"),
        ("hris_performance_reviews", "reviewer.work_email"),
        ("hris_payslips", "employee.work_email"),
    ],
    "hris_employments.pay_rate": [
        ("hris_employments", "pay_rate"),
        ("hris_employees", "employments.pay_rate"),
    ],
    "hris_payslip_line_items.amount": [("hris_payslips", "line_items.amount")],
    "ats_screening_questions.title": [("ats_jobs", "screening_questions.title")],
    "hris_skill_proficiency_scales.ordered_options": [
        ("hris_staffing_entities", "skills.skill.proficiency_scale.ordered_options")
    ],
    "lms_course_revisions.remote_url": [("lms_courses", "revisions.remote_url")],
    "*.remote_data": [(model, "**.remote_data") for model in MODELS],
}


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
    """One integration; every employee has what one would like to hide, and every location remote data."""
    world = make_world()
    company = company_of(world)
    for number, each in enumerate(company.ids("hris_employees")):
        address = {"street_1": f"Secret Street {number}", "city": "Bonn"}
        company.update("hris_employees", each, ssn=f"secret-{number:04}", home_address=address)
    for number, each in enumerate(company.ids("hris_locations")):
        company.update("hris_locations", each, remote_data={"/sites": [f"secret site {number}"]})
    return world


def excluding(*patterns: str) -> dict[str, Any]:
    return {"privacy": {"exclude": list(patterns)}}


def without(value: Any, path: list[str]) -> Any:
    """The value without the member at the path; ** stands for any depth."""
    if isinstance(value, list):
        return [without(item, path) for item in value]
    if not isinstance(value, dict):
        return value
    first, *rest = path
    if first == "**":
        return {name: without(item, path) for name, item in value.items() if name != rest[0]}
    if not rest:
        return {name: item for name, item in value.items() if name != first}
    return {name: without(item, rest) if name == first else item for name, item in value.items()}


def leaves(value: Any) -> Iterator[str]:
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from leaves(item)
    else:
        yield str(value)


def expected(world: World, patterns: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Model -> the source's records by id as they should be kept."""
    records = {model: world.source(model, company_of(world)) for model in MODELS}
    for pattern in patterns:
        for model, path in PLACES[pattern]:
            records[model] = {key: without(row, path.split(".")) for key, row in records[model].items()}
    return records


def secrets(world: World, pattern: str) -> set[str]:
    """Values that stand nowhere in the source but at the places of the pattern."""
    shown = list(leaves(expected(world, [pattern])))
    text = "\n".join(shown)
    gone = set(leaves(expected(world, []))) - set(shown)
    hidden = {value for value in gone if len(value) > 6 and value not in text}
    assert hidden, pattern
    return hidden


def forms(value: str) -> set[str]:
    """Give the value as it stands in a column of its own, and in a document."""
    return {value, json.dumps(value)[1:-1]}


def assert_no_trace(world: World, patterns: Iterable[str]) -> None:
    kept = database_text(world)
    for pattern in patterns:
        found = {each for each in secrets(world, pattern) if any(form in kept for form in forms(each))}
        assert not found, f"{pattern} left {sorted(found)[:3]}"


def assert_kept(world: World, patterns: Iterable[str]) -> None:
    """The mirror has exactly the source without what is excluded."""
    (integration_id,) = world.environment.integrations
    for model, records in expected(world, patterns).items():
        assert world.rows(model, integration_id) == records, model


def change(world: World, *statements: Executable) -> None:
    app = world.app()
    try:
        with app.database.begin() as connection:
            for statement in statements:
                connection.execute(statement)
    finally:
        app.database.close()


async def test_what_is_excluded_never_enters(world: World) -> None:
    await world.sync(mode=Mode.BACKFILL, **excluding(*PLACES))
    assert_kept(world, PLACES)
    assert_no_trace(world, PLACES)
    again = await world.sync(mode=Mode.RESTART, **excluding(*PLACES))
    assert sum(each.counts.written for each in again) == 0


async def test_a_trace_would_be_found(world: World) -> None:
    await world.sync(mode=Mode.BACKFILL)
    for pattern in PLACES:
        with pytest.raises(AssertionError, match=re.escape(f"{pattern} left")):
            assert_no_trace(world, [pattern])


async def test_a_new_exclusion_leaves_no_trace_after_the_next_pass_and_no_walk_is_repeated(
    world: World,
) -> None:
    await world.sync(mode=Mode.BACKFILL)
    results = await world.sync(**excluding(*PLACES))
    assert {each.kind for each in results} == {Kind.INCREMENTAL}
    assert_kept(world, PLACES)
    assert_no_trace(world, PLACES)
    again = await world.sync(mode=Mode.RESTART, **excluding(*PLACES))
    assert sum(each.counts.written for each in again) == 0


async def test_a_new_exclusion_leaves_no_trace_in_the_versions_of_records(world: World) -> None:
    world.settings["history"] = {"models": MODELS}
    await world.sync()
    company = company_of(world)
    for model in MODELS:
        for each in company.ids(model)[:20]:
            company.update(model, each, remote_data={"beside": {"note": f"another secret of {each}"}})
    await world.sync()

    def versions() -> dict[str, int]:
        with world.database() as connection:
            return {
                name: connection.execute(select(func.count()).select_from(history_table(name))).scalar_one()
                for name in history_tables(connection)
            }

    before = versions()
    assert "another secret" in database_text(world)
    await world.sync(**excluding(*PLACES))
    assert_no_trace(world, PLACES)
    assert "another secret" not in database_text(world)
    # It is no news of any record.
    assert versions() == before


async def test_a_new_exclusion_needs_no_request(world: World) -> None:
    await world.sync(mode=Mode.BACKFILL)
    asked = len(world.environment.requests)
    async with world.app(**excluding(*PLACES)) as app:
        first = await reproject(app)
    async with world.app(**excluding(*PLACES)) as app:
        second = await reproject(app)
    assert len(world.environment.requests) == asked
    assert sum(each.written for each in first) > 0
    assert sum(each.written for each in second) == 0
    assert_kept(world, PLACES)
    assert_no_trace(world, PLACES)


async def test_only_models_of_the_family_are_reprojected(world: World) -> None:
    await world.sync(mode=Mode.BACKFILL)
    async with world.app(**excluding("hris_employments.pay_rate")) as app:
        app.reprojection.adopt()
        results = await app.reprojection.finish()
    embedding = {each.model for each in results}
    # A member that the catalogue does not know may hold a copy of anything of the family.
    assert {"hris_employees", "hris_employments", "hris_locations"} <= embedding
    assert not embedding & {"ats_jobs", "lms_courses"}


async def test_a_lifted_exclusion_brings_the_values_back_by_one_full_walk(world: World) -> None:
    await world.sync(mode=Mode.BACKFILL, **excluding(*PLACES))
    left = ["hris_employees.ssn", "ats_screening_questions.title", "lms_course_revisions.remote_url"]
    lifted = [pattern for pattern in PLACES if pattern not in left and pattern != "*.remote_data"]
    kinds = {each.key.model: each.kind for each in await world.sync(**excluding(*left, "*.remote_data"))}
    unchanged = {"hris_locations", "ats_jobs", "lms_courses"}
    assert kinds == {model: Kind.INCREMENTAL if model in unchanged else Kind.FULL for model in MODELS}
    assert_kept(world, [*left, "*.remote_data"])
    assert lifted
    after = await world.sync(**excluding(*left, "*.remote_data"))
    assert {each.kind for each in after} == {Kind.INCREMENTAL}
    await world.sync()
    assert_kept(world, [])
    with world.database() as connection:
        table = MIRROR["ats_screening_questions"]
        titles = {row.title for row in connection.execute(select(table.c.title))}
    jobs = world.source("ats_jobs", company_of(world)).values()
    assert titles == {question["title"] for job in jobs for question in job["screening_questions"]}


async def test_until_the_walk_a_stream_with_lifted_exclusions_is_not_complete(world: World) -> None:
    await world.sync(mode=Mode.BACKFILL, **excluding("hris_employees.ssn"))
    async with world.app() as app:
        app.reprojection.adopt()
    states = {key.model: stream.state for key, stream in world.streams().items()}
    assert states["hris_employees"] == "incomplete"
    assert states["hris_locations"] == "complete"
    backfilled = {each.key.model: each.kind for each in await world.sync(mode=Mode.BACKFILL)}
    assert backfilled["hris_employees"] is Kind.FULL
    assert backfilled["hris_locations"] is None
    assert_kept(world, [])


async def half_a_walk(world: World, **changes: Any) -> None:
    app = world.app(kombo={"page_size": 5}, **changes)

    def stop(progress: Progress) -> None:
        if progress.step == "page" and progress.pages == 2:
            app.stopping.set()

    async with app:
        await sync(app, Mode.BACKFILL, models=["hris_employees"], report=stop)


async def test_pages_from_before_an_exclusion_are_stripped_and_their_walk_goes_on(world: World) -> None:
    await half_a_walk(world)
    asked = len(world.environment.asked_for("hris_employees"))
    await world.sync(mode=Mode.BACKFILL, **excluding(*PLACES))
    assert "cursor" in world.environment.asked_for("hris_employees")[asked].params
    assert_kept(world, PLACES)
    assert_no_trace(world, PLACES)


async def test_a_walk_that_began_before_an_exclusion_was_lifted_is_dropped(world: World) -> None:
    await half_a_walk(world, **excluding(*PLACES))
    asked = len(world.environment.asked_for("hris_employees"))
    await world.sync(mode=Mode.BACKFILL)
    assert "cursor" not in world.environment.asked_for("hris_employees")[asked].params
    assert_kept(world, [])


async def test_links_and_shared_children_go_with_their_list(world: World) -> None:
    await world.sync(mode=Mode.BACKFILL)
    tables = ["hris_employees_groups", "ats_jobs_screening_questions", "ats_screening_questions"]
    tables += ["hris_skill_proficiency_scales", "hris_payslip_line_items", "hris_salary_types"]

    def counts() -> list[int]:
        with world.database() as connection:
            return [len(connection.execute(select(MIRROR[table])).all()) for table in tables]

    before = counts()
    assert all(before)
    lists = ["hris_employees.groups", "ats_jobs.screening_questions", "hris_payslips.line_items"]
    await world.sync(**excluding(*lists, "hris_staffing_entities.skills"))
    assert counts() == [0] * len(tables)
    await world.sync()
    assert counts() == before


async def test_rows_kept_after_anonymisation_lose_the_member_too(world: World) -> None:
    world.settings["deletions"] = {"after_anonymisation": "keep"}
    await world.sync(mode=Mode.BACKFILL)
    company = company_of(world)
    hidden = secrets(world, "hris_employees.ssn")
    for each in list(company.ids("hris_employees")):
        company.delete("hris_employees", each)
    await world.sync()
    world.clock.advance(timedelta(days=15))
    await world.sync()
    kept = database_text(world)
    assert any(value in kept for value in hidden)
    await world.sync(**excluding("hris_employees.ssn"))
    kept = database_text(world)
    assert not any(value in kept for value in hidden)


# --- quarantine -----------------------------------------------------------------------------------------


@pytest.fixture
def troubled(world: World) -> World:
    """A source with a birthday that is none, and with a name that no database holds, beside secrets."""
    employees = iter(company_of(world).ids("hris_employees"))
    company_of(world).update("hris_employees", next(employees), date_of_birth="born in secrecy")
    spoilt = next(employees)

    def spoil(page: Any) -> Any:
        for record in page["data"]["results"]:
            if record["id"] == spoilt:
                record["first_name"] = "Ann\0"
        return page

    world.environment.faults.add(Match(model="hris_employees"), faults.rewritten(spoil), None)
    return world


def held(world: World) -> list[tuple[str, str]]:
    """Read the reasons and documents of what is in quarantine."""
    with world.database() as connection:
        found = connection.execute(select(quarantine).order_by(quarantine.c.reason))
        return [(str(row.reason), str(row.document)) for row in found]


HIDING = ("hris_employees.ssn", "hris_employees.date_of_birth")


async def test_quarantine_holds_nothing_that_is_excluded(troubled: World) -> None:
    await troubled.sync(may_quarantine=True, mode=Mode.BACKFILL, **excluding(*HIDING))
    ((reason, document),) = held(troubled)
    assert reason == "holds a NUL character"
    assert "secret-" not in document
    assert json.loads(document)["first_name"] == "Ann\0"


async def test_a_new_exclusion_strips_the_quarantine_and_its_reasons(troubled: World) -> None:
    await troubled.sync(may_quarantine=True, mode=Mode.BACKFILL)
    noted, poisoned = held(troubled)
    assert noted[0] == "date_of_birth: is not a date"
    assert "secret-" in noted[1]
    assert "secret-" in poisoned[1]
    async with troubled.app(**excluding(*HIDING)) as app:
        await reproject(app)
    assert [reason for reason, _ in held(troubled)] == ["holds a NUL character"]
    kept = database_text(troubled)
    assert "born in secrecy" not in kept
    assert_no_trace(troubled, ["hris_employees.ssn"])


async def test_of_an_entry_that_cannot_be_read_only_the_reason_and_a_hash_are_kept(troubled: World) -> None:
    await troubled.sync(may_quarantine=True, mode=Mode.BACKFILL)
    spoilt = quarantine.c.reason == "holds a NUL character"
    change(troubled, update(quarantine).where(spoilt).values(document='{"ssn": "secret-9999", "first'))
    async with troubled.app(**excluding("hris_employees.ssn")) as app:
        await reproject(app)
        again = await reproject(app)
    _, (reason, document) = held(troubled)
    assert reason.startswith("not readable")
    assert list(json.loads(document)) == ["withheld"]
    assert sum(each.written for each in again) == 0


async def test_a_refusal_of_the_database_stays_in_quarantine_without_its_words(world: World) -> None:
    await world.sync(mode=Mode.BACKFILL)
    (integration_id,) = world.environment.integrations
    one, *_ = world.rows("hris_employees", integration_id)
    document = json.dumps({"id": one, "ssn": "secret-9999", "first_name": "Ann"})
    await world.sync()
    with world.database() as connection:
        run_id = connection.execute(text("SELECT id FROM sync_runs LIMIT 1")).scalar_one()
        now = connection.execute(select(MIRROR["hris_employees"].c.mirrored_at)).scalars().first()
    entry = {
        "environment": "default",
        "integration_id": integration_id,
        "model": "hris_employees",
        "record_key": one,
        "reason": 'the database refuses it: invalid input "secret-9999"',
        "document": document,
        "run_id": run_id,
        "first_seen_at": now,
        "last_seen_at": now,
    }
    change(world, delete(quarantine), insert(quarantine).values(entry))
    async with world.app(**excluding("hris_employees.ssn")) as app:
        await reproject(app, ["hris_employees"])
    ((reason, document),) = held(world)
    assert reason == "the database refuses it"
    assert json.loads(document) == {"id": one, "first_name": "Ann"}


@pytest.mark.parametrize("migrated_url", ["postgresql"], indirect=True)
async def test_a_row_that_the_database_refuses_now_is_emptied_rather_than_left(world: World) -> None:
    await world.sync(mode=Mode.BACKFILL)
    (integration_id,) = world.environment.integrations
    one, *_ = world.rows("hris_employees", integration_id)
    # Whoever keeps the database may have rules of their own.
    change(world, text("ALTER TABLE hris_employees ADD CHECK (work_email <> 'not@here.example')"))
    new = """jsonb_set(document, '{work_email}', '"not@here.example"')"""
    change(world, text(f"UPDATE hris_employees SET document = {new} WHERE id = :id").bindparams(id=one))
    async with world.app(**excluding("hris_employees.ssn")) as app:
        await reproject(app, ["hris_employees"])
    assert_no_trace(world, ["hris_employees.ssn"])
    ((reason, document),) = held(world)
    assert reason.startswith("the database refuses it")
    with world.database() as connection:
        row = connection.execute(
            select(MIRROR["hris_employees"]).where(MIRROR["hris_employees"].c.id == one)
        ).one()
    assert row.first_name is None
    assert json.loads(document)["id"] == one


# --- what is kept of it ---------------------------------------------------------------------------------


async def test_the_exclusions_that_rows_were_written_under_are_kept_by_model(world: World) -> None:
    await world.sync(mode=Mode.BACKFILL, **excluding("hris_employments.pay_rate", "*.remote_data"))
    with world.database() as connection:
        found = {row.model: row.exclusions for row in connection.execute(select(projections))}
    listed = {key: json.loads(value) if isinstance(value, str) else value for key, value in found.items()}
    assert set(listed) == set(catalogue())
    assert listed["hris_employees"] == ["*.remote_data", "hris_employments.pay_rate"]
    assert listed["ats_tags"] == ["*.remote_data"]
