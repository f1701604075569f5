"""Claims of one process: one at a time, and none of what somebody else is claiming."""

from __future__ import annotations

import asyncio

import pytest

from syncer.domain.errors import Busy
from syncer.sync.claims import Claims


class Claimed:
    """Claims as the database answers them: those of ``others`` are lost."""

    def __init__(self, *others: int) -> None:
        self.claims, self.others = Claims(), others
        self.tried: list[int] = []
        self.under_way = self.most = 0

    async def take(self, *numbers: int) -> list[int | BaseException]:
        tasks = [self.claims.take(lambda number=number: self._claim(number)) for number in numbers]  # type: ignore[misc]
        return await asyncio.gather(*tasks, return_exceptions=True)

    async def _claim(self, number: int) -> int:
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        self.tried.append(number)
        await asyncio.sleep(0)
        self.under_way -= 1
        if number in self.others:
            raise Busy("Another runner has it.")
        return number


async def test_claims_take_turns_in_their_order() -> None:
    claimed = Claimed()
    assert await claimed.take(1, 2, 3) == [1, 2, 3]
    assert (claimed.tried, claimed.most) == ([1, 2, 3], 1)


async def test_what_waits_behind_a_lost_claim_is_given_up_without_a_question() -> None:
    claimed = Claimed(2)
    answers = await claimed.take(1, 2, 3, 4)
    assert answers[0] == 1
    assert all(isinstance(each, Busy) for each in answers[1:])
    assert claimed.tried == [1, 2]


async def test_after_a_lost_claim_others_are_tried_again() -> None:
    claimed = Claimed(1)
    await claimed.take(1, 2)
    assert await claimed.take(2, 3) == [2, 3]


async def test_another_error_gives_up_nothing() -> None:
    claims = Claims()

    async def fail() -> int:
        await asyncio.sleep(0)
        raise ValueError

    async def succeed() -> int:
        return 1

    failed, taken = await asyncio.gather(claims.take(fail), claims.take(succeed), return_exceptions=True)
    assert isinstance(failed, ValueError)
    assert taken == 1


@pytest.mark.parametrize("is_waiting", [True, False])
async def test_a_cancelled_claim_holds_nobody_up(is_waiting: bool) -> None:
    claims, begun = Claims(), asyncio.Event()

    async def hang() -> int:
        begun.set()
        await asyncio.Event().wait()
        return 0

    async def succeed() -> int:
        return 1

    first = asyncio.create_task(claims.take(hang))
    await begun.wait()
    waiting = asyncio.create_task(claims.take(succeed))
    last = asyncio.create_task(claims.take(succeed))
    await asyncio.sleep(0)
    for each in [waiting, first] if is_waiting else [first]:
        each.cancel()
    assert await last == 1
    await asyncio.gather(first, waiting, return_exceptions=True)
