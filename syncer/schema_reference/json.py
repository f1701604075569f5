"""Entries as plain values for JSON."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Index

from syncer.schema_reference.tables import DIALECTS, ColumnEntry, Entry, joins, parts
from syncer.store.schema.mirror_tables import all_tables


def value_of(entry: Entry) -> dict[str, Any]:
    """Describe a table or view in one JSON object."""
    brought = parts(entry)
    return {
        "name": entry.name,
        "kind": entry.kind,
        "category": entry.category,
        "title": entry.title,
        "meaning": entry.meaning,
        "path": entry.path,
        "source": entry.source,
        "key": list(entry.key),
        "columns": [_column(column) for column in entry.columns],
        "indexes": _indexes(entry),
        "links": [each.name for each in brought if each.kind == "link"],
        "children": [each.name for each in brought if each.kind == "child"],
        "views": [each.name for each in brought if each.kind == "view"],
        "joined_by": [
            {"table": join.table, "column": join.column} for join in joins() if join.target == entry.name
        ],
    }


def _column(column: ColumnEntry) -> dict[str, Any]:
    return {
        "name": column.name,
        "type": column.type,
        **column.sql,
        "nullable": column.is_nullable,
        "sensitive": column.is_sensitive,
        "privacy": column.privacy and column.privacy.value,
        "shown_in_part": column.is_in_part,
        "references": {"table": column.references, "column": "id"} if column.references else None,
        "meaning": column.meaning,
    }


def _indexes(entry: Entry) -> list[dict[str, Any]]:
    if entry.kind == "view":
        return []
    indexes = sorted(all_tables().tables[entry.name].indexes, key=lambda index: str(index.name))
    return [
        {"name": index.name, "columns": [column.name for column in index.columns], "where": _where(index)}
        for index in indexes
    ]


def _where(index: Index) -> str | None:
    """Write the condition of a partial index, the same on both databases."""
    where = index.dialect_options["sqlite"]["where"]
    if where is None:
        return None
    return str(where.compile(dialect=DIALECTS["sqlite"], compile_kwargs={"include_table": False}))
