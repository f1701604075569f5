"""Move integrations to another environment, with their rows of state, changes and native lists."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from msgspec import Struct
from sqlalchemy import Connection, delete, select, update

from syncer.store.db.in_values import in_values
from syncer.store.schema.erasure_tables import erasures
from syncer.store.schema.state_tables import integrations, metadata
from syncer.store.schema.webhook_tables import webhook_events

#: Tables whose rows are of an integration in an environment. Events stay with the key for which they came.
_TABLES = [
    table
    for table in tuple(metadata.tables.values())
    if {"environment", "integration_id"} <= set(table.c.keys()) and table is not webhook_events
]


class Moved(Struct, frozen=True):
    """Integration that is in another environment than before."""

    integration_id: str
    before: str
    after: str


def move_integrations(connection: Connection, wanted: Mapping[str, str]) -> list[Moved]:
    """Bring integrations that are known into these environments, by id; give those that were elsewhere.

    Their progress goes with them: a run under way loses its lease, and nothing is read anew.
    """
    found = connection.execute(
        select(integrations.c.id, integrations.c.environment)
        .where(in_values(connection, integrations.c.id, wanted))
        .order_by(integrations.c.id)
    )
    moved = [Moved(row.id, row.environment, wanted[row.id]) for row in found.all()]
    moved = [each for each in moved if each.before != each.after]
    for each in moved:
        moving = update(integrations).where(integrations.c.id == each.integration_id)
        connection.execute(moving.values(environment=each.after))
        for table in _TABLES:
            of_integration = table.c.integration_id == each.integration_id
            if table is not erasures:
                # What another process may have left there knows less.
                connection.execute(delete(table).where(of_integration, table.c.environment == each.after))
            connection.execute(update(table).where(of_integration).values(environment=each.after))
    return moved


def other_environments(connection: Connection, configured: Collection[str]) -> list[str]:
    """Name the environments of mirrored integrations that are not among these."""
    found = connection.execute(
        select(integrations.c.environment)
        .where(integrations.c.removed_at.is_(None))
        .distinct()
        .order_by(integrations.c.environment)
    )
    return [name for name in found.scalars() if name not in configured]
