"""One delivery: in order, at least once, one message at a time, whatever the receiver answers."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from syncer.daemon import posting
from syncer.daemon.deliveries import loop
from syncer.domain.deliveries import attempts
from syncer.domain.deliveries.delivery import DeliveryState
from syncer.store.db.database import Database
from syncer.store.state.consumers import forget_consumer, move_consumer
from syncer.store.state.deliveries import pause_delivery, resume_delivery
from tests.daemon.deliveries.conftest import NAME, Deliverer
from tests.support.databases import ON_SQLITE
from tests.support.feed_rows import drop_changes
from tests.support.receivers import MakeReceiver, Reply
from tests.support.records import NOW


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "FIRST_PAUSE", timedelta(milliseconds=20))
    monkeypatch.setattr(loop, "POLL_EVERY", 0.05)


async def test_what_changes_from_its_beginning_on_is_delivered_in_order_in_batches(
    deliverer: Deliverer,
) -> None:
    deliverer.tell("before")
    async with deliverer.running():
        deliverer.tell(*(f"e{number}" for number in range(250)))
        await deliverer.acknowledged(251)
    received = deliverer.receiver.received
    assert [sequence for each in received for sequence in each.sequences] == list(range(2, 252))
    assert max(len(each.sequences) for each in received) <= 100
    assert len({each.id for each in received}) == len(received)
    assert [each.body["data"]["next"] for each in received][-1] == 251
    assert deliverer.receiver.most_in_flight == 1
    row = deliverer.row
    assert row is not None
    assert (row.pending, row.failures, row.last_error, row.last_status, row.lease_owner) == (
        None,
        0,
        None,
        204,
        None,
    )
    assert row.last_success_at is not None


@ON_SQLITE
async def test_only_the_models_and_integrations_that_it_names_are_delivered(deliverer: Deliverer) -> None:
    deliverer.integrations = ("tool:*",)
    async with deliverer.running():
        deliverer.tell("g", model="hris_groups")
        deliverer.tell("x", integration="other:one")
        await deliverer.acknowledged(2)
        assert deliverer.receiver.received == []
        deliverer.tell("a", "b")
        deliverer.tell("h", model="hris_groups")
        await deliverer.acknowledged(5)
    assert [each.sequences for each in deliverer.receiver.received] == [[3, 4]]


@ON_SQLITE
async def test_a_failed_message_is_sent_again_as_it_was_until_it_is_accepted(deliverer: Deliverer) -> None:
    receiver = deliverer.receiver
    receiver.answer(500, Reply(302, {"Location": receiver.url}), Reply(503, {"Retry-After": "0"}), 204)
    with capture_logs() as logged:
        async with deliverer.running():
            deliverer.tell("a")
            await deliverer.until(lambda: receiver.received, "a message")
            deliverer.tell("b")
            await deliverer.acknowledged(2)
    first, *_ = received = receiver.received
    assert [each.sequences for each in received] == [[1], [1], [1], [1], [2]]
    assert {each.id for each in received[:4]} == {first.id}
    assert received[4].id != first.id
    assert all(each.body == first.body for each in received[:4])
    # Once for all attempts.
    told = [each for each in logged if each["event"] in ("delivery_failing", "delivery_recovered")]
    assert [(each["event"], each.get("failures")) for each in told] == [
        ("delivery_failing", None),
        ("delivery_recovered", 3),
    ]
    assert told[0]["error"] == "The receiver answered HTTP 500 (Internal Server Error)."


async def test_failures_are_counted_where_status_shows_them(deliverer: Deliverer) -> None:
    deliverer.receiver.answer(Reply(429, {"Retry-After": "600"}))
    async with deliverer.running():
        deliverer.tell("a")
        await deliverer.until(lambda: deliverer.row and deliverer.row.failures, "a failure")
        row = deliverer.row
    assert row is not None
    assert row.failing_since is not None
    assert row.next_attempt_at is not None
    assert row.next_attempt_at - row.failing_since >= timedelta(seconds=600)
    assert (row.failures, row.last_status) == (1, 429)
    assert row.last_error == "The receiver answered HTTP 429 (Too Many Requests)."
    assert deliverer.position == 0


@ON_SQLITE
async def test_a_receiver_that_is_gone_gets_nothing_until_it_is_resumed(
    deliverer: Deliverer, database: Database
) -> None:
    deliverer.receiver.answer(410, 204)
    with capture_logs() as logged:
        async with deliverer.running():
            deliverer.tell("a")
            await deliverer.until(lambda: deliverer.row and deliverer.row.state == "stopped", "the stop")
            deliverer.tell("b")
            await asyncio.sleep(5 * loop.POLL_EVERY)
            assert len(deliverer.receiver.received) == 1
            with database.begin() as connection:
                resume_delivery(connection, NAME, NOW)
            await deliverer.acknowledged(2)
    assert [each.sequences for each in deliverer.receiver.received] == [[1], [1], [2]]
    assert [each["event"] for each in logged if each["event"] == "delivery_stopped"] == ["delivery_stopped"]


async def test_a_paused_delivery_keeps_its_place(deliverer: Deliverer, database: Database) -> None:
    async with deliverer.running():
        with database.begin() as connection:
            pause_delivery(connection, NAME, NOW)
        deliverer.tell("a", "b")
        await asyncio.sleep(5 * loop.POLL_EVERY)
        assert deliverer.receiver.received == []
        with database.begin() as connection:
            resume_delivery(connection, NAME, NOW)
        await deliverer.acknowledged(2)
    assert [each.sequences for each in deliverer.receiver.received] == [[1, 2]]


async def test_resuming_tries_at_once_what_waits_for_its_pause(
    deliverer: Deliverer, database: Database
) -> None:
    deliverer.receiver.answer(Reply(503, {"Retry-After": "3600"}), 204)
    async with deliverer.running():
        deliverer.tell("a")
        await deliverer.until(lambda: deliverer.row and deliverer.row.failures, "a failure")
        with database.begin() as connection:
            resume_delivery(connection, NAME, NOW)
        await deliverer.acknowledged(1)


async def test_what_is_lost_is_told_once_and_the_rest_is_delivered(
    deliverer: Deliverer, database: Database
) -> None:
    deliverer.receiver.answer(500, 204)
    async with deliverer.running():
        pass
    deliverer.tell("a", "b", "c", "d")
    with database.begin() as connection:
        drop_changes(connection, 2)
    with capture_logs() as logged:
        async with deliverer.running():
            await deliverer.acknowledged(4)
    failed, lost, rest = deliverer.receiver.received
    assert failed.id == lost.id
    assert lost.body["type"] == "mirror.lost"
    assert lost.body["data"] == {"delivery": NAME, "after": 0, "first": 3, "next": 2}
    assert rest.sequences == [3, 4]
    assert [
        (each["after"], each["first"]) for each in logged if each["event"] == "delivery_lost_changes"
    ] == [(0, 3)]


async def test_a_feed_that_begins_anew_is_told_as_a_loss(deliverer: Deliverer, database: Database) -> None:
    async with deliverer.running():
        pass
    with database.begin() as connection:
        move_consumer(connection, NAME, 900, NOW)
    deliverer.tell("a")
    async with deliverer.running():
        await deliverer.acknowledged(1)
        deliverer.tell("b")
        await deliverer.acknowledged(2)
    lost, rest = deliverer.receiver.received
    assert lost.body["data"] == {"delivery": NAME, "after": 900, "first": 2, "next": 1}
    assert rest.sequences == [2]


@ON_SQLITE
async def test_a_message_that_is_too_large_is_sent_in_parts(deliverer: Deliverer) -> None:
    deliverer.receiver.answer(413, 413, 204)
    with capture_logs() as logged:
        async with deliverer.running():
            deliverer.tell("a", "b", "c", "d", "e")
            await deliverer.acknowledged(5)
    assert [each.sequences for each in deliverer.receiver.received] == [
        [1, 2, 3, 4, 5],
        [1, 2],
        [1],
        [2],
        [3],
        [4],
        [5],
    ]
    assert [each for each in logged if each["event"] == "delivery_failing"] == []


async def test_a_consumer_that_is_moved_back_while_a_message_is_under_way_stays_there(
    deliverer: Deliverer, database: Database
) -> None:
    opens = threading.Event()
    deliverer.receiver.answer(204, Reply(opens=opens), 204)
    async with deliverer.running():
        deliverer.tell("a")
        await deliverer.acknowledged(1)
        deliverer.tell("b")
        await deliverer.until(lambda: len(deliverer.receiver.received) == 2, "the second message")
        with database.begin() as connection:
            move_consumer(connection, NAME, 0, NOW)
        opens.set()
        await deliverer.acknowledged(2)
    assert [each.sequences for each in deliverer.receiver.received] == [[1], [2], [1, 2]]


async def test_a_consumer_that_is_forgotten_begins_anew(deliverer: Deliverer, database: Database) -> None:
    async with deliverer.running():
        deliverer.tell("a")
        await deliverer.acknowledged(1)
        with database.begin() as connection:
            forget_consumer(connection, NAME)
        await deliverer.acknowledged(1)
        deliverer.tell("b")
        await deliverer.acknowledged(2)
    assert [each.sequences for each in deliverer.receiver.received] == [[1], [2]]


async def test_of_two_processes_one_sends_at_a_time(deliverer: Deliverer, database: Database) -> None:
    other = replace(deliverer, owner="another/process")
    async with deliverer.running(), other.running():
        for number in range(30):
            deliverer.tell(f"e{number}")
            await asyncio.sleep(0)
        await deliverer.acknowledged(30)
    received = deliverer.receiver.received
    assert [sequence for each in received for sequence in each.sequences] == list(range(1, 31))
    assert deliverer.receiver.most_in_flight == 1


async def test_a_lease_is_taken_over_from_a_process_that_has_died(deliverer: Deliverer) -> None:
    opens = threading.Event()
    deliverer.receiver.answer(Reply(opens=opens), 204)
    dead = replace(deliverer, owner="dead/process")
    async with dead.running():
        deliverer.tell("a")
        await deliverer.until(lambda: deliverer.receiver.received, "a message")
        # It hangs, and as far as others know it has died.
        living = replace(deliverer, is_dead=lambda owner: owner == "dead/process")
        async with living.running():
            await deliverer.acknowledged(1)
            with capture_logs() as logged:
                opens.set()
                await deliverer.until(lambda: logged, "what the first process finds")
    first, second = deliverer.receiver.received
    assert first.id == second.id
    assert [each["event"] for each in logged] == ["delivery_taken_over"]


@ON_SQLITE
async def test_stopping_waits_for_an_answer_and_not_for_ever(
    deliverer: Deliverer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(posting, "GRACE", 0.1)
    opens = threading.Event()
    deliverer.receiver.answer(Reply(opens=opens), 204)
    async with deliverer.running():
        deliverer.tell("a")
        await deliverer.until(lambda: deliverer.receiver.received, "a message")
    row = deliverer.row
    assert row is not None
    assert row.lease_owner is None
    assert row.pending is not None
    opens.set()
    async with deliverer.running():
        await deliverer.acknowledged(1)
    first, second = deliverer.receiver.received
    assert first.id == second.id
    assert row.state is DeliveryState.ACTIVE


@ON_SQLITE
async def test_a_slow_receiver_keeps_no_other_waiting(
    deliverer: Deliverer, make_receiver: MakeReceiver
) -> None:
    opens = threading.Event()
    deliverer.receiver.answer(Reply(opens=opens))
    other = replace(deliverer, name="other", receiver=make_receiver())
    async with deliverer.running():
        async with other.running():
            for number in range(1, 4):
                deliverer.tell("a")
                await other.acknowledged(number)
        assert len(deliverer.receiver.received) == 1
        opens.set()
