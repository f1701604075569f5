"""docs/passthrough.md: every example is executed against the companies that ``syncer simulate`` serves."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest

from syncer.domain.native.tools import apis
from syncer.simulator.server.environment import Environment
from syncer.simulator.server.passthrough import PLAYED
from tests.support.source import serving_tools

if TYPE_CHECKING:
    from tests.support.command_line import Shell

PAGE = (Path(__file__).parents[2] / "docs" / "passthrough.md").read_text(encoding="utf-8")
COMMANDS = [
    shlex.split(line)
    for block in re.findall(r"```console\n(.*?)```", PAGE, flags=re.DOTALL)
    for line in block.replace("\\\n", " ").splitlines()
]
FILES = {name: text for text, name in re.findall(r"```xml\n(<!-- (\S+) -->\n.*?)```", PAGE, flags=re.DOTALL)}
PROGRAMS = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[str, Environment]]:
    """What the page's ``syncer simulate`` serves, with fewer records."""
    with serving_tools(records=400) as served:
        yield served


@pytest.fixture
def reader(shell: Shell, served: tuple[str, Environment], migrated_sqlite_url: str) -> Shell:
    """The second terminal, with the files of the page."""
    shell.settings = {
        "SYNCER_KOMBO__BASE_URL": served[0],
        "SYNCER_KOMBO__API_KEY": "sim-key",
        "SYNCER_DATABASE__URL": migrated_sqlite_url,
    }
    for name, text in FILES.items():
        (shell.directory / name).write_text(text, encoding="utf-8")
    (shell.directory / "contract.pdf").write_bytes(b"%PDF-1.7")
    return shell


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: f"{command[3]} {command[4]} {command[5]}")
def test_an_example_is_answered_by_the_tool(
    reader: Shell, served: tuple[str, Environment], command: list[str]
) -> None:
    assert command[:3] == ["$", "syncer", "passthrough"]
    served[1].requests.clear()
    ran = reader.run(*command[2:])
    assert (ran.code, ran.err) == (0, "")
    if "--output" in command:
        assert (reader.directory / command[command.index("--output") + 1]).stat().st_size > 50
    elif ran.out.startswith("<"):
        assert len(list(ElementTree.fromstring(ran.out.encode()).iter())) > 5
    else:
        assert json.loads(ran.out)
    assert [each.status for each in served[1].requests] == [200]


def test_every_api_that_the_simulator_plays_has_an_example() -> None:
    assert {command[3] for command in COMMANDS} == set(PLAYED)
    assert f"{len(apis())} pairs" in PAGE


def test_the_program_in_python_prints_the_history_of_everybody(
    reader: Shell, served: tuple[str, Environment]
) -> None:
    [program] = PROGRAMS
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=reader.directory,
        env=reader.environ(),
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    company = next(each for id, each in served[1].companies.items() if id.startswith("hibob:"))
    assert len(done.stdout.splitlines()) == len(company.ids("hris_employees"))


def test_links_of_the_page_lead_somewhere() -> None:
    for target in re.findall(r"\]\((?!http)([^)#]+)", PAGE):
        assert (Path(__file__).parents[2] / "docs" / target).exists(), target
