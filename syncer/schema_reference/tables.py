"""Every table and view with its columns, their meanings and what they join, in the order of the catalogue."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Column, Float, Integer
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeEngine

from syncer.domain.catalogue import model as shape
from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.catalogue.privacy import Privacy
from syncer.domain.errors import UsageError
from syncer.domain.suggestions import did_you_mean
from syncer.schema_reference import views
from syncer.store.db.types import SQL_TYPES, Hash
from syncer.store.schema.classification import classes
from syncer.store.schema.classification import parts as json_parts
from syncer.store.schema.mirror_tables import DOCUMENT, INTEGRATION_ID, MEANING, MIRROR, all_tables
from syncer.store.schema.state_views import STATE_VIEWS
from syncer.store.schema.views import live_meaning, live_name

Kind = Literal["mirror", "link", "child", "view", "bookkeeping"]

#: By name; parameters are never bound here, and only a named style leaves a percent sign as it is.
DIALECTS: dict[str, Dialect] = {
    "sqlite": sqlite.dialect(paramstyle="named"),
    "postgresql": postgresql.dialect(paramstyle="named"),  # type: ignore[no-untyped-call]
}
#: Category of what is ours and of no model.
OWN = "sync"
#: Ids in columns of our own.
_OWN_REFERENCES = {INTEGRATION_ID[0]: "sync_integrations", "run_id": "sync_runs"}
_WORDS: dict[type[Any], str] = {
    **{type_: word for word, type_ in SQL_TYPES.items()},
    Integer: "integer",
    Float: "float",
    Hash: "hash",
}
_SHORT = {"TIMESTAMP WITH TIME ZONE": "TIMESTAMPTZ", "TIME WITHOUT TIME ZONE": "TIME"}


class ColumnEntry(Struct, frozen=True):
    """Column of an entry. type is one word for both databases, sql the type in each by the dialect's name.

    comment: its comment in the database, which also says what an id is of. references names the table whose
    ``id`` the value is. privacy is its class; None in tables that no class concerns. is_in_part: a reporting
    role sees only members of it that are known.
    """

    name: str
    type: str
    sql: Mapping[str, str]
    meaning: str
    comment: str = ""
    is_key: bool = False
    is_nullable: bool = True
    references: str | None = None
    privacy: Privacy | None = None
    is_in_part: bool = False

    @property
    def is_sensitive(self) -> bool:
        """Tell whether a reporting role should not see it by default."""
        return self.privacy is not None and self.privacy.is_sensitive


class Entry(Struct, frozen=True):
    """Table or view. source is the table that it comes with or looks at, where there is one."""

    name: str
    kind: Kind
    category: str
    meaning: str
    columns: tuple[ColumnEntry, ...]
    source: str | None = None
    title: str | None = None
    path: str | None = None

    @property
    def key(self) -> tuple[str, ...]:
        """Find the columns of the primary key; of a view those that are unique in it."""
        return tuple(column.name for column in self.columns if column.is_key)


class Join(Struct, frozen=True):
    """Join of two tables: table.column is an id of target.

    is_certain: the row there is never missing, this one came with it.
    """

    table: str
    column: str
    target: str
    is_certain: bool


@cache
def entries() -> dict[str, Entry]:
    """Describe all tables and views by name: tables by model, then the bookkeeping, then the views."""
    made = [entry for model in catalogue().values() for entry in _of_model(model)]
    made += [
        Entry(table.name, "bookkeeping", OWN, table.comment or "", column_entries(table.columns, {}))
        for table in all_tables().tables.values()
        if table.name not in MIRROR
    ]
    made += [
        Entry(
            live_name(each.name),
            "view",
            each.category,
            live_meaning(each.name),
            views.live_columns(each.columns),
            source=each.name,
        )
        for each in made
        if each.kind == "mirror"
    ]
    made += [
        Entry(
            each.name, "view", OWN, each.meaning, column_entries(each.columns(), {}), source=each.table.name
        )
        for each in STATE_VIEWS
    ]
    return {entry.name: entry for entry in made}


def categories() -> tuple[str, ...]:
    """List the categories of the catalogue, and our own."""
    return tuple(dict.fromkeys(entry.category for entry in entries().values()))


def entry_named(name: str) -> Entry:
    """Look a table or view up by its name.

    Raises UsageError with the nearest names where there is none.
    """
    every = entries()
    if name not in every:
        # Every mirror table has a live view: naming both would only repeat.
        is_live = name.endswith("_live")
        known = [each for each in (*every, *categories()) if each.endswith("_live") == is_live]
        hint = did_you_mean(name, known) or " `syncer schema` lists them."
        raise UsageError(f"There is no table, view or category {name!r}.{hint}")
    return every[name]


def parts(entry: Entry) -> tuple[Entry, ...]:
    """Find the link and child tables and the view of a mirror table; none for other entries."""
    if entry.kind != "mirror":
        return ()
    return tuple(each for each in entries().values() if each.source == entry.name)


@cache
def joins() -> tuple[Join, ...]:
    """Find all joins, except those to the integration of a row: every mirror table has that one."""
    return tuple(
        Join(entry.name, column.name, column.references, column.references == entry.source)
        for entry in entries().values()
        for column in entry.columns
        if column.references
        and entry.kind != "view"
        and (entry.kind == "bookkeeping" or column.name != INTEGRATION_ID[0])
    )


def _of_model(model: shape.Model) -> Iterator[Entry]:
    yield Entry(
        model.name,
        "mirror",
        model.category,
        model.meaning,
        _mirror_columns(model.name, {}, model.columns),
        title=model.title,
        path=model.path,
    )
    for link in model.links:
        ends = {link.owner: model.name, link.target: link.references}
        columns = _mirror_columns(link.table, ends, link.columns)
        yield Entry(link.table, "link", model.category, link.meaning, columns, source=model.name)
    for child in model.children:
        owner = {} if child.owner is None else {child.owner: model.name}
        columns = _mirror_columns(child.table, owner, child.columns)
        yield Entry(child.table, "child", model.category, child.meaning, columns, source=model.name)


def _mirror_columns(
    table: str, references: Mapping[str, str], own: tuple[shape.Column, ...]
) -> tuple[ColumnEntry, ...]:
    """Describe the columns of a mirror, link or child table; own: those of the catalogue."""
    to = {**references, **{column.name: column.references for column in own if column.references}}
    return tuple(
        replace(entry, privacy=classes()[table][entry.name], is_in_part=entry.name in json_parts()[table])
        for entry in column_entries(MIRROR[table].columns, to)
    )


def column_entries(columns: Iterable[Column[Any]], references: Mapping[str, str]) -> tuple[ColumnEntry, ...]:
    """Describe the columns; references: what they join beside what all tables do."""
    to = {**_OWN_REFERENCES, **references}
    return tuple(
        ColumnEntry(
            name=column.name,
            type=_WORDS[type(column.type)],
            sql=_sql(column.type),
            meaning=column.info.get(MEANING) or column.comment or "",
            comment=column.comment or "",
            is_key=column.primary_key,
            is_nullable=bool(column.nullable),
            references=to.get(column.name),
            privacy=Privacy.UNKNOWN if column.name == DOCUMENT[0] else None,
        )
        for column in columns
    )


def _sql(type_: TypeEngine[Any]) -> dict[str, str]:
    shown = {name: type_.compile(dialect) for name, dialect in DIALECTS.items()}
    return {name: _SHORT.get(text, text) for name, text in shown.items()}
