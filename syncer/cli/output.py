"""How the commands write: a terminal gets tables and colours, a pipe plain lines, a program JSON."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

#: In a pipe nothing is wrapped or cut: no line is longer than this.
_ENDLESS = 100_000
_CONTROL = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160))}

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of text.")
pass_session = click.pass_obj


def is_terminal() -> bool:
    """Whether a person reads what is written."""
    return sys.stdout.isatty()


def printable(text: str, *, keep: str = "") -> str:
    """The text without control characters: what others typed must not steer the terminal."""
    return text.translate({code: shown for code, shown in _CONTROL.items() if chr(code) not in keep})


def say(text: str = "") -> None:
    """Write a line to stdout. A reader who has left is no reason to stop the work that is told of."""
    try:
        click.echo(text)
    except BrokenPipeError:
        hush()


def hush() -> None:
    """Send everything that is still written to stdout nowhere: its reader has left."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def names(models: Sequence[str]) -> str:
    """Models in a sentence: a few by name, many by number."""
    return ", ".join(models) if len(models) <= 3 else f"{len(models)} streams"


def say_json(value: Any) -> None:
    """Write a value as one JSON document."""
    say(json.dumps(value, indent=2, ensure_ascii=False))


def console() -> Console:
    """Rich's way to stdout; texts are taken as they are."""
    from rich.console import Console

    width = None if is_terminal() else _ENDLESS
    return Console(highlight=False, markup=False, emoji=False, width=width)


def show(*things: Any) -> None:
    """Write tables and texts of rich; in a pipe without the blanks that fill a line."""
    out = console()
    if is_terminal():
        out.print(*things, sep="\n")
        return
    with out.capture() as captured:
        out.print(*things, sep="\n")
    for line in captured.get().splitlines():
        say(line.rstrip())


def table(*columns: str, numbers: tuple[str, ...] = ()) -> Table:
    """A table without lines. Columns named in numbers stand to the right."""
    from rich.table import Table

    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for name in columns:
        made.add_column(name, justify="right" if name in numbers else "left", overflow="fold")
    return made


def complete_models(_context: click.Context, _parameter: click.Parameter, begun: str) -> list[str]:
    """Names of models for the shell's completion."""
    from syncer.domain.catalogue.lookup import catalogue

    return [name for name in catalogue() if name.startswith(begun)]


def complete_integrations(context: click.Context, _parameter: click.Parameter, begun: str) -> list[str]:
    """Integrations of the configuration for the shell's completion; none where it cannot be read."""
    from syncer.config.loading import load_settings
    from syncer.domain.errors import UsageError

    with suppress(UsageError):
        config = context.find_root().params.get("config")
        return [each.id for each in load_settings(config).integrations if each.id.startswith(begun)]
    return []


def complete_native_lists(context: click.Context, _parameter: click.Parameter, begun: str) -> list[str]:
    """Native lists of the configuration for the shell's completion; none where it cannot be read."""
    from syncer.config.loading import load_settings
    from syncer.domain.errors import UsageError

    with suppress(UsageError):
        config = context.find_root().params.get("config")
        return [each.name for each in load_settings(config).native_lists if each.name.startswith(begun)]
    return []


def selection(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that select streams."""
    command = click.option(
        "--model",
        "models",
        multiple=True,
        metavar="GLOB",
        shell_complete=complete_models,
        help="Only these models, such as hris_employees or 'ats_*'; may be given more than once.",
    )(command)
    return click.option(
        "--integration",
        "integrations",
        multiple=True,
        metavar="ID",
        shell_complete=complete_integrations,
        help="Only this integration; may be given more than once.",
    )(command)
