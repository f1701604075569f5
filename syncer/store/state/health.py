"""Health of a stream: why it is not complete though its walks are done.

Rows of it are held, or records of it are in quarantine. Most streams have neither, and every page checks.
"""

from __future__ import annotations

from typing import NamedTuple

from msgspec import Struct
from sqlalchemy import Connection, exists, select

from syncer.domain.stream_key import StreamKey
from syncer.domain.streams.attempts import outcome_with, state_after
from syncer.domain.streams.reasons import held_reason, quarantine_reason
from syncer.domain.streams.state import Outcome, StreamState
from syncer.store.schema.state_tables import missing, quarantine, streams
from syncer.store.schema.stream_key import bound_stream_filter, stream_parameters
from syncer.store.state.held import Held
from syncer.store.state.missing import MissingStore
from syncer.store.state.quarantine import quarantined


class HealthFlags(NamedTuple):
    """Existence of entries in quarantine, and of rows that are missing at Kombo."""

    has_quarantine: bool
    has_missing: bool


#: Made once.
_FLAGS = select(*(exists().where(*bound_stream_filter(table)) for table in (quarantine, missing)))
_LIVE = select(streams.c.rows_live).where(*bound_stream_filter(streams))


def health_flags(connection: Connection, environment: str, key: StreamKey) -> HealthFlags:
    """Look up which of the two the stream has now, in one statement."""
    return HealthFlags(*map(bool, connection.execute(_FLAGS, stream_parameters(environment, key)).one()))


class Health(Struct, frozen=True):
    """Held rows of a stream and the number of its records in quarantine.

    rows_live: of the stream, read only where some are held.
    """

    key: StreamKey
    held: Held | None
    quarantined: int
    rows_live: int = 0

    def outcome(self, outcome: Outcome = Outcome.COMPLETE) -> Outcome:
        """Adjust the outcome of a run to what is held and what is in quarantine."""
        held = self.held.rows if self.held else 0
        return outcome_with(outcome, held=held, quarantined=self.quarantined)

    def state(self, outcome: Outcome = Outcome.COMPLETE) -> StreamState:
        """Give the state of the stream after a run with this outcome."""
        return state_after(self.outcome(outcome))

    @property
    def reason(self) -> str | None:
        """Sentence on what keeps the stream from being complete, and what can be done about it."""
        if self.held is not None:
            return held_reason(self.held.rows, self.rows_live, self.key)
        if self.quarantined:
            return quarantine_reason(self.quarantined, self.key.integration_id)
        return None


def health(connection: Connection, environment: str, key: StreamKey) -> Health:
    """Read the health of a stream."""
    flags = health_flags(connection, environment, key)
    held = MissingStore(environment, key).held(connection) if flags.has_missing else None
    return Health(
        key,
        held,
        quarantined(connection, environment, key) if flags.has_quarantine else 0,
        connection.execute(_LIVE, stream_parameters(environment, key)).scalar_one() if held else 0,
    )
