"""Names of models that Kombo told of and nobody here knows, by webhooks and in what integrations offer."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select

from syncer.domain.catalogue.names import unknown_models as unknown_among
from syncer.domain.clocks import TOLERANCE
from syncer.store.db.bulk import insert_statement
from syncer.store.schema.webhook_tables import unknown_models

#: Names that are kept: Kombo has some dozens of models.
MOST_UNKNOWN = 500
#: A name that was told of within this time is not written again.
TOLD_LATELY = timedelta(days=1)
#: A name of which nothing has told for so long is not shown any more.
SHOWN_FOR = timedelta(days=30)


def note_unknown_models(
    connection: Connection, environment: str, names: Collection[str], now: datetime
) -> None:
    """Remember names that neither the catalogue nor the configuration has."""
    if not names:
        return
    known = {
        row.name: row.last_told_at
        for row in connection.execute(
            select(unknown_models.c.name, unknown_models.c.last_told_at).where(
                unknown_models.c.environment == environment
            )
        )
    }
    outdated = [
        name
        for name in sorted(set(names))
        if name not in known or not now - TOLD_LATELY < known[name] <= now + TOLERANCE
    ]
    is_full = (
        connection.execute(select(func.count()).select_from(unknown_models)).scalar_one() >= MOST_UNKNOWN
    )
    rows = [
        {"environment": environment, "name": name, "first_told_at": now, "last_told_at": now}
        for name in outdated
        if name in known or not is_full
    ]
    if rows:
        statement = insert_statement(connection, unknown_models)
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=unknown_models.primary_key.columns,
                set_={"last_told_at": statement.excluded.last_told_at},
            ),
            rows,
        )


def read_unknown_models(
    connection: Connection, environment: str, added: Collection[str], now: datetime
) -> list[str]:
    """Read the names that Kombo told of lately and nobody knows by now; added: lists of the configuration."""
    found = connection.execute(
        select(unknown_models.c.name)
        .where(unknown_models.c.environment == environment, unknown_models.c.last_told_at > now - SHOWN_FOR)
        .order_by(unknown_models.c.name)
    ).scalars()
    return list(unknown_among(found, added))
