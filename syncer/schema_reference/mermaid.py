"""Tables and their joins as a Mermaid ``erDiagram``.

A line is a join: from the table whose ``id`` it is to the table with the column, labelled with that column.
"""

from __future__ import annotations

from collections.abc import Iterable

from syncer.schema_reference.tables import ColumnEntry, Entry, Join, entries, joins


def diagram_of_category(category: str) -> str:
    """Draw all tables of the category with their keys and the columns that join them."""
    shown = [entry for entry in _tables() if entry.category == category]
    names = {entry.name for entry in shown}
    return _diagram(shown, [join for join in joins() if {join.table, join.target} <= names])


def diagram_of(entry: Entry) -> str:
    """Draw the table (of a view the one below it) with all columns, and its neighbours with their keys.

    Neighbours are the tables at the other end of a join; a link table brings the table behind it.
    """
    every = entries()
    centre = every[entry.source].name if entry.kind == "view" and entry.source else entry.name
    near = [join for join in joins() if centre in (join.table, join.target)]
    links = {join.table for join in near if every[join.table].kind == "link"}
    shown = [join for join in joins() if join in near or join.table in links]
    names = {centre, *(join.table for join in shown), *(join.target for join in shown)}
    return _diagram([each for each in _tables() if each.name in names], shown, centre)


def fenced(diagram: str) -> str:
    """Wrap the diagram into a block of Markdown."""
    return f"```mermaid\n{diagram}```"


def _diagram(shown: Iterable[Entry], lines: Iterable[Join], whole: str = "") -> str:
    joining = {(join.table, join.column) for join in lines}
    text = ["erDiagram"]
    for entry in shown:
        text.append(f"    {entry.name} {{")
        text += [
            f"        {_attribute(column, (entry.name, column.name) in joining)}"
            for column in entry.columns
            if entry.name == whole or column.is_key or (entry.name, column.name) in joining
        ]
        text.append("    }")
    # As many as there are on the side of the column; one on the other, or none where it may be missing.
    text += [
        f"    {join.target} {'||' if join.is_certain else '|o'}--o{{ {join.table} : {join.column}"
        for join in lines
    ]
    return "\n".join(text) + "\n"


def _attribute(column: ColumnEntry, is_joining: bool) -> str:
    marks = [mark for mark, is_so in (("PK", column.is_key), ("FK", is_joining)) if is_so]
    return " ".join(filter(None, (column.type, column.name, ", ".join(marks))))


def _tables() -> list[Entry]:
    return [entry for entry in entries().values() if entry.kind != "view"]
