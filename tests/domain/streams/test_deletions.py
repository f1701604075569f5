"""What may be believed of rows that a full walk did not see."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from syncer.domain.catalogue.lookup import model_named
from syncer.domain.catalogue.model import Features
from syncer.domain.streams.deletions import IDS_AT_ONCE, IDS_LENGTH, Brakes, batches, can_sweep
from syncer.domain.streams.stream import Kind, Walk

WALK = Walk("w", Kind.FULL, None, {}, pages=2, rows=400)
EMPTY = replace(WALK, pages=1, rows=0)


@pytest.mark.parametrize(
    ("missing", "live", "is_held"),
    [
        pytest.param(0, 400, False, id="nothing is missing"),
        pytest.param(50, 60, False, id="most of a small stream, but not many"),
        pytest.param(51, 60, True, id="many, and most of it"),
        pytest.param(51, 511, False, id="many, but a small part"),
        pytest.param(51, 510, False, id="many, just the share that passes"),
        pytest.param(51, 509, True, id="many, just over the share"),
    ],
)
def test_many_rows_and_a_large_share_are_held(missing: int, live: int, is_held: bool) -> None:
    assert Brakes(max_share=0.1, max_rows=50).hold(missing, live, WALK) is is_held


@pytest.mark.parametrize(
    ("missing", "live", "is_held"),
    [
        pytest.param(3, 5, True, id="more than half of five"),
        pytest.param(5, 10, False, id="just half"),
        pytest.param(14, 20, True, id="most of it"),
        pytest.param(3, 4, False, id="fewer rows than tell anything"),
    ],
)
def test_a_small_list_that_lacks_most_of_its_rows_is_held_where_absence_is_all_that_tells(
    missing: int, live: int, is_held: bool
) -> None:
    assert Brakes().hold(missing, live, WALK, can_look_up=False) is is_held
    assert not Brakes().hold(missing, live, WALK, can_look_up=True)


def test_an_empty_list_is_not_believed_however_few_rows_there_were() -> None:
    assert Brakes().hold(1, 1, EMPTY)
    assert not Brakes().hold(0, 0, EMPTY)


def test_nothing_follows_from_a_filtered_walk_where_kombo_cannot_be_asked() -> None:
    employees = model_named("hris_employees")
    nameless = replace(employees, features=Features(ids=False))
    filtered = replace(WALK, filters={"employment_status": "ACTIVE"})
    assert can_sweep(employees, WALK)
    assert can_sweep(employees, filtered)
    assert can_sweep(nameless, WALK)
    assert not can_sweep(nameless, filtered)


@given(st.lists(st.text(min_size=1, max_size=300)))
def test_batches_hold_every_id_once_and_fit_into_a_request(ids: list[str]) -> None:
    found = list(batches(ids))
    assert [each for batch in found for each in batch] == ids
    for batch in found:
        assert 0 < len(batch) <= IDS_AT_ONCE
        assert len(batch) == 1 or len(urlencode({"ids": ",".join(batch)})) <= IDS_LENGTH + len("ids=")


def test_batches_are_as_large_as_they_may_be() -> None:
    assert [len(each) for each in batches(["x" * 24] * 250)] == [100, 100, 50]
