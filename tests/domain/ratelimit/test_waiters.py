"""A more urgent request that waits in another process goes first."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from syncer.domain.ratelimit.budget import POLL, Budget, Purpose, Rate, Reserve, take_several
from syncer.domain.ratelimit.responses import answered
from syncer.domain.ratelimit.waiters import GRACE, Waiting, announce, count_waiting

NONE = Reserve()
Wanted = Mapping[Purpose, int]


def ask(
    budget: Budget, now: float, wanted: Wanted, owner: str, reserve: Reserve = NONE
) -> tuple[Budget, list[Purpose], float | None]:
    """What is left of the budget, the purposes that got a permit, and the wait."""
    after, permits, wait = take_several(budget, now, wanted, reserve, "burst", owner)
    return after, [permit.purpose for permit in permits], wait


def opened(limit: int, *, remaining: int) -> Budget:
    """An open window of a minute, from 0.0 on."""
    budget, [permit], _ = take_several(Budget(), 0.0, {Purpose.FULL: 1}, NONE)
    return answered(budget, 0.0, permit, Rate(limit, remaining, 60))


def test_one_process_takes_several_permits_the_urgent_first() -> None:
    budget, given, wait = ask(opened(10, remaining=5), 1.0, {Purpose.FULL: 9, Purpose.WEBHOOK: 2}, "one")
    assert given == [Purpose.WEBHOOK] * 2 + [Purpose.FULL] * 3
    assert wait == 59.0
    assert budget.used == 10
    assert count_waiting(budget.waiting, 1.0) == {Purpose.FULL: 6}


def test_what_is_less_urgent_waits_behind_what_gets_no_permit_in_its_own_process() -> None:
    _, given, _ = ask(opened(10, remaining=1), 1.0, {Purpose.FULL: 1, Purpose.INCREMENTAL: 2}, "one")
    assert given == [Purpose.INCREMENTAL]


@pytest.mark.parametrize("purpose", [Purpose.WEBHOOK, Purpose.INCREMENTAL, Purpose.FULL])
def test_when_the_window_turns_the_more_urgent_of_another_process_goes_first(purpose: Purpose) -> None:
    budget, _, _ = ask(opened(10, remaining=0), 1.0, {Purpose.WRITE: 1}, "one")
    budget, given, wait = ask(budget, 60.0, {purpose: 1}, "two")
    assert (given, wait) == ([], POLL)
    budget, given, _ = ask(budget, 60.0, {Purpose.WRITE: 1}, "one")
    assert given == [Purpose.WRITE]
    assert count_waiting(budget.waiting, 60.0) == {purpose: 1}


def test_the_first_of_a_window_is_still_known_as_such_after_somebody_stood_back() -> None:
    budget, _, _ = ask(opened(10, remaining=0), 1.0, {Purpose.WRITE: 1}, "one")
    budget, _, _ = ask(budget, 60.0, {Purpose.FULL: 1}, "two")
    _, [permit], _ = take_several(budget, 60.0, {Purpose.WRITE: 1}, NONE, "burst", "one")
    assert permit.is_first


def test_what_is_as_urgent_or_less_does_not_hold_back() -> None:
    budget = opened(10, remaining=0)
    for owner, purpose in (("one", Purpose.FULL), ("two", Purpose.INCREMENTAL)):
        budget, _, _ = ask(budget, 1.0, {purpose: 1}, owner)
    _, given, _ = ask(budget, 60.0, {Purpose.INCREMENTAL: 1}, "three")
    assert given == [Purpose.INCREMENTAL]


def test_a_process_that_died_holds_nobody_back_for_longer_than_a_moment() -> None:
    budget, _, _ = ask(opened(10, remaining=0), 1.0, {Purpose.WRITE: 3}, "dead")
    assert ask(budget, 60.0 + GRACE - 0.1, {Purpose.FULL: 1}, "one")[1] == []
    budget, given, _ = ask(budget, 60.0 + GRACE, {Purpose.FULL: 1}, "one")
    assert given == [Purpose.FULL]
    assert budget.waiting == ()


def test_a_write_is_admitted_while_reads_of_all_processes_wait() -> None:
    tenth = Reserve(share=0.1)
    budget = opened(10, remaining=1)
    for owner in ("one", "two"):
        budget, given, _ = ask(budget, 30.0, {Purpose.INCREMENTAL: 5}, owner, tenth)
        assert given == []
    _, given, _ = ask(budget, 30.0, {Purpose.WRITE: 1}, "three", tenth)
    assert given == [Purpose.WRITE]


def test_who_has_to_wait_on_changes_nothing_of_the_budget() -> None:
    budget, _, _ = ask(opened(10, remaining=0), 1.0, {Purpose.FULL: 3}, "one")
    after, _, wait = ask(budget, 30.0, {Purpose.FULL: 3}, "one")
    assert after == budget
    assert wait == 30.0
    more, _, _ = ask(budget, 30.0, {Purpose.FULL: 4}, "one")
    assert count_waiting(more.waiting, 30.0) == {Purpose.FULL: 4}


def test_who_waits_no_more_says_so_with_the_next_thing_it_tells() -> None:
    budget, _, _ = ask(opened(10, remaining=0), 1.0, {Purpose.WRITE: 3}, "one")
    after, given, wait = ask(budget, 2.0, {}, "one")
    assert (after.waiting, given, wait) == ((), [], None)


def test_a_wait_that_grows_longer_is_announced_anew() -> None:
    first = announce((), "one", {Purpose.FULL: 1}, 0.0, 5.0)
    assert announce(first, "one", {Purpose.FULL: 1}, 4.0, 5.2) == first
    assert announce(first, "one", {Purpose.FULL: 1}, 4.0, 30.0) == (
        Waiting("one", Purpose.FULL, 1, 30.0 + GRACE),
    )
    # And one that becomes shorter: others would stand back too long for a process that died.
    assert announce(first, "one", {Purpose.FULL: 1}, 0.0, 1.0) == (
        Waiting("one", Purpose.FULL, 1, 1.0 + GRACE),
    )


def test_a_window_that_begins_early_waits_for_nobody_who_asks_later() -> None:
    budget, [permit], _ = take_several(opened(10, remaining=1), 1.0, {Purpose.FULL: 1}, NONE, "burst", "two")
    budget, _, _ = ask(budget, 1.0, {Purpose.WRITE: 1}, "one")
    budget = answered(budget, 20.0, permit, Rate(10, 9, 80))
    assert ask(budget, 20.0, {Purpose.FULL: 1}, "two")[1] == []
    assert ask(budget, 20.0 + GRACE, {Purpose.FULL: 1}, "two")[1] == [Purpose.FULL]


def test_a_process_does_not_stand_back_for_what_it_announced_itself() -> None:
    budget, _, _ = ask(opened(10, remaining=0), 1.0, {Purpose.WRITE: 1}, "one")
    # The write is gone by now.
    _, given, _ = ask(budget, 60.0, {Purpose.FULL: 1}, "one")
    assert given == [Purpose.FULL]
