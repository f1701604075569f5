"""What is wrong with many streams for one reason: one line, which says what can be done."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from syncer.simulator.server import faults
from syncer.simulator.server.faults import Match

if TYPE_CHECKING:
    from tests.support.command_line import Shell
    from tests.support.source import Source

EVERYTHING = '["*"]'


@pytest.fixture
def mirror(shell: Shell, source: Source, migrated_url: str) -> Shell:
    """On both kinds of database, with all models of the only integration."""
    shell.settings = {**source.settings(migrated_url), "SYNCER_SYNC__MODELS": EVERYTHING}
    return shell


def lines_with(text: str, words: str) -> list[str]:
    return [line for line in text.splitlines() if words in line]


@pytest.mark.parametrize("setting", ["inactive", "set-up", "unknown"])
def test_a_refused_integration_is_one_line_in_results_and_status(
    mirror: Shell, source: Source, setting: str
) -> None:
    integration = source.environment.integrations[source.integration]
    name, words = source.integration, "for no reason"
    if setting == "inactive":
        integration.refuses_inactive, integration.status = True, "INACTIVE"
        words = "This integration is not active; look at the integration in Kombo's dashboard."
    elif setting == "set-up":
        integration.setup_status = "FINAL_SYNC_PENDING"
        words = "The set-up of this integration is not finished at Kombo (FINAL_SYNC_PENDING)."
    else:
        name = "personio:unknown"
        mirror.settings["SYNCER_INTEGRATIONS"] = json.dumps([{"id": name}])
        words = "Kombo does not know this integration: check its id and the region."
    ran = mirror.run("backfill")
    assert ran.code == 1
    (line,) = lines_with(ran.out, words)
    count = line.removeprefix(f"{name} ").split()[0]
    assert int(count) > 10
    assert line.startswith(f"{name} {count} models: ")
    # What the command has told is not told again as a log.
    assert ran.err == ""
    status = mirror.run("status")
    (line,) = lines_with(status.out, words)
    assert line.startswith(f"  {count} models: ")
    assert f"`syncer sync --integration {name}` tries now." in line
    assert " Next try in " in line
    # Of its models there is nothing else to tell.
    assert len(status.out.splitlines()) < 8
    (problem,) = mirror.run("status", "--json").json["problems"]
    assert (problem["integration"], len(problem["models"])) == (name, int(count))
    assert words in problem["reason"]


def test_a_refusal_shows_in_the_heading_at_once_and_is_over_with_the_next_pass(
    mirror: Shell, source: Source
) -> None:
    assert mirror.run("backfill").code == 0
    integration = source.environment.integrations[source.integration]
    integration.refuses_inactive, integration.status = True, "INACTIVE"

    def heading() -> str:
        return lines_with(mirror.run("status").out, f"{source.integration}  ")[0]

    assert heading().endswith("ACTIVE")
    assert mirror.run("sync").code == 1
    assert heading().endswith("· INACTIVE")
    integration.status = "ACTIVE"
    assert mirror.run("sync").code == 0
    assert heading().endswith("· ACTIVE")
    assert mirror.run("status", "--json").json["problems"] == []


def test_a_failed_model_is_named_in_the_command_that_tries_it_now(mirror: Shell, source: Source) -> None:
    fault = faults.Reply(400, b"no", content_type="text/plain")
    source.environment.faults.add(Match(model="hris_groups"), fault, times=None)
    for _ in range(3):
        assert mirror.run("sync", "--model", "hris_g*", "--model", "hris_l*").code == 1
    (line,) = lines_with(mirror.run("status").out, "Kombo answered HTTP 400")
    assert line.startswith("  hris_groups: Kombo answered HTTP 400: ")
    assert "Failed 3 times in a row. Next try in " in line
    assert f"`syncer sync --integration {source.integration} --model hris_groups` tries now." in line
