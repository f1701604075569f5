"""docs/reliability.md: whoever follows "See it" sees rows held and marked that vanished without a word."""

from __future__ import annotations

import re
import shlex
import subprocess
from typing import TYPE_CHECKING

from tests.support.pages import DOCS, blocks, names

if TYPE_CHECKING:
    from tests.support.command_line import Shell

PAGE = DOCS / "reliability.md"


def begun(shell: Shell, command: str, port: int) -> tuple[subprocess.Popen[str], str]:
    """Begin a simulator; gives it with what it printed."""
    program, *arguments = shlex.split(command)
    assert program == "syncer"
    simulator = shell.start(*arguments, "--port", str(port))
    assert simulator.stdout is not None
    said = ""
    while "Ctrl-C ends it" not in said:
        line = simulator.stdout.readline()
        assert line, said
        said += line
    return simulator, said


def test_what_vanishes_between_two_simulators_is_held_until_it_is_approved(shell: Shell) -> None:
    [again] = (block.strip().removeprefix("$ ") for block in blocks(PAGE, "console"))
    first, *_ = (each for each in names(PAGE) if each.startswith("syncer simulate --"))
    assert again == f"{first} --vanished 0.4"
    whole, said = begun(shell, first, 0)
    [url] = re.findall(r"Kombo is simulated at (\S+)", said)
    lines = dict(re.findall(r"export (SYNCER_\w+)='?(.*?)'?$", said, flags=re.MULTILINE))
    shell.settings = {**lines, "SYNCER_SYNC__MODELS": '["hris_employees", "hris_timesheets"]'}
    assert shell.run("backfill").code == 0
    whole.terminate()
    assert whole.wait() == 0
    begun(shell, again, int(url.rpartition(":")[2].partition("/")[0]))
    assert shell.run("reconcile").code == 1
    status = shell.run("status")
    assert "syncer reconcile --approve" in status.out
    assert " held" in status.out
    assert shell.run("reconcile", "--approve", "--yes").code == 0
    ran = shell.run("query", "SELECT count(*) > 0 FROM hris_employees WHERE deleted_by = 'sweep'")
    assert ran.out.splitlines()[1] in ("1", "true")
