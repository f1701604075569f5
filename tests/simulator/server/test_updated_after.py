"""``updated_after`` follows Kombo's table of relations, row by row, while ``changed_at`` stays."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from syncer.domain.catalogue.lookup import catalogue
from syncer.simulator.clock import SimClock
from syncer.simulator.company.company import Company
from syncer.simulator.company.factories import GENERIC, RELATIONS
from syncer.simulator.company.ids import iso, to_ms
from syncer.simulator.company.records import Record
from syncer.simulator.company.relations import Relation

Get = Callable[..., Awaitable[httpx.Response]]
Walk = Callable[..., Awaitable[list[dict[str, Any]]]]

SHAPES = json.loads((Path(__file__).parents[2] / "data" / "models.json").read_text(encoding="utf-8"))
MODEL_OF_PATH = {model.path: model.name for model in catalogue().values()}
TARGETS = {
    "application_id": "ats_applications",
    "candidate_id": "ats_candidates",
    "interview_id": "ats_interviews",
}


class Row(NamedTuple):
    """A row of Kombo's table."""

    model: str
    path: str
    added_removed: bool | None
    linked: bool


ROWS = [
    Row(MODEL_OF_PATH[shape["path"]], row["path"], row["added_removed_matches"], row["linked_record_matches"])
    for shape in SHAPES["models"]
    for row in shape["updated_after_relations"] or []
    if MODEL_OF_PATH[shape["path"]] not in GENERIC
]
LISTS = [row for row in ROWS if row.added_removed is not None and row.path != "line_items.salary_type"]


def _chain(row: Row) -> list[Relation]:
    """The relations from the carrier to the linked record; what is not shown is followed by its id."""
    candidates: tuple[Relation, ...] = tuple(
        each for each in RELATIONS.relations if each.carrier == row.model
    )
    chain: list[Relation] = []
    for name in row.path.split("."):
        found = next((each for each in candidates if name in (each.path, each.member)), None)
        if found is None:
            found = Relation(row.model, name, TARGETS[f"{name}_id"], "ref", f"{name}_id")
        chain.append(found)
        candidates = found.inside
    return chain


def _linked(company: Company, row: Row) -> tuple[Record, Record, Record]:
    """A live carrier, the record that holds the link, and the live linked record."""
    for carrier in company.tables.of(row.model).values():
        ends = [(carrier, carrier)]
        for relation in _chain(row):
            ends = [
                (linked, target)
                for _, linked in ends
                for id in company.tables.targets(relation, linked)
                if (target := company.tables.get(relation.target, id)) is not None and target.live
            ]
        if carrier.live and ends and ends[0][1] is not carrier:
            return carrier, *ends[0]
    raise AssertionError(f"no {row.model} with {row.path}")


def _name(row: Row) -> str:
    return f"{row.model}.{row.path}"


async def _matches(walk: Walk, clock: SimClock, carrier: Record) -> bool:
    """Whether the carrier matches on the last second, with its ``changed_at`` as it was."""
    since = iso(to_ms(clock.now()) - 1000)
    rows = await walk(carrier.model, updated_after=since, include_deleted="true", ids=carrier.id)
    if rows:
        assert rows[0]["changed_at"] == iso(carrier.changed_at) < since
    return bool(rows)


@pytest.mark.parametrize("row", ROWS, ids=_name)
async def test_a_change_of_the_linked_record(row: Row, company: Company, clock: SimClock, walk: Walk) -> None:
    carrier, _, linked = _linked(company, row)
    clock.advance(timedelta(hours=1))
    company.update(linked.model, linked.id, name="changed")
    assert await _matches(walk, clock, carrier) == row.linked


@pytest.mark.parametrize("row", [row for row in LISTS if _chain(row)[-1].many], ids=_name)
async def test_an_entry_that_goes(row: Row, company: Company, clock: SimClock, walk: Walk) -> None:
    carrier, holder, linked = _linked(company, row)
    relation = _chain(row)[-1]
    clock.advance(timedelta(hours=1))
    if relation.how == "link":
        company.unlink(holder.model, holder.id, relation.field, linked.id)
    else:
        company.delete(linked.model, linked.id)
    assert await _matches(walk, clock, carrier) == row.added_removed


