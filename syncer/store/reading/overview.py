"""Status of the mirror: contents and freshness, as numbers."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from syncer.domain.ratelimit.budget import Budget
from syncer.domain.stream_key import StreamKey
from syncer.domain.streams.stream import Stream
from syncer.store.db.types import Timestamp
from syncer.store.reading.changes import FeedState, feed_state
from syncer.store.schema.mirror_tables import quarantine, streams
from syncer.store.state.budget import read_budget
from syncer.store.state.consumers import Consumer, read_consumers
from syncer.store.state.due import LONGEST_LEASE
from syncer.store.state.integrations import IntegrationRow, IntegrationStore
from syncer.store.state.missing import Held, held_rows
from syncer.store.state.refused_keys import Refusal, read_refusal
from syncer.store.state.streams import StreamStore


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything that `status` shows.

    quarantine: number of records in quarantine and time of the first, by stream. held: missing rows that wait
    for approval. key_refusal: of the API key that is set. feed, consumers: numbers of the change feed.
    """

    now: datetime
    integrations: list[IntegrationRow]
    streams: list[Stream]
    running: set[StreamKey]
    quarantine: dict[StreamKey, tuple[int, datetime]]
    held: dict[StreamKey, Held]
    budget: Budget | None
    key_refusal: Refusal | None
    feed: FeedState
    consumers: list[Consumer]

    @property
    def states(self) -> Counter[str]:
        """Count the streams in each state."""
        return Counter(stream.state for stream in self.streams)


def overview(
    connection: Connection, environment: str, key_fingerprint: str | None, now: datetime
) -> Overview:
    """Read one consistent picture of what is mirrored; the budget only where the key is known."""
    mirrored = IntegrationStore(environment).all(connection)
    quarantined = connection.execute(
        select(
            quarantine.c.integration_id,
            quarantine.c.model,
            func.count(),
            func.min(quarantine.c.first_seen_at, type_=Timestamp),
        )
        .where(quarantine.c.environment == environment)
        .group_by(quarantine.c.integration_id, quarantine.c.model)
    )
    running = connection.execute(
        select(streams.c.integration_id, streams.c.model).where(
            streams.c.environment == environment,
            streams.c.lease_until > now,
            streams.c.lease_until < now + LONGEST_LEASE,
        )
    )
    return Overview(
        now=now,
        integrations=mirrored,
        streams=StreamStore(environment).all(connection),
        running={StreamKey(row.integration_id, row.model) for row in running},
        quarantine={StreamKey(row[0], row[1]): (row[2], row[3]) for row in quarantined},
        held=held_rows(connection, environment),
        budget=read_budget(connection, environment, key_fingerprint) if key_fingerprint else None,
        key_refusal=read_refusal(connection, environment, key_fingerprint) if key_fingerprint else None,
        feed=feed_state(connection),
        consumers=read_consumers(connection),
    )
