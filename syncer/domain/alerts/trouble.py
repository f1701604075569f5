"""Troubles of a mirror that somebody may have to be told of, and the alerts that they become."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from msgspec import Struct


class AlertKind(StrEnum):
    """Kind of a trouble, the most urgent first; kept in ``sync_alerts.kind``.

    key_refused: Kombo refuses the API key. failing: lists of an integration cannot be read. stale: they are
    overdue. held: rows that are missing wait for approval. differing: a verification found rows that differ
    from what Kombo has. delivery_stuck: a receiver accepts no changes.
    """

    KEY_REFUSED = "key_refused"
    FAILING = "failing"
    STALE = "stale"
    HELD = "held"
    DIFFERING = "differing"
    DELIVERY_STUCK = "delivery_stuck"


class AlertState(StrEnum):
    """State of an alert; kept in ``sync_alerts.state``.

    pending: not lasting for long enough yet. open: it has begun. over: it has ended.
    """

    PENDING = "pending"
    OPEN = "open"
    OVER = "over"


class AlertKey(NamedTuple):
    """Identity of a trouble.

    environment: empty where it belongs to none. subject: an integration, a delivery, or an environment.
    """

    environment: str
    kind: AlertKind
    subject: str


class Trouble(Struct, frozen=True):
    """Trouble that is there now. since: None where nobody has noted it. description: without an end."""

    description: str
    since: datetime | None = None


class Alert(Struct, frozen=True):
    """Trouble as it is remembered, with what its receiver was told of it.

    absent_since: time since which the trouble is not seen any more. opened_at, over_at: begin and end as they
    are told; told: the latest of these states that the receiver has accepted, at told_at.
    """

    key: AlertKey
    state: AlertState
    since: datetime
    description: str
    absent_since: datetime | None = None
    opened_at: datetime | None = None
    over_at: datetime | None = None
    told: AlertState | None = None
    told_at: datetime | None = None

    @property
    def is_untold(self) -> bool:
        """True where the receiver does not know its state, and should."""
        return self.state is not AlertState.PENDING and self.state is not self.told
