"""Mirrors of one company for the typed models to read, and what the models are made of."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from syncer.cli import call
from syncer.cli.session import Session
from syncer.domain.streams.stream import Mode
from tests.support.databases import PostgresServer
from tests.support.mirror import Mirror
from tests.support.source import standing_environment
from tests.support.world import World

#: Models whose rows refer to each other in every way.
MODELS = ("hris_employees", "hris_employments", "hris_groups", "hris_locations", "hris_absences", "ats_jobs")

#: Writes typed models into a file as the command does.
WriteModels = Callable[..., None]


@pytest.fixture(scope="session")
def mirrors(
    postgres_server: PostgresServer,
    postgres_template: str,
    sqlite_template: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[dict[str, str]]:
    """URLs of a mirror of the same two companies on both databases, to be read."""
    file = tmp_path_factory.mktemp("mirror") / "mirror.db"
    shutil.copy(sqlite_template, file)
    with postgres_server.database(postgres_template) as url:
        urls = {"sqlite": f"sqlite:///{file}", "postgresql": url}
        for each in urls.values():
            asyncio.run(
                World(standing_environment(integrations=2, records=400), Mirror(each)).sync(
                    mode=Mode.BACKFILL, models=MODELS
                )
            )
        yield urls


@pytest.fixture(scope="session")
def write_models(tmp_path_factory: pytest.TempPathFactory) -> WriteModels:
    """Writes typed models with ``syncer schema``; config: text of the configuration."""

    def write(file: Path, *arguments: str, config: str | None = None) -> None:
        given: list[str] = []
        if config is not None:
            path = tmp_path_factory.mktemp("configured") / "config.toml"
            path.write_text(config, encoding="utf-8")
            given = ["--config", str(path)]
        assert call(Session(), [*given, "schema", *arguments, "--output", str(file)]) == 0

    return write
