"""A query that requests share runs no more often than is good, whatever they are."""

from __future__ import annotations

import asyncio
import time

import pytest

from syncer.daemon.web.shared_query import SharedQuery
from syncer.domain.errors import DatabaseUnavailable
from tests.support.waiting import PATIENCE


class Query:
    """A query that takes a while, and counts how often it was run."""

    def __init__(self, takes: float = 0.1) -> None:
        self.runs = 0
        self.is_broken = False
        self._takes = takes

    def __call__(self, key: str) -> str:
        self.runs += 1
        time.sleep(self._takes)
        if self.is_broken:
            raise DatabaseUnavailable("It is away.")
        return key


async def test_requests_that_come_together_and_soon_after_share_an_answer() -> None:
    query = Query()
    shared = SharedQuery[str, str](query, patience=60)
    assert await asyncio.gather(*(shared.ask("a") for _ in range(100))) == 100 * ["a"]
    for _ in range(100):
        assert await shared.ask("a") == "a"
    assert query.runs == 1


async def test_an_answer_is_kept_for_its_key_alone() -> None:
    query = Query(takes=0)
    shared = SharedQuery[str, str](query, patience=60)
    assert [await shared.ask(key) for key in "aba"] == ["a", "b", "a"]
    assert query.runs == 3


async def test_who_can_wait_for_a_newer_answer_is_given_one_that_others_are_not() -> None:
    query = Query(takes=0)
    shared = SharedQuery[str, str](query, patience=60)
    await shared.ask("a")
    async with asyncio.timeout(PATIENCE):
        while query.runs == 1:
            await shared.ask("a", kept=1e9)
            assert query.runs == 1
            await shared.ask("a")


async def test_a_failure_is_not_kept() -> None:
    query = Query()
    shared = SharedQuery[str, str](query, patience=60)
    query.is_broken = True
    with pytest.raises(DatabaseUnavailable):
        await shared.ask("a")
    query.is_broken = False
    assert await shared.ask("a") == "a"


async def test_an_answer_is_kept_no_longer_than_it_may_be_waited_for() -> None:
    query = Query()
    shared = SharedQuery[str, str](query, patience=0.05)
    with pytest.raises(DatabaseUnavailable, match="has not answered"):
        await shared.ask("a")
    async with asyncio.timeout(PATIENCE):
        while query.runs < 3:
            try:
                await shared.ask("a")
            except DatabaseUnavailable:
                continue
