"""Missing rows that wait for a person's approval."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct
from sqlalchemy import Connection, func, select

from syncer.domain.stream_key import StreamKey
from syncer.store.db.types import Timestamp
from syncer.store.schema.state_tables import missing

#: Ids that are shown of held rows.
EXAMPLES = 3

#: Condition for the rows that wait for approval.
IS_HELD = missing.c.held_at.is_not(None) & missing.c.approved_at.is_(None)


class Held(Struct, frozen=True):
    """Missing rows of a stream that wait for approval: how many, since when, and a few of their ids."""

    rows: int
    since: datetime
    examples: tuple[str, ...]


def held_rows(
    connection: Connection, environment: str, key: StreamKey | None = None
) -> dict[StreamKey, Held]:
    """Read the held rows, by stream; those of one stream if given."""
    of = [missing.c.environment == environment, IS_HELD]
    if key is not None:
        of += [missing.c.integration_id == key.integration_id, missing.c.model == key.model]
    counted = connection.execute(
        select(
            missing.c.integration_id,
            missing.c.model,
            func.count(),
            func.min(missing.c.held_at, type_=Timestamp),
        )
        .where(*of)
        .group_by(missing.c.integration_id, missing.c.model)
    )
    return {
        StreamKey(integration_id, model): Held(
            rows,
            since,
            tuple(
                connection.execute(
                    select(missing.c.record_id)
                    .where(*of, missing.c.integration_id == integration_id, missing.c.model == model)
                    .order_by(missing.c.record_id)
                    .limit(EXAMPLES)
                ).scalars()
            ),
        )
        for integration_id, model, rows, since in counted.all()
    }
