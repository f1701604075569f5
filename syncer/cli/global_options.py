"""Options of the program itself, which may stand before a command and behind it."""

from __future__ import annotations

from pathlib import Path

import click

#: Place of the configuration's path in what the contexts of a call share.
_CONFIG = "syncer.config"


def config_of(context: click.Context) -> Path | None:
    """Give the configuration that the call names, if it does."""
    found: Path | None = context.meta.get(_CONFIG)
    return found


def _note_config(context: click.Context, _parameter: click.Parameter, value: Path | None) -> None:
    if value is not None:
        context.meta[_CONFIG] = value
        if context.obj is not None:
            context.obj.config = value


def _note_debug(context: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if value and context.obj is not None:
        context.obj.debug = True


def accept_global_options(command: click.Command) -> None:
    """Let the options of the program also stand behind this command, and behind those of its group."""
    command.params.extend(global_options(hidden=True))
    if isinstance(command, click.Group):
        for each in command.commands.values():
            accept_global_options(each)


def global_options(*, hidden: bool) -> list[click.Option]:
    """Make the options; hidden: the help of the command does not show them."""
    return [
        click.Option(
            ["--config"],
            type=click.Path(path_type=Path),
            metavar="FILE",
            help="The configuration; else $SYNCER_CONFIG, else ./config.toml if there is one.",
            expose_value=False,
            callback=_note_config,
            hidden=hidden,
        ),
        click.Option(
            ["--debug"],
            is_flag=True,
            help="Show where an error comes from.",
            expose_value=False,
            callback=_note_debug,
            hidden=hidden,
        ),
    ]
