"""``backfill`` and ``sync``: what they do, what they print, how they end."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from syncer.simulator.server.faults import Match, not_ready

if TYPE_CHECKING:
    from tests.support.command_line import Shell
    from tests.support.source import Source


@pytest.fixture
def mirror(shell: Shell, source: Source, migrated_url: str) -> Shell:
    """On both kinds of database."""
    shell.settings = source.settings(migrated_url)
    return shell


def test_a_backfill_reads_everything_and_a_second_one_skips_it(mirror: Shell, source: Source) -> None:
    company = source.environment.companies[source.integration]
    first = mirror.run("backfill", "--json")
    streams = {each["model"]: each for each in first.json["streams"]}
    assert (first.code, first.json["outcome"]) == (0, "ok")
    assert {name: each["created"] for name, each in streams.items()} == {
        name: len(company.rows(name)) for name in ("hris_employees", "hris_groups", "hris_locations")
    }
    assert {(each["outcome"], each["kind"], each["error"]) for each in streams.values()} == {
        ("complete", "full", None)
    }
    assert first.json["totals"]["created"] == sum(each["created"] for each in streams.values())

    second = mirror.run("backfill")
    assert second.code == 0
    assert second.out.count(": skipped\n") == 3
    assert second.out.splitlines()[-1].startswith("3 streams: 3 skipped · no records · ")

    group = company.ids("hris_groups")[0]
    company.update("hris_groups", group, name="Anders")
    third = mirror.run("sync", "--model", "hris_g*")
    assert third.code == 0
    assert third.out.splitlines()[0].startswith(
        f"{source.integration} hris_groups: complete (incremental, 1 page), "
    )
    assert "1 updated" in third.out
    assert "hris_employees" not in third.out

    fourth = mirror.run("backfill", "--restart", "--json", "--integration", source.integration)
    assert fourth.code == 0
    assert {each["kind"] for each in fourth.json["streams"]} == {"full"}
    assert fourth.json["totals"]["created"] == 0


def test_a_stream_that_is_not_well_makes_the_exit_code_1_and_says_why(mirror: Shell, source: Source) -> None:
    source.environment.faults.add(Match(model="hris_groups"), not_ready(), times=None)
    ran = mirror.run("sync")
    assert ran.code == 1
    assert f"{source.integration} hris_groups: waiting, " in ran.out
    assert ran.out.splitlines()[-1].startswith("3 streams: 2 complete, 1 waiting · ")
    again = mirror.run("sync", "--json")
    assert (again.code, again.json["outcome"]) == (1, "incomplete")
    [waiting] = [each for each in again.json["streams"] if each["outcome"] == "waiting"]
    assert waiting["error"]
    status = mirror.run("status", "--json")
    assert (status.code, status.json["is_well"]) == (1, False)


def test_a_model_that_is_not_offered_is_well(mirror: Shell, source: Source) -> None:
    source.environment.integrations[source.integration].offers = ("hris_groups", "hris_locations")
    ran = mirror.run("backfill")
    assert ran.code == 0
    assert f"{source.integration} hris_employees: unavailable\n" in ran.out
    assert mirror.run("status").code == 0


def test_a_pass_logs_to_stderr_what_it_is_asked_to(mirror: Shell) -> None:
    quiet = mirror.run("sync", "--json", "--model", "hris_groups")
    assert (quiet.json["outcome"], quiet.err) == ("ok", "")
    ran = mirror.run("sync", "--json", "--model", "hris_groups", SYNCER_LOG__LEVEL="DEBUG")
    assert ran.json["outcome"] == "ok"
    assert {"run_started", "run_ended"} <= {json.loads(line)["event"] for line in ran.err.splitlines()}


def test_a_reader_who_leaves_does_not_stop_a_backfill(mirror: Shell, source: Source) -> None:
    # One stream after the other: the first line is written long before the last stream begins.
    command = mirror.start("backfill", SYNCER_SYNC__CONCURRENCY="1")
    assert command.stdout is not None
    command.stdout.close()
    assert command.stderr is not None
    err = command.stderr.read()
    command.stderr.close()
    assert command.wait() == 0, err
    assert "Traceback" not in err
    assert "BrokenPipe" not in err
    assert mirror.run("status", "--json").json["totals"]["streams"] == {"complete": 3}
