"""Companies live: every kind of change happens, and each leaves the records whole."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from random import Random

import pytest

from syncer.domain.catalogue.lookup import catalogue
from syncer.simulator.clock import SimClock
from syncer.simulator.company.company import Company
from syncer.simulator.life import ats as life_ats
from syncer.simulator.life import hris as life_hris
from syncer.simulator.life import random_change as life
from syncer.simulator.life.change import Change
from syncer.simulator.life.random_change import live, random_change
from syncer.simulator.server.environment import Environment

ALL = [change for _, change in (*life_hris.CHANGES, *life_ats.CHANGES, *life.OTHERS)]


def _versions(company: Company) -> Counter[tuple[str, str, int, int, int | None]]:
    return Counter(
        (model, record.id, record.changed_at, record.nested_at, record.deleted_at)
        for model in catalogue()
        for record in company.tables.of(model).values()
    )


@pytest.mark.parametrize("change", ALL, ids=lambda change: change.__qualname__)
def test_every_change_happens_and_is_seen_by_the_clocks(
    change: Change, company: Company, clock: SimClock
) -> None:
    clock.advance(timedelta(hours=1))
    before, rng = _versions(company), Random(4)
    happened = next(filter(None, (change(company, rng) for _ in range(50))))
    assert happened.strip() == happened != ""
    assert _versions(company) != before


def test_a_long_life_touches_every_list_and_buries_and_revives(company: Company, clock: SimClock) -> None:
    before, rng = _versions(company), Random(8)
    sentences = []
    for _ in range(2_500):
        clock.advance(timedelta(minutes=20))
        sentences.append(random_change(company, rng))
    changed = {model for model, *_ in _versions(company) - before}
    assert changed == set(catalogue())
    assert sum("disappeared" in each for each in sentences) > 20
    assert sum("came back" in each for each in sentences) > 20
    assert all(company.ids(model) for model in catalogue()), "no list dies out"


def test_some_changes_are_older_than_now_and_some_share_a_timestamp(
    company: Company, clock: SimClock
) -> None:
    clock.advance(timedelta(hours=1))
    now, rng = clock.now_ms(), Random(2)
    life.commit_late(company, rng)
    late = max(record.changed_at for record in company.tables.of("hris_employees").values())
    assert now - 240_000 <= late < now
    clock.advance(timedelta(minutes=1))
    life.change_together(company, rng)
    times = Counter(record.changed_at for record in company.tables.of("hris_employees").values())
    assert times[clock.now_ms()] > 1


async def test_live_changes_companies_for_ever_at_its_pace(environment: Environment) -> None:
    slept: list[float] = []
    told: list[tuple[str, str]] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) > 30:
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await live(environment, Random(1), 0.5, sleep, lambda id, sentence: told.append((id, sentence)))
    assert slept == [0.5] * 31
    assert len(told) == 30
    assert {id for id, _ in told} == set(environment.integrations)
