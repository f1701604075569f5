"""Deliveries of the real service: killed between a post and its acknowledgement, hanging, doubled."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from syncer.store.db.database import Database
from syncer.store.state.consumers import read_consumer
from syncer.store.state.deliveries import read_delivery
from tests.support.feed_rows import tell_changes
from tests.support.processes import Serve, Service
from tests.support.receivers import SECRET, MakeReceiver, Receiver, Reply
from tests.support.source import make_environment
from tests.support.waiting import until

Start = Callable[..., Service]


@pytest.fixture
def start(serve: Serve, migrated_url: str) -> Start:
    """Starts services that deliver to these receivers, and to nobody else; app0 is the first."""
    source = serve(make_environment(records=30))

    def started(*receivers: Receiver, **settings: str) -> Service:
        deliveries = [
            {"name": f"app{number}", "url": each.url, "secret": SECRET}
            for number, each in enumerate(receivers)
        ]
        service = source.start(
            migrated_url,
            SYNCER_CHANGES__MODELS='["hris_*"]',
            SYNCER_DELIVERIES=json.dumps(deliveries),
            SYNCER_LOG__FORMAT="json",
            **settings,
        )
        service.wait_for("service_started")
        return service

    return started


@dataclass(frozen=True, slots=True)
class Feed:
    """Feed of a mirror, and the position of a delivery in it."""

    database: Database

    def tell(self, *records: str) -> None:
        with self.database.begin() as connection:
            tell_changes(connection, records, model="hris_skills")

    def position(self, name: str = "app0") -> int:
        with self.database.read() as connection:
            consumer = read_consumer(connection, name)
        return -1 if consumer is None else consumer.sequence

    def wait_for(self, sequence: int, name: str = "app0") -> None:
        until(lambda: self.position(name) >= sequence, f"acknowledgement of {sequence} by {name}")


@pytest.fixture
def feed(database: Database) -> Feed:
    """The feed, from beside the service."""
    return Feed(database)


def numbers(receiver: Receiver, model: str = "hris_skills") -> list[str]:
    """Records of a model that came, in the order in which they came."""
    return [
        change["record_id"]
        for each in receiver.received
        for change in each.body["data"]["changes"]
        if change["model"] == model
    ]


def test_a_message_that_nobody_saw_accepted_is_sent_again_after_a_kill_with_the_same_id(
    start: Start, feed: Feed, receiver: Receiver
) -> None:
    opens = threading.Event()
    receiver.answer(Reply(opens=opens), 204)
    service = start(receiver)
    feed.wait_for(0)
    feed.tell("a", "b")
    [first] = receiver.wait_for(1)
    service.send(signal.SIGKILL)
    service.end()
    # More of it by the time of the next attempt.
    feed.tell("c")
    opens.set()
    start(receiver)
    _, second, third = receiver.wait_for(3)
    assert second.id == first.id
    assert second.body == first.body
    assert numbers(receiver) == ["a", "b", "a", "b", "c"]
    assert third.id != first.id
    feed.wait_for(3)


def test_a_receiver_that_hangs_keeps_neither_others_nor_the_end_of_the_service_waiting(
    start: Start, feed: Feed, make_receiver: MakeReceiver
) -> None:
    opens = threading.Event()
    slow, quick = make_receiver(), make_receiver()
    slow.answer(Reply(opens=opens))
    service = start(slow, quick)
    feed.wait_for(0, "app0")
    feed.wait_for(0, "app1")
    feed.tell("a")
    slow.wait_for(1)
    feed.tell("b")
    feed.wait_for(2, "app1")
    assert service.stop() == 0
    with feed.database.read() as connection:
        row = read_delivery(connection, "app0")
    assert row is not None
    assert (row.lease_owner, row.pending is None) == (None, False)
    opens.set()


def test_of_two_services_one_sends_and_the_other_takes_over(
    start: Start, feed: Feed, receiver: Receiver
) -> None:
    services = [start(receiver), start(receiver)]
    feed.wait_for(0)
    feed.tell(*(f"r{number}" for number in range(150)))
    feed.wait_for(150)
    services[0].send(signal.SIGKILL)
    services[0].end()
    feed.tell("last")
    feed.wait_for(151)
    assert numbers(receiver) == [*(f"r{number}" for number in range(150)), "last"]
    assert receiver.most_in_flight == 1
