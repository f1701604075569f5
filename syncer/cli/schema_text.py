"""Text of ``syncer schema``: the list of tables, and one of them, for people who read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from syncer.cli.output import is_terminal, print_rich, styled, table

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table
    from rich.text import Text

    from syncer.schema_reference.tables import ColumnEntry, Entry

#: A wider terminal is not filled: nobody reads such lines.
WIDEST = 100
_HEADINGS = {
    "mirror": "mirror tables: a row for every record of a model",
    "link": "link tables: lists of other models' records, as pairs of ids",
    "child": "child tables: embedded records without a list of their own",
    "view": "views",
    "bookkeeping": "bookkeeping",
}


def print_list(some: list[Entry]) -> None:
    """Print a line for each table, by kind."""
    widest = max(len(entry.name) for entry in some)
    for kind, heading in _HEADINGS.items():
        listed = [each for each in some if each.kind == kind]
        live = [each for each in listed if each.name == f"{each.source}_live"]
        shown = _table("columns", width=widest)
        for each in listed:
            if each not in live:
                shown.add_row(each.name, str(len(each.columns)), each.meaning)
        if live:
            # A line for each would only repeat the mirror tables.
            many = f"{len(live)} views: the rows of each mirror table that are not deleted"
            shown.add_row("<mirror table>_live", "", many)
        if listed:
            _print(styled(heading, "bold"), shown, "")
    _print("`syncer schema NAME` shows one of them.")


def print_entry(entry: Entry) -> None:
    """Print a table or view with its columns, what comes with it and who joins it."""
    from syncer.schema_reference.tables import joins, parts

    origin = {"mirror": f" of {entry.path}", "bookkeeping": ""}.get(entry.kind, f" of {entry.source}")
    kind = entry.kind if entry.kind == "view" else f"{entry.kind} table"
    title = f"{entry.title}: {entry.meaning}" if entry.title else entry.meaning
    _print(styled(entry.name, "bold").append(f"  {kind}{origin}", "dim"), title, "")
    columns = table()
    for name in ("column", "sqlite", "postgresql", "meaning"):
        columns.add_column(name, overflow="fold", no_wrap=name != "meaning")
    for column in entry.columns:
        columns.add_row(column.name, column.sql["sqlite"], column.sql["postgresql"], _meaning(column))
    _print(columns)
    if brought := parts(entry):
        shown = _table("kind", width=max(len(each.name) for each in brought))
        for each in brought:
            names = f": {', '.join(column.name for column in each.columns)}" if each.kind == "link" else ""
            shown.add_row(each.name, each.kind, f"{each.meaning}{names}")
        _print("", styled("comes with", "bold"), shown)
    if joined := [f"{join.table}.{join.column}" for join in joins() if join.target == entry.name]:
        _print("", styled("its ids stand in", "bold"), *joined)


def _meaning(column: ColumnEntry) -> Text:
    shown = styled(column.meaning)
    if column.references:
        shown.append(f" →{column.references}.id", "cyan")
    if column.is_key:
        shown.append(" (key)", "dim")
    if column.is_sensitive:
        shown.append(f" (sensitive: {column.privacy})", "yellow")
    return shown


def _table(middle: str, *, width: int) -> Table:
    """Make a table of name, one thing more and meaning; width: the longest name of all tables."""
    made = table()
    made.add_column("name", no_wrap=True, min_width=width)
    made.add_column(middle, justify="right" if middle == "columns" else "left", no_wrap=True)
    made.add_column("meaning", overflow="fold")
    return made


def _print(*things: RenderableType) -> None:
    """Print, on a terminal no wider than can be read."""
    from rich.constrain import Constrain

    for each in things:
        shown = styled(each) if isinstance(each, str) else each
        print_rich(Constrain(shown, WIDEST) if is_terminal() else shown)
