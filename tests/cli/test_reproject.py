"""``syncer reproject``, the exclusions behind it, and what ``check`` tells of members without a column."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import Connection, text

from syncer.simulator.server.faults import Match, rewritten
from syncer.store.db.database import Database

if TYPE_CHECKING:
    from tests.support.command_line import Shell
    from tests.support.source import Source


@pytest.fixture(params=["sqlite", "postgresql"])
def mirrored(shell: Shell, source: Source, request: pytest.FixtureRequest) -> Shell:
    """The command line with a complete mirror, of both kinds."""
    name = "sqlite_url" if request.param == "sqlite" else "postgres_url"
    shell.settings = source.settings(request.getfixturevalue(name))
    assert shell.run("backfill").code == 0
    return shell


@contextmanager
def inside(shell: Shell) -> Iterator[Connection]:
    database = Database(shell.settings["SYNCER_DATABASE__URL"])
    try:
        with database.begin() as connection:
            yield connection
    finally:
        database.close()


def numbers(shell: Shell, column: str) -> list[object]:
    with inside(shell) as connection:
        found = connection.execute(text(f"SELECT {column} FROM hris_employees ORDER BY id"))
        return list(found.scalars())


def test_columns_are_filled_without_a_key_and_without_a_request(mirrored: Shell, source: Source) -> None:
    before = numbers(mirrored, "employee_number")
    with inside(mirrored) as connection:
        connection.execute(text("UPDATE hris_employees SET employee_number = NULL"))
    asked = len(source.environment.requests)
    ran = mirrored.run("reproject", "hris_empl*", SYNCER_KOMBO__API_KEY="")
    assert (ran.code, numbers(mirrored, "employee_number")) == (0, before)
    first, last = ran.out.splitlines()
    filled = len([each for each in before if each is not None])
    assert first == f"hris_employees: {len(before)} rows read, {filled} changed"
    assert last.startswith(f"3 models: {len(before)} rows read, {filled} changed · ")
    assert len(source.environment.requests) == asked


def test_the_json_tells_models_and_totals_and_a_second_time_nothing_changes(mirrored: Shell) -> None:
    told = mirrored.run("reproject", "hris_employees", "--json").json
    rows = len(numbers(mirrored, "id"))
    model = {"model": "hris_employees", "rows": rows, "changed": 0, "finished": True}
    assert told.pop("seconds") >= 0
    assert told == {
        "outcome": "ok",
        "models": [model],
        "totals": {"models": 1, "rows": rows, "changed": 0, "finished": True},
    }


def test_a_new_exclusion_takes_effect_and_the_lifted_one_is_told(mirrored: Shell) -> None:
    assert any(numbers(mirrored, "first_name"))
    exclude = {"SYNCER_PRIVACY__EXCLUDE": '["hris_employees.first_name"]'}
    assert mirrored.run("reproject", **exclude).code == 0
    assert not any(numbers(mirrored, "first_name"))
    assert mirrored.run("status", **exclude).code == 0
    lifted = mirrored.run("reproject")
    assert "exclusions_lifted" in lifted.err
    assert mirrored.run("status").code == 1
    assert not any(numbers(mirrored, "first_name"))
    assert mirrored.run("sync").code == 0
    assert any(numbers(mirrored, "first_name"))


def test_an_unknown_model_and_an_unknown_member_are_usage_errors(shell: Shell) -> None:
    ran = shell.run("reproject", "hris_emplyees")
    assert (ran.code, ran.out) == (2, "")
    assert "Did you mean hris_employees" in ran.err
    ran = shell.run("reproject", SYNCER_PRIVACY__EXCLUDE='["hris_employees.snn"]')
    assert ran.code == 2
    assert "privacy.exclude[0]: There is no member 'snn' in hris_employees. Did you mean ssn?" in ran.err


def test_a_terminal_gets_a_bar_while_it_goes_and_a_table_at_the_end(mirrored: Shell) -> None:
    rows = len(numbers(mirrored, "id"))
    ran = mirrored.on_terminal("reproject")
    assert ran.code == 0
    bars, heading, end = ran.plain.rpartition("  rows  changed")
    assert "hris_employees ━━━" in bars
    assert heading
    assert re.search(rf"^hris_employees +{rows} +0\s*$", end, flags=re.M)


@contextmanager
def writers_waiting(shell: Shell) -> Iterator[None]:
    """Nobody else's re-projection can commit."""
    with inside(shell) as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("LOCK TABLE sync_projections IN EXCLUSIVE MODE"))
        yield


def interrupt(command: subprocess.Popen[str]) -> None:
    """Ctrl-C; returns when the command has said that it heard it."""
    command.send_signal(signal.SIGINT)
    assert command.stderr is not None
    while "Finishing" not in command.stderr.readline():
        assert command.poll() is None


def test_an_interrupted_reprojection_is_not_finished_and_the_next_command_goes_on(mirrored: Shell) -> None:
    before = numbers(mirrored, "employee_number")
    with inside(mirrored) as connection:
        connection.execute(text("UPDATE hris_employees SET employee_number = NULL"))
    command = mirrored.start("reproject")
    assert command.stdout is not None
    assert command.stdout.readline().startswith("hris_employees: ")
    # Most models are still to come.
    with writers_waiting(mirrored):
        interrupt(command)
    out, err = command.communicate()
    assert command.returncode == 130
    assert "Interrupted. `syncer reproject` goes on where it stopped." in err
    assert re.search("^assessment_orders: 0 rows read, 0 changed, not finished$", out, flags=re.M)
    assert numbers(mirrored, "employee_number") == before
    again = mirrored.run("reproject")
    assert again.code == 0
    assert "not finished" not in again.out


