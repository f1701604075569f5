"""State of deliveries: who may send, and what is kept of an attempt."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from msgspec.structs import replace
from sqlalchemy import Connection, update

from syncer.store.schema.mirror_tables import deliveries
from syncer.store.state.deliveries import (
    DeliveryRow,
    Pending,
    add_delivery,
    claim_delivery,
    free_delivery,
    note_failure,
    note_success,
    pause_delivery,
    read_delivery,
)
from tests.support.records import NOW

NAME, MINUTE = "billing", timedelta(minutes=1)
PENDING = Pending("n1", 3, 9)


def seen(connection: Connection) -> DeliveryRow:
    row = read_delivery(connection, NAME)
    assert row is not None
    return row


def claim(
    connection: Connection,
    row: DeliveryRow | None = None,
    *,
    owner: str = "us",
    is_dead: Callable[[str], bool] = lambda _: False,
) -> bool:
    found = seen(connection) if row is None else row
    return claim_delivery(connection, found, PENDING, owner=owner, now=NOW, length=MINUTE, is_dead=is_dead)


@pytest.fixture(autouse=True)
def _begun(connection: Connection) -> None:
    add_delivery(connection, NAME, NOW)


def put(connection: Connection, **values: object) -> None:
    connection.execute(update(deliveries).values(**values))


def test_a_claim_keeps_the_message_until_the_receiver_has_it(connection: Connection) -> None:
    assert claim(connection)
    row = seen(connection)
    assert (row.pending, row.lease_owner, row.lease_until) == (PENDING, "us", NOW + MINUTE)
    note_failure(connection, row, status=None, error="It was silent.", now=NOW, pause=MINUTE)
    row = seen(connection)
    assert (row.pending, row.lease_owner, row.failures, row.failing_since) == (PENDING, None, 1, NOW)
    note_success(connection, NAME, 204, NOW)
    row = seen(connection)
    assert (row.pending, row.failures, row.failing_since, row.last_error) == (None, 0, None, None)


def test_one_process_at_a_time_has_the_lease(connection: Connection) -> None:
    assert claim(connection, owner="them")
    assert not claim(connection)
    assert claim(connection, is_dead=lambda owner: owner == "them")
    # It is its own: what it left behind when the database went away.
    assert claim(connection)
    free_delivery(connection, NAME, "them")
    assert seen(connection).lease_owner == "us"


@pytest.mark.parametrize(
    ("until", "is_free"),
    [
        (-timedelta(seconds=1), True),
        (timedelta(seconds=1), False),
        # Of a clock that was ahead.
        (timedelta(days=300), True),
    ],
)
def test_a_lease_ends_with_its_time(connection: Connection, until: timedelta, is_free: bool) -> None:
    put(connection, lease_owner="them", lease_until=NOW + until)
    assert claim(connection) == is_free


@pytest.mark.parametrize(("wait", "is_time"), [(-MINUTE, True), (MINUTE, False), (timedelta(days=300), True)])
def test_a_pause_is_kept_to(connection: Connection, wait: timedelta, is_time: bool) -> None:
    put(connection, next_attempt_at=NOW + wait)
    assert claim(connection) == is_time


def test_nothing_is_claimed_that_is_not_as_it_was_seen(connection: Connection) -> None:
    before = seen(connection)
    pause_delivery(connection, NAME, NOW)
    assert not claim(connection, before)
    assert not claim(connection)
    put(connection, state="active")
    # Somebody else has sent it meanwhile.
    note_success(connection, NAME, 204, NOW)
    assert not claim(connection, before)
    assert claim(connection, replace(seen(connection), lease_owner="whoever"))
