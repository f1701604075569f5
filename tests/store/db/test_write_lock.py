"""The write lock of a process: in the order of asking, and the urgent ones first."""

from __future__ import annotations

import threading
from contextlib import suppress
from functools import partial

from syncer.store.db.write_lock import WriteLock
from tests.support.waiting import until


def test_urgent_writers_wait_for_the_present_one_alone_and_the_others_keep_their_order() -> None:
    lock, order = WriteLock(), list[str]()

    def write(name: str, urgent: bool) -> None:
        with lock.hold(urgent=urgent):
            order.append(name)

    writers = {"one": False, "two": False, "urgent": True, "three": False}
    threads = [threading.Thread(target=write, args=each) for each in writers.items()]
    with lock.hold():
        for number, thread in enumerate(threads, 1):
            thread.start()
            until(partial(is_waited_for, lock, number), "its place in the line")
    for thread in threads:
        thread.join()
    assert order == ["urgent", "one", "two", "three"]


def is_waited_for(lock: WriteLock, number: int) -> bool:
    return lock.waiting == number


def test_a_writer_that_fails_hands_the_lock_on() -> None:
    lock = WriteLock()
    for _ in range(2):
        with suppress(ValueError), lock.hold():
            raise ValueError
    with lock.hold(urgent=True):
        assert lock.waiting == 0
