"""News that webhooks told of: what a run has read of them, and what it leaves to another."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec import Struct
from sqlalchemy import Connection

from syncer.domain.streams.state import Outcome
from syncer.domain.streams.stream import Stream
from syncer.domain.webhooks.pauses import pause_until
from syncer.store.state.streams import Told
from syncer.store.state.webhook_events import WebhookEventStore


class Answered(Struct, frozen=True):
    """Part of a run in what webhooks told of.

    told: what is left of it, for the stream's row. waited: from the arrival of the first event whose news the
    run has read; None: it has read none. is_caused: events had come before the run began.
    """

    told: Told | None = None
    waited: timedelta | None = None
    is_caused: bool = False


def answer_webhooks(
    connection: Connection,
    events: WebhookEventStore,
    stream: Stream,
    outcome: Outcome,
    *,
    began_at: datetime,
    read_from: datetime | None,
    now: datetime,
    has_room: bool,
) -> Answered:
    """Settle the events that told of the stream, under its lease and with its row locked.

    stream: as it is at the end of the run. began_at: the beginning of the run. read_from: the time from which
    on it has read the list anew; None: it finished a walk that was begun before, or ended early. An event
    that came later, or that the run has not read the news of, causes another run; soon where there is room.
    """
    first = stream.told_at
    if first is None:
        return Answered()
    is_caused, is_well = first <= began_at, outcome is Outcome.COMPLETE
    left: datetime | None = first
    number = 0
    # Of a model that is not offered there is nothing to be read.
    if outcome is Outcome.UNAVAILABLE or (is_well and read_from is not None):
        left, number = events.answer(connection, stream.key, first, read_from or began_at, now)
        if left is None and not is_caused:
            # It was told of by something else than an event, after the run had begun.
            left = first
    until = now
    if is_caused:
        until = pause_until(
            before_until=stream.pause_until,
            before_ended=stream.last_run_at,
            began=began_at,
            now=now,
            events=number,
            has_room=has_room,
        )
    waited = now - first if is_caused and left != first else None
    return Answered(Told(left, until, is_left_by_run=is_well and left is not None), waited, is_caused)
