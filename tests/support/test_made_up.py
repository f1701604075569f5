"""A copy of a made-up company is as good as one that is made up anew."""

from __future__ import annotations

from datetime import timedelta

from syncer.domain.catalogue.lookup import catalogue
from syncer.simulator.clock import SimClock
from syncer.simulator.company.company import Company
from tests.support.made_up import made_up
from tests.support.source import SOURCE_TIME

MODEL = "hris_employees"


def new(clock: SimClock) -> Company:
    return Company("personio:copied", clock, seed=3, records=200)


def copy(clock: SimClock) -> Company:
    [company] = made_up("copied", clock, lambda: [new(clock)])
    return company


def test_a_copy_shows_what_a_company_shows_that_is_made_up_anew() -> None:
    copy(SimClock.frozen(SOURCE_TIME))
    clock = SimClock.frozen(SOURCE_TIME)
    copied, made = copy(clock), new(clock)
    # What is erased falls due by the clock of each.
    clock.advance(timedelta(days=10))
    for company in (copied, made):
        company.update(MODEL, company.ids(MODEL)[0], first_name="Anders")
    for model in catalogue():
        assert copied.rows(model) == made.rows(model)


def test_what_happens_to_a_copy_happens_to_no_other() -> None:
    clock = SimClock.frozen(SOURCE_TIME)
    first, second = copy(clock), copy(clock)
    before = second.rows(MODEL)
    first.update(MODEL, first.ids(MODEL)[0], first_name="Anders")
    first.vanish(MODEL, first.ids(MODEL)[1])
    assert second.rows(MODEL) == copy(clock).rows(MODEL) == before
    assert first.rows(MODEL) != before
