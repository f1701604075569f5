"""docs/simulator.md: its test passes in a project of its own, its command fails as it says."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from syncer.simulator.server.named_faults import KINDS
from syncer.testing.kombo_simulator import KomboSimulator
from tests.support.environment import without_settings
from tests.support.waiting import PATIENCE

if TYPE_CHECKING:
    from tests.support.command_line import Shell

PAGE = (Path(__file__).parents[2] / "docs" / "simulator.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    [found] = re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)
    return str(found)


def test_ten_lines_in_a_project_of_its_own_are_a_test_of_its_code(tmp_path: Path) -> None:
    (tmp_path / "test_absences.py").write_text(block("python"), encoding="utf-8")
    strict = (
        "[pytest]\naddopts = --strict-markers\nfilterwarnings = error\n"
        "asyncio_default_fixture_loop_scope = function\n"
    )
    (tmp_path / "pytest.ini").write_text(strict)
    (tmp_path / "test_marked.py").write_text(
        "import pytest\n\n@pytest.mark.kombo(integrations=2, records=100)\n"
        "def test_two(kombo_simulator):\n    assert len(kombo_simulator.companies) == 2\n"
        "def test_others_import_nothing_of_it():\n    pass\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        env=without_settings(),
        capture_output=True,
        text=True,
    )
    assert "3 passed" in done.stdout, done.stdout + done.stderr


def test_the_plugin_imports_nothing_before_a_test_asks_for_it() -> None:
    program = (
        "import sys, syncer.testing.plugin; print(sorted(n for n in sys.modules if n.startswith('syncer')))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "['syncer', 'syncer.testing', 'syncer.testing.plugin']\n"


def test_the_command_serves_what_fails_is_late_and_is_inactive(shell: Shell) -> None:
    [line] = block("console").splitlines()
    program, *arguments = shlex.split(line.removeprefix("$ "))
    assert program == "syncer"
    simulator = shell.start(*arguments, "--port", "0")
    assert simulator.stdout is not None
    said = ""
    while "Ctrl-C ends it" not in said:
        said += simulator.stdout.readline()
    [url] = re.findall(r"Kombo is simulated at (\S+)", said)
    personio, hibob = re.findall(r"integration +(\S+)", said)
    with httpx.Client(
        base_url=url, headers={"Authorization": "Bearer sim-key"}, trust_env=False, timeout=PATIENCE
    ) as client:

        def get(path: str, integration: str) -> httpx.Response:
            # The load balancer answers some requests.
            answers = (client.get(path, headers={"X-Integration-Id": integration}) for _ in range(20))
            return next(each for each in answers if each.status_code != 502)

        assert get("/hris/absences", personio).json()["error"]["code"] == "PLATFORM.UNKNOWN_ERROR"
        assert get("/hris/groups", personio).status_code == 200
        assert get(f"/integrations/{personio}", personio).json()["data"]["status"] == "INACTIVE"
        assert get(f"/integrations/{hibob}", hibob).json()["data"]["status"] == "ACTIVE"


def test_every_fault_and_every_member_of_the_fixture_is_in_its_table() -> None:
    faults = PAGE.partition("## Faults")[2]
    assert re.findall(r"^\| `([a-z-]+)` \|", faults, flags=re.MULTILINE) == list(KINDS)
    members = {name for name in vars(KomboSimulator) if not name.startswith("_")} | {"environment", "url"}
    assert [name for name in members if f"`{name}" not in PAGE] == []
