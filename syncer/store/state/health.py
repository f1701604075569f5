"""Health of a stream: why it is not complete though its walks are done.

Rows of it are held, or records of it are in quarantine. Most streams have neither, and every page checks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import Connection, exists, select

from syncer.domain.stream_key import StreamKey
from syncer.domain.streams.attempts import outcome_with, state_after
from syncer.domain.streams.state import Outcome, StreamState
from syncer.store.schema.mirror_tables import missing, quarantine
from syncer.store.schema.stream_key import bound_stream_filter, stream_parameters
from syncer.store.state.missing import Held, MissingStore
from syncer.store.state.quarantine import quarantined


class HealthFlags(NamedTuple):
    """Existence of entries in quarantine, and of rows that are missing at Kombo."""

    has_quarantine: bool
    has_missing: bool


#: Made once.
_FLAGS = select(*(exists().where(*bound_stream_filter(table)) for table in (quarantine, missing)))


def health_flags(connection: Connection, environment: str, key: StreamKey) -> HealthFlags:
    """Look up which of the two the stream has now, in one statement."""
    return HealthFlags(*map(bool, connection.execute(_FLAGS, stream_parameters(environment, key)).one()))


@dataclass(frozen=True, slots=True)
class Health:
    """Held rows of a stream, and the number of its records in quarantine."""

    held: Held | None
    quarantined: int

    def outcome(self, outcome: Outcome) -> Outcome:
        """Adjust the outcome of a run to what is held."""
        return outcome_with(outcome, self.held.rows if self.held else 0)

    def state(self, outcome: Outcome = Outcome.COMPLETE) -> StreamState:
        """Give the state of the stream after a run with this outcome."""
        return state_after(self.outcome(outcome), self.quarantined)

    @property
    def reason(self) -> str | None:
        """Sentence on what is held, and what can be done about it."""
        if self.held is None:
            return None
        rows = "1 row is" if self.held.rows == 1 else f"{self.held.rows:,} rows are"
        return (
            f"{rows} missing at Kombo and held back, such as {', '.join(self.held.examples)}: "
            "`syncer reconcile --approve` marks what is still missing as deleted."
        )


def health(connection: Connection, environment: str, key: StreamKey) -> Health:
    """Read the health of a stream."""
    flags = health_flags(connection, environment, key)
    return Health(
        MissingStore(environment, key).held(connection) if flags.has_missing else None,
        quarantined(connection, environment, key) if flags.has_quarantine else 0,
    )