@pytest.mark.parametrize("row", [row for row in LISTS if _chain(row)[-1].many], ids=_name)
async def test_an_entry_that_comes(row: Row, company: Company, clock: SimClock, walk: Walk) -> None:
    carrier, holder, linked = _linked(company, row)
    relation = _chain(row)[-1]
    clock.advance(timedelta(hours=1))
    if relation.how == "link":
        extra = holder.links[relation.field][linked.id]
        new = next(
            each.id
            for each in company.tables.of(relation.target).values()
            if each.live and each.id not in holder.links[relation.field]
        )
        company.link(holder.model, holder.id, relation.field, new, **extra)
    else:
        company.add(linked.model, {**linked.fields}, remote_id="a new one")
    assert await _matches(walk, clock, carrier) == row.added_removed


async def test_an_own_change_moves_changed_at_and_matches(
    company: Company, clock: SimClock, get: Get
) -> None:
    id = company.ids("hris_groups")[0]
    clock.advance(timedelta(hours=1))
    company.update("hris_groups", id, name="Neu")
    since = iso(to_ms(clock.now()) - 1)
    response = await get("hris_groups", updated_after=since)
    assert [row["id"] for row in response.json()["data"]["results"]] == [id]
    assert company.row("hris_groups", id)["changed_at"] == iso(to_ms(clock.now()))


async def test_a_renamed_group_shows_in_its_members_without_re_emitting_them(
    company: Company, clock: SimClock, walk: Walk
) -> None:
    row = Row("hris_employees", "group_memberships", True, False)
    employee, _, group = _linked(company, row)
    await walk("hris_employees")
    clock.advance(timedelta(hours=1))
    company.update("hris_groups", group.id, name="Ganz neu")
    assert not await _matches(walk, clock, employee)
    shown: dict[str, Any] = next(each for each in await walk("hris_employees") if each["id"] == employee.id)
    assert "Ganz neu" in [each["name"] for each in shown["groups"]]


async def test_a_deleted_group_leaves_its_members_and_re_emits_them(
    company: Company, clock: SimClock, walk: Walk
) -> None:
    employee, _, group = _linked(company, Row("hris_employees", "group_memberships", True, False))
    clock.advance(timedelta(hours=1))
    company.delete("hris_groups", group.id)
    assert await _matches(walk, clock, employee)
    assert group.id not in [each["id"] for each in company.row("hris_employees", employee.id)["groups"]]


async def test_a_deep_copy_shows_the_record_as_it_is_now(company: Company, walk: Walk) -> None:
    _, _, job = _linked(company, Row("ats_offers", "application.job", False, False))
    await walk("ats_offers")
    company.update("ats_jobs", job.id, name="Umbenannt")
    copies = [(each["application"] or {}).get("job") for each in await walk("ats_offers")]
    assert [copy["name"] for copy in copies if copy and copy["id"] == job.id].count("Umbenannt") >= 1
    assert all(copy["name"] == "Umbenannt" for copy in copies if copy and copy["id"] == job.id)


async def test_an_employment_that_moves_re_emits_both_employees(
    company: Company, clock: SimClock, walk: Walk
) -> None:
    before, _, employment = _linked(company, Row("hris_employees", "employments", True, True))
    after = next(
        each for each in company.tables.of("hris_employees").values() if each.live and each is not before
    )
    clock.advance(timedelta(hours=1))
    company.update("hris_employments", employment.id, employee_id=after.id)
    assert await _matches(walk, clock, before)
    assert await _matches(walk, clock, after)
    assert employment.id in [each["id"] for each in company.row("hris_employees", after.id)["employments"]]
    assert employment.id not in [
        each["id"] for each in company.row("hris_employees", before.id)["employments"]
    ]


async def test_a_change_committed_late_has_an_older_changed_at(
    company: Company, clock: SimClock, walk: Walk
) -> None:
    id = company.ids("hris_locations")[0]
    clock.advance(timedelta(hours=1))
    company.update("hris_locations", id, at=clock.now() - timedelta(minutes=3), name="spät")
    since = iso(to_ms(clock.now()) - 60_000)
    assert await walk("hris_locations", updated_after=since) == []
    row = company.row("hris_locations", id)
    assert (row["name"], row["changed_at"]) == ("spät", iso(to_ms(clock.now()) - 180_000))


async def test_equality_with_changed_at_is_not_after(company: Company, clock: SimClock, walk: Walk) -> None:
    clock.advance(timedelta(hours=1, milliseconds=7))
    id = company.ids("hris_locations")[0]
    company.update("hris_locations", id, name="jetzt")
    now = iso(to_ms(clock.now()))
    assert await walk("hris_locations", updated_after=now) == []
    earlier = now.replace("007Z", "006999Z")
    assert [row["id"] for row in await walk("hris_locations", updated_after=earlier)] == [id]
