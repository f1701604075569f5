"""Deliveries of the real service: killed between a post and its acknowledgement, hanging, doubled."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from syncer.store.db.database import Database
from syncer.store.state.consumers import acknowledge, read_consumer
from syncer.store.state.deliveries import read_delivery
from tests.support.feed_rows import tell_changes
from tests.support.processes import Serve, ServedSource, Service
from tests.support.receivers import SECRET, MakeReceiver, Receiver, Reply
from tests.support.records import NOW
from tests.support.source import MODELS, listed, make_environment
from tests.support.waiting import until

Start = Callable[..., Service]
#: A model that is not mirrored: all of its changes are written by hand.
TOLD = "hris_skills"


@pytest.fixture
def source(serve: Serve) -> ServedSource:
    """A small company."""
    return serve(make_environment(records=30))


@pytest.fixture
def start(source: ServedSource, migrated_url: str) -> Start:
    """Starts services that deliver to these receivers, and to nobody else; app0 is the first."""

    def started(*receivers: Receiver, models: str = TOLD, documents: bool = False) -> Service:
        deliveries = [
            {"name": f"app{number}", "url": each.url, "secret": SECRET, "documents": documents}
            for number, each in enumerate(receivers)
        ]
        service = source.start(
            migrated_url,
            SYNCER_CHANGES__MODELS=json.dumps([models]),
            # Changes that tests write are old.
            SYNCER_CHANGES__KEEP="36500d",
            SYNCER_DELIVERIES=json.dumps(deliveries),
            SYNCER_LOG__FORMAT="json",
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
            tell_changes(connection, records, model=TOLD)

    def begin(self) -> None:
        """Have the delivery begin before anything is there."""
        with self.database.begin() as connection:
            acknowledge(connection, "app0", 0, NOW)

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


def told_records(receiver: Receiver) -> list[str]:
    """Records of the changes that came, in their order."""
    return [change["record_id"] for each in receiver.received for change in each.body["data"]["changes"]]


def test_what_the_mirror_takes_in_is_delivered_with_its_records(
    start: Start, source: ServedSource, feed: Feed, receiver: Receiver
) -> None:
    [company] = source.environment.companies.values()
    feed.begin()
    start(receiver, models="hris_*", documents=True)
    records = {
        (model, record_id): record for model in MODELS for record_id, record in listed(company, model).items()
    }

    def delivered() -> dict[tuple[str, str], object]:
        told = [change for each in list(receiver.received) for change in each.body["data"]["changes"]]
        return {(each["model"], each["record_id"]): each["document"] for each in told}

    until(lambda: len(delivered()) == len(records), "all records")
    assert delivered() == records


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
    assert told_records(receiver) == ["a", "b", "a", "b", "c"]
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
    assert told_records(receiver) == [*(f"r{number}" for number in range(150)), "last"]
    assert receiver.most_in_flight == 1
