"""The command line on a source that is served, and on databases that many tests share."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from syncer.simulator.server.serve import running_in_thread
from tests.support.command_line import Shell
from tests.support.databases import migrated_database
from tests.support.source import Source, make_environment


@pytest.fixture
def source() -> Iterator[Source]:
    """One small company."""
    environment = make_environment()
    with running_in_thread(environment) as base_url:
        yield Source(environment, base_url)


@pytest.fixture
def mirror(shell: Shell, source: Source, sqlite_url: str, sqlite_template: Path) -> Shell:
    """The command line, set up to mirror the company into a SQLite file that has tables and no rows."""
    shutil.copy(sqlite_template, sqlite_url.removeprefix("sqlite:///"))
    shell.settings = source.settings(sqlite_url)
    return shell


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def tables_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A database with all tables; tests that share it only read, or leave it as it was."""
    with migrated_database(request, request.param, tmp_path_factory.mktemp("tables")) as url:
        yield url


@pytest.fixture
def asking(shell: Shell, tables_url: str) -> Shell:
    """The command line on a database with all tables; of both kinds, one after the other."""
    shell.settings = {"SYNCER_DATABASE__URL": tables_url}
    return shell
