"""Output of the commands: tables and colours on a terminal, plain lines in a pipe, JSON for programs.

Rich is imported here, and only when something is printed with it.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sys
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from syncer.cli.streams import OutputFailed, write_in_utf8
from syncer.domain.texts.printable import printable, printable_json

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

#: In a pipe nothing is wrapped or cut: no line is longer than this.
_ENDLESS = 100_000


def is_terminal() -> bool:
    """True where stdout is a terminal."""
    return sys.stdout.isatty()


def print_line(text: str = "") -> None:
    """Write a line to stdout, or several; of what others typed nothing steers the terminal."""
    write_line(printable(text, keep="\n\t"))


def write_line(text: str) -> None:
    """Write a line to stdout as it is.

    That it cannot be written is no reason to stop the work that is reported.
    """
    with suppress(OutputFailed):
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()


def print_note(text: str) -> None:
    """Write a line to stderr, for the person who waits."""
    shown = printable(text, keep="\n\t")
    sys.stderr.write(f"{shown}\n")
    sys.stderr.flush()


def print_json(value: Any) -> None:
    """Write a value as one JSON document."""
    write_in_utf8()
    write_line(json_text(value))


def json_text(value: Any) -> str:
    """Format a value as one JSON document of lines."""
    from msgspec import json as fast_json

    # The standard library takes seconds for the status of a thousand integrations.
    try:
        text = fast_json.encode(value).decode()
    except (TypeError, UnicodeEncodeError):
        # Names of SQLAlchemy's own kind, or half a character of an argument that is not UTF-8.
        text = json.dumps(value, ensure_ascii=False)
    return fast_json.format(printable_json(text), indent=2)


def print_rich(*things: RenderableType) -> None:
    """Write tables and texts of rich; in a pipe without the blanks that fill a line."""
    out = console()
    if is_terminal():
        with suppress(OutputFailed):
            out.print(*things, sep="\n")
        return
    with out.capture() as captured:
        out.print(*things, sep="\n")
    for line in captured.get().splitlines():
        write_line(line.rstrip())


def console() -> Console:
    """Make rich's console for stdout; texts are taken as they are."""
    from syncer.cli.rich_console import SafeConsole

    width = None if is_terminal() else _ENDLESS
    return SafeConsole(highlight=False, markup=False, emoji=False, width=width)


def table() -> Table:
    """Make a table of rich's without lines, and without columns so far."""
    from rich.table import Table

    return Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")


def styled(text: str, style: str = "") -> Text:
    """Make a text in one of rich's styles."""
    from rich.text import Text

    return Text(text, style)


def indented(thing: Table | Text) -> Padding:
    """Move a table or text two columns to the right."""
    from rich.padding import Padding

    # Not to the full width: in a pipe that is endless.
    return Padding(thing, (0, 0, 0, 2), expand=False)


def join_models(models: Sequence[str]) -> str:
    """Name a few models, or count many."""
    return ", ".join(models) if len(models) <= 3 else f"{len(models)} models"


def outcome_of(is_well: bool) -> str:
    """Word for the outcome of a whole command, for JSON."""
    return "ok" if is_well else "incomplete"


def own_command() -> str:
    """Spell how this program was called, to be called again from here."""
    program = Path(sys.argv[0])
    if program.name == "__main__.py":
        return f"{shlex.quote(sys.executable)} -m syncer"
    if (found := shutil.which(program.name)) is not None and Path(found).resolve() == program.resolve():
        return shlex.quote(program.name)
    near = os.path.relpath(program) if program.is_absolute() else str(program)
    return shlex.quote(near if len(near) < len(str(program)) else str(program))


def time_of_day() -> str:
    """Format the time of day here."""
    return f"{datetime.now().astimezone():%H:%M:%S}"
