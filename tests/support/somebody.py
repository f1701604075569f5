"""A person of a made-up company whose id nothing else has: two lists may have the same id in Kombo, too."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import func, inspect, make_url, select, text

from syncer.domain.erasure.receipt import Receipt
from syncer.domain.streams.stream import Mode
from syncer.operations.erase import Wanted, erase
from syncer.simulator.company.company import Company
from syncer.store.schema.mirror_tables import MIRROR
from tests.support.world import MakeWorld, World, company_of

EMPLOYEES, CANDIDATES, USERS = "hris_employees", "ats_candidates", "ats_users"
#: Lists whose records are about an employee or a candidate, with the simulator's member that says so.
ABOUT: dict[str, dict[str, str]] = {
    EMPLOYEES: {
        "hris_employments": "employee_id",
        "hris_absences": "employee_id",
        "hris_time_off_balances": "employee_id",
        "hris_timesheets": "employee_id",
        "hris_payslips": "_employee_id",
        "hris_performance_reviews": "_reviewee_id",
        "hris_skill_proficiency_ratings": "employee_id",
    },
    CANDIDATES: {
        "ats_applications": "candidate_id",
        "ats_notes": "candidate_id",
        "ats_scorecards": "candidate_id",
        "ats_attachments": "candidate_id",
    },
    USERS: {},
}
#: Lists whose records only mention one, with that member.
MENTIONS: dict[str, list[tuple[str, str]]] = {
    EMPLOYEES: [
        (EMPLOYEES, "manager_id"),
        ("hris_absences", "approver_id"),
        ("hris_performance_reviews", "_reviewer_id"),
    ],
    CANDIDATES: [],
    USERS: [("ats_notes", "author_id"), ("ats_scorecards", "author_id"), ("ats_jobs", "contact_id")],
}
#: Records of each list that are about the person, and as many others that mention them.
FEW = 2
#: Somebody's name.
MARK = "Zenziquast"
#: The lists of an employee's family in which somebody is.
HRIS = [EMPLOYEES, *ABOUT[EMPLOYEES]]
ATS = [CANDIDATES, *ABOUT[CANDIDATES], "ats_interviews", "ats_offers", "ats_jobs"]


def add_somebody(company: Company, model: str, **members: Any) -> tuple[str, dict[str, set[str]]]:
    """Add a person to a list; give the id, and by list the ids of what is about them, themselves included.

    A few records of each list are made to be about the person, and a few others to mention them.
    """
    somebody = company.add(model, {"first_name": "Zenzi", **members}, remote_id="zenzi of her own")
    about = {name: set(islice(company.ids(name), FEW)) for name in ABOUT[model]}
    for name, ids in about.items():
        for each in ids:
            company.update(name, each, at=None, **{ABOUT[model][name]: somebody})
    if "ats_applications" in about:
        application = min(about["ats_applications"])
        applications = set(about["ats_applications"])
        for name in ("ats_interviews", "ats_offers"):
            for each in islice(company.ids(name), FEW):
                company.update(name, each, application_id=application)
            about[name] = {row["id"] for row in company.rows(name) if row["application_id"] in applications}
    about[model] = {somebody}
    for name, member in MENTIONS[model]:
        others = (each for each in company.ids(name) if each not in about.get(name, ()))
        for each in list(islice(others, FEW)):
            company.update(name, each, at=None, **{member: somebody})
    if model == USERS:
        company.link("ats_interviews", company.ids("ats_interviews")[0], "users", somebody)
        company.link("ats_jobs", company.ids("ats_jobs")[0], "hiring_team", somebody, job_roles=[])
    return somebody, about


def everything(world: World) -> str:
    """Every value of every table and, on SQLite, all bytes of the files."""
    with world.database() as connection:
        rows = [
            str(tuple(row))
            for table in inspect(connection).get_table_names()
            for row in connection.execute(text(f"SELECT * FROM {table}"))
        ]
    if world.database_url.startswith("sqlite"):
        path = Path(make_url(world.database_url).database or "")
        rows += [part.read_bytes().decode(errors="replace") for part in path.parent.glob(f"{path.name}*")]
    return "\n".join(rows)


async def erased_now(world: World, wanted: Wanted, **settings: Any) -> Receipt:
    async with world.app(**settings) as app:
        return await erase(app, wanted)


async def walk_whole(world: World, **arguments: Any) -> int:
    """Read all lists whole a minute later; give how many rows that wrote."""
    world.clock.advance(timedelta(minutes=1))
    results = await world.sync(mode=Mode.RESTART, may_quarantine=True, **arguments)
    return sum(each.counts.written for each in results)


def counted(world: World) -> Iterator[tuple[str, int, int]]:
    """Rows of each model, by the streams' counters and as they are."""
    for key, stream in world.streams().items():
        with world.database() as connection:
            rows = connection.execute(select(func.count()).select_from(MIRROR[key.model])).scalar_one()
        yield key.model, stream.rows_live + stream.rows_deleted, rows


async def mirror_somebody(
    make_world: MakeWorld, model: str = EMPLOYEES, **settings: Any
) -> tuple[World, str, dict[str, set[str]]]:
    """A mirror of a company with somebody who has records, and whom others mention."""
    chosen = {"sync": {"models": HRIS if model == EMPLOYEES else ATS}, **settings}
    world = make_world(records=150, **chosen)
    somebody, about = add_somebody(company_of(world), model, first_name=MARK)
    await world.sync(mode=Mode.BACKFILL)
    return world, somebody, about
