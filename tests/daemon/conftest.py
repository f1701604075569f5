"""The service's workers on a source with the true clock."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.fleet import Fleet
from tests.support.keys import source_of
from tests.support.mirror import Mirror
from tests.support.source import make_environment
from tests.support.workers import MakeWorkersWorld, WorkersWorld


@pytest.fixture
def mirror(database_url: str) -> Mirror:
    """An empty database of both kinds."""
    return Mirror(database_url)


@pytest.fixture
def make_world(migrated_url: str) -> MakeWorkersWorld:
    """Makes worlds on a migrated database of both kinds."""

    def make(*, integrations: int = 1, records: int = 600, **settings: Any) -> WorkersWorld:
        environment = make_environment(integrations=integrations, records=records)
        return WorkersWorld(environment, Mirror(migrated_url), settings)

    return make


@pytest.fixture
def world(make_world: MakeWorkersWorld) -> WorkersWorld:
    """One integration with a few hundred records."""
    return make_world()


@pytest.fixture
def fleet(migrated_postgres_url: str) -> Fleet:
    """One environment with one small integration, on an empty database."""
    return Fleet({"default": source_of("default")}, Mirror(migrated_postgres_url))
