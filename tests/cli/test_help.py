"""Help, version and completion answer at once, whatever the state of configuration and database."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from syncer import __version__
from syncer.cli import group

if TYPE_CHECKING:
    from tests.support.command_line import Shell

HEAVY = (
    "alembic",
    "apscheduler",
    "httpx",
    "pydantic",
    "rich",
    "sqlalchemy",
    "starlette",
    "structlog",
    "syncer.domain.catalogue.lookup",
    "uvicorn",
)
COMMANDS = tuple(group.commands)
LOADED = """
import json, sys
from syncer.cli import call
from syncer.cli.session import Session
codes = [call(Session(), arguments) for arguments in json.loads(sys.argv[1])]
print(json.dumps([codes, sorted(sys.modules)]), file=sys.stderr)
"""


def called(*asked: list[str]) -> tuple[list[int], set[str]]:
    """The exit codes of these commands in one process, and the modules that it has imported after them."""
    done = subprocess.run(
        [sys.executable, "-c", LOADED, json.dumps(asked)], capture_output=True, text=True, check=True
    )
    codes, modules = json.loads(done.stderr.splitlines()[-1])
    return codes, set(modules)


def test_help_imports_nothing_heavy() -> None:
    asked = [["--help"], ["--version"], *([name, "--help"] for name in COMMANDS)]
    codes, loaded = called(*asked)
    assert codes == [0] * len(asked)
    assert [name for name in HEAVY if name in loaded] == []


def test_what_only_asks_the_database_reads_neither_alembic_nor_the_http_client(
    migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SYNCER_DATABASE__URL", migrated_url)
    codes, loaded = called(
        ["status"], ["query", "SELECT 1"], ["integrations", "list"], ["quarantine", "list"], ["schema"]
    )
    # Nothing is mirrored yet, which is not well.
    assert codes == [1, 0, 0, 0, 0]
    assert loaded.isdisjoint({"alembic", "httpx", "structlog"})


def test_the_help_names_every_command_in_the_order_of_use(shell: Shell) -> None:
    ran = shell.run("--help")
    listed = ran.out.partition("Commands:")[2]
    assert [line.split()[0] for line in listed.splitlines() if line] == list(COMMANDS)
    assert COMMANDS[:5] == ("init", "run", "backfill", "sync", "worker")
    assert "..." not in listed, "a short help was cut"


def test_the_version_is_the_package_version(shell: Shell) -> None:
    assert shell.spawn("--version").out == f"syncer {__version__}\n"


def test_an_unknown_command_and_an_unknown_option_are_usage_errors_that_hint(shell: Shell) -> None:
    command, option = shell.run("statsu"), shell.run("backfill", "--modle", "x")
    assert (command.code, option.code) == (2, 2)
    assert "'status'" in command.err
    assert "--model" in option.err
    assert command.out == option.out == ""


def test_on_sqlite_no_command_reads_the_dialect_of_postgresql(
    migrated_sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "DATABASE__URL": migrated_sqlite_url,
        "KOMBO__API_KEY": "some",
        "KOMBO__BASE_URL": "http://127.0.0.1:1/v1",
        "INTEGRATIONS": '[{"id": "personio:1"}]',
    }.items():
        monkeypatch.setenv(f"SYNCER_{name}", value)
    codes, loaded = called(["sync"], ["status"])
    # Nobody is there to be asked.
    assert codes == [1, 1]
    assert "sqlalchemy.dialects.postgresql" not in loaded


def test_a_pass_with_nothing_to_log_reads_neither_the_logging_library_nor_rich(
    mirror: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in mirror.settings.items():
        monkeypatch.setenv(name, value)
    codes, loaded = called(["sync"])
    assert codes == [0]
    assert loaded.isdisjoint({"structlog", "rich", "httpx._main"})
