"""What keeps a stream from being complete though its walks are done: rows that are held, or in quarantine."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from syncer.domain.streams.decisions import Outcome, outcome_with, state_after
from syncer.domain.streams.key import StreamKey
from syncer.store.state.health import set_apart
from syncer.store.state.missing import Held, MissingStore
from syncer.store.state.quarantine import quarantined


@dataclass(frozen=True, slots=True)
class Standing:
    """What of a stream is held, and how many of its records are in quarantine."""

    held: Held | None
    quarantined: int

    def outcome(self, outcome: Outcome) -> Outcome:
        """What the run's outcome is after all."""
        return outcome_with(outcome, self.held.rows if self.held else 0)

    def state(self, outcome: Outcome = Outcome.COMPLETE) -> str:
        """The stream's state after a run with this outcome."""
        return state_after(self.outcome(outcome), self.quarantined)

    @property
    def said(self) -> str | None:
        """What is held, and what can be done about it, as a sentence."""
        if self.held is None:
            return None
        rows = "1 row is" if self.held.rows == 1 else f"{self.held.rows:,} rows are"
        return (
            f"{rows} missing at Kombo and held back, such as {', '.join(self.held.examples)}: "
            "`syncer reconcile --approve` marks what is still missing as deleted."
        )


def standing(connection: Connection, environment: str, key: StreamKey) -> Standing:
    """How the stream stands now."""
    apart = set_apart(connection, environment, key)
    return Standing(
        MissingStore(environment, key).held(connection) if apart.missing else None,
        quarantined(connection, environment, key) if apart.quarantined else 0,
    )
