"""Rows that are held back until a person approves that they are marked deleted."""

from __future__ import annotations

from msgspec import Struct

from syncer.app import App
from syncer.domain.stream_key import StreamKey
from syncer.domain.streams.reasons import describe_held
from syncer.operations.status import read_overview
from syncer.store.reading.overview import PROBLEMS


class HeldRows(Struct, frozen=True):
    """Held rows of one stream, how many live ones it has, and a few keys of the held ones.

    Keys may be personal data: they are for a person who decides, and for no log or report.
    """

    rows: int
    live: int
    examples: tuple[str, ...]

    @property
    def described(self) -> str:
        """Description of how many are held, and of which share that is."""
        return describe_held(self.rows, self.live)


def held_rows(app: App) -> dict[StreamKey, HeldRows]:
    """Read the held rows of the streams that are mirrored. Raises DatabaseError."""
    found = read_overview(app, PROBLEMS)
    return {
        stream.key: HeldRows(found.held[stream.key].rows, stream.rows_live, found.held[stream.key].examples)
        for stream in found.streams
        if stream.key in found.held
    }
