"""``erase``: what it asks, prints and keeps, and how it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from syncer.simulator.company.company import Company
    from tests.support.command_line import Shell
    from tests.support.source import Source

EMPLOYEES = "hris_employees"


@pytest.fixture
def mirrored(mirror: Shell) -> Shell:
    """A small mirror of people."""
    mirror.settings["SYNCER_SYNC__MODELS"] = '["hris_employees", "hris_employments", "hris_absences"]'
    assert mirror.run("backfill").code == 0
    return mirror


@pytest.fixture
def company(source: Source) -> Company:
    return source.environment.companies[source.integration]


@pytest.fixture
def somebody(company: Company) -> str:
    """The manager of most."""
    managers = [str(row["manager_id"]) for row in company.rows(EMPLOYEES) if row["manager_id"]]
    return max(set(managers), key=managers.count)


def rows(shell: Shell, condition: str) -> int:
    ran = shell.run("query", "--format", "csv", f"SELECT count(*) FROM {EMPLOYEES} WHERE {condition}")
    return int(ran.out.splitlines()[-1])


def test_a_dry_run_shows_what_would_go_and_erases_nothing(mirrored: Shell, somebody: str) -> None:
    ran = mirrored.run("erase", EMPLOYEES, "--id", somebody, "--dry-run")
    assert ran.code == 0
    assert ran.out.splitlines()[0].split() == ["table", "rows", "becomes"]
    assert [EMPLOYEES, "1", "erased"] in [line.split() for line in ran.out.splitlines()]
    assert ran.out.splitlines()[-1] == "Nothing is erased: that is what would be."
    told = mirrored.run("erase", EMPLOYEES, "--id", somebody, "--dry-run", "--json").json
    assert (told["receipt"], told["state"], told["erased"][EMPLOYEES]) == (None, "not erased", 1)
    assert told["mentioned"][EMPLOYEES] == rows(mirrored, f"manager_id = '{somebody}'")
    assert rows(mirrored, f"id = '{somebody}'") == 1


def test_nobody_to_ask_is_an_error_and_yes_answers(mirrored: Shell, somebody: str) -> None:
    asked = mirrored.run("erase", EMPLOYEES, "--id", somebody)
    assert asked.code == 2
    assert "--dry-run shows what would go, --yes answers the question" in asked.err
    assert rows(mirrored, f"id = '{somebody}'") == 1
    ran = mirrored.run("erase", EMPLOYEES, "--id", somebody, "--yes", "--reason", "case 12")
    assert ran.code == 0
    last = ran.out.splitlines()[-1]
    assert last.startswith("Erased, receipt ")
    assert last.endswith(" It is kept out from now on.")
    assert rows(mirrored, f"'{somebody}' IN (id, manager_id)") == 0
    receipt = last.split()[2].rstrip(".")
    (listed,) = mirrored.run("erase", "--list", "--json").json
    assert (listed["receipt"], listed["state"], listed["reason"]) == (receipt, "finished", "case 12")
    assert receipt in mirrored.run("erase", "--list").out


def test_an_erased_record_that_the_source_sends_again_is_not_stored(
    mirrored: Shell, source: Source, somebody: str
) -> None:
    assert mirrored.run("erase", EMPLOYEES, "--id", somebody, "--yes", "--json").json["state"] == "finished"
    assert mirrored.run("reconcile").code == 0
    refreshed = mirrored.run("refresh", EMPLOYEES, "--integration", source.integration, "--id", somebody)
    assert refreshed.code == 1
    assert refreshed.out == f"{EMPLOYEES} {somebody} erased here, and not stored\n"
    assert rows(mirrored, f"'{somebody}' IN (id, manager_id)") == 0


def test_undo_lets_it_be_read_again(mirrored: Shell, company: Company, somebody: str) -> None:
    remote_id = str(company.row(EMPLOYEES, somebody)["remote_id"])
    by_remote = ("--remote-id", remote_id, "--integration", company.integration_id)
    done = mirrored.run("erase", EMPLOYEES, *by_remote, "--yes", "--json").json
    undone = mirrored.run("erase", "--undo", done["receipt"])
    assert undone.code == 0
    assert "may be read again" in undone.out
    assert mirrored.run("sync").code == 0
    assert rows(mirrored, f"id = '{somebody}'") == 1
    (listed,) = mirrored.run("erase", "--list", "--json").json
    assert listed["state"] == "undone"
    again = mirrored.run("erase", "--undo", done["receipt"], "--json")
    assert again.code == 2
    assert "undone already" in again.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "Name the MODEL"),
        (["--list", "--undo", "1"], "not with each other"),
        (["--list", "--yes", "--id", "1"], "go with no record"),
        ([EMPLOYEES, "--yes"], "either by --id or by --remote-id"),
        ([EMPLOYEES, "--yes", "--remote-id", "7"], "Name the integration, too"),
        ([EMPLOYEES, "--yes", "--id", "nobody"], "has no row of hris_employees with this id"),
        (["--undo", "nothing"], "There is no receipt 'nothing'"),
    ],
)
def test_what_makes_no_sense_is_one_sentence(mirror: Shell, arguments: list[str], words: str) -> None:
    ran = mirror.run("erase", *arguments)
    assert ran.code == 2
    assert words in ran.err
    assert "nobody" not in ran.err


def test_without_erasures_the_list_says_so(asking: Shell) -> None:
    assert asking.run("erase", "--list").out == "Nothing was erased.\n"
    assert asking.run("erase", "--list", "--json").json == []
