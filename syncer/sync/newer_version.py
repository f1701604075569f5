"""Lists that are left to a newer version, which is taking this one's place on the same database."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection

from syncer.domain.stream_key import StreamKey
from syncer.store.schema.migrate import newer_revision
from syncer.store.state.projections import adopted_projections
from syncer.sync.context import SyncContext
from syncer.sync.sources.lookup import source_of


def left_to_newer(connection: Connection, context: SyncContext, keys: Iterable[StreamKey]) -> frozenset[str]:
    """Name the lists of these streams whose rows a newer version makes by now, by rules that this one lacks.

    A run on one could only fail, and would keep the newer one from it until it is tried again.
    """
    if newer_revision(connection) is None:
        return frozenset()
    adopted = adopted_projections(connection, context.streams.environment)
    sources = {key.model: source_of(context, key) for key in keys if key.model in adopted}
    return frozenset(
        model for model, source in sources.items() if source.projection.fingerprint != adopted[model]
    )
