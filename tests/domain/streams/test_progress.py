"""A list that brings nothing new for too long does not end, and a list that moves is no such list."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from syncer.domain.errors import ListStuck
from syncer.domain.streams.progress import MAX_PAGES_WITHOUT_NEW, IdFilter, WalkProgress

#: More pages than any of these lists may have before it counts as one that does not end.
FAR = 1_000


def progress(pages: int = 0) -> WalkProgress:
    return WalkProgress("hris_employees", "hibob:one", pages=pages)


def add_pages(walk: WalkProgress, page: Callable[[int], Iterable[str]], **details: Any) -> None:
    """Read a list that does not end."""
    for number in range(FAR):
        walk.add_page(page(number), has_next=True, **details)


@pytest.mark.parametrize(
    ("page", "with_new"),
    [
        pytest.param(lambda _: ["a", "b"], 1, id="the same page"),
        pytest.param(lambda number: [f"r{number % 3}"], 3, id="three pages in turn"),
        pytest.param(lambda number: [f"r{number * 7 % 20}", f"r{number * 3 % 20}"], 20, id="old ones anew"),
        pytest.param(lambda _: [], 0, id="empty pages"),
    ],
)
def test_a_list_without_new_records_is_stuck_after_ten_pages_of_grace(
    page: Callable[[int], Iterable[str]], with_new: int
) -> None:
    with pytest.raises(ListStuck) as stuck:
        add_pages(progress(), page)
    (pages,) = map(int, re.findall(r" of (\d+) pages", str(stuck.value)))
    assert MAX_PAGES_WITHOUT_NEW < pages <= with_new + MAX_PAGES_WITHOUT_NEW + 1


def test_the_error_names_the_list_and_its_pages() -> None:
    with pytest.raises(ListStuck, match=r"^hris_employees of hibob:one does not end: 11 of 12 pages"):
        add_pages(progress(), lambda _: ["a"])


def test_a_page_with_one_new_record_is_progress() -> None:
    walk = progress()
    for number in range(FAR):
        walk.add_page(["always there", *([f"r{number}"] if number % 10 == 0 else [])], has_next=True)


def test_every_record_may_come_once_more_because_it_changed_but_not_for_ever() -> None:
    walk = progress()
    for number in range(50):
        walk.add_page([f"r{number}"], has_next=True)
    for number in range(50):
        walk.add_page([f"r{number}"], has_next=True, has_changes=True)
    with pytest.raises(ListStuck, match="61 of 111 pages"):
        add_pages(walk, lambda _: ["r0"], has_changes=True)


def test_what_a_walk_had_read_before_it_was_interrupted_may_all_come_once_more_too() -> None:
    walk = progress(pages=50)
    walk.resume(f"r{number}" for number in range(50))
    for number in range(50):
        walk.add_page([f"r{number}"], has_next=True, has_changes=True)
    with pytest.raises(ListStuck, match="61 of 111 pages"):
        add_pages(walk, lambda _: ["r0"], has_changes=True)


def test_a_list_that_ends_is_never_stuck() -> None:
    walk = progress()
    for _ in range(MAX_PAGES_WITHOUT_NEW):
        walk.add_page(["a"], has_next=True)
    walk.add_page(["a"], has_next=True)
    walk.add_page(["a"], has_next=False)


def test_each_part_of_a_list_may_have_the_same_records_or_none() -> None:
    walk = progress()
    for number in range(FAR):
        walk.add_page(["a"] if number % 2 else [], has_next=True, part=f"row {number}")


def test_a_part_that_does_not_end_is_stuck() -> None:
    walk = progress()
    walk.add_page(["a"], has_next=True, part="row 1")
    with pytest.raises(ListStuck):
        add_pages(walk, lambda _: ["a"], part="row 2")


def test_a_walk_that_goes_on_knows_what_its_earlier_pages_had() -> None:
    walk = progress()
    walk.resume(f"r{number}" for number in range(40))
    with pytest.raises(ListStuck, match="11 of 11 pages"):
        add_pages(walk, lambda number: [f"r{number % 40}"])


def test_a_hundred_thousand_ids_take_little_and_are_told_from_new_ones() -> None:
    known = IdFilter()
    known.add(f"id {number}" for number in range(100_000))
    assert not known.add(f"id {number}" for number in range(0, 100_000, 7))
    new = known.add(f"other {number}" for number in range(10_000))
    assert new > 10_000 * 5 / 6
