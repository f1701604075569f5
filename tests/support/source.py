"""Simulated Kombo environments: with a clock that stands, with the true clock, and served by HTTP."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from syncer.domain.catalogue.lookup import catalogue
from syncer.simulator.clock import SimClock
from syncer.simulator.company.company import Company
from syncer.simulator.server.environment import Environment
from syncer.simulator.server.limit import RateLimit
from syncer.simulator.server.serve import running_in_thread

API_KEY = "ks_dev_only-for-the-tests"
#: Small models of one category, and a larger one.
MODELS = ("hris_groups", "hris_locations", "hris_employees")

#: A day far from today: nothing may depend on the local clock.
SOURCE_TIME = datetime(2031, 3, 9, 12, 0, tzinfo=UTC)


def unlimited() -> RateLimit:
    """Make a rate limit that nobody reaches: the limit has tests of its own, with a clock that moves."""
    return RateLimit(lambda: 0.0, limit=1_000_000)


def standing_environment(*, integrations: int = 1, records: int = 600, seed: int = 7) -> Environment:
    """Make up companies, with so many records in each, whose clock stands until a test moves it."""
    return Environment.example(
        SimClock.frozen(SOURCE_TIME),
        seed=seed,
        integrations=integrations,
        records=records,
        limit=unlimited(),
    )


def make_environment(*, integrations: int = 1, records: int = 600, limit: int = 100_000) -> Environment:
    """Make up companies whose clock is the true one. limit: requests a minute."""
    return Environment.example(
        SimClock(lambda: datetime.now(UTC)),
        integrations=integrations,
        records=records,
        api_key=API_KEY,
        limit=RateLimit(time.monotonic, limit=limit),
    )


@contextmanager
def serving_tools(records: int) -> Iterator[tuple[str, Environment]]:
    """Serve the companies that docs/passthrough.md has ``syncer simulate`` serve; where, and what.

    records: in each of them, whose tools can be called.
    """
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


def listed(company: Company, model: str) -> dict[str, dict[str, Any]]:
    """Give the records of a list by id, as Kombo serves them now to whoever asks for deleted ones, too."""
    rows = company.rows(model, include_deleted=catalogue()[model].features.include_deleted)
    return {row["id"]: json.loads(json.dumps(row)) for row in rows}


@dataclass
class Source:
    """A simulated Kombo that is being served."""

    environment: Environment
    base_url: str

    @property
    def integration(self) -> str:
        """The id of its first integration."""
        return next(iter(self.environment.integrations))

    @property
    def streams(self) -> int:
        """How many streams a program mirrors that has these settings."""
        return len(self.environment.integrations) * len(MODELS)

    def settings(self, database_url: str) -> dict[str, str]:
        """Give a program what it needs to mirror the small models, as environment variables."""
        return {
            "SYNCER_KOMBO__BASE_URL": self.base_url,
            "SYNCER_KOMBO__API_KEY": self.environment.api_key,
            "SYNCER_INTEGRATIONS": json.dumps([{"id": each} for each in self.environment.integrations]),
            "SYNCER_SYNC__MODELS": json.dumps(MODELS),
            "SYNCER_DATABASE__URL": database_url,
            "SYNCER_WEB__PORT": "0",
        }
