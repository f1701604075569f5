"""Random changes of a company: one at a time, or for ever.

Besides the business of ``hris`` and ``ats``: records disappear and come back, changes are committed late,
several share one timestamp, a clock moves although nothing differs, and lists without a factory by hand
change.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from random import Random
from typing import NoReturn

from syncer.domain.catalogue.lookup import catalogue, model_named
from syncer.simulator.company.company import Company
from syncer.simulator.company.extra_lists import EXTRA_LISTS
from syncer.simulator.company.factories import GENERIC
from syncer.simulator.company.generic import generic_members
from syncer.simulator.company.records import Record
from syncer.simulator.company.values import pick
from syncer.simulator.life import ats as life_ats
from syncer.simulator.life import hris as life_hris
from syncer.simulator.life.change import Change, find, label
from syncer.simulator.server.environment import Environment

_DATED = tuple(name for name, model in catalogue().items() if model.has_remote_deleted_at)
_LATEST_COMMIT = timedelta(minutes=4)


def random_change(company: Company, rng: Random) -> str:
    """Apply one random change and return a sentence about it. The same rng gives the same change."""
    company.settle()
    while True:
        happened = rng.choices(_CHANGES, _WEIGHTS)[0](company, rng)
        if happened is not None:
            return happened


async def live(
    environment: Environment,
    rng: Random,
    every: float,
    sleep: Callable[[float], Awaitable[object]],
    on_change: Callable[[str, str], object],
) -> NoReturn:
    """Apply random changes to random companies for ever, one every so many seconds.

    on_change gets the integration id and the sentence.
    """
    while True:
        await sleep(every)
        if environment.integrations:
            company = environment.integrations[pick(rng, list(environment.integrations))].company
            on_change(company.integration_id, random_change(company, rng))


def disappear(company: Company, rng: Random) -> str | None:
    model = pick(rng, _DATED)
    record = find(company, rng, model)
    if record is None or _endangered(company, model):
        return None
    company.delete(model, record.id)
    return f"{model}: {label(record)} disappeared"


def employee_disappears(company: Company, rng: Random) -> str | None:
    """Delete an employee together with employments and balances, all at the same moment."""
    record = find(company, rng, "hris_employees")
    if record is None or _endangered(company, "hris_employees"):
        return None
    at = company.clock.now()
    for model in ("hris_employments", "hris_time_off_balances"):
        for each in company.tables.referring(model, "employee_id", record.id):
            if each.live:
                company.delete(model, each.id, at=at)
    company.delete("hris_employees", record.id, at=at)
    return f"{label(record)} disappeared with everything"


def _endangered(company: Company, model: str) -> bool:
    """Tell whether half of a list is gone: the rest stays, so that no list dies out."""
    records = company.tables.of(model).values()
    return sum(record.live for record in records) * 2 <= len(records)


def come_back(company: Company, rng: Random) -> str | None:
    model = pick(rng, _DATED)
    records = company.tables.of(model)
    gone: list[Record] = [records[id] for id in company.known(model) if records[id].deleted_at is not None]
    if not gone:
        return None
    record = pick(rng, gone)
    company.restore(model, record.id)
    return f"{model}: {label(record)} came back"


def commit_late(company: Company, rng: Random) -> str | None:
    """Commit a change that was made minutes ago only now."""
    record = find(company, rng, "hris_employees")
    if record is None:
        return None
    late = rng.random() * _LATEST_COMMIT
    company.update(
        "hris_employees", record.id, at=company.clock.now() - late, mobile_phone_number=f"+49 {late.seconds}"
    )
    return f"a change of {label(record)} was committed {late.seconds} s late"


def change_together(company: Company, rng: Random) -> str | None:
    """Change several records at the same millisecond."""
    at = company.clock.now()
    records = [find(company, rng, "hris_employees") for _ in range(5)]
    found = {each.id: each for each in records if each is not None}
    for each in found.values():
        company.update("hris_employees", each.id, at=at, weekly_hours=pick(rng, (0.1, 38.5, 40)))
    return f"{len(found)} employees changed at once" if found else None


def touch(company: Company, rng: Random) -> str | None:
    """Move changed_at although no member differs."""
    model = pick(rng, _DATED)
    record = find(company, rng, model)
    if record is None:
        return None
    company.update(model, record.id)
    return f"{model}: {label(record)} was touched"


def rewrite(company: Company, rng: Random) -> str | None:
    """Give a record of a list without a factory by hand, or of an extra one, other values."""
    extra = [EXTRA_LISTS[name] for name in EXTRA_LISTS if company.known(name)]
    model = pick(rng, (*(model_named(name) for name in GENERIC), *extra))
    record = find(company, rng, model.name)
    if record is None:
        return None
    members = generic_members(model, company, rng)
    company.update(model.name, record.id, **members)
    return f"{model.name}: {label(record)} was written anew"


OTHERS: tuple[tuple[int, Change], ...] = (
    (5, disappear),
    (2, employee_disappears),
    (5, come_back),
    (3, commit_late),
    (2, change_together),
    (2, touch),
    *(((4, rewrite),) if GENERIC else ()),
)
_ALL = (*life_hris.CHANGES, *life_ats.CHANGES, *OTHERS)
_WEIGHTS = [weight for weight, _ in _ALL]
_CHANGES = [change for _, change in _ALL]
