"""Work for programs that go one step at a time, and a bench to do it on."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import structlog

from syncer.config.settings import Settings
from syncer.domain.stream_key import StreamKey
from syncer.domain.streams.stream import Mode
from syncer.sync.context import Result, SyncContext
from syncer.sync.integrations import Integrations
from syncer.sync.run import run_stream
from syncer.sync.run_all import run_streams
from tests.reliability.stepped_program import Bench, Work
from tests.reliability.tracked_source import MODELS
from tests.support.source import SOURCE_TIME

#: Due streams that are considered at a time.
CANDIDATES = 4


def pass_over(keys: Sequence[StreamKey], mode: Mode) -> Work:
    """Make the work of one pass over these streams."""

    async def work(engine: SyncContext, asking: Integrations) -> Sequence[Result]:
        return await run_streams(engine, asking, keys, mode, 2)

    return work


async def what_is_due(engine: SyncContext, asking: Integrations) -> Sequence[Result]:
    """Run what is due, as the workers of the service do."""
    due = await engine.database.ask(
        lambda connection: engine.streams.due(
            connection, engine.database.now(connection), engine.is_dead, CANDIDATES
        )
    )
    return [await run_stream(engine, asking, key, mode=Mode.SYNC) for key in due]


@contextmanager
def bench_on(database_url: str, **changes: Any) -> Iterator[Bench]:
    """Make a bench on a migrated database that it has for itself. changes: to the settings."""
    tables: dict[str, Any] = {
        "kombo": {"api_key": "ks_dev_simulator", "base_url": "http://kombo.test/v1"},
        "database": {"url": database_url},
        "sync": {"concurrency": 2},
        "deletions": {"max_share": 0.3, "max_rows": 2},
        "changes": {"models": ["*"], "before": True},
        "history": {"models": MODELS},
        **changes,
    }
    configured = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        with Bench(Settings(**tables), SOURCE_TIME) as bench:
            bench.apps[0].migrate()
            bench.apps[0].reprojection.adopt()
            yield bench
    finally:
        structlog.configure(**configured)
