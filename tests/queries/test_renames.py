"""Copies inside of records go stale, joins do not: for every copy that Kombo does not send anew.

Which copies those are is data (``syncer.simulator.company.factories``), and so is how tables hang together
(the catalogue); the joins here follow from both.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Any

import pytest

from syncer.domain.catalogue.lookup import catalogue
from syncer.simulator.clock import SimClock
from syncer.simulator.company.company import Company
from syncer.simulator.company.factories import RELATIONS
from syncer.simulator.company.relations import Relation
from syncer.simulator.server.environment import Environment
from syncer.store.db.database import Database
from syncer.store.reading.query import query
from tests.queries.mirrored import sync
from tests.queries.sources import FRIDAY
from tests.support.source import unlimited

Way = tuple[Relation, ...]

#: Owned children are tables of their own as well, and as fresh as their parent.
TABLES = {
    **{model.name: (model.name, model.columns) for model in catalogue().values()},
    **{
        child.table: (model.name, child.columns)
        for model in catalogue().values()
        for child in model.children
        if child.owner is not None
    },
}
LINKS = {(model.name, link.member): link for model in catalogue().values() for link in model.links}


#: Kombo names them in its table, too, but they have no list: see the end of this file.
PAYSLIP_ITEMS = next(each for each in RELATIONS.relations if each.target == "hris_payslip_line_items")
SALARY_TYPE = next(each for each in PAYSLIP_ITEMS.inside if each.target == "hris_salary_types")
PROVIDER = next(each for each in RELATIONS.relations if each.target == "lms_course_providers")


def ways() -> Iterator[Way]:
    """From a carrier inwards to every copy that is not sent again when the copied record changes."""
    for outer in RELATIONS.relations:
        for way in ((outer,), *((outer, inner) for inner in outer.inside)):
            last = way[-1]
            if last.linked or last.target not in TABLES or last.how == "extra":
                continue
            if shown_member(last):
                yield way


def shown_member(relation: Relation) -> str | None:
    """A member of the copy that can change: a text or a day."""
    _, columns = TABLES[relation.target]
    types = {column.name: column.type for column in columns if column.references is None}
    copied = [name for name in relation.copy or types if types.get(name) in ("text", "date")]
    return copied[0] if copied else None


def path_of(way: Way) -> str:
    return ".".join((way[0].carrier, *(relation.member for relation in way)))


def test_every_kind_of_stale_copy_is_among_those_tried() -> None:
    tried = {path_of(way) for way in ways()}
    assert tried >= {
        "hris_employees.groups",
        "hris_payslips.employee",
        "hris_payslips.pay_run",
        "ats_applications.candidate.tags",
        "ats_applications.current_stage",
        "ats_applications.job",
        "ats_candidates.applications.current_stage",
        "ats_candidates.applications.job",
        "ats_candidates.tags",
        "ats_jobs.stages",
        "ats_jobs.hiring_team",
        "ats_offers.application.candidate",
        "ats_offers.application.job",
        "ats_interviews.users",
        "ats_interviews.application.candidate",
        "ats_interviews.application.job",
        "ats_notes.author",
        "ats_scorecards.author",
        "lms_courses.revisions.skill_assignments",
        "lms_course_progressions.user",
        "lms_course_progressions.course_revision",
    }


@dataclass(frozen=True)
class Renamed:
    """A record with a copy of another one, the shown value before and the value since."""

    carrier_id: str
    target_id: str
    old: str
    new: str


@dataclass(frozen=True)
class Place:
    """A mirror on which every way has been tried, by path."""

    dialect: str
    database: Database
    renamed: Mapping[str, Renamed]

    def ask(self, sql: str, **parameters: str) -> list[tuple[Any, ...]]:
        with query(self.database, sql, parameters) as answer:
            return list(answer.rows)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, new_database: Callable[[str], str]) -> Iterator[Place]:
    clock = SimClock.frozen(FRIDAY)
    environment = Environment(clock, limit=unlimited())
    company = Company("greenhouse:2zL7LCVSGGFVjTYPMGFcYmYh", clock, seed=11, records=700)
    environment.add(company)
    url = new_database(request.param)
    lists = {TABLES[each][0] for way in ways() for step in way for each in (step.carrier, step.target)}
    asyncio.run(sync(environment, url, lists))
    clock.advance(timedelta(hours=1))
    renamed = rename_all(company)
    asyncio.run(sync(environment, url, lists))
    database = Database(url)
    yield Place(request.param, database, renamed)
    database.close()


def rename_all(company: Company) -> dict[str, Renamed]:
    """Changes a record for every way, so that no carrier is sent anew because of another one's change."""
    found: dict[str, Renamed] = {}
    carriers: set[tuple[str, str]] = set()
    sent: set[tuple[str, str]] = set()
    changes: list[tuple[str, str, dict[str, Any]]] = []
    for way in ways():
        for each in candidates(company, way):
            carrier, target = (way[0].carrier, each.carrier_id), (way[-1].target, each.target_id)
            anew = sent_with(company, *target)
            if carrier not in sent and not anew & (carriers | {carrier}):
                found[path_of(way)] = each
                carriers.add(carrier)
                sent |= anew
                changes.append((*target, {str(shown_member(way[-1])): each.new}))
                break
    for model, id, members in changes:
        company.update(model, id, **members)
    return found


