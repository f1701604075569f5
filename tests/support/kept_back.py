"""Answers of a simulator in the test's own loop that come when the test says so, whatever time it is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from syncer.simulator.server.environment import Environment
from syncer.simulator.server.faults import Fault, Late, Match
from syncer.simulator.server.request_log import RequestInfo


@contextmanager
def kept_back(
    environment: Environment, match: Match, *, when: Callable[[RequestInfo], bool] | None = None
) -> Iterator[Fault]:
    """Keep back the answer to the next request that fits until the block ends.

    Gives the entry of the script, which counts the request once it has come. when: tells of a request that
    fits if it is the one.
    """
    released = asyncio.Event()
    before = environment.sleep
    environment.sleep = lambda _: released.wait()
    try:
        yield environment.faults.add(match, Late(0), when=when)
    finally:
        environment.sleep = before
        released.set()
