"""Depth of the queue, for monitoring: read with the mirror's own connection, and without the library."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct
from sqlalchemy import Connection, text

from syncer.domain.scheduling.jobs import queue_names

#: Table of the library's that has the jobs.
JOBS = "procrastinate_jobs"


class QueueDepth(Struct, frozen=True):
    """Jobs of one environment: those that wait for a worker, and those that a worker has taken."""

    queued: int = 0
    running: int = 0


def read_depths(
    connection: Connection, schema: str | None, environments: Iterable[str]
) -> Mapping[str, QueueDepth]:
    """Read the depth of each environment's queue; schema: of the queue, None where there is none.

    Nothing where its tables have not been made yet.
    """
    if schema is None:
        return {}
    table = f"{schema}.{JOBS}"
    if connection.execute(text("SELECT to_regclass(:table)"), {"table": table}).scalar_one() is None:
        return {}
    counts = {
        (row[0], row[1]): row[2]
        for row in connection.execute(
            text(
                f"SELECT queue_name, status::text, count(*) FROM {table} "
                "WHERE status IN ('todo', 'doing') GROUP BY 1, 2"
            )
        )
    }

    def depth(environment: str) -> QueueDepth:
        names = queue_names(schema, environment)
        queued, running = (
            sum(counts.get((queue, state), 0) for queue in (names.told, names.regular))
            for state in ("todo", "doing")
        )
        return QueueDepth(queued, running)

    return {each: depth(each) for each in environments}