def candidates(company: Company, way: Way) -> Iterator[Renamed]:
    """Live records with a copy of a live record, and a new value for it."""
    member = shown_member(way[-1])
    assert member is not None
    rows = company.rows(way[0].carrier, include_deleted=False)
    for row in Random(path_of(way)).sample(rows, len(rows)):
        shown = copies(row, way)
        for copy in shown:
            target = company.tables.get(way[-1].target, copy["id"])
            once = [each["id"] for each in shown].count(copy["id"]) == 1
            if target is not None and target.live and copy[member] and once:
                old = copy[member]
                new = "2001-02-03" if member.endswith("_date") else f"{old} (renamed)"
                yield Renamed(row["id"], copy["id"], old, new)


def sent_with(company: Company, model: str, id: str) -> set[tuple[str, str]]:
    """The records that Kombo sends when this one changes: itself and those it is linked to."""
    record = company.tables.of(model)[id]
    linked = [relation for relation in RELATIONS.relations if relation.target == model and relation.linked]
    holders = [each for relation in linked for each in company.tables.holders(relation, record)]
    return {(each.model, each.id) for each in (record, *holders)}


@pytest.mark.parametrize("way", list(ways()), ids=path_of)
def test_a_join_shows_the_new_value_where_the_copy_keeps_the_old_one(place: Place, way: Way) -> None:
    renamed, carrier, member = place.renamed[path_of(way)], way[0].carrier, shown_member(way[-1])
    assert member is not None

    [(document,)] = place.ask(f"SELECT document FROM {carrier} WHERE id = :id", id=renamed.carrier_id)
    record = json.loads(document if isinstance(document, str) else bytes(document))
    shown = [copy[member] for copy in copies(record, way) if copy["id"] == renamed.target_id]
    assert shown == [renamed.old]

    joined = place.ask(
        f"SELECT DISTINCT joined.{member} FROM {carrier} carrier{join(way, place.dialect)} "
        "WHERE carrier.id = :id AND joined.id = :target_id",
        id=renamed.carrier_id,
        target_id=renamed.target_id,
    )
    assert [str(value) for (value,) in joined] == [renamed.new]


def copies(record: dict[str, Any], way: Way) -> list[dict[str, Any]]:
    found = [record]
    for relation in way:
        values = [each[relation.member] for each in found if each[relation.member] is not None]
        entries = [entry for value in values for entry in (value if isinstance(value, list) else [value])]
        found = [entry[relation.wrap] if relation.wrap else entry for entry in entries]
    return found


def join(way: Way, dialect: str) -> str:
    """From the table ``carrier`` over link tables and columns with ids to the table ``joined``."""
    sql, before = "", "carrier"
    for number, relation in enumerate(way):
        here = "joined" if relation is way[-1] else f"step{number}"
        column = relation.field.removeprefix("_")
        link = LINKS.get((relation.carrier, (relation.field,)))
        if relation.how == "children":
            condition = f"{here}.{column} = {before}.id"
        elif relation.how == "ref":
            condition = f"{here}.id = {before}.{column}"
        elif link is not None:
            sql += f" JOIN {link.table} link{number} ON link{number}.{link.owner} = {before}.id"
            condition = f"{here}.id = link{number}.{link.target}"
        else:
            # A list inside of an embedded record has no link table: its ids are in the JSON.
            unfold = "json_each" if dialect == "sqlite" else "jsonb_array_elements"
            sql += f" CROSS JOIN {unfold}({before}.{relation.member}) AS entry{number}"
            condition = f"{here}.id = entry{number}.value -> '{relation.wrap}' ->> 'id'"
        sql += f" JOIN {relation.target} {here} ON {condition}"
        before = here
    return sql


# --- records without a list of their own: as fresh as the last record that came with a copy

SHARED = {path_of(way): way for way in ((PAYSLIP_ITEMS, SALARY_TYPE), (PROVIDER,))}


@pytest.mark.parametrize("path", SHARED)
@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_a_copy_that_came_later_renews_what_is_joined_to_every_carrier(
    path: str, dialect: str, new_database: Callable[[str], str]
) -> None:
    way = SHARED[path]
    carrier, target = way[0].carrier, way[-1].target
    clock = SimClock.frozen(FRIDAY)
    environment = Environment(clock, limit=unlimited())
    company = Company("greenhouse:2zL7LCVSGGFVjTYPMGFcYmYh", clock, seed=11, records=700)
    environment.add(company)
    url = new_database(dialect)
    asyncio.run(sync(environment, url, [carrier]))
    stale, sent, target_id, old = two_with_the_same(company, way)
    clock.advance(timedelta(hours=1))
    company.update(target, target_id, name=f"{old} (renamed)")
    company.update(carrier, sent)
    asyncio.run(sync(environment, url, [carrier]))

    database = Database(url)
    place = Place(dialect, database, {})
    documents = place.ask(f"SELECT CAST(document AS TEXT) FROM {carrier} WHERE id = :id", id=stale)
    assert {copy["name"] for copy in copies(json.loads(documents[0][0]), way) if copy["id"] == target_id} == {
        old
    }
    for each in (stale, sent):
        joined = place.ask(
            f"SELECT DISTINCT joined.name FROM {carrier} carrier{join(way, dialect)} "
            "WHERE carrier.id = :id AND joined.id = :target_id",
            id=each,
            target_id=target_id,
        )
        assert joined == [(f"{old} (renamed)",)]
    database.close()


def two_with_the_same(company: Company, way: Way) -> tuple[str, str, str, str]:
    """Two live carriers with a copy of the same record, that record's id and name."""
    seen: dict[str, str] = {}
    for row in company.rows(way[0].carrier, include_deleted=False):
        for copy in copies(row, way):
            if seen.setdefault(copy["id"], row["id"]) != row["id"]:
                return seen[copy["id"]], row["id"], copy["id"], copy["name"]
    raise AssertionError("no two carriers have a copy of the same record")
