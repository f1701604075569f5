"""What an arriving record does to its row, and that the numbers add up over any history."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from functools import reduce
from operator import add

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncer.domain.catalogue.lookup import model_named
from syncer.domain.records.change import Change, Counts, StoredRow, change, count, has_moved
from syncer.domain.records.row import Row, project_text

BEGAN = datetime(2026, 1, 10, 12, tzinfo=UTC)
BEFORE = BEGAN - timedelta(days=1)
GROUPS = model_named("hris_groups")


def arrived(name: object = "Sales", *, deleted: bool = False) -> Row:
    gone = "2026-01-05T10:00:00.000Z" if deleted else None
    row = project_text(GROUPS, json.dumps({"id": "g", "name": name, "remote_deleted_at": gone}).encode())
    assert isinstance(row, Row)
    return row


def mirrored(name: str = "Sales", *, deleted_by: str | None = None, at: datetime = BEFORE) -> StoredRow:
    """What the mirror has after such a record; a sweep marks the row of a living one."""
    row = arrived(name, deleted=deleted_by == "kombo")
    return StoredRow(row.content_hash, None if deleted_by is None else at, deleted_by, at)


def counted(row: Row, stored: StoredRow | None, walk_began_at: datetime) -> Counts:
    """What one record does, as numbers."""
    rows_known = {} if stored is None else {row.id: stored}
    return count([row], rows_known, {row.id: change(row, stored)}, walk_began_at)


@pytest.mark.parametrize(
    ("row", "stored", "effect", "live", "gone"),
    [
        pytest.param(arrived(), None, Change.CREATED, 1, 0, id="new"),
        pytest.param(arrived(deleted=True), None, Change.CREATED, 0, 1, id="new and deleted"),
        pytest.param(arrived(), mirrored(), Change.UNCHANGED, 0, 0, id="the same"),
        pytest.param(arrived("Marketing"), mirrored(), Change.UPDATED, 0, 0, id="renamed"),
        pytest.param(arrived(deleted=True), mirrored(), Change.DELETED, -1, 1, id="deleted"),
        pytest.param(
            arrived("Marketing", deleted=True), mirrored(), Change.DELETED, -1, 1, id="renamed and deleted"
        ),
        pytest.param(
            arrived(deleted=True), mirrored(deleted_by="kombo"), Change.UNCHANGED, 0, 0, id="still deleted"
        ),
        pytest.param(
            arrived("Marketing", deleted=True),
            mirrored(deleted_by="kombo"),
            Change.UPDATED,
            0,
            0,
            id="renamed while deleted",
        ),
        pytest.param(arrived(), mirrored(deleted_by="kombo"), Change.RESTORED, 1, -1, id="back again"),
        pytest.param(arrived(), mirrored(deleted_by="sweep"), Change.RESTORED, 1, -1, id="swept and back"),
        pytest.param(
            arrived("Marketing"),
            mirrored(deleted_by="sweep"),
            Change.RESTORED,
            1,
            -1,
            id="swept, back, renamed",
        ),
        pytest.param(
            arrived(deleted=True),
            mirrored(deleted_by="sweep"),
            Change.UPDATED,
            0,
            0,
            id="swept, then deleted",
        ),
    ],
)
def test_the_effect_of_a_record(
    row: Row, stored: StoredRow | None, effect: Change, live: int, gone: int
) -> None:
    assert change(row, stored) is effect
    counts = counted(row, stored, BEGAN)
    assert {each: getattr(counts, each.value) for each in Change} == {
        each: int(each is effect) for each in Change
    }
    assert (counts.live, counts.gone) == (live, gone)
    assert counts.written == int(effect is not Change.UNCHANGED)
    assert counts.quarantined == 0


def test_a_swept_row_that_kombo_marks_is_written_even_if_its_record_is_equal() -> None:
    row = arrived(deleted=True)
    stored = StoredRow(row.content_hash, deleted_at=BEFORE, deleted_by="sweep", mirrored_at=BEFORE)
    assert change(row, stored) is Change.UPDATED


def test_a_record_with_a_column_that_does_not_fit_counts_as_quarantined_too() -> None:
    counts = counted(arrived(5), None, BEGAN)
    assert (counts.created, counts.quarantined) == (1, 1)


@pytest.mark.parametrize(
    ("row", "stored", "moved"),
    [
        pytest.param(arrived("Marketing"), mirrored(at=BEFORE), False, id="changed since an earlier walk"),
        pytest.param(
            arrived("Marketing"), mirrored(at=BEGAN), True, id="changed since this walk's first page"
        ),
        pytest.param(arrived("Marketing"), mirrored(at=BEGAN + timedelta(1)), True, id="changed meanwhile"),
        pytest.param(arrived(deleted=True), mirrored(at=BEGAN), True, id="deleted meanwhile"),
        pytest.param(arrived(), mirrored(deleted_by="kombo", at=BEGAN), True, id="restored meanwhile"),
        pytest.param(arrived(), mirrored(at=BEGAN), False, id="the same again"),
        pytest.param(arrived(), None, False, id="new"),
    ],
)
def test_a_record_has_moved_if_the_walk_meets_it_again_and_it_differs(
    row: Row, stored: StoredRow | None, moved: bool
) -> None:
    assert has_moved(change(row, stored), stored, BEGAN) is moved
    assert counted(row, stored, BEGAN).moved == int(moved)


@given(
    st.lists(st.builds(Counts, **{name: st.integers(-3, 9) for name in Counts.__struct_fields__}), max_size=5)
)
def test_counts_add_up_field_by_field(parts: list[Counts]) -> None:
    total = reduce(add, parts, Counts())
    for name in Counts.__struct_fields__:
        assert getattr(total, name) == sum(getattr(part, name) for part in parts)


#: What may happen to one record: Kombo shows it (its name, whether deleted), or a sweep misses it (None).
histories = st.lists(
    st.none() | st.tuples(st.sampled_from(["Sales", "Marketing"]), st.booleans()), max_size=12
)


@given(histories)
def test_numbers_add_up_to_the_state_over_any_history(history: list[tuple[str, bool] | None]) -> None:
    stored: StoredRow | None = None
    last: Row | None = None
    total = Counts()
    for step, event in enumerate(history):
        now = BEGAN + timedelta(minutes=step)
        if event is not None:
            last = arrived(event[0], deleted=event[1])
            effect = change(last, stored)
            total += counted(last, stored, now)
            if effect is Change.UNCHANGED:
                assert stored is not None
                assert stored.mirrored_at < now
            else:
                deleted = last.deleted_at is not None
                stored = StoredRow(
                    last.content_hash, now if deleted else None, "kombo" if deleted else None, now
                )
        elif stored is not None and not stored.is_deleted:
            stored = StoredRow(stored.content_hash, deleted_at=now, deleted_by="sweep", mirrored_at=now)
            total += Counts(deleted=1, live=-1, gone=1)

    if stored is None or last is None:
        assert total == Counts()
        return
    assert total.created == 1
    assert (total.live, total.gone) == (int(not stored.is_deleted), int(stored.is_deleted))
    # Whatever came between, the mirror has the record as it was last shown.
    assert stored.content_hash == last.content_hash
    assert stored.is_deleted == (last.deleted_at is not None or stored.deleted_by == "sweep")
    # Deletions and restorations take turns, apart from a record that was deleted when it first came.
    assert total.deleted - total.restored in (0, 1, -1)
    assert total.moved == 0
