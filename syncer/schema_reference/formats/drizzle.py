"""Tables, views and relations for Drizzle ORM, of PostgreSQL or SQLite.

Relations are those of its relational queries, which know tables only: rows that are linked are reached
through the rows of the link table, and live rows by a condition or by joins of the views.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from syncer.schema_reference.formats.described import Described, heading, meaning_of
from syncer.schema_reference.formats.names import camel, unused
from syncer.schema_reference.formats.relations import Relation
from syncer.schema_reference.formats.script import comment, member, quoted, remarks
from syncer.schema_reference.tables import ColumnEntry

#: What is imported from where, and the function that makes a table and a view.
_MODULES = {
    "postgresql": ("pg-core", "pgTable", "pgView"),
    "sqlite": ("sqlite-core", "sqliteTable", "sqliteView"),
}
#: Builder of a column and its options, by dialect.
_BUILDERS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "postgresql": {
        "text": ("text", ""),
        "boolean": ("boolean", ""),
        "integer": ("integer", ""),
        "bigint": ("bigint", '{ mode: "number" }'),
        "float": ("doublePrecision", ""),
        "number": ("numeric", ""),
        "date": ("date", ""),
        "time": ("time", ""),
        "timestamp": ("timestamp", "{ withTimezone: true }"),
        "json": ("jsonb", ""),
        "hash": ("uuid", ""),
    },
    "sqlite": {
        "text": ("text", ""),
        "boolean": ("integer", '{ mode: "boolean" }'),
        "integer": ("integer", ""),
        "bigint": ("integer", ""),
        "float": ("real", ""),
        "number": ("numeric", ""),
        "date": ("text", ""),
        "time": ("text", ""),
        # Text of one width, which sorts by time.
        "timestamp": ("text", ""),
        "json": ("text", '{ mode: "json" }'),
        "hash": ("blob", '{ mode: "buffer" }'),
    },
}


def drizzle_schema(tables: Mapping[str, Described], dialect: str) -> str:
    """Write the file of all tables and views. dialect: ``sqlite`` or ``postgresql``."""
    names: dict[str, str] = {}
    for name in tables:
        names[name] = unused((camel(name), f"{camel(name)}Table"), (*names.values(), *_imported(dialect)))
    makers = [_columns(each, dialect) for each in tables.values() if each.base is None]
    related = [each for each in tables.values() if each.relations and not each.is_view]
    parts = [_table(each, names[each.name], dialect) for each in tables.values()]
    relations = [_relations(each, names) for each in related]
    core, table, view = _MODULES[dialect]
    used = {
        table,
        view,
        *(_builder(column, dialect)[0] for each in tables.values() for column in each.columns),
    }
    if any(_needs_key(each) for each in tables.values()):
        used.add("primaryKey")
    blocks = [
        remarks(heading("drizzle", f" --dialect {dialect}")),
        'import { relations } from "drizzle-orm";\n' if related else "",
        f'import {{ {", ".join(sorted(used))} }} from "drizzle-orm/{core}";',
    ]
    head = f"{blocks[0]}\n\n{blocks[1]}{blocks[2]}"
    return "\n\n".join((head, *("\n".join(each) for each in (*makers, *parts, *relations)))) + "\n"


def _imported(dialect: str) -> set[str]:
    builders = {builder for builder, _ in _BUILDERS[dialect].values()}
    return {"relations", "primaryKey", *_MODULES[dialect][1:], *builders}


def _columns(each: Described, dialect: str) -> Iterator[str]:
    """Write the function that makes the columns, for a table and for the view of its live rows."""
    single = each.key[0] if len(each.key) == 1 and not each.is_view else None
    yield f"const {_maker(each)} = () => ({{"
    for column in each.columns:
        builder, options = _builder(column, dialect)
        arguments = ", ".join((quoted(column.name), *([options] if options else [])))
        end = ".primaryKey()" if column.name == single else "" if column.is_nullable else ".notNull()"
        yield from comment(meaning_of(column), "  ")
        yield f"  {member(column.name)}: {builder}({arguments}){end},"
    yield "});"


def _maker(each: Described) -> str:
    return f"{camel(each.name)}Columns"


def _builder(column: ColumnEntry, dialect: str) -> tuple[str, str]:
    is_big = column.type == "integer" and column.sql["postgresql"] == "BIGINT"
    return _BUILDERS[dialect]["bigint" if is_big else column.type]


def _needs_key(each: Described) -> bool:
    return len(each.key) > 1 and not each.is_view


def _table(each: Described, name: str, dialect: str) -> Iterator[str]:
    _, table, view = _MODULES[dialect]
    yield from comment(each.entry.meaning)
    columns = f"{_maker(each.base or each)}()"
    if each.is_view:
        yield f"export const {name} = {view}({quoted(each.name)}, {columns}).existing();"
    elif _needs_key(each):
        key = ", ".join(f"table.{column}" for column in each.key)
        yield f"export const {name} = {table}({quoted(each.name)}, {columns}, (table) => ["
        yield f"  primaryKey({{ columns: [{key}] }}),"
        yield "]);"
    else:
        yield f"export const {name} = {table}({quoted(each.name)}, {columns});"


def _relations(each: Described, names: Mapping[str, str]) -> Iterator[str]:
    own = names[each.name]
    shown = [relation for relation in each.relations if relation.kind != "linked"]
    kinds = [kind for kind in ("one", "many") if any(relation.kind == kind for relation in shown)]
    yield f"export const {own}Relations = relations({own}, ({{ {', '.join(kinds)} }}) => ({{"
    write: Mapping[str, Callable[[Relation], str]] = {
        "one": lambda its: (
            f"one({names[its.target]}, {{ fields: [{own}.{its.column}],"
            f" references: [{names[its.target]}.id], relationName: {quoted(its.join)} }})"
        ),
        "many": lambda its: f"many({names[its.target]}, {{ relationName: {quoted(its.join)} }})",
    }
    yield from (f"  {member(its.name)}: {write[its.kind](its)}," for its in shown)
    yield "}));"
