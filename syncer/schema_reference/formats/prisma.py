"""Models and views for Prisma, of PostgreSQL or SQLite.

``relationMode = "prisma"`` says that the database has no foreign keys. A relation is optional even where its
id is not: the row may be missing. Views have no relations, and rows that are linked are reached through the
rows of the link table.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from syncer.schema_reference.formats.described import (
    Described,
    folded,
    heading,
    meaning_of,
    referenced_ids,
)
from syncer.schema_reference.formats.relations import Relation
from syncer.schema_reference.tables import ColumnEntry

_HEAD = """\
generator client {{
  provider        = "prisma-client"
  output          = "./generated"
  previewFeatures = ["views"]
}}

datasource db {{
  provider     = "{dialect}"
  relationMode = "prisma"
}}"""
#: Type of a member and its attribute, by dialect. What SQLite keeps as text is read as text.
_TYPES: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "postgresql": {
        "text": ("String", ""),
        "boolean": ("Boolean", ""),
        "integer": ("Int", ""),
        "bigint": ("BigInt", ""),
        "float": ("Float", ""),
        "number": ("Decimal", "@db.Decimal"),
        "date": ("DateTime", "@db.Date"),
        "time": ("DateTime", "@db.Time(6)"),
        "timestamp": ("DateTime", "@db.Timestamptz(6)"),
        "json": ("Json", ""),
        "hash": ("String", "@db.Uuid"),
    },
    "sqlite": {
        "text": ("String", ""),
        "boolean": ("Boolean", ""),
        "integer": ("Int", ""),
        "bigint": ("BigInt", ""),
        "float": ("Float", ""),
        "number": ("Decimal", ""),
        "date": ("String", ""),
        "time": ("String", ""),
        "timestamp": ("DateTime", ""),
        "json": ("String", ""),
        "hash": ("Bytes", ""),
    },
}
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_WIDTH = 100


def prisma_schema(tables: Mapping[str, Described], dialect: str) -> str:
    """Write the schema of all models and views. dialect: ``sqlite`` or ``postgresql``."""
    head = "\n".join(f"// {line}" for line in heading("prisma", f" --dialect {dialect}"))
    unique = referenced_ids(tables.values())
    blocks = ("\n".join(_block(each, tables, dialect, each.name in unique)) for each in tables.values())
    return "\n\n".join((head, _HEAD.format(dialect=dialect), *blocks)) + "\n"


def _block(
    each: Described, tables: Mapping[str, Described], dialect: str, is_referenced: bool
) -> Iterator[str]:
    yield from _comment(each.entry.meaning)
    yield f"{'view' if each.is_view else 'model'} {each.class_name} {{"
    for column in each.columns:
        yield from _comment(meaning_of(column), "  ")
        mark = _mark(each, column, is_referenced)
        type_, attribute = _type(column, dialect)
        optional = "?" if column.is_nullable and not mark else ""
        field = _field(column.name)
        map_ = "" if field == column.name else f'@map("{column.name}")'
        yield " ".join(filter(None, (f"  {field}", f"{type_}{optional}", mark, attribute, map_)))
    shown = [] if each.is_view else [its for its in each.relations if its.kind != "linked"]
    yield from (_relation(its, tables) for its in shown)
    yield ""
    if len(each.key) > 1:
        yield f"  @@{'unique' if each.is_view else 'id'}([{', '.join(map(_field, each.key))}])"
    for its in shown:
        # The database has these indexes: without foreign keys Prisma wants to be told.
        if its.kind == "one" and its.column != each.key[0]:
            yield f"  @@index([{_field(its.column)}])"
    yield f'  @@map("{each.name}")'
    yield "}"


def _mark(each: Described, column: ColumnEntry, is_referenced: bool) -> str:
    """Give the attribute of a column that tells rows apart by itself."""
    if each.key == (column.name,):
        return "@unique" if each.is_view else "@id"
    return "@unique" if is_referenced and column.name == "id" else ""


def _type(column: ColumnEntry, dialect: str) -> tuple[str, str]:
    is_big = column.type == "integer" and column.sql["postgresql"] == "BIGINT"
    return _TYPES[dialect]["bigint" if is_big else column.type]


def _relation(relation: Relation, tables: Mapping[str, Described]) -> str:
    target = tables[relation.target].class_name
    if relation.kind == "many":
        return f'  {_field(relation.name)} {target}[] @relation("{relation.join}")'
    return (
        f'  {_field(relation.name)} {target}? @relation("{relation.join}",'
        f" fields: [{_field(relation.column)}], references: [id], onDelete: Restrict, onUpdate: Restrict)"
    )


def _field(name: str) -> str:
    """Name the member of a column: its own name, unless Prisma takes no such."""
    return name if _NAME.fullmatch(name) else f"column_{re.sub(r'[^A-Za-z0-9_]', '_', name)}"


def _comment(text: str, indent: str = "") -> Iterator[str]:
    yield from (f"{indent}/// {line}" for line in folded(text, _WIDTH - len(indent) - 4))
