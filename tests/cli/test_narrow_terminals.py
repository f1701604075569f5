"""Terminals of 40 columns, and people who want no colours."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from rich.cells import cell_len

from syncer.domain.catalogue.lookup import catalogue

if TYPE_CHECKING:
    from tests.support.command_line import Shell
    from tests.support.source import Source

WIDTH = 40
#: Numbers of SGR that set a colour; bold, dim and the end of both are none.
COLOUR = re.compile(r"\x1b\[(?:\d+;)*(?:3[0-8]|9[0-7]|4[0-8])[;m]")


@pytest.fixture
def mirrored(shell: Shell, source: Source, migrated_sqlite_url: str) -> Shell:
    """A mirror in SQLite: what a terminal shows does not depend on the database."""
    shell.settings = {**source.settings(migrated_sqlite_url), "SYNCER_SYNC__MODELS": '["hris_*"]'}
    assert shell.run("backfill").code == 0
    return shell


def test_tables_fit_into_40_columns_and_break_no_name(mirrored: Shell, source: Source) -> None:
    for command, names in (
        ("models", list(catalogue())),
        ("plan", [each for each in catalogue() if each.startswith("hris_")]),
        ("integrations list", [source.integration]),
    ):
        lines = mirrored.on_terminal(*command.split(), width=WIDTH).plain.splitlines()
        first = [line.split()[0] for line in lines if line.strip()]
        assert [name for name in names if name not in first] == [], command
        table = lines[: len(names) + 1]
        assert [line for line in table if cell_len(line) > WIDTH] == [], command


def test_a_help_is_as_wide_as_a_narrow_terminal(shell: Shell) -> None:
    for width in (WIDTH, 70):
        ran = shell.on_terminal("quarantine", "retry", "--help", width=width)
        words = [line for line in ran.plain.splitlines() if not line.strip().startswith("syncer ")]
        assert width - 12 < max(map(len, words)) <= width


@pytest.mark.parametrize("command", ["status", "sync", "check"])
def test_who_wants_no_colours_gets_none(mirrored: Shell, command: str) -> None:
    assert COLOUR.search(mirrored.on_terminal(command).out)
    assert not COLOUR.search(mirrored.on_terminal(command, NO_COLOR="1").out)
