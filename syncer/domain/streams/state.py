"""States of a stream, outcomes of a run, and one table of what each of them means."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType

from msgspec import Struct

#: When a stream that is not well is tried again by the service.
WAITING_RECHECK = timedelta(minutes=15)
GONE_RECHECK = timedelta(hours=1)
UNAVAILABLE_RECHECK = timedelta(days=1)
#: Pause of a stream that has a time of its own, at most.
LONGEST_RECHECK = UNAVAILABLE_RECHECK


class StreamState(StrEnum):
    """State of a stream, the most urgent first; kept in ``sync_streams.state``.

    held: more rows are missing at Kombo than may be marked without a person's approval. waiting: the
    integration is not ready. gone: Kombo does not know the integration. unavailable: the integration does not
    offer the model. incomplete: read in part, or with records in quarantine. new: not read yet.
    """

    FAILED = "failed"
    GONE = "gone"
    HELD = "held"
    WAITING = "waiting"
    INCOMPLETE = "incomplete"
    NEW = "new"
    COMPLETE = "complete"
    UNAVAILABLE = "unavailable"

    @property
    def meaning(self) -> Meaning:
        """Row of this state in the table of meanings."""
        return MEANINGS[self]


class Severity(StrEnum):
    """Urgency of a state for whoever looks at it."""

    OK = "ok"
    ERROR = "error"
    WARNING = "warning"
    NEUTRAL = "neutral"


class Meaning(Struct, frozen=True):
    """Consequences of a state.

    is_well: the stream is what it should be. is_trouble: a person should look at it. recheck: pause until the
    service tries the stream again on its own; None: the schedule decides, or failures do. label: phrase for
    lists of streams that have nothing else to tell.
    """

    is_well: bool
    severity: Severity
    is_trouble: bool = False
    recheck: timedelta | None = None
    label: str | None = None


MEANINGS: Mapping[StreamState, Meaning] = MappingProxyType(
    {
        StreamState.FAILED: Meaning(False, Severity.ERROR, is_trouble=True),
        StreamState.GONE: Meaning(False, Severity.ERROR, is_trouble=True, recheck=GONE_RECHECK),
        StreamState.HELD: Meaning(False, Severity.ERROR, is_trouble=True),
        StreamState.WAITING: Meaning(False, Severity.WARNING, is_trouble=True, recheck=WAITING_RECHECK),
        StreamState.INCOMPLETE: Meaning(False, Severity.WARNING),
        # Nothing is there yet.
        StreamState.NEW: Meaning(False, Severity.NEUTRAL, label="not read yet"),
        StreamState.COMPLETE: Meaning(True, Severity.OK),
        StreamState.UNAVAILABLE: Meaning(
            True, Severity.NEUTRAL, recheck=UNAVAILABLE_RECHECK, label="not offered"
        ),
    }
)
#: States in which a stream is tried again at a time of its own.
RECHECKED = tuple(state for state, meaning in MEANINGS.items() if meaning.recheck is not None)


class Outcome(StrEnum):
    """End of one run.

    Those that are states of a stream, too, mean the same; incomplete is a run that did all it could and left
    records in quarantine. busy: another runner has the stream. stopped: told to stop, the walk goes on next
    time. skipped: a backfill found nothing to do.
    """

    COMPLETE = "complete"
    INCOMPLETE = "incomplete"
    HELD = "held"
    FAILED = "failed"
    WAITING = "waiting"
    UNAVAILABLE = "unavailable"
    GONE = "gone"
    BUSY = "busy"
    STOPPED = "stopped"
    SKIPPED = "skipped"

    @property
    def is_well(self) -> bool:
        """True where a command may report success with it."""
        return self in {Outcome.COMPLETE, Outcome.UNAVAILABLE, Outcome.SKIPPED}


class IntegrationState(StrEnum):
    """State of an integration; kept in ``sync_integrations.state``.

    waiting: its set-up at Kombo is not finished. gone: Kombo does not know it.
    """

    READY = "ready"
    WAITING = "waiting"
    GONE = "gone"
