"""``reconcile``, ``refresh`` and ``quarantine``: what they do, what they print, how they end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from syncer.simulator.server import faults
from syncer.simulator.server.faults import Match

if TYPE_CHECKING:
    from syncer.simulator.company.company import Company
    from tests.support.command_line import Shell
    from tests.support.source import Source

EMPLOYEES = "hris_employees"
GROUPS = "hris_groups"


@pytest.fixture
def mirror(shell: Shell, source: Source, migrated_url: str) -> Shell:
    """On both kinds of database, read whole once; what is missing is held back from the first row on."""
    shell.settings = {
        **source.settings(migrated_url),
        "SYNCER_DELETIONS__MAX_ROWS": "0",
        "SYNCER_DELETIONS__MAX_SHARE": "0",
    }
    assert shell.run("backfill").code == 0
    return shell


@pytest.fixture
def company(source: Source) -> Company:
    return source.environment.companies[source.integration]


def mark(shell: Shell, name: str) -> str:
    """A number of the mirror, by SQL."""
    return shell.run("query", "--format", "csv", name).out.splitlines()[-1]


def test_what_is_missing_is_held_shown_approved_and_marked(
    mirror: Shell, source: Source, company: Company
) -> None:
    gone = company.ids(GROUPS)[0]
    company.vanish(GROUPS, gone)
    held = mirror.run("reconcile", "--model", GROUPS)
    assert held.code == 1
    live = int(mark(mirror, f"SELECT count(*) FROM {GROUPS}_live"))
    words = f"1 of {live} rows ({1 / live:.0%}) is missing at Kombo and held back"
    assert words in held.out
    # The command that the sentence names approves this stream alone.
    approve = f"reconcile --approve --integration {source.integration} --model {GROUPS}"
    assert f"`syncer {approve}`" in held.out
    (stream,) = [each for each in mirror.run("status", "--json").json["streams"] if each["model"] == GROUPS]
    assert (stream["state"], stream["held"]["rows"]) == ("held", 1)
    assert gone not in mirror.run("status", "--json").out
    status = mirror.run("status")
    assert status.code == 1
    assert words in status.out
    assert f"`syncer {approve}`" in status.out
    assert mark(mirror, f"SELECT state FROM mirror_freshness WHERE model = '{GROUPS}'") == "held"
    assert mirror.run("sync", "--model", GROUPS).code == 1
    assert mirror.run("backfill", "--model", GROUPS).code == 1

    approved = mirror.run(*approve.split(), "--json")
    assert approved.code == 0
    assert [(each["model"], each["deleted"]) for each in approved.json["streams"]] == [(GROUPS, 1)]
    deleted_by = mark(mirror, f"SELECT deleted_by FROM {GROUPS} WHERE id = '{gone}'")
    assert deleted_by == "sweep"
    assert mirror.run("status").code == 0
    nothing = mirror.run("reconcile", "--approve")
    assert (nothing.code, nothing.out) == (0, "Nothing is held back.\n")


def test_approving_everything_that_is_held_takes_a_selection_or_a_yes(
    mirror: Shell, company: Company
) -> None:
    for model in (GROUPS, EMPLOYEES):
        company.vanish(model, company.ids(model)[0])
    assert mirror.run("reconcile").code == 1
    for arguments in ([], ["--json"]):
        refused = mirror.run("reconcile", "--approve", *arguments)
        assert (refused.code, refused.out) == (2, "")
        assert "2 rows of 2 streams of 1 integration are held back: select" in refused.err
        assert "--yes" in refused.err
    assert mirror.run("reconcile", "--yes").code == 2

    def held() -> set[str]:
        streams = mirror.run("status", "--json").json["streams"]
        return {each["model"] for each in streams if each["held"]}

    assert held() == {GROUPS, EMPLOYEES}
    assert mirror.run("reconcile", "--approve", "--model", GROUPS).code == 0
    assert held() == {EMPLOYEES}
    assert mirror.run("reconcile", "--approve", "--yes").code == 0
    assert held() == set()


@pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)
def test_on_a_terminal_approving_everything_is_asked_first(mirror: Shell, company: Company) -> None:
    company.vanish(GROUPS, company.ids(GROUPS)[0])
    assert mirror.run("reconcile").code == 1
    declined = mirror.on_terminal("reconcile", "--approve", typed="n\n")
    assert declined.code == 1
    assert f"{GROUPS}: 1 of " in declined.plain
    assert "Nothing is approved." in declined.plain
    assert mirror.run("status").code == 1
    assert mirror.on_terminal("reconcile", "--approve", typed="y\n").code == 0
    assert mirror.run("status").code == 0


def test_reconcile_reads_the_selected_streams_whole_and_writes_nothing_that_is_the_same(
    mirror: Shell,
) -> None:
    done = mirror.run("reconcile", "--json", "--model", GROUPS, "--model", EMPLOYEES)
    assert done.code == 0
    assert {(each["model"], each["kind"], each["outcome"]) for each in done.json["streams"]} == {
        (GROUPS, "full", "complete"),
        (EMPLOYEES, "full", "complete"),
    }
    totals = done.json["totals"]
    assert [totals[each] for each in ("created", "updated", "deleted", "restored")] == [0, 0, 0, 0]


def test_refresh_says_what_became_of_each_record(mirror: Shell, source: Source, company: Company) -> None:
    same, changed = company.ids(EMPLOYEES)[:2]
    company.update(EMPLOYEES, changed, job_title="Head of Everything")
    options = ("--integration", source.integration)
    ran = mirror.run("refresh", EMPLOYEES, *options, "--id", same, "--id", changed, "--id", "nobody")
    assert ran.code == 1
    assert ran.out.splitlines() == [
        f"{EMPLOYEES} {same} unchanged",
        f"{EMPLOYEES} {changed} updated",
        f"{EMPLOYEES} nobody unknown to Kombo",
        "1 unchanged, 1 updated, 1 unknown to Kombo",
    ]
    title = mark(mirror, f"SELECT job_title FROM {EMPLOYEES} WHERE id = '{changed}'")
    assert title == "Head of Everything"
    remote_id = company.row(EMPLOYEES, changed)["remote_id"]
    by_the_tool = mirror.run("refresh", EMPLOYEES, *options, "--remote-id", remote_id, "--json")
    assert by_the_tool.code == 0
    assert by_the_tool.json == [{"asked": remote_id, "id": changed, "became": "unchanged", "reason": None}]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([EMPLOYEES], "Missing option '--integration'"),
        ([EMPLOYEES, "--integration", "IT"], "Name the records: either by --id or by --remote-id."),
        (
            [EMPLOYEES, "--integration", "IT", "--id", "a", "--remote-id", "b"],
            "Name the records: either by --id or by --remote-id.",
        ),
        (["hris_employee", "--integration", "IT", "--id", "a"], "Did you mean hris_employees"),
        ([EMPLOYEES, "--integration", "not-here", "--id", "a"], "not-here is not mirrored"),
        ([EMPLOYEES, "--integration", "IT", "--id", "a,b"], "'a,b' is no id"),
    ],
)
def test_a_refresh_that_makes_no_sense_is_one_clear_sentence(
    mirror: Shell, source: Source, arguments: list[str], message: str
) -> None:
    given = [source.integration if each == "IT" else each for each in arguments]
    ran = mirror.run("refresh", *given)
    assert (ran.code, ran.out) == (2, "")
    assert message in ran.err
    assert "Traceback" not in ran.err


def test_what_is_in_quarantine_is_listed_with_its_reason_and_tried_again(
    mirror: Shell, source: Source, company: Company
) -> None:
    nothing = mirror.run("quarantine", "list")
    assert (nothing.code, nothing.out) == (0, "Nothing is in quarantine.\n")
    bad = company.ids(GROUPS)[0]

    def with_nul(answer: object) -> object:
        assert isinstance(answer, dict)
        for each in answer["data"]["results"]:
            if each["id"] == bad:
                each["name"] = "a\0b"
        return answer

    fault = source.environment.faults.add(Match(model=GROUPS), faults.rewritten(with_nul), times=None)
    company.update(GROUPS, bad, name="Renamed")
    # Everybody says the same of a stream with a record in quarantine.
    command = f"syncer quarantine list --integration {source.integration}"
    why = f"1 record is in quarantine: `{command}` shows why."
    ran = mirror.run("sync")
    assert ran.code == 1
    assert f"{GROUPS}: incomplete (incremental, 1 page), 1 quarantined, {why}" in ran.out
    assert why in ran.out
    for command in ("sync", "backfill", "reconcile"):
        again = mirror.run(command, "--json", "--model", GROUPS)
        (stream,) = again.json["streams"]
        assert (again.code, stream["outcome"], stream["error"]) == (1, "incomplete", why), command
    status = mirror.run("status")
    assert status.code == 1
    assert status.out.count("in quarantine") == 1
    (told,) = [each for each in mirror.run("status", "--json").json["streams"] if each["model"] == GROUPS]
    assert (told["state"], told["last_outcome"], told["last_error"]) == ("incomplete", "incomplete", why)
    assert mark(mirror, f"SELECT last_outcome FROM mirror_freshness WHERE model = '{GROUPS}'") == "incomplete"
    (entry,) = mirror.run("quarantine", "list", "--json").json
    assert (entry["model"], entry["record"], entry["reason"]) == (GROUPS, bad, "holds a NUL character")
    listed = mirror.run("quarantine", "list").out.splitlines()[-1]
    assert bad in listed
    assert "holds a NUL character" in listed
    assert mirror.run("quarantine", "list", "--model", EMPLOYEES).out == "Nothing is in quarantine.\n"

    still = mirror.run("quarantine", "retry")
    assert (still.code, still.out) == (1, f"{GROUPS} {bad} in quarantine: holds a NUL character\n")
    fault.left = 0
    mended = mirror.run("quarantine", "retry")
    assert (mended.code, mended.out) == (0, f"{GROUPS} {bad} updated\n")
    assert mirror.run("quarantine", "retry").out == "Nothing is in quarantine.\n"
    (told,) = [each for each in mirror.run("status", "--json").json["streams"] if each["model"] == GROUPS]
    assert (told["state"], told["last_outcome"], told["last_error"]) == ("complete", "complete", None)
    assert mirror.run("status").code == 0
    assert mirror.run("backfill").code == 0
