"""``syncer schema``: reference of the tables for people, and typed models of them for programs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from syncer.cli.options import json_option, pass_session
from syncer.cli.output import json_text, print_line
from syncer.cli.session import Session
from syncer.cli.streams import write_in_utf8

if TYPE_CHECKING:
    from syncer.schema_reference.tables import Entry

#: Formats that describe the tables, and those that are files of a program.
_DESCRIPTIONS = ("text", "json", "mermaid", "ddl")
_TYPED = ("sqlalchemy", "typescript", "drizzle", "prisma", "dbt")
#: Formats that differ between the databases.
_OF_A_DIALECT = ("ddl", "typescript", "drizzle", "prisma")


def _complete(_context: click.Context, _parameter: click.Parameter, begun: str) -> list[str]:
    from syncer.schema_reference.tables import categories, entries

    return [name for name in (*categories(), *entries()) if name.startswith(begun)]


@click.command()
@click.argument("name", metavar="[MODEL]", required=False, shell_complete=_complete)
@click.option(
    "--format",
    "form",
    type=click.Choice([*_DESCRIPTIONS, *_TYPED]),
    help="text unless given; mermaid draws an erDiagram, ddl is the SQL that makes the tables, the rest are "
    "typed models with their relations.",
)
@click.option(
    "--dialect",
    type=click.Choice(["sqlite", "postgresql"]),
    help="The database that ddl, typescript, drizzle and prisma are for; the configured one unless given.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write to this file instead; one that is there is replaced.",
)
@json_option
@pass_session
def schema(
    session: Session,
    name: str | None,
    form: str | None,
    dialect: str | None,
    output: Path | None,
    as_json: bool,
) -> int:
    """Show the tables, or write typed models of them.

    MODEL is a model or any other table or view, or a category: hris, ats, lms, assessment, or sync for
    the bookkeeping. Without it all are listed. No database is read. docs/programs.md shows each format in
    use.

    \b
    syncer schema hris_employees
    syncer schema hris_employees --format mermaid
    syncer schema ats --format ddl --dialect postgresql
    syncer schema --format drizzle --output mirror.ts
    """
    from syncer.schema_reference.tables import categories

    if as_json and form not in (None, "json"):
        raise click.UsageError(f"--json is --format json: it does not go with --format {form}.")
    form = "json" if as_json else form or "text"
    if dialect and form not in _OF_A_DIALECT:
        *first, last = _OF_A_DIALECT
        raise click.UsageError(f"--dialect goes with --format {', '.join(first)} or {last}.")
    if output and form == "text":
        raise click.UsageError("--output goes with a --format other than text.")
    one = None if name is None or name in categories() else _named(session, name, form)
    if form == "text":
        _print_text(one, name)
        return 0
    write_in_utf8()
    if form in _OF_A_DIALECT:
        dialect = dialect or _dialect(session)
    text = (
        _typed(session, form, one, name, dialect) if form in _TYPED else _described(form, one, name, dialect)
    )
    if output is None:
        print_line(text)
    else:
        _write(output, text)
    return 0


def _named(session: Session, name: str, form: str) -> Entry:
    """Find the table or view of that name, also those that the configuration makes. Raises UsageError."""
    from syncer.domain.errors import UsageError
    from syncer.schema_reference.native import native_entries
    from syncer.schema_reference.tables import entries, entry_named

    if name in entries():
        return entry_named(name)
    native = native_entries(session.settings().configured_lists)
    if name in native and form in ("mermaid", "ddl"):
        raise UsageError(f"{name} is a view that the configuration makes: there is no {form} of it.")
    return native.get(name) or entry_named(name)


def _dialect(session: Session) -> str:
    """Name the dialect of the configured database."""
    url = session.settings().database.url.get_secret_value()
    return "sqlite" if url.startswith("sqlite:") else "postgresql"


def _some(category: str | None) -> list[Entry]:
    """List the tables and views of a category, all where none is named."""
    from syncer.schema_reference.tables import entries

    return [each for each in entries().values() if category in (None, each.category)]


def _print_text(one: Entry | None, category: str | None) -> None:
    from syncer.cli.schema_text import print_entry, print_list

    print_entry(one) if one else print_list(_some(category))


def _described(form: str, one: Entry | None, category: str | None, dialect: str | None) -> str:
    """Describe a table, or those of a category, without a line's end."""
    from syncer.schema_reference.ddl import ddl
    from syncer.schema_reference.json import value_of
    from syncer.schema_reference.tables import parts

    if form == "json":
        return json_text(value_of(one) if one else [value_of(each) for each in _some(category)])
    if form == "mermaid":
        return _diagrams(one, category)
    assert dialect is not None
    note = f"`syncer migrate` makes all of it on {dialect}, and keeps track of its version."
    statements = ddl([one, *parts(one)] if one else _some(category), dialect)
    return f"-- For reading: {note}\n\n{statements.rstrip()}"


def _diagrams(one: Entry | None, category: str | None) -> str:
    """Draw one diagram as Mermaid, several as Markdown: Mermaid's own text holds only one."""
    from syncer.schema_reference.mermaid import diagram_of, diagram_of_category, fenced
    from syncer.schema_reference.tables import categories

    if one or category:
        return (diagram_of(one) if one else diagram_of_category(category or "")).rstrip()
    return "\n\n".join(f"## {each}\n\n{fenced(diagram_of_category(each))}" for each in categories())


def _typed(session: Session, form: str, one: Entry | None, category: str | None, dialect: str | None) -> str:
    """Write typed models of a table, of a category, or of all but the bookkeeping."""
    from syncer.schema_reference.formats.written import typed_models
    from syncer.schema_reference.native import native_entries
    from syncer.schema_reference.tables import OWN, parts

    if one is not None:
        chosen = [one, *parts(one)]
    else:
        chosen = [each for each in _some(category) if category or each.kind != "bookkeeping"]
        if category in (None, OWN):
            chosen += native_entries(session.settings().configured_lists).values()
    return typed_models(form, chosen, dialect or "postgresql").rstrip()


def _write(output: Path, text: str) -> None:
    from syncer.domain.errors import UsageError

    try:
        output.write_text(f"{text}\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{output} cannot be written: {error.strerror}.") from None
