"""Room in a window for requests that could wait."""

from __future__ import annotations

import pytest

from syncer.domain.ratelimit.budget import Budget, Reserve
from syncer.domain.ratelimit.room import has_room

RESERVE = Reserve(share=0.2)


@pytest.mark.parametrize(("used", "expected"), [(0, True), (119, True), (120, False), (300, False)])
def test_there_is_room_until_half_of_what_reads_may_use_is_used(used: int, expected: bool) -> None:
    assert has_room(Budget(limit=300, used=used), RESERVE) is expected


def test_what_may_still_count_is_used() -> None:
    assert not has_room(Budget(limit=300, used=100, sent=100, in_flight_previous=20), RESERVE)


def test_there_is_no_room_where_nothing_is_known() -> None:
    assert not has_room(Budget(), RESERVE)
