"""What webhooks tell of finds a permit although the schedule takes all; on a virtual clock."""

from __future__ import annotations

from random import Random
from statistics import median

import pytest

from syncer.domain.ratelimit.budget import Budget, Permit, Purpose, Rate, Reserve, take
from syncer.domain.ratelimit.responses import answered
from syncer.domain.ratelimit.webhook_share import MOST, kept, next_expected

LIMIT, WINDOW = 300, 60.0
RESERVE = Reserve(share=0.1)
ROOM = LIMIT - RESERVE.of(LIMIT)
STEP = 0.05
LEARNT = 5 * WINDOW


def waits(a_minute: float, minutes: int) -> tuple[list[float], int]:
    """Let webhooks ask for so many requests a minute, beside a schedule that takes all it gets.

    Gives how long each of them waited for its permit, and what the schedule got, once some windows have shown
    how many there are.
    """
    chance = Random(4)
    budget, now, ends, used = Budget(), 0.0, 0.0, 0
    waiting: list[float] = []
    waited: list[float] = []
    scheduled = 0
    next_event = chance.expovariate(a_minute / 60)

    def ask(purpose: Purpose) -> bool:
        nonlocal budget, ends, used
        budget, permit = take(budget, now, purpose, RESERVE)
        if not isinstance(permit, Permit):
            return False
        if now >= ends:
            ends, used = now + WINDOW, 0
        used += 1
        assert used <= ROOM
        budget = answered(budget, now, permit, Rate(LIMIT, LIMIT - used, ends - now))
        return True

    while now < minutes * 60:
        while next_event <= now:
            waiting.append(next_event)
            next_event += chance.expovariate(a_minute / 60)
        while waiting and ask(Purpose.WEBHOOK):
            asked_at = waiting.pop(0)
            if asked_at > LEARNT:
                waited.append(now - asked_at)
        while not waiting and ask(Purpose.INCREMENTAL):
            scheduled += now > LEARNT
        now += STEP
    return waited, scheduled


@pytest.mark.parametrize("a_minute", [2, 30, 100])
def test_a_webhook_does_not_wait_for_the_next_window_where_the_schedule_takes_all(a_minute: int) -> None:
    waited, scheduled = waits(a_minute, 25)
    assert median(waited) <= STEP
    assert sum(wait > 1 for wait in waited) / len(waited) < 0.03
    # What is kept for webhooks that do not come is given back as the window ends.
    assert scheduled > 0.97 * (ROOM - a_minute) * 20


def test_the_schedule_never_stops_however_many_webhooks_come() -> None:
    budget = Budget(limit=LIMIT, ends_at=60.0, confirmed=True, webhooks_expected=10_000.0)
    given = 0
    while isinstance((answer := take(budget, 0.0, Purpose.FULL, RESERVE))[1], Permit):
        budget, given = answer[0], given + 1
    assert given == ROOM - int(ROOM * MOST)


def test_nothing_is_kept_where_no_webhooks_come() -> None:
    assert kept(0.0, 1.0, ROOM) == 0
    expected = 200.0
    for _ in range(12):
        expected = next_expected(expected, 0)
    assert expected == 0.0


def test_more_webhooks_are_believed_at_once_and_fewer_half_of_the_way() -> None:
    assert next_expected(10.0, 90) == 90.0
    assert next_expected(90.0, 10) == 50.0
    assert [kept(100.0, left, ROOM) for left in (1.0, 0.25, 0.0)] == [120, 35, 0]