def test_what_was_read_before_an_interrupt_is_not_read_again(
    shell: Shell, source: Source, postgres_url: str
) -> None:
    shell.settings = source.settings(postgres_url)
    assert shell.run("backfill").code == 0
    models = "hris_employees", "hris_groups", "hris_locations"
    with inside(shell) as connection:
        connection.execute(text("UPDATE hris_groups SET name = NULL"))
    with inside(shell) as connection:
        connection.execute(text("LOCK TABLE hris_groups IN EXCLUSIVE MODE"))
        command = shell.start("reproject", *models, "--json")
        waiting = text(
            "SELECT count(*) FROM pg_locks WHERE relation = 'hris_groups'::regclass AND NOT granted"
        )
        while not connection.execute(waiting).scalar_one():
            assert command.poll() is None, command.communicate()
        interrupt(command)
    told = json.loads(command.communicate()[0])
    assert command.returncode == 130
    assert (told["outcome"], told["totals"]["finished"]) == ("incomplete", False)
    assert [each["finished"] for each in told["models"]] == [True, False, False]
    employees, groups, locations = (each["rows"] for each in told["models"])
    assert locations == 0
    assert employees
    assert groups
    again = shell.run("reproject", *models, "--json").json
    assert [each["rows"] > 0 for each in again["models"]] == [True, False, True]
    assert again["outcome"] == "ok"
    with inside(shell) as connection:
        assert not connection.execute(text("SELECT id FROM hris_groups WHERE name IS NULL")).all()


@pytest.fixture
def drifted(mirrored: Shell, source: Source) -> Shell:
    """A mirror of employees with a member that no column has."""

    def with_news(page: dict[str, dict[str, list[dict[str, object]]]]) -> object:
        for record in page["data"]["results"]:
            record["pronouns"] = "they"
        return page

    source.environment.faults.add(Match(model="hris_employees"), rewritten(with_news), times=None)
    assert mirrored.run("backfill", "--restart", "--model", "hris_employees").code == 0
    return mirrored


def test_check_tells_members_without_a_column_and_is_well(drifted: Shell) -> None:
    ran = drifted.run("check")
    rows = len(numbers(drifted, "id"))
    assert ran.code == 0
    told = f"ok drift: hris_employees has members without a column, in {rows} records looked at: "
    told += f"pronouns ({rows})"
    assert told in ran.out
    findings = drifted.run("check", "--json").json["findings"]
    assert [each["is_well"] for each in findings if each["subject"] == "drift"] == [True]


def test_what_many_tables_have_without_a_column_is_told_once(drifted: Shell, source: Source) -> None:
    def with_news(page: dict[str, dict[str, list[dict[str, object]]]]) -> object:
        for record in page["data"]["results"]:
            record["pronouns"] = "they"
        return page

    faults = source.environment.faults
    faults.add(Match(model="hris_*"), rewritten(with_news), times=None)
    assert drifted.run("reconcile").code == 0
    faults.clear()
    found = [line for line in drifted.run("check").out.splitlines() if "pronouns" in line]
    assert any(
        line.startswith("ok drift: 2 tables have members without a column: pronouns; ") for line in found
    ), found


def test_check_tells_where_what_is_excluded_may_stand_under_other_names(mirrored: Shell) -> None:
    with inside(mirrored) as connection:
        connection.execute(text("UPDATE hris_employees SET custom_fields = '{}', remote_data = NULL"))
        one = "(SELECT min(id) FROM hris_employees)"
        filled = """UPDATE hris_employees SET integration_fields = '[{"key": "ssn"}]' WHERE id = """
        connection.execute(text(filled + one))
    assert "privacy" not in mirrored.run("check").out
    ran = mirrored.run("check", SYNCER_PRIVACY__EXCLUDE='["hris_employees.ssn"]')
    gap = (
        "integration_fields of hris_employees may hold under other names what is kept out: exclude that, too"
    )
    assert ran.code == 0
    assert f"privacy: {gap}" in ran.out
    both = '["hris_employees.ssn", "*.integration_fields"]'
    assert "privacy" not in mirrored.run("check", SYNCER_PRIVACY__EXCLUDE=both).out


def test_check_tells_of_drift_also_where_kombo_cannot_be_asked(drifted: Shell) -> None:
    refused = drifted.run("check", SYNCER_KOMBO__API_KEY="ks_dev_wrong")
    assert refused.code == 4
    assert "pronouns" in refused.out
    missing = drifted.run("check", "--json", SYNCER_KOMBO__API_KEY="")
    assert missing.code == 2
    assert "pronouns" in json.dumps(missing.json)


def test_check_says_where_every_member_has_a_column(mirrored: Shell) -> None:
    with inside(mirrored) as connection:
        connection.execute(text("DELETE FROM hris_employees"))
    assert "ok drift: every member of the stored records has a column" in mirrored.run("check").out
