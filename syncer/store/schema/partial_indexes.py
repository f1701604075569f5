"""Indexes of the rows that a condition chooses, on both databases."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, ColumnElement, Index
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.schema import CreateIndex
from sqlalchemy.sql.compiler import DDLCompiler


def partial_index(*columns: Column[Any], where: Column[Any], name: str | None = None) -> None:
    """Index the columns of rows that have a value there, which are few."""
    conditional_index(*columns, where=where.is_not(None), name=name)


def conditional_index(*columns: Column[Any], where: ColumnElement[bool], name: str | None = None) -> None:
    """Index the columns of the rows that the condition chooses."""
    # As `postgresql_where` it would have every command read the dialect of PostgreSQL, which takes a while.
    Index(name, *columns, sqlite_where=where)


@compiles(CreateIndex, "postgresql")
def _with_condition(create: CreateIndex, compiler: DDLCompiler, **options: Any) -> str:
    """Write the statement for PostgreSQL, with the condition that its index has for SQLite."""
    index = create.element
    where = index.dialect_options["sqlite"]["where"]
    if where is not None:
        index.dialect_options["postgresql"]["where"] = where
    statement: str = compiler.visit_create_index(create, **options)  # type: ignore[no-untyped-call]
    return statement
