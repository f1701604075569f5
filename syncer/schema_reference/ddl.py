"""Tables and views as SQL, as `syncer migrate` creates them, with the meanings as comments."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import zip_longest

from sqlalchemy import Table
from sqlalchemy.schema import (
    CreateIndex,
    CreateTable,
    ExecutableDDLElement,
    SetColumnComment,
    SetTableComment,
)

from syncer.schema_reference import views
from syncer.schema_reference.tables import DIALECTS, Entry
from syncer.store.schema.mirror_tables import all_tables
from syncer.store.schema.state_views import STATE_VIEWS
from syncer.store.schema.views import sql_text


def ddl(entries: Iterable[Entry], dialect: str) -> str:
    """Write the statements that create the entries, those of a table before those of its views."""
    return "\n".join(block for entry in entries for block in _blocks(entry, dialect))


def _blocks(entry: Entry, dialect: str) -> Iterator[str]:
    """Iterate over the statements, with a blank line after the last one."""
    if entry.kind == "view":
        yield f"-- {entry.meaning}"
        statements = [_view(entry, dialect)]
        if DIALECTS[dialect].supports_comments:
            statements.append(f"COMMENT ON VIEW {entry.name} IS {sql_text(entry.meaning)}")
            quote = DIALECTS[dialect].identifier_preparer.quote
            statements += [
                f"COMMENT ON COLUMN {entry.name}.{quote(column.name)} IS {sql_text(column.comment)}"
                for column in entry.columns
            ]
        yield "".join(f"{statement};\n" for statement in statements)
        return
    table = all_tables().tables[entry.name]
    yield f"-- {entry.meaning}"
    yield _create(table, dialect)
    indexes = sorted(table.indexes, key=lambda index: str(index.name))
    statements = [str(CreateIndex(index).compile(dialect=DIALECTS[dialect])) for index in indexes]
    if DIALECTS[dialect].supports_comments:
        comments: list[ExecutableDDLElement] = [SetTableComment(table)]
        comments += [SetColumnComment(column) for column in table.columns]
        statements += [str(comment.compile(dialect=DIALECTS[dialect])) for comment in comments]
    yield "".join(f"{statement};\n" for statement in statements)


def _create(table: Table, dialect: str) -> str:
    """Write CREATE TABLE; where a database keeps no comments, they stand beside the columns."""
    beside = not DIALECTS[dialect].supports_comments
    head, *body, end = str(CreateTable(table).compile(dialect=DIALECTS[dialect])).strip().splitlines()
    lines = [head.rstrip()]
    # One line each: the columns in their order, then the constraints.
    for line, column in zip_longest(body, table.columns):
        comment = f"  -- {column.comment}" if beside and column is not None and column.comment else ""
        lines.append(f"    {line.strip()}{comment}")
    return "\n".join((*lines, f"{end};"))


def _view(entry: Entry, dialect: str) -> str:
    for view in STATE_VIEWS:
        if entry.name == view.name:
            return view.statement(dialect)
    assert entry.source is not None
    return views.live_statement(entry.source)
