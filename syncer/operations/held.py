"""Rows that are held back until a person approves that they are marked deleted."""

from __future__ import annotations

from dataclasses import dataclass

from syncer.app import App
from syncer.domain.stream_key import StreamKey
from syncer.domain.streams.reasons import describe_held
from syncer.operations.status import read_overview


@dataclass(frozen=True, slots=True)
class HeldRows:
    """Held rows of one stream, and how many live ones it has."""

    rows: int
    live: int

    @property
    def described(self) -> str:
        """Description of how many are held, and of which share that is."""
        return describe_held(self.rows, self.live)


def held_rows(app: App) -> dict[StreamKey, HeldRows]:
    """Read the held rows of the streams that are mirrored. Raises DatabaseError."""
    found = read_overview(app)
    return {
        stream.key: HeldRows(found.held[stream.key].rows, stream.rows_live)
        for stream in found.streams
        if stream.key in found.held
    }
