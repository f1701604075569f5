"""Types of TypeScript for rows as drivers of Node give them, and the relations as a constant.

``Database`` names the rows of every table, as Kysely takes it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from syncer.schema_reference.formats.described import Described, heading
from syncer.schema_reference.formats.relations import Relation
from syncer.schema_reference.formats.script import comment, member, quoted, remarks
from syncer.schema_reference.tables import ColumnEntry

#: Names for what drivers give in one way or another: meaning, and type by dialect.
_ALIASES: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "BigInteger": ("Whole number of 64 bits", {"postgresql": "string", "sqlite": "number"}),
    "Decimal": ("Exact decimal", {"postgresql": "string", "sqlite": "number"}),
    "CalendarDate": ("Day without a time", {"postgresql": "Date", "sqlite": "string"}),
    "TimeOfDay": ("Time without a day", {"postgresql": "string", "sqlite": "string"}),
    "Timestamp": ("Moment", {"postgresql": "Date", "sqlite": "string"}),
    "Flag": ("True or false", {"postgresql": "boolean", "sqlite": "0 | 1"}),
    "Json": ("Value of JSON", {"postgresql": "unknown", "sqlite": "string"}),
}
_DRIVERS = {
    "postgresql": "`pg` gives rows. Whoever sets its type parsers otherwise changes the types below",
    "sqlite": "`better-sqlite3` and `node:sqlite` give rows",
}
_TYPES = {
    "text": "string",
    "boolean": "Flag",
    "float": "number",
    "number": "Decimal",
    "date": "CalendarDate",
    "time": "TimeOfDay",
    "timestamp": "Timestamp",
    "json": "Json",
    "hash": "string | Uint8Array",
}
_RELATION = """
/** Relation to rows of another table; any of them may be missing from the mirror. */
export type Relation =
  | { kind: "one" | "many"; table: keyof Database; column: string }
  | { kind: "linked"; table: keyof Database; link: { table: keyof Database; own: string; other: string } };
"""


def typescript_types(tables: Mapping[str, Described], dialect: str) -> str:
    """Write the file of all types. dialect: ``sqlite`` or ``postgresql``."""
    blocks = [
        remarks([*heading("typescript", f" --dialect {dialect}"), f"Types are as {_DRIVERS[dialect]}."]),
        "\n".join(_aliases(dialect)),
        *("\n".join(_interface(each, tables)) for each in tables.values()),
        "\n".join(_database(tables)),
        _RELATION.strip("\n"),
        "\n".join(_relations(tables)),
    ]
    return "\n\n".join(blocks) + "\n"


def _aliases(dialect: str) -> Iterator[str]:
    for name, (meaning, types) in _ALIASES.items():
        yield f"/** {meaning}. */"
        yield f"export type {name} = {types[dialect]};"


def _interface(each: Described, tables: Mapping[str, Described]) -> Iterator[str]:
    yield from comment(each.entry.meaning)
    if each.base is not None:
        yield f"export interface {each.class_name} extends {each.base.class_name} {{"
        names = {column.name for column in each.columns}
        yield from (f"  {name}: null;" for name in ("remote_deleted_at", "deleted_by") if name in names)
    else:
        yield f"export interface {each.class_name} {{"
        for column in each.columns:
            yield from comment(column.meaning, "  ")
            yield f"  {member(column.name)}: {_type(column, tables)};"
    yield "}"


def _type(column: ColumnEntry, tables: Mapping[str, Described]) -> str:
    if column.references and column.references in tables:
        # The name of the id's type says whose it is.
        type_ = f'{tables[column.references].class_name}["id"]'
    elif column.type == "integer":
        type_ = "BigInteger" if column.sql["postgresql"] == "BIGINT" else "number"
    else:
        type_ = _TYPES[column.type]
    return f"{type_} | null" if column.is_nullable else type_


def _database(tables: Mapping[str, Described]) -> Iterator[str]:
    yield "/** Rows of every table and view. */"
    yield "export interface Database {"
    yield from (f"  {member(name)}: {each.class_name};" for name, each in tables.items())
    yield "}"


def _relations(tables: Mapping[str, Described]) -> Iterator[str]:
    yield "/** Relations of every table, by its name and theirs. */"
    yield "export const relations = {"
    for name, each in tables.items():
        if each.relations:
            yield f"  {member(name)}: {{"
            yield from (f"    {member(its.name)}: {_relation(its)}," for its in each.relations)
            yield "  },"
    yield "} as const satisfies Partial<Record<keyof Database, Record<string, Relation>>>;"


def _relation(relation: Relation) -> str:
    begun = f"{{ kind: {quoted(relation.kind)}, table: {quoted(relation.target)}"
    if relation.link is None:
        return f"{begun}, column: {quoted(relation.column)} }}"
    table, own, other = map(quoted, (relation.link.table, relation.link.own, relation.link.other))
    return f"{begun}, link: {{ table: {table}, own: {own}, other: {other} }} }}"
