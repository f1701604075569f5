"""The mirror answers for a list that it holds whole and fresh, and for no other."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from syncer.domain.gateway.answerable import ListState, why_forwarded
from syncer.domain.streams.state import StreamState

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
FRESH = ListState(StreamState.COMPLETE, NOW - HOUR, NOW - HOUR, is_whole=True, has_quarantine=False)


def test_a_list_is_answered_until_it_is_older_than_it_may_be() -> None:
    assert why_forwarded(FRESH, NOW, HOUR) is None
    assert why_forwarded(FRESH, NOW + timedelta(microseconds=1), HOUR) == "the list was complete too long ago"


@pytest.mark.parametrize(
    ("state", "is_answered"),
    [
        (StreamState.COMPLETE, True),
        # What was complete a while ago still is; a run that failed since then takes nothing away.
        (StreamState.FAILED, True),
        (StreamState.HELD, True),
        (StreamState.INCOMPLETE, True),
        (StreamState.GONE, False),
        (StreamState.WAITING, False),
        (StreamState.UNAVAILABLE, False),
    ],
)
def test_where_kombo_has_no_rows_to_give_the_mirror_gives_none(state: StreamState, is_answered: bool) -> None:
    assert (why_forwarded(replace(FRESH, state=state), NOW, HOUR) is None) is is_answered


@pytest.mark.parametrize(
    "state",
    [
        None,
        replace(FRESH, complete_at=None),
        replace(FRESH, is_whole=False),
        replace(FRESH, has_quarantine=True),
    ],
)
def test_a_list_that_is_not_there_as_a_whole_is_forwarded(state: ListState | None) -> None:
    assert why_forwarded(state, NOW, HOUR) is not None


def test_the_clocks_differ_by_what_one_moment_is_called_by_each() -> None:
    assert replace(FRESH, watermark=NOW + HOUR).kombo_ahead == 2 * HOUR
    assert replace(FRESH, watermark=None).kombo_ahead is None
