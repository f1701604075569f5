"""Lists that are left to a newer version, which is taking this one's place on the same database."""

from __future__ import annotations

from sqlalchemy import Connection

from syncer.domain.added.rows import added_projection
from syncer.domain.catalogue.lookup import catalogue, model_named
from syncer.domain.native.rows import native_projection
from syncer.domain.records.projection import projection
from syncer.store.schema.revisions import newer_revision
from syncer.store.state.projections import adopted_projections
from syncer.sync.context import SyncContext


def left_to_newer(connection: Connection, context: SyncContext) -> frozenset[str]:
    """Name the lists whose rows a newer version makes by now, by rules that this one lacks.

    A run on one could only fail, and would keep the newer one from it until it is tried again.
    """
    if newer_revision(connection) is None:
        return frozenset()
    exclusions, natives = context.rules.exclusions, context.native_lists
    ours = {name: native_projection(each, exclusions) for name, each in natives.items()}
    ours |= {name: added_projection(each, exclusions) for name, each in context.added_lists.items()}
    ours |= {name: projection(model_named(name), exclusions) for name in catalogue()}
    adopted = adopted_projections(connection)
    return frozenset(
        name for name, each in ours.items() if adopted.get(name, each.fingerprint) != each.fingerprint
    )
