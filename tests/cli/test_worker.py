"""Workers on the command line: what is said where they cannot work, and how their queue is shown."""

from __future__ import annotations

import sys

import pytest

from tests.support.command_line import Shell
from tests.support.source import Source

ENGINE = {"SYNCER_WORKERS__ENGINE": "procrastinate"}


def test_there_is_no_work_for_a_worker_where_services_work_themselves(shell: Shell, source: Source) -> None:
    shell.settings = source.settings("postgresql://nobody@localhost/none")
    ran = shell.run("worker")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("Error: There is no work for workers")
    assert ran.err.count("\n") == 1


@pytest.mark.parametrize("command", ["worker", "check", "migrate", "backfill"])
def test_without_the_extra_a_command_says_how_to_install_it(
    shell: Shell, source: Source, postgres_url: str, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    shell.settings = {**source.settings(postgres_url), **ENGINE}
    monkeypatch.setitem(sys.modules, "procrastinate", None)
    ran = shell.run(command)
    assert ran.code == 2
    assert "pip install 'kombo-syncer[workers]'" in ran.err
    assert ran.err.count("\n") == 1


def test_on_sqlite_the_configuration_is_refused(shell: Shell, source: Source, sqlite_url: str) -> None:
    shell.settings = {**source.settings(sqlite_url), **ENGINE}
    for command in ("worker", "check", "status"):
        ran = shell.run(command)
        assert ran.code == 2
        assert "works with PostgreSQL alone" in ran.err
        assert ran.err.count("\n") == 1


def test_the_queue_is_printed_made_and_shown(shell: Shell, source: Source, postgres_url: str) -> None:
    shell.settings = source.settings(postgres_url)
    assert shell.run("backfill").code == 0
    assert shell.run("status", "--json").json["environments"][0]["queue"] is None
    shell.settings |= ENGINE
    printed = shell.run("migrate", "--sql")
    assert "CREATE SCHEMA IF NOT EXISTS procrastinate" in printed.out
    # Nothing has been made yet, and that is no error.
    assert shell.run("status").code == 0
    assert shell.run("migrate").code == 0
    assert shell.run("migrate", "--sql").out == "-- There is nothing to upgrade.\n"
    assert "0 streams wait for a worker, 0 are under way" in shell.run("status").out
    assert "warning workers: the queue is in the schema procrastinate, and nobody" in shell.run("check").out
