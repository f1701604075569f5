"""The help of every command ends with an example, and every example is one that the program understands."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from syncer.cli import group

#: Where a shell ends a command, or feeds it.
_SHELL = re.compile(r"\s[<>|]|\)\"")


def commands(
    command: click.Command, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command below this one with its path, groups of commands among them."""
    if isinstance(command, click.Group):
        for name, each in command.commands.items():
            yield (*path, name), each
            yield from commands(each, (*path, name))


COMMANDS = dict(commands(group))


def examples(path: tuple[str, ...]) -> list[list[str]]:
    """The words of the examples with which the help of a command ends."""
    context = click.Context(COMMANDS[path])
    text = COMMANDS[path].get_help(context).replace("\\\n", " ").partition("\nOptions:")[0]
    last = text.rstrip().split("\n\n")[-1]
    return [
        shlex.split(_SHELL.split(line[line.index("syncer ") :])[0])[1:]
        for line in last.splitlines()
        if "syncer " in line
    ]


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_the_help_ends_with_examples_of_that_command_which_parse(
    path: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("event.json").touch()
    found = examples(path)
    assert found
    for words in found:
        assert tuple(words[: len(path)]) == path
        command, rest = COMMANDS[path], words[len(path) :]
        while isinstance(command, click.Group) and rest and rest[0] in command.commands:
            command, rest = command.commands[rest[0]], rest[1:]
        command.make_context(words[-1], rest).close()
