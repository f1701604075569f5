"""Parameters that a stream's list has refused, remembered for a while: a list learns."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from syncer.domain.clocks import TOLERANCE
from syncer.domain.stream_key import StreamKey
from syncer.store.db.bulk import insert_statement
from syncer.store.schema.state_tables import refused_parameters
from syncer.store.schema.stream_key import stream_filter

#: How long a refusal counts. Then the parameter is sent once more: Kombo works on these lists.
REFUSED_FOR = timedelta(days=30)


def note_refused(
    connection: Connection, environment: str, key: StreamKey, parameters: Collection[str], now: datetime
) -> None:
    """Remember that the stream's list does not take these parameters."""
    statement = insert_statement(connection, refused_parameters)
    of_stream = {"environment": environment, "integration_id": key.integration_id, "model": key.model}
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=refused_parameters.primary_key.columns,
            set_={"refused_at": statement.excluded.refused_at},
        ),
        [{**of_stream, "parameter": name, "refused_at": now} for name in sorted(parameters)],
    )


def read_refused(connection: Connection, environment: str, key: StreamKey, now: datetime) -> frozenset[str]:
    """Read the parameters that the stream's list has refused lately; one of a wrong clock does not count."""
    at = refused_parameters.c.refused_at
    found = connection.execute(
        select(refused_parameters.c.parameter).where(
            *stream_filter(refused_parameters, environment, key),
            at > now - REFUSED_FOR,
            at <= now + TOLERANCE,
        )
    )
    return frozenset(found.scalars())


def streams_refusing(
    connection: Connection, environment: str, parameter: str, now: datetime
) -> frozenset[StreamKey]:
    """Find the streams whose lists have refused the parameter lately."""
    columns = refused_parameters.c
    found = connection.execute(
        select(columns.integration_id, columns.model).where(
            columns.environment == environment,
            columns.parameter == parameter,
            columns.refused_at > now - REFUSED_FOR,
        )
    )
    return frozenset(StreamKey(row.integration_id, row.model) for row in found)
