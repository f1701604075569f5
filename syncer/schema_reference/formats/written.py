"""Typed models by the name of their format: what each is for, and the function that writes it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from syncer.schema_reference.formats.dbt import dbt_sources
from syncer.schema_reference.formats.described import Described, described
from syncer.schema_reference.formats.drizzle import drizzle_schema
from syncer.schema_reference.formats.prisma import prisma_schema
from syncer.schema_reference.formats.sqlalchemy import sqlalchemy_models
from syncer.schema_reference.formats.typescript import typescript_types
from syncer.schema_reference.tables import Entry

_Tables = Mapping[str, Described]

#: Formats that are the same for both databases, or of one.
_ALIKE: Mapping[str, Callable[[_Tables], str]] = {"sqlalchemy": sqlalchemy_models, "dbt": dbt_sources}
#: Formats that are written for a database, ``sqlite`` or ``postgresql``.
_BY_DIALECT: Mapping[str, Callable[[_Tables, str], str]] = {
    "typescript": typescript_types,
    "drizzle": drizzle_schema,
    "prisma": prisma_schema,
}


def typed_models(form: str, entries: Iterable[Entry], dialect: str) -> str:
    """Write typed models of these tables and views. form: sqlalchemy, typescript, drizzle, prisma or dbt."""
    tables = described(entries)
    return _ALIKE[form](tables) if form in _ALIKE else _BY_DIALECT[form](tables, dialect)
