"""Views without what is sensitive, ``<table>_safe``, on PostgreSQL from ``syncer migrate --grant-read`` on.

They have what can be granted of a table, and besides its JSON values with the members alone that are known
and not sensitive: the right to a column is all or nothing. PostgreSQL changes no column that a view shows:
they are dropped before the tables change, and made again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager

from sqlalchemy import Connection

from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.catalogue.members import all_members
from syncer.domain.errors import UsageError
from syncer.domain.fingerprint import fingerprint_of
from syncer.store.schema.classification import parts, safe_columns
from syncer.store.schema.mirror_tables import MIRROR, changes, metadata
from syncer.store.schema.reduced_json import reduced
from syncer.store.schema.state_views import STATE_VIEWS
from syncer.store.schema.views import (
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

#: Columns of the change feed that hold no values of records.
_CHANGE_COLUMNS = (
    "sequence",
    "at",
    "environment",
    "integration_id",
    "model",
    "record_id",
    "operation",
    "members",
)
#: All tables that have a safe view.
SAFE_TABLES = (*MIRROR, changes.name)


def safe_view_columns(table: str) -> list[str]:
    """List the columns of the table's safe view."""
    return list(_CHANGE_COLUMNS) if table == changes.name else safe_columns(table)


def make_safe_views(connection: Connection) -> None:
    """Bring every safe view to what the catalogue says; roles keep their read access.

    Raises UsageError where something else has the name of one.
    """
    present = relations(connection)
    ours = _safe_views(present)
    changed = []
    for table in SAFE_TABLES:
        columns = safe_view_columns(table)
        view = _safe_view(connection, table, columns)
        found = present.get(view.name)
        if found is not None and view.name not in ours:
            raise UsageError(
                f"{view.name} is not a view of syncer's making, but has the name of one: rename it."
            )
        if found is None or found.columns != columns or found.comment != view.comment:
            changed.append(view)
    replace_views(connection, changed)


def outdated_safe_views(connection: Connection) -> list[str]:
    """Name the safe views that are there and show something else than the catalogue says."""
    present = relations(connection)
    return [
        name
        for name, table in _safe_views(present).items()
        if table not in SAFE_TABLES
        or present[name].comment != _safe_view(connection, table, safe_view_columns(table)).comment
    ]


@contextmanager
def without_safe_views(connection: Connection) -> Iterator[None]:
    """Drop the safe views for the block, and then make them again: columns that are new are in none of them.

    Nor are those that have come to be sensitive. Roles keep their read access, also to views that the block
    has made anew.
    """
    if connection.dialect.name != "postgresql":
        yield
        return
    before = relations(connection)
    ours = _safe_views(before)
    with keeping_readers(
        connection, [*ours, *(view.name for view in STATE_VIEWS), *map(live_name, catalogue())]
    ):
        drop_views(connection, ours)
        yield
        after = relations(connection)
        for name, table in ours.items():
            if table not in after or table not in SAFE_TABLES:
                continue
            still = set(after[table].columns).intersection(safe_view_columns(table))
            left = [each for each in before[name].columns if each in still]
            if left:
                _safe_view(connection, table, left).create(connection)


def _safe_view(connection: Connection, table: str, columns: Collection[str]) -> View:
    select, is_barrier = (
        (_change_select(connection, columns), True)
        if table == changes.name
        else (_select(connection, table, columns), False)
    )
    # The same words for the same statement: a view of another classification is to be seen.
    comment = f"{_comment(table)} ({fingerprint_of(select)[:8]})"
    meanings = {name: column.comment or "" for name, column in metadata.tables[table].columns.items()}
    return View(
        safe_name(table),
        select,
        comment,
        is_barrier=is_barrier,
        columns={name: meanings[name] for name in columns if name in meanings},
    )


def _select(connection: Connection, table: str, columns: Collection[str]) -> str:
    in_part = parts()[table]
    shown = ", ".join(
        f"{reduced(quoted(connection, name), in_part[name])} AS {quoted(connection, name)}"
        if name in in_part
        else quoted(connection, name)
        for name in columns
    )
    # Deleted rows are no secret: what is granted of the table has them.
    live = " WHERE remote_deleted_at IS NULL" if table in catalogue() else ""
    return f"SELECT {shown} FROM {quoted(connection, table)}{live}"


def _change_select(connection: Connection, columns: Collection[str]) -> str:
    """Select the changes of Kombo's models: keys of native lists can be anything, as can unknown names."""
    known = ", ".join(f"'{name}'" for name in sorted(all_members()))
    members = (
        "(SELECT jsonb_agg(name) FROM jsonb_array_elements_text("
        "CASE jsonb_typeof(members) WHEN 'array' THEN members END) AS list (name)"
        f" WHERE name IN ({known})) AS members"
    )
    shown = ", ".join(members if name == "members" else quoted(connection, name) for name in columns)
    models = ", ".join(f"'{name}'" for name in catalogue())
    return f"SELECT {shown} FROM {changes.name} WHERE model IN ({models})"


def _comment(table: str) -> str:
    # Marks a view as ours: the words stay as they are.
    live = " that are not deleted" if table in catalogue() else ""
    return f"Rows of {table}{live}, without its sensitive columns"


def _safe_views(present: Mapping[str, Relation]) -> dict[str, str]:
    """Give those that are of our making, with their tables."""
    suffix = safe_name("")
    return {
        name: name.removesuffix(suffix)
        for name, relation in present.items()
        if relation.is_view
        and name.endswith(suffix)
        and (relation.comment or "").startswith(_comment(name.removesuffix(suffix)))
    }
