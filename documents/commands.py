"""The page docs/commands.md: every command with its options, from the command line itself."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import click

from documents.prose import prose
from syncer.cli import group
from syncer.cli.passthrough import call_tool, passthrough
from syncer.schema_reference.markdown import table

HEAD = """\
<!-- Made by `make docs` from the command line: change the help of the commands there, not here. -->

# Commands

`syncer COMMAND --help` says the same in a terminal, and [`syncer completion`](#syncer-completion) completes
commands, options and names of the mirror there.

## Exit codes

| code | means |
|---|---|
| 0 | all well; a model that an integration does not offer is well |
| 1 | some stream is failed, held, incomplete, waiting, gone or busy; or the answer is no |
| 2 | usage or configuration: a restart does not mend it |
| 3 | the database |
| 4 | Kombo refuses the API key |
| 130 | interrupted |

An error is one sentence on standard error; `--debug` shows where it comes from. What `--json` prints is one
document on standard output."""

GLOBAL = """\
## Options of every command

They stand before a command or behind it."""


#: Group -> the command that its own name stands for.
CALLED: dict[click.Command, click.Command] = {passthrough: call_tool}


def page() -> str:
    """Write the whole page."""
    blocks = [HEAD, GLOBAL, _options(group), "## All commands", _contents()]
    for command, context in commands():
        blocks += _section(command, context)
    return "\n\n".join(blocks) + "\n"


def commands() -> Iterator[tuple[click.Command, click.Context]]:
    """Walk through the commands, each behind the one that it belongs to."""
    yield from _inside(click.Context(group, info_name="syncer"))


def _inside(context: click.Context) -> Iterator[tuple[click.Command, click.Context]]:
    if isinstance(context.command, click.Group):
        for name, command in context.command.commands.items():
            inner = click.Context(command, parent=context, info_name=name)
            yield command, inner
            yield from _inside(inner)


def _contents() -> str:
    rows = [
        (f"[`{name}`](#{context.command_path.replace(' ', '-')})", prose(command.get_short_help_str(200)))
        for name, (command, context) in ((pair[1].info_name, pair) for pair in commands())
        if context.parent is not None and context.parent.parent is None
    ]
    return table(("command", "does"), rows)


def _section(command: click.Command, context: click.Context) -> Iterator[str]:
    called = CALLED.get(command, command)
    level = "##" if context.parent is not None and context.parent.parent is None else "###"
    yield f"{level} {context.command_path}"
    usage = " ".join([context.command_path, *called.collect_usage_pieces(context)])
    yield f"```text\n{usage}\n```"
    yield from _help(called.help or "")
    if options := _options(called):
        yield options


def _help(text: str) -> Iterator[str]:
    """Write the paragraphs of a help; those whose lines are kept as they are become code."""
    for paragraph in inspect.cleandoc(text).split("\n\n"):
        lines = paragraph.splitlines()
        if lines[0] == "\b":
            shown = "\n".join(f"$ {line}" if line.startswith("syncer ") else line for line in lines[1:])
            yield f"```console\n{shown}\n```"
        else:
            yield prose(" ".join(lines))


def _options(command: click.Command) -> str:
    rows = [
        (_written(each), prose(each.help or ""))
        for each in command.params
        if isinstance(each, click.Option) and not each.hidden
    ]
    return table(("option", "does"), rows) if rows else ""


def _written(option: click.Option) -> str:
    names = ", ".join([*option.opts, *option.secondary_opts])
    if option.is_flag:
        return f"`{names}`"
    choices = option.type.choices if isinstance(option.type, click.Choice) else ()
    value = option.metavar or "|".join(map(str, choices)) or option.type.name.upper()
    return f"`{names} {value}`".replace("|", "\\|")
