"""Freshness of streams: what a grid of integrations and models shows of each, and no more."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime

from msgspec import Struct
from sqlalchemy import Connection, and_, select

from syncer.domain.streams.state import StreamState
from syncer.store.schema.state_tables import streams
from syncer.store.state.due import LONGEST_LEASE


class Freshness(Struct, frozen=True):
    """One stream at a glance. complete_at: up to when the mirror is complete, by the database's clock."""

    state: StreamState
    complete_at: datetime | None
    is_running: bool


def read_freshness(
    connection: Connection, integrations: Collection[str], now: datetime
) -> dict[str, dict[str, Freshness]]:
    """Read the mirrored streams of these integrations, by integration and model."""
    columns = streams.c
    is_running = and_(columns.lease_until > now, columns.lease_until < now + LONGEST_LEASE)
    found: defaultdict[str, dict[str, Freshness]] = defaultdict(dict)
    for integration, model, state, complete_at, running in connection.execute(
        select(columns.integration_id, columns.model, columns.state, columns.complete_at, is_running).where(
            columns.mirrored, columns.integration_id.in_(integrations)
        )
    ):
        found[integration][model] = Freshness(StreamState(state), complete_at, bool(running))
    return dict(found)
