"""The companies that docs/passthrough.md has ``syncer simulate`` serve, whose tools can be called."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from syncer.simulator.clock import SimClock
from syncer.simulator.server.environment import Environment
from syncer.simulator.server.limit import RateLimit
from syncer.simulator.server.serve import running_in_thread


@contextmanager
def serving_tools(records: int) -> Iterator[tuple[str, Environment]]:
    """Where they are served, and what is behind it; so many records in each."""
    environment = Environment.example(
        SimClock(lambda: datetime.now(UTC)),
        seed=1,
        integrations=9,
        records=records,
        api_key="sim-key",
        limit=RateLimit(time.monotonic, limit=100_000),
    )
    with running_in_thread(environment) as base_url:
        yield base_url, environment
