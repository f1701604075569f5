"""Streams that applications have written to: due before all others, at once or a second after another run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection

from syncer.domain.ratelimit.budget import Purpose
from syncer.domain.stream_key import StreamKey
from syncer.domain.streams.state import Outcome, StreamState
from syncer.domain.streams.stream import Stream
from syncer.store.state.streams import Lease, StreamStore, Told
from syncer.store.state.told_streams import AFTER_ANOTHER

STORE = StreamStore()
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
KEY = StreamKey("tool:one", "hris_employees")
OTHER = StreamKey("tool:one", "hris_groups")
SECOND = timedelta(seconds=1)


@pytest.fixture(autouse=True)
def _streams(connection: Connection) -> None:
    STORE.add(connection, [KEY, OTHER])


def claimed(connection: Connection) -> Lease:
    lease = STORE.claim(
        connection, KEY, owner="me", now=NOW, length=timedelta(minutes=1), is_dead=lambda _: False
    )
    assert lease is not None
    return lease


def release(connection: Connection, lease: Lease, now: datetime, told: Told | None) -> None:
    STORE.release(
        connection,
        lease,
        state=StreamState.COMPLETE,
        outcome=Outcome.COMPLETE,
        error=None,
        failures=0,
        now=now,
        due_at=now + timedelta(hours=1),
        told=told,
    )


def write(connection: Connection, at: datetime) -> None:
    STORE.mark_written(connection, [KEY], now=at)


def stream(connection: Connection) -> Stream:
    return STORE.get(connection, KEY)


def due(connection: Connection, now: datetime) -> dict[StreamKey, Any]:
    return STORE.due(connection, now, lambda _: False, 10)


def test_a_write_goes_before_what_webhooks_tell_of(connection: Connection) -> None:
    STORE.mark_told(connection, {OTHER: NOW - SECOND, KEY: NOW}, now=NOW - SECOND)
    write(connection, NOW)
    assert list(due(connection, NOW).items()) == [(KEY, Purpose.WRITE), (OTHER, Purpose.WEBHOOK)]
    # The earlier of two marks stays.
    assert stream(connection).due_at == NOW - SECOND


def test_a_write_is_due_at_once_and_news_until_a_run_has_read_it(connection: Connection) -> None:
    write(connection, NOW)
    assert (stream(connection).due_at, stream(connection).told_at) == (NOW, NOW)
    lease = claimed(connection)
    release(connection, lease, NOW + SECOND, Told(None, NOW + 3 * SECOND))
    assert stream(connection).told_at is None
    assert due(connection, NOW + 10 * SECOND) == {}


def test_after_a_run_because_of_news_a_write_waits_a_second_and_no_longer(connection: Connection) -> None:
    write(connection, NOW)
    release(connection, claimed(connection), NOW, Told(None, NOW + timedelta(seconds=10)))
    write(connection, NOW + SECOND)
    write(connection, NOW + 1.5 * SECOND)
    assert stream(connection).due_at == NOW + SECOND + AFTER_ANOTHER
    assert due(connection, NOW + SECOND) == {}
    assert due(connection, NOW + SECOND + AFTER_ANOTHER) == {KEY: Purpose.WRITE}


@pytest.mark.parametrize("is_left", [False, True])
def test_what_is_written_during_a_run_does_not_wait_for_the_pause_of_webhooks(
    connection: Connection, is_left: bool
) -> None:
    write(connection, NOW)
    lease = claimed(connection)
    write(connection, NOW + SECOND)
    left = NOW if is_left else None
    told = Told(left, NOW + timedelta(seconds=60), is_left_by_run=is_left)
    release(connection, lease, NOW + 2 * SECOND, told)
    assert due(connection, NOW + SECOND + AFTER_ANOTHER) == {KEY: Purpose.WRITE}


def test_without_a_write_what_is_left_waits_for_the_pause(connection: Connection) -> None:
    STORE.mark_told(connection, {KEY: NOW}, now=NOW)
    lease = claimed(connection)
    until = NOW + timedelta(seconds=10)
    release(connection, lease, NOW, Told(NOW, until, is_left_by_run=True))
    assert due(connection, until - SECOND) == {}
    assert due(connection, until) == {KEY: Purpose.WEBHOOK}
