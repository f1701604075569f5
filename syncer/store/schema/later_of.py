"""Moment a row was last told of: the later of Kombo's change and of the mirror's write, which may be late."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, FromClause
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction

from syncer.store.db.types import Timestamp


class later_of(GenericFunction[datetime]):
    """Later of a moment that may be null and one that is none."""

    type = Timestamp()
    inherit_cache = True
    name = "later_of"


@compiles(later_of)
def _greatest(element: later_of, compiler: SQLCompiler, **options: Any) -> str:
    return f"greatest({compiler.process(element.clauses, **options)})"


@compiles(later_of, "sqlite")
def _max(element: later_of, compiler: SQLCompiler, **options: Any) -> str:
    first, second = (compiler.process(each, **options) for each in element.clauses)
    # Of text of fixed width the greater is the later one; null would be the greatest of all.
    return f"max(coalesce({first}, {second}), {second})"


def last_told(table: FromClause) -> ColumnElement[datetime]:
    """Give the moment of a mirror table's row by which ``updated_after`` goes."""
    return later_of(table.c.changed_at, table.c.mirrored_at)
