"""The shells complete commands, options, models and ids of integrations by the scripts that are printed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.support.command_line import Shell

CONFIGURED, ADDED = "personio:configured", "personio:added"
#: What is typed, and what the shell makes of it; bash keeps what stands before the last colon.
TYPED = {
    "syncer sta": {"status"},
    "syncer sync --model hris_employm": {"hris_employments"},
    f"syncer sync --integration {CONFIGURED[:10]}": {CONFIGURED},
    f"syncer sync --integration {ADDED[:-1]}": {ADDED},
    "syncer query 'select 1' --form": {"--format"},
}
SCRIPTS = {
    "bash": (
        ["bash", "--norc", "-c"],
        'eval "$(syncer completion bash)"\n',
        "COMP_LINE={line}; COMP_POINT=${{#COMP_LINE}}; _syncer_completion syncer\n"
        'printf "> %s\\n" "${{COMPREPLY[*]}}"\n',
    ),
    "zsh": (
        ["zsh", "-f", "-c"],
        # Outside of the line editor there is nowhere to put the completions: they are printed.
        "autoload -Uz compinit && compinit -D -u\n"
        'eval "$(syncer completion zsh)"\n'
        'compadd() { print -r -- "> ${(P)@[-1]}" }\n'
        '_describe() { print -r -- "> ${${(P)3}[*]%%:*}" }\n',
        "line={line}; words=(${{(z)line}}); CURRENT=$#words; _syncer_completion\n",
    ),
    "fish": (
        ["fish", "--no-config", "-c"],
        "syncer completion fish | source\n",
        "echo '> '(complete -C {line} | cut -f 1)\n",
    ),
}


@pytest.fixture
def completing(mirror: Shell, tmp_path: Path) -> Shell:
    """The command line with one integration in the configuration and one in the database."""
    assert mirror.run("integrations", "add", "--no-check", ADDED).code == 0
    mirror.settings["SYNCER_INTEGRATIONS"] = f'[{{"id": "{CONFIGURED}"}}]'
    mirror.settings["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return mirror


@pytest.mark.parametrize(
    "shell_name",
    [
        pytest.param("bash", marks=pytest.mark.tool("bash")),
        pytest.param("zsh", marks=pytest.mark.tool("zsh")),
        pytest.param("fish", marks=pytest.mark.tool("fish")),
    ],
)
def test_a_shell_completes_by_its_script(completing: Shell, shell_name: str) -> None:
    program, begin, each = SCRIPTS[shell_name]
    script = begin + "".join(each.format(line=_quoted(line)) for line in TYPED)
    done = subprocess.run(
        [*program, script],
        cwd=completing.directory,
        env=completing.environ({"HOME": str(completing.directory)}),
        capture_output=True,
        text=True,
        check=False,
    )
    answers = [set(line[2:].split()) for line in done.stdout.splitlines() if line.startswith("> ")]
    kept = "personio:" if shell_name == "bash" else ""
    expected = [{value.removeprefix(kept) for value in values} for values in TYPED.values()]
    assert (answers, done.stderr) == (expected, "")


def _quoted(line: str) -> str:
    return '"' + line + '"'


def test_completion_is_silent_where_the_configuration_is_wrong(shell: Shell) -> None:
    ran = shell.run(
        SYNCER_NONSENSE="1", _SYNCER_COMPLETE="bash_complete", COMP_LINE="syncer sync --integration x"
    )
    assert (ran.out.split(), ran.err) == ([], "")


def test_completion_asks_the_configuration_that_the_line_names(shell: Shell) -> None:
    (shell.directory / "other.toml").write_text('[[integrations]]\nid = "hibob:1"\n')
    line = "syncer sync --config other.toml --integration hib"
    ran = shell.run(_SYNCER_COMPLETE="bash_complete", COMP_LINE=line)
    assert ran.out.split() == ["plain,hibob:1"]


def test_the_options_of_the_program_may_stand_behind_the_command(shell: Shell) -> None:
    (shell.directory / "other.toml").write_text('[[integrations]]\nid = "hibob:1"\n')
    shell.settings["SYNCER_DATABASE__URL"] = f"sqlite:///{shell.directory}/mirror.db"
    assert shell.run("migrate", "--config", "other.toml").code == 0
    behind = shell.run("integrations", "list", "--config", "other.toml", "--json")
    before = shell.run("--config", "other.toml", "integrations", "list", "--json")
    assert behind.json == before.json
    assert [each["id"] for each in behind.json] == ["hibob:1"]
    assert "Traceback" in shell.run("status", "--config", "missing.toml", "--debug").err
