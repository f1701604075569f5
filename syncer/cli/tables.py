"""Tables of reports: whole in a pipe, as wide as the terminal on one, where ids are never broken."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from syncer.cli.output import console, indented, is_terminal, styled, table

if TYPE_CHECKING:
    from rich.console import RenderableType

#: Blanks between two columns.
_GAP = 2
#: Cells of a column that folds are not narrower than this, unless they have less to say.
_LEAST_FOLDED = 24


def report_table(
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    numbers: Collection[str] = (),
    drop: Sequence[str] = (),
    folds: Collection[str] = (),
    colours: Mapping[str, Callable[[str], str]] = {},
    indent: int = 0,
) -> RenderableType:
    """Lay out a table for whoever reads stdout.

    numbers: columns that are aligned to the right. drop: columns that a narrow terminal goes without, the
    least important first, and then the others from the right. folds: those whose texts may take several lines
    there. colours: style of a cell by its text. indent: columns to move it to the right.
    """
    if not is_terminal():
        return "\n".join(f"{' ' * indent}{line}" for line in plain_lines(columns, rows, numbers))
    widths = _widths(columns, rows)
    shown, is_whole = _fitting(widths, drop, folds, console().width - indent)
    made = table()
    for name in shown:
        justify: Literal["left", "right"] = "right" if name in numbers else "left"
        # Where not even the first column fits there is nothing to do but to break it.
        made.add_column(name, justify=justify, overflow="fold", no_wrap=is_whole and name not in folds)
    places = [columns.index(name) for name in shown]
    for row in rows:
        cells = [
            styled(row[place], colours[name](row[place])) if name in colours else row[place]
            for name, place in zip(shown, places, strict=True)
        ]
        made.add_row(*cells)
    return indented(made) if indent else made


def _widths(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> dict[str, int]:
    """Measure the columns in cells of a terminal."""
    from rich.cells import cell_len

    return {name: max(cell_len(row[place]) for row in (columns, *rows)) for place, name in enumerate(columns)}


def _fitting(
    widths: Mapping[str, int], drop: Sequence[str], folds: Collection[str], width: int
) -> tuple[list[str], bool]:
    """Choose the columns that fit into the width, and tell whether they do without breaking what must not."""
    # Rather than that a name is broken, all but the first column go.
    others = [each for each in reversed(list(widths)) if each not in drop]
    shown, left = list(widths), [*drop, *others[:-1]]
    while True:
        least = (min(widths[each], _LEAST_FOLDED) if each in folds else widths[each] for each in shown)
        fits = sum(least) + _GAP * (len(shown) - 1) <= width
        if fits or not left:
            return shown, fits
        shown.remove(left.pop(0))


def plain_lines(columns: Sequence[str], rows: Sequence[Sequence[str]], numbers: Collection[str]) -> list[str]:
    """Lay out a table for a pipe: rich takes a second for a thousand rows."""
    widths = [max(len(row[place]) for row in (columns, *rows)) for place in range(len(columns))]
    aligned = [str.rjust if name in numbers else str.ljust for name in columns]
    return [
        (" " * _GAP)
        .join(align(cell, width) for align, cell, width in zip(aligned, row, widths, strict=True))
        .rstrip()
        for row in (columns, *rows)
    ]
