"""Views without what is sensitive, ``<table>_safe``, on PostgreSQL from ``syncer migrate --grant-read`` on.

They have what can be granted of a table, and besides its JSON values with the members alone that are known
and not sensitive: the right to a column is all or nothing. PostgreSQL changes no column that a view shows: an
upgrade that does so drops them before, and makes them again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager

from sqlalchemy import Connection

from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.catalogue.members import all_members
from syncer.domain.errors import DatabaseRefused, UsageError
from syncer.domain.fingerprint import fingerprint_of
from syncer.store.schema.classification import parts, safe_columns
from syncer.store.schema.mirror_tables import MIRROR, changes
from syncer.store.schema.reduced_json import reduced
from syncer.store.schema.views import (
    Relation,
    View,
    dependent_of,
    drop_views,
    keeping_readers,
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


def keep_safe_views(connection: Connection) -> None:
    """Bring the safe views to what is safe today of what they show: new columns are in none of them.

    Those that show nothing else stay, with what others have built on them. Raises DatabaseRefused where that
    is in the way of one that does not.
    """
    if connection.dialect.name != "postgresql":
        return
    present = relations(connection)
    for name, table in _safe_views(present).items():
        left = _left(present, table, present[name].columns)
        view = _safe_view(connection, table, left) if left else None
        if view is not None and left == present[name].columns:
            if view.comment != present[name].comment:
                view.create(connection, replace=True)
            continue
        require_undepended(connection, [name])
        if view is None:
            drop_views(connection, [name])
        else:
            replace_views(connection, [view])


@contextmanager
def without_safe_views(connection: Connection) -> Iterator[None]:
    """Drop the safe views for a block that changes what they show, and then make them again.

    Roles keep their read access. Raises DatabaseRefused where a view of somebody else's shows one.
    """
    before = relations(connection)
    ours = _safe_views(before)
    require_undepended(connection, ours)
    with keeping_readers(connection, list(ours)):
        drop_views(connection, ours)
        yield
        after = relations(connection)
        for name, table in ours.items():
            left = _left(after, table, before[name].columns)
            if left:
                _safe_view(connection, table, left).create(connection)


def require_undepended(connection: Connection, views: Iterable[str]) -> None:
    """Raise DatabaseRefused where a view of somebody else's shows one of these, which are to be made anew."""
    for view in views:
        other = dependent_of(connection, view)
        if other is not None:
            raise DatabaseRefused(
                f"{other} shows {view}, which the upgrade makes anew: drop {other}, and make it again "
                "afterwards. Nothing was changed."
            )


def _left(present: Mapping[str, Relation], table: str, columns: Iterable[str]) -> list[str]:
    """List those of the columns that the table has and that are safe."""
    if table not in present or table not in SAFE_TABLES:
        return []
    still = set(present[table].columns).intersection(safe_view_columns(table))
    return [each for each in columns if each in still]


def _safe_view(connection: Connection, table: str, columns: Collection[str]) -> View:
    select, is_barrier = (
        (_change_select(connection, columns), True)
        if table == changes.name
        else (_select(connection, table, columns), False)
    )
    # The same words for the same statement: a view of another classification is to be seen.
    comment = f"{_comment(table)} ({fingerprint_of(select)[:8]})"
    shown = changes if table == changes.name else MIRROR[table]
    meanings = {name: column.comment or "" for name, column in shown.columns.items()}
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
