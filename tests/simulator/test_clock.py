"""The simulator's clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from syncer.simulator.clock import SimClock

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


def test_a_frozen_clock_moves_only_when_it_is_turned() -> None:
    clock = SimClock.frozen(NOON)
    assert clock.now() == clock.now() == NOON
    clock.advance(timedelta(days=1))
    assert clock.now() == NOON + timedelta(days=1)


def test_a_running_clock_follows_its_base_at_its_speed() -> None:
    times = [NOON]
    clock = SimClock(lambda: times[-1], speed=60)
    times.append(NOON + timedelta(seconds=2))
    assert clock.now() == NOON + timedelta(minutes=2)
    clock.advance(timedelta(hours=1))
    assert clock.now() == NOON + timedelta(hours=1, minutes=2)


def test_a_clock_goes_on_from_where_it_stands_at_another_speed() -> None:
    times = [NOON]
    clock = SimClock(lambda: times[-1])
    times.append(NOON + timedelta(seconds=10))
    clock.run(0)
    times.append(NOON + timedelta(seconds=50))
    assert clock.now() == NOON + timedelta(seconds=10)
    clock.run(2)
    times.append(NOON + timedelta(seconds=55))
    assert clock.now() == NOON + timedelta(seconds=20)


def test_the_time_is_told_in_utc() -> None:
    clock = SimClock.frozen(NOON.astimezone(timezone(timedelta(hours=5))))
    assert clock.now().tzinfo is UTC
    assert clock.now_ms() == int(NOON.timestamp()) * 1000
