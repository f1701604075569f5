"""``syncer schema``: reference of the tables, as text for people, and as JSON, Mermaid and SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from syncer.cli.options import json_option, pass_session
from syncer.cli.output import is_terminal, print_json, print_line, print_rich, styled, table
from syncer.cli.session import Session
from syncer.cli.streams import write_in_utf8

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


def _complete(_context: click.Context, _parameter: click.Parameter, begun: str) -> list[str]:
    from syncer.schema_reference.tables import categories, entries

    return [name for name in (*categories(), *entries()) if name.startswith(begun)]


@click.command()
@click.argument("name", metavar="[MODEL]", required=False, shell_complete=_complete)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "mermaid", "ddl"]),
    help="text unless given; mermaid draws an erDiagram, ddl is the SQL that makes the tables.",
)
@click.option(
    "--dialect",
    type=click.Choice(["sqlite", "postgresql"]),
    help="Whose SQL; that of the configured database unless given.",
)
@json_option
@pass_session
def schema(session: Session, name: str | None, form: str | None, dialect: str | None, as_json: bool) -> int:
    """Show the tables: columns, types, meanings and joins.

    MODEL is a model or any other table or view, or a category: hris, ats, lms, assessment, or sync for
    the bookkeeping. Without it all are listed. No database is read.

    \b
    syncer schema hris_employees
    syncer schema hris_employees --format mermaid
    syncer schema ats --format ddl --dialect postgresql
    """
    from syncer.schema_reference.tables import categories, entries

    if as_json and form not in (None, "json"):
        raise click.UsageError(f"--json is --format json: it does not go with --format {form}.")
    form = "json" if as_json else form or "text"
    if dialect and form != "ddl":
        raise click.UsageError("--dialect goes with --format ddl.")
    one = None if name is None or name in categories() else _named(session, name, form)
    some = [each for each in entries().values() if name in (None, each.category)]
    if form != "text":
        write_in_utf8()
    match form:
        case "json":
            _print_json(one, some)
        case "mermaid":
            _print_diagrams(one, [name] if name else list(categories()))
        case "ddl":
            _print_ddl(one, some, dialect or _dialect(session))
        case _:
            _print_entry(one) if one else _print_list(some)
    return 0


def _named(session: Session, name: str, form: str) -> Entry:
    """Find the table or view of that name, also those that the configuration makes. Raises UsageError."""
    from syncer.domain.errors import UsageError
    from syncer.schema_reference.native import native_entries
    from syncer.schema_reference.tables import entries, entry_named

    if name in entries():
        return entry_named(name)
    native = native_entries(session.settings().native_lists)
    if name in native and form in ("mermaid", "ddl"):
        raise UsageError(
            f"{name} is a view that the configuration makes: it is shown as text and JSON alone."
        )
    return native.get(name) or entry_named(name)


def _dialect(session: Session) -> str:
    """Name the dialect of the configured database."""
    url = session.settings().database.url.get_secret_value()
    return "sqlite" if url.startswith("sqlite:") else "postgresql"


def _print_json(one: Entry | None, some: list[Entry]) -> None:
    from syncer.schema_reference.json import value_of

    print_json(value_of(one) if one else [value_of(each) for each in some])


def _print_diagrams(one: Entry | None, categories: list[str]) -> None:
    """Print one diagram as Mermaid, several as Markdown: Mermaid's own text holds only one."""
    from syncer.schema_reference.mermaid import diagram_of, diagram_of_category, fenced

    if one or len(categories) == 1:
        print_line((diagram_of(one) if one else diagram_of_category(categories[0])).rstrip())
    else:
        print_line("\n\n".join(f"## {each}\n\n{fenced(diagram_of_category(each))}" for each in categories))


def _print_ddl(one: Entry | None, some: list[Entry], dialect: str) -> None:
    from syncer.schema_reference.ddl import ddl
    from syncer.schema_reference.tables import parts

    note = f"`syncer migrate` makes all of it on {dialect}, and keeps track of its version."
    print_line(f"-- For reading: {note}\n")
    print_line(ddl([one, *parts(one)] if one else some, dialect).rstrip())


def _print_list(some: list[Entry]) -> None:
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


def _print_entry(entry: Entry) -> None:
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
