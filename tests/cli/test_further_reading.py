"""Errors and states lead to the section that tells the longer story; tests of links know that it exists."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from syncer.cli.further_reading import OF_STATES, section_on
from syncer.domain.errors import DatabaseError, StatementFailed
from syncer.domain.streams.state import MEANINGS, StreamState

if TYPE_CHECKING:
    from tests.support.command_line import Shell
    from tests.support.source import Source


def test_an_error_has_the_section_of_the_nearest_kind_above_it() -> None:
    assert section_on(StatementFailed("", reason="")) == "docs/database.md#when-something-is-in-the-way"
    assert section_on(DatabaseError()) is None


def test_every_state_that_is_trouble_has_a_section() -> None:
    assert {state for state, meaning in MEANINGS.items() if meaning.is_trouble} <= OF_STATES.keys()


@pytest.mark.parametrize(
    ("settings", "arguments", "section"),
    [
        ({"SYNCER_KOMBO__API_KEY": "wrong"}, ["sync"], "docs/operations.md#a-key-that-is-refused"),
        (
            {"SYNCER_DATABASE__URL": "postgresql://nobody@127.0.0.1:1/mirror"},
            ["status"],
            "docs/database.md#when-something-is-in-the-way",
        ),
    ],
)
def test_an_error_ends_with_its_section(
    mirror: Shell, settings: dict[str, str], arguments: list[str], section: str
) -> None:
    ran = mirror.run(*arguments, **settings)
    assert ran.err.endswith(f" See {section}.\n")


def test_status_leads_to_the_states_of_what_is_not_well_and_else_to_nothing(
    mirror: Shell, source: Source
) -> None:
    assert mirror.run("backfill").code == 0
    assert "docs/" not in mirror.run("status").out
    integration = source.environment.integrations[source.integration]
    integration.refuses_inactive, integration.status = True, "INACTIVE"
    assert mirror.run("sync").code == 1
    out = mirror.run("status").out
    assert out.splitlines()[-1] == f"what it means, and what to do: {OF_STATES[StreamState.WAITING]}"
