"""Engine of the runs: what it needs, and how its queue is, as plain values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection

from syncer.app import App
from syncer.domain.errors import UsageError
from syncer.store.queue.depth import QueueDepth, read_depths
from syncer.store.queue.library import require_library


def require_workers(queue_schema: str | None) -> None:
    """Raise UsageError where workers have nothing to do, or not what they need to do it."""
    if queue_schema is None:
        raise UsageError(
            "There is no work for workers: `syncer run` does it all, unless "
            'workers.engine = "procrastinate" is set.'
        )
    require_library()


def depths(connection: Connection, app: App, environments: Iterable[str]) -> Mapping[str, QueueDepth]:
    """Read the depth of each environment's queue; nothing where runs are the services' own."""
    schema = None if app.queue is None else app.queue.schema
    return read_depths(connection, schema, environments)


def report_depth(depth: QueueDepth | None) -> dict[str, Any] | None:
    """Report the depth of a queue; None where there is none."""
    return None if depth is None else {"queued": depth.queued, "running": depth.running}


def describe_depth(queue: Mapping[str, Any]) -> str:
    """Describe a queue of the report in a line."""
    return f"{queue['queued']:,} streams wait for a worker, {queue['running']:,} are under way"
