"""Decision whether the mirror answers for a list. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec import Struct

from syncer.domain.streams.state import StreamState

#: States in which Kombo answers with something else than rows, or would.
_NO_ROWS = {
    StreamState.GONE: "Kombo does not know the integration",
    StreamState.WAITING: "the integration is not ready",
    StreamState.UNAVAILABLE: "the integration does not offer the model",
}


class ListState(Struct, frozen=True):
    """State of a mirrored list. watermark: by Kombo's clock; complete_at: the same by the database's.

    is_whole: it is read without filters. has_quarantine: records of it are in quarantine.
    """

    state: StreamState
    watermark: datetime | None
    complete_at: datetime | None
    is_whole: bool
    has_quarantine: bool

    @property
    def kombo_ahead(self) -> timedelta | None:
        """By how much Kombo's clock is ahead of the database's; None where nobody knows."""
        if self.watermark is None or self.complete_at is None:
            return None
        return self.watermark - self.complete_at


def why_forwarded(state: ListState | None, now: datetime, max_age: timedelta) -> str | None:
    """Say why the mirror does not answer for a list; None where it does.

    state: None for a list that is not mirrored. now: by the database's clock.
    """
    if state is None:
        return "the list is not mirrored"
    if state.state in _NO_ROWS:
        return _NO_ROWS[state.state]
    if state.complete_at is None:
        return "the list has not been read yet"
    if now - state.complete_at > max_age:
        return "the list was complete too long ago"
    if not state.is_whole:
        return "the list is mirrored in part"
    if state.has_quarantine:
        return "records of the list are in quarantine"
    return None
