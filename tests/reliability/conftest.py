"""Copies of databases, and processes that are cheap to start and to kill."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from tests.reliability.database_copies import Copies, Copy
from tests.reliability.fork_server import ForkServer, fork_server
from tests.support.databases import PostgresServer


@pytest.fixture(scope="session")
def _fork_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[ForkServer]]:
    with ExitStack() as stack:
        yield [
            stack.enter_context(fork_server(tmp_path_factory.mktemp(f"fork_server{place}")))
            for place in range(3)
        ]


@pytest.fixture
def fork_servers(_fork_servers: list[ForkServer]) -> Iterator[list[ForkServer]]:
    """Three, for what goes on side by side."""
    yield _fork_servers
    for each in _fork_servers:
        each.clear()


@pytest.fixture
def copy(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Copy]:
    """Copies of one database, many of them in one test."""

    def admin() -> psycopg.Connection:
        server: PostgresServer = request.getfixturevalue("postgres_server")
        return server.admin

    copies = Copies(tmp_path, admin)
    yield copies.copy
    copies.drop()
