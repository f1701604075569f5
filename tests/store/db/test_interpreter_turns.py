"""Turns of worker threads: one computes at a time, and whoever waits for the server lets others do so."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from syncer.store.db.interpreter_turns import Turns, without_turn
from syncer.store.db.postgres_connection import PatientConnection
from syncer.store.db.right_of_way import RightOfWay
from tests.support.waiting import until

#: Longer than any test.
PATIENT = threading.TIMEOUT_MAX


def test_who_computes_gives_the_turn_on_when_it_ends_fails_or_waits() -> None:
    turns, order = Turns(RightOfWay(), patience=PATIENT), list[str]()
    waits, may_go_on = threading.Event(), threading.Event()

    def wait() -> None:
        order.append("begins")
        with without_turn(), without_turn():
            waits.set()
            may_go_on.wait()
        order.append("goes on")

    def fail() -> None:
        order.append("fails")
        raise ValueError("made up")

    with ThreadPoolExecutor(2) as threads:
        waiting = threads.submit(turns.run, wait)
        waits.wait()
        with pytest.raises(ValueError, match="made up"):
            threads.submit(turns.run, fail).result()

        def let_go_on() -> None:
            may_go_on.set()
            order.append("computes")

        threads.submit(turns.run, let_go_on).result()
        waiting.result()
    assert order == ["begins", "fails", "computes", "goes on"]


def test_who_never_gets_a_turn_goes_on_without() -> None:
    turns = Turns(RightOfWay(), patience=0.01)
    # As where whoever has the turn waits for a lock that the other one has.
    with ThreadPoolExecutor(1) as other:
        assert turns.run(lambda: other.submit(turns.run, lambda: "done").result()) == "done"
        assert turns.run(lambda: "free again") == "free again"


def test_an_answer_goes_before_who_begins_and_before_who_has_waited() -> None:
    way, order = RightOfWay(patience=PATIENT), list[str]()
    turns = Turns(way, patience=PATIENT)
    has_begun, may_go_on = threading.Event(), threading.Event()

    def wait() -> None:
        has_begun.set()
        with without_turn():
            may_go_on.wait()
        order.append("goes on")

    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(turns.run, wait)
        has_begun.wait()
        with way.taken():
            may_go_on.set()
            beginning = threading.Thread(target=turns.run, args=[lambda: order.append("begins")])
            beginning.start()
            # Both of them could compute now.
            beginning.join(0.05)
            order.append("answers")
        waiting.result()
        beginning.join()
    assert order[0] == "answers"
    assert sorted(order) == ["answers", "begins", "goes on"]


def test_without_turns_nothing_is_waited_for() -> None:
    with without_turn():
        assert Turns(RightOfWay(), patience=PATIENT).run(lambda: "done") == "done"


@pytest.mark.parametrize("migrated_url", ["postgresql"], indirect=True)
def test_who_waits_for_the_server_keeps_nobody_from_computing(migrated_url: str) -> None:
    turns = Turns(RightOfWay(), patience=PATIENT)
    holder, waiter, onlooker = (PatientConnection.open(conninfo=migrated_url) for _ in range(3))
    waiting = "SELECT 1 FROM pg_stat_activity WHERE pid = %s AND wait_event_type = 'Lock'"
    with holder, waiter, onlooker, ThreadPoolExecutor(2) as threads:
        onlooker.autocommit = True
        holder.execute("SELECT pg_advisory_xact_lock(1)")
        locked = threads.submit(turns.run, lambda: waiter.execute("SELECT pg_advisory_xact_lock(1)"))
        until(lambda: onlooker.execute(waiting, [waiter.info.backend_pid]).rowcount > 0, "the wait")
        threads.submit(turns.run, holder.commit).result()
        assert locked.result().rowcount == 1
