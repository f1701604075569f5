"""Views without sensitive columns, ``<table>_safe``, on PostgreSQL from ``syncer migrate --grant-read`` on.

PostgreSQL changes no column that a view shows: they are dropped before the tables change, and made again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache

from sqlalchemy import Connection

from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.errors import UsageError
from syncer.store.schema.mirror_tables import CONTENT_HASH, DOCUMENT, MIRROR
from syncer.store.schema.views import (
    FRESHNESS,
    Relation,
    View,
    drop_views,
    keeping_readers,
    live_name,
    quoted,
    relations,
    replace_views,
    safe_name,
)


@cache
def withheld() -> dict[str, frozenset[str]]:
    """Give the columns, by mirror, link or child table, that safe readers do not get.

    The content hash is among them: who knows all the rest of a record could try values until it fits.
    """
    sensitive: dict[str, set[str]] = {}
    for model in catalogue().values():
        sensitive[model.name] = {column.name for column in model.columns if column.sensitive}
        for link in model.links:
            sensitive[link.table] = {column.name for column in link.columns if column.sensitive}
        for child in model.children:
            sensitive[child.table] = {column.name for column in child.columns if column.sensitive}
    return {table: frozenset({*names, DOCUMENT[0], CONTENT_HASH[0]}) for table, names in sensitive.items()}


def safe_columns(table: str) -> list[str]:
    """Give the columns that safe readers get, in the table's order."""
    return [column.name for column in MIRROR[table].columns if column.name not in withheld()[table]]


def make_safe_views(connection: Connection) -> None:
    """Bring the safe view of every mirror table to what the catalogue says; roles keep their read access.

    Raises UsageError where something else has the name of one.
    """
    present = relations(connection)
    ours = _safe_views(present)
    changed = []
    for table in catalogue():
        name = safe_name(table)
        if name in present and name not in ours:
            raise UsageError(f"{name} is not a view of syncer's making, but has the name of one: rename it.")
        if name not in present or present[name].columns != safe_columns(table):
            changed.append(_safe_view(connection, table, safe_columns(table)))
    replace_views(connection, changed)


@contextmanager
def without_safe_views(connection: Connection) -> Iterator[None]:
    """Drop the safe views for the block, and then make them again: columns that are new are in none of them.

    Roles keep their read access, also to views that the block has made anew.
    """
    if connection.dialect.name != "postgresql":
        yield
        return
    before = relations(connection)
    ours = _safe_views(before)
    with keeping_readers(connection, [*ours, FRESHNESS, *map(live_name, catalogue())]):
        drop_views(connection, ours)
        yield
        after = relations(connection)
        for name, table in ours.items():
            left = [each for each in before[name].columns if table in after and each in after[table].columns]
            if left:
                _safe_view(connection, table, left).create(connection)


def _safe_view(connection: Connection, table: str, columns: Iterable[str]) -> View:
    select = (
        f"SELECT {quoted(connection, *columns)} FROM {quoted(connection, table)} "
        "WHERE remote_deleted_at IS NULL"
    )
    return View(safe_name(table), select, _comment(table))


def _comment(table: str) -> str:
    # Marks a view as ours: the words stay as they are.
    return f"Rows of {table} that are not deleted, without its sensitive columns"


def _safe_views(present: Mapping[str, Relation]) -> dict[str, str]:
    """Give those that are of our making, with their tables."""
    suffix = safe_name("")
    return {
        name: name.removesuffix(suffix)
        for name, relation in present.items()
        if relation.is_view
        and name.endswith(suffix)
        and relation.comment == _comment(name.removesuffix(suffix))
    }
