"""The command line: parse, call an operation, print. No rules live here.

Each command has a file of its name: ``cli/x.py`` prints what ``operations/x.py`` does. At the top of such a
file stand click, the helpers of this folder and light parts of the domain; the operation, and whatever else
is heavy, is imported inside the function that needs it. So ``--help`` and completion answer at once. The file
itself is read when its command is called: ``command_table.py`` lists them.
"""

from __future__ import annotations

import io
import os
import shutil
import sys
from contextlib import suppress

import click

from syncer import __version__
from syncer.cli.command_table import CommandTable
from syncer.cli.completion import VARIABLE
from syncer.cli.global_options import global_options
from syncer.cli.interrupt import INTERRUPTED
from syncer.cli.output import print_note
from syncer.cli.session import Session
from syncer.cli.streams import OutputFailed, drop_stalled_output, output_failure, prepare_streams
from syncer.domain.errors import SyncerError
from syncer.domain.texts.exceptions import describe_exception, format_trace
from syncer.process.memory import gc_while_starting

#: Columns below which click lays out a help as for so many, and below which we do.
_CLICKS_NARROWEST, _NARROWEST_HELP = 52, 30


class _Group(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        """List the commands in the order of their use, not of the alphabet."""
        return list(self.commands)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, message="%(prog)s %(version)s")
def group() -> None:
    """Keep a local SQL database equal to what Kombo holds for your integrations.

    `syncer init` sets it up. Every setting can also come from the environment, such as
    SYNCER_KOMBO__API_KEY. --config and --debug may stand before the command or behind it.

    \b
    Exit codes: 0 all well, 1 some stream is not (failed, held, incomplete,
    waiting, gone or busy), 2 usage or configuration, 3 database,
    4 API key refused, 130 interrupted.
    """


group.params[:0] = global_options(hidden=False)
group.commands = CommandTable()


def main() -> None:
    """Run the command that the process was started with, and end the process."""
    gc_while_starting()
    # Looking through all installed packages for plugins of pydantic's takes as long as reading the settings.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    prepare_streams()
    try:
        code = call(Session(), sys.argv[1:])
    except KeyboardInterrupt:
        code = INTERRUPTED
    if code == INTERRUPTED:
        drop_stalled_output()
    sys.exit(code)


def call(session: Session, arguments: list[str]) -> int:
    """Run a command; gives the exit code, having reported on stderr what went wrong."""
    code = 0
    # The work is done then, or was a question whose answer nobody gets.
    with suppress(OutputFailed):
        code = _run(session, arguments)
        sys.stdout.flush()
    failure = output_failure()
    if failure is not None:
        print_note(f"Error: {failure}")
        code = code or 1
    return code


def _run(session: Session, arguments: list[str]) -> int:
    try:
        code = group.main(
            arguments,
            prog_name="syncer",
            complete_var=VARIABLE,
            standalone_mode=False,
            obj=session,
            terminal_width=_help_width(),
        )
    except OutputFailed:
        raise
    except click.ClickException as error:
        _show(error)
        return error.exit_code
    except click.Abort:
        return INTERRUPTED
    except Exception as error:
        return _report(session, _cause(error))
    return code if isinstance(code, int) else 0


def _help_width() -> int | None:
    """Give the width of a help where the terminal is narrower than click believes; None: click knows."""
    columns = shutil.get_terminal_size().columns
    return max(columns, _NARROWEST_HELP) if columns <= _CLICKS_NARROWEST else None


def _show(error: click.ClickException) -> None:
    """Print an error of click's with its usage: it repeats what was typed."""
    text = io.StringIO()
    error.show(file=text)
    print_note(text.getvalue().removesuffix("\n"))


def _report(session: Session, error: Exception) -> int:
    """Report an error in one sentence on stderr; gives its exit code."""
    if session.debug:
        print_note(session.hide(format_trace(error)))
    if isinstance(error, SyncerError):
        from syncer.cli.further_reading import section_on

        text, code = str(error), error.exit_code
        if (section := section_on(error)) is not None:
            text += f" See {section}."
    else:
        text, code = f"This is a bug in syncer: {describe_exception(error)}.", 1
        if not session.debug:
            text += " `syncer --debug …` shows where it comes from."
    print_note(f"Error: {session.hide(text)}")
    return code


def _cause(error: Exception) -> Exception:
    """Choose the one of a group of errors to report: ours before a fault."""
    if not isinstance(error, ExceptionGroup):
        return error
    causes = [_cause(each) for each in error.exceptions]
    return next((each for each in causes if isinstance(each, SyncerError)), causes[0])
