"""The page docs/schema.md."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from syncer.domain.catalogue.lookup import catalogue
from syncer.schema_reference.mermaid import diagram_of_category, fenced
from syncer.schema_reference.prose import COMMON, HEAD, LIVE, SENSITIVE, SYNC, TITLES
from syncer.schema_reference.tables import OWN, ColumnEntry, Entry, categories, entries, joins, parts

#: Names of tables and columns in a meaning, lest Markdown take their underscores for its own.
_NAME = re.compile(r"`[^`]*`|\b[a-z]+(?:_[a-z]+)+\b")


def page() -> str:
    """Write the whole page."""
    blocks = [HEAD.format(types=_types(), contents=_contents())]
    blocks += ["## Columns of every mirror table", COMMON, _columns(_common())]
    for category in categories():
        if category == OWN:
            continue
        blocks += [f"## {_title(category)}", fenced(diagram_of_category(category))]
        for entry in entries().values():
            if entry.category == category and entry.kind != "view":
                blocks += _section(entry)
    blocks += ["## Views", LIVE]
    for entry in entries().values():
        if entry.kind == "view" and entry.category == OWN:
            blocks += [f"### {entry.name}", f"{_text(entry.meaning)}.", _columns(entry.columns)]
    blocks += [f"## {_title(OWN)}", SYNC, fenced(diagram_of_category(OWN)), _bookkeeping()]
    blocks += ["## Sensitive columns", SENSITIVE]
    return "\n\n".join(blocks) + "\n"


def _contents() -> str:
    lines = []
    for category in categories():
        names = [
            each.name for each in entries().values() if each.category == category and each.kind == "mirror"
        ]
        linked = ", ".join(_link(name) for name in names)
        anchor = re.sub(r"[^a-z -]", "", _title(category).lower()).replace(" ", "-")
        lines.append(f"- [{_title(category)}](#{anchor})" + (f": {linked}" if linked else ""))
    return "\n".join(lines)


def _types() -> str:
    """List the types that each word stands for, as far as any column has it."""
    found: dict[str, dict[str, list[str]]] = {}
    for entry in entries().values():
        for column in entry.columns:
            of_word = found.setdefault(column.type, {dialect: [] for dialect in column.sql})
            for dialect, type_ in column.sql.items():
                if type_ not in of_word[dialect]:
                    of_word[dialect].append(type_)
    rows = [
        (f"`{word}`", " or ".join(types["sqlite"]), " or ".join(types["postgresql"]))
        for word, types in found.items()
    ]
    return table(("type", "SQLite", "PostgreSQL"), rows)


def _section(entry: Entry) -> Iterator[str]:
    yield f"### {entry.name}"
    if entry.path is None:
        yield f"{entry.kind.capitalize()} table of {_link(entry.source or '')}. {_text(entry.meaning)}."
        yield _columns(entry.columns)
    else:
        yield f"{entry.title}: {_text(entry.meaning)}. From `{entry.path}`."
        own = {column.name for column in catalogue()[entry.name].columns}
        yield _columns(column for column in entry.columns if column.name in own)
    if brought := [each for each in parts(entry) if each.kind != "view"]:
        yield "Comes with " + ", ".join(f"{_link(each.name)} ({each.kind})" for each in brought) + "."
    if joined := [join for join in joins() if join.target == entry.name]:
        yield "Its ids stand in " + ", ".join(f"`{join.table}.{join.column}`" for join in joined) + "."


def _common() -> Iterator[ColumnEntry]:
    model = next(iter(catalogue().values()))
    own = {column.name for column in model.columns}
    # Which class an id of the tool's has depends on the table.
    return (
        replace(column, privacy=None) if column.name == "remote_id" else column
        for column in entries()[model.name].columns
        if column.name not in own
    )


def _columns(columns: Iterable[ColumnEntry]) -> str:
    return table(
        ("column", "type", "meaning"),
        [(f"`{column.name}`", column.type, _meaning(column)) for column in columns],
    )


def _meaning(column: ColumnEntry) -> str:
    shown = _text(column.meaning)
    if column.references:
        target = f"`{column.references}.id`"
        # The bookkeeping has no headings to link to.
        has_heading = entries()[column.references].category != OWN
        shown += f" → [{target}](#{column.references})" if has_heading else f" → {target}"
    if column.is_key:
        shown += " (key)"
    return f"{shown} (**sensitive**: {column.privacy})" if column.is_sensitive else shown


def _bookkeeping() -> str:
    tables = [entry for entry in entries().values() if entry.kind == "bookkeeping"]
    rows = [
        (f"`{entry.name}`", _text(entry.meaning), ", ".join(f"`{name}`" for name in entry.key))
        for entry in tables
    ]
    return table(("table", "meaning", "key"), rows)


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """Write a table of Markdown."""
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _title(category: str) -> str:
    return TITLES.get(category, category.upper())


def _link(table: str) -> str:
    return f"[`{table}`](#{table})"


def _text(meaning: str) -> str:
    """Escape a meaning for Markdown and HTML; names become code."""
    coded = _NAME.sub(lambda found: found[0] if found[0].startswith("`") else f"`{found[0]}`", meaning)
    return re.sub(r"[|<*]", r"\\\g<0>", coded)
