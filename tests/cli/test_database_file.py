"""SQLite's file: which commands make it, and what the others say where there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.databases import sqlite_file

if TYPE_CHECKING:
    from tests.support.command_line import Shell
    from tests.support.source import Source

SET_UP = "See docs/operations.md#set-up."
OTHERS = (
    "sync",
    "reconcile",
    "reconcile --approve",
    "refresh hris_groups --integration personio:1 --id 1",
    "plan",
    "status",
    "quarantine list",
    "quarantine retry",
    "check",
    "query SELECT",
    "integrations list",
    "integrations add hibob:2",
    "integrations remove hibob:2",
    "reproject",
    "passthrough personio/personnel GET /company/employees --integration personio:1",
)


@pytest.fixture
def unmade(mirror: Shell) -> Shell:
    """The command line where the database has not been made; its configuration names it from elsewhere."""
    sqlite_file(mirror.settings.pop("SYNCER_DATABASE__URL")).unlink()
    (mirror.directory / "etc").mkdir()
    (mirror.directory / "etc" / "config.toml").write_text('[database]\nurl = "sqlite:///own.db"\n')
    mirror.settings["SYNCER_CONFIG"] = "etc/config.toml"
    return mirror


@pytest.mark.parametrize("command", OTHERS)
def test_a_command_that_needs_a_database_says_which_is_missing_and_makes_none(
    unmade: Shell, source: Source, command: str
) -> None:
    ran = unmade.run(*command.replace("personio:1", source.integration).split())
    file = unmade.directory / "etc" / "own.db"
    assert ran.err == f"Error: There is no database file {file}: run `syncer migrate` to make it. {SET_UP}\n"
    assert (ran.code, ran.out) == (3, "")
    assert [each.name for each in file.parent.iterdir()] == ["config.toml"]
    assert len(source.environment.requests) == 0


@pytest.mark.parametrize("command", ["migrate", "backfill"])
def test_what_makes_a_database_makes_it_beside_the_configuration(unmade: Shell, command: str) -> None:
    assert unmade.run(command).code == 0
    assert (unmade.directory / "etc" / "own.db").exists()
    assert not (unmade.directory / "own.db").exists()
    ran = unmade.run("sync", "--json", SYNCER_CONFIG=str(unmade.directory / "etc" / "config.toml"))
    assert ran.code == 0, ran.err


def test_a_folder_that_is_not_there_is_not_made(unmade: Shell) -> None:
    ran = unmade.run("backfill", SYNCER_DATABASE__URL="sqlite:///data/own.db")
    folder = unmade.directory / "etc" / "data"
    assert ran.code == 3
    said = f"Error: There is no folder {folder} for the database file {folder}/own.db: make it first."
    assert ran.err == f"{said} {SET_UP}\n"
