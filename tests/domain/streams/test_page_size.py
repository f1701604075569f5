"""Pages of large records become smaller, and larger again once records are small."""

from __future__ import annotations

from syncer.domain.limits import LARGE_PAGE_BYTES, MIB
from syncer.domain.streams.page_size import PageSize


def test_an_answer_that_is_too_large_is_asked_for_with_fewer_records_down_to_one() -> None:
    size = PageSize(250)
    asked = [size.now]
    while size.shrink():
        asked.append(size.now)
    assert asked == [250, 62, 15, 3, 1]


def test_the_next_page_has_as_many_records_as_make_a_page_of_bounded_size() -> None:
    size = PageSize(250)
    size.adapt(40 * MIB)
    assert size.now == 50
    size.adapt(LARGE_PAGE_BYTES)
    assert size.now == 50
    size.adapt(LARGE_PAGE_BYTES * 1000)
    assert size.now == 1
    for _ in range(9):
        size.adapt(0)
    assert size.now == 250
