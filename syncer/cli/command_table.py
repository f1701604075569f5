"""Commands of the program by name, in the order of their use; the file of each is read when it is needed."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from importlib import import_module

import click

from syncer.cli.global_options import accept_global_options

#: Each is the command of its name in the file of its name.
COMMANDS = (
    "init",
    "run",
    "backfill",
    "sync",
    "worker",
    "reconcile",
    "verify",
    "plan",
    "refresh",
    "erase",
    "status",
    "quarantine",
    "check",
    "query",
    "changes",
    "deliveries",
    "alerts",
    "schema",
    "models",
    "integrations",
    "config",
    "migrate",
    "reproject",
    "passthrough",
    "webhook",
    "completion",
    "simulate",
    "demo",
)


class CommandTable(MutableMapping[str, click.Command]):
    """Table of commands that reads the file of one when it is asked for: all of them take a while."""

    def __init__(self) -> None:
        self._commands: dict[str, click.Command | None] = dict.fromkeys(COMMANDS)

    def __getitem__(self, name: str) -> click.Command:
        command = self._commands[name]
        if command is None:
            command = getattr(import_module(f"syncer.cli.{name}"), name)
            assert isinstance(command, click.Command)
            accept_global_options(command)
            self._commands[name] = command
        return command

    def __setitem__(self, name: str, command: click.Command) -> None:
        self._commands[name] = command

    def __delitem__(self, name: str) -> None:
        del self._commands[name]

    def __contains__(self, name: object) -> bool:
        return name in self._commands

    def __iter__(self) -> Iterator[str]:
        return iter(self._commands)

    def __len__(self) -> int:
        return len(self._commands)
