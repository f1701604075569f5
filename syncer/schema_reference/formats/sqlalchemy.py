"""Mapped classes of SQLAlchemy 2, for SQLite and PostgreSQL alike.

Columns stand in a class of their own, which a table and its live view share. Relations are joins without a
foreign key, and for reading only.
"""

from __future__ import annotations

import keyword
from collections.abc import Iterable, Iterator, Mapping

from syncer.schema_reference.formats.described import Described, folded, heading, meaning_of
from syncer.schema_reference.formats.relations import Relation
from syncer.schema_reference.tables import ColumnEntry

_PREAMBLE = '''
from __future__ import annotations

import datetime
import decimal
from typing import Any

from sqlalchemy import (
    JSON,
    TIMESTAMP,
    BigInteger,
    Boolean,
    Date,
    Dialect,
    Float,
    LargeBinary,
    Numeric,
    Text,
    Time,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
from sqlalchemy.types import TypeDecorator, TypeEngine


class Timestamp(TypeDecorator[datetime.datetime]):
    """Moment with its zone; SQLite keeps it as text that sorts by time."""

    impl = TIMESTAMP
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        is_text = dialect.name == "sqlite"
        return dialect.type_descriptor(Text() if is_text else TIMESTAMP(timezone=True))

    def process_bind_param(self, value: datetime.datetime | None, dialect: Dialect) -> Any:
        if value is None or dialect.name != "sqlite":
            return value
        moment = value.astimezone(datetime.timezone.utc)
        return moment.isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime.datetime | None:
        if isinstance(value, str):
            return datetime.datetime.fromisoformat(value.replace("Z", "+00:00"))
        return None if value is None else value.astimezone(datetime.timezone.utc)


class Number(TypeDecorator[decimal.Decimal]):
    """Exact decimal; SQLite has 15 digits of it."""

    impl = Numeric
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(Float() if dialect.name == "sqlite" else Numeric())

    def process_bind_param(self, value: decimal.Decimal | None, dialect: Dialect) -> Any:
        return float(value) if value is not None and dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> decimal.Decimal | None:
        return None if value is None else decimal.Decimal(str(value))


Document = JSON().with_variant(JSONB(), "postgresql")
Hash = LargeBinary().with_variant(Uuid(), "postgresql")


class Base(DeclarativeBase):
    """Base of all classes of the mirror, with metadata of their own."""
'''
#: Type of Python and of SQLAlchemy.
_TYPES: Mapping[str, tuple[str, str]] = {
    "text": ("str", "Text"),
    "boolean": ("bool", "Boolean"),
    "integer": ("int", "BigInteger"),
    "float": ("float", "Float"),
    "number": ("decimal.Decimal", "Number"),
    "date": ("datetime.date", "Date"),
    "time": ("datetime.time", "Time"),
    "timestamp": ("datetime.datetime", "Timestamp"),
    "json": ("Any", "Document"),
    "hash": ("Any", "Hash"),
}
#: Names that a mapped class has itself.
_RESERVED = frozenset({"metadata", "registry"})
_WIDTH = 100


def sqlalchemy_models(tables: Mapping[str, Described]) -> str:
    """Write the module of all classes."""
    head = heading("sqlalchemy")
    blocks = ['"""' + head[0] + "\n\n" + "\n".join(head[1:]) + '\n"""', _PREAMBLE.strip("\n")]
    for each in tables.values():
        if each.base is None:
            blocks.append("\n".join(_columns_class(each)))
        blocks.append("\n".join(_mapped_class(each, tables)))
    return blocks[0] + "\n\n" + "\n\n\n".join(blocks[1:]) + "\n"


def attribute(name: str) -> str:
    """Name the attribute of a column: its own name, unless Python or SQLAlchemy need that."""
    return f"{name}_" if keyword.iskeyword(name) or name in _RESERVED else name


def _columns_class(each: Described) -> Iterator[str]:
    yield f"class _{each.class_name}Columns:"
    for column in each.columns:
        yield from _column(column, each.key or (each.columns[0].name,))


def _column(column: ColumnEntry, key: Iterable[str]) -> Iterator[str]:
    python, sql = _TYPES[column.type]
    is_key = column.name in key
    written = attribute(column.name)
    arguments = [_quoted(column.name)] if written != column.name else []
    arguments += [sql, *(["primary_key=True"] if is_key else [])]
    type_ = python if is_key or not column.is_nullable else f"{python} | None"
    yield from _call(f"{written}: Mapped[{type_}] = mapped_column", arguments, _comment(meaning_of(column)))


def _call(begun: str, arguments: Iterable[str], *more: str) -> Iterator[str]:
    """Write a call on one line, or with an argument on each where that is too long."""
    every = [*arguments, *more]
    line = f"    {begun}({', '.join(every)})"
    if len(line) <= _WIDTH and "\n" not in line:
        yield line
        return
    yield f"    {begun}("
    yield from (f"        {each}," for each in every)
    yield "    )"


def _comment(text: str) -> str:
    *first, last = folded(text, _WIDTH - 20)
    if not first:
        return f"comment={_quoted(last)}"
    lines = [f"            {_quoted(line)}" for line in (*(f"{each} " for each in first), last)]
    return "\n".join(("comment=(", *lines, "        )"))


def _mapped_class(each: Described, tables: Mapping[str, Described]) -> Iterator[str]:
    columns = (each.base or each).class_name
    yield f"class {each.class_name}(_{columns}Columns, Base):"
    yield from _docstring(each.entry.meaning)
    yield ""
    yield f"    __tablename__ = {_quoted(each.name)}"
    if each.is_view:
        # So that a tool which compares metadata with a database can leave it out.
        yield '    __table_args__ = {"info": {"is_view": True}}'
    if each.relations:
        yield ""
    for relation in each.relations:
        yield from _relation(each, relation, tables)


def _relation(each: Described, relation: Relation, tables: Mapping[str, Described]) -> Iterator[str]:
    own, target = each.class_name, tables[relation.target].class_name
    arguments: list[str] = []
    if relation.kind == "one":
        type_, join = (
            f"{target} | None",
            f"foreign({own}.{attribute(relation.column)}) == remote({target}.id)",
        )
    elif relation.kind == "many":
        type_ = f"list[{target}]"
        join = f"{own}.id == foreign(remote({target}.{attribute(relation.column)}))"
    else:
        assert relation.link is not None
        link, pairs = relation.link, tables[relation.link.table].class_name
        type_, join = f"list[{target}]", f"{own}.id == foreign({pairs}.{attribute(link.own)})"
        other = f"foreign({pairs}.{attribute(link.other)}) == {target}.id"
        arguments += [f"secondary={_quoted(link.table)}", f"secondaryjoin={_quoted(other)}"]
    arguments += [f"primaryjoin={_quoted(join)}", "viewonly=True"]
    yield from _call(f"{attribute(relation.name)}: Mapped[{type_}] = relationship", arguments)


def _docstring(text: str) -> Iterator[str]:
    lines = folded(text.replace("\\", "\\\\").replace('"""', "'''"), _WIDTH - 8)
    # A sentence that ends with a quote would end the docstring.
    yield f'    """{lines[0]}' + (f'{_closed(lines[0])}"""' if len(lines) == 1 else "")
    if len(lines) > 1:
        yield from (f"    {line}" for line in lines[1:])
        yield '    """'


def _closed(line: str) -> str:
    return "" if line.endswith(".") else "."


def _quoted(text: str) -> str:
    """Write a text as Python does, in double quotes."""
    inner = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{inner}"' if inner.isprintable() else repr(text)
