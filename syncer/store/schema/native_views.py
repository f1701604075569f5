"""Views of native and added lists: the records of each under its own name, with the configured columns.

They show values that were converted as the records were written (``passthrough_records.columns``), so that no
query can fail on one. The configuration decides on them, not a migration.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from sqlalchemy import Connection, inspect, text

from syncer.domain.added.spec import AddedList
from syncer.domain.catalogue.model import Column, ColumnType
from syncer.domain.errors import UsageError
from syncer.domain.native.spec import NativeListSpec
from syncer.store.schema.mirror_tables import missing, passthrough_records
from syncer.store.schema.schema_lock import lock_schema
from syncer.store.schema.views import View, dependent_of, live_name, quoted, replace_views

#: PostgreSQL's names of the columns' types; SQLite's functions give the values as its tables have them.
_POSTGRESQL: dict[ColumnType, str] = {
    "text": "text",
    "boolean": "boolean",
    "integer": "bigint",
    "number": "numeric",
    "date": "date",
    "time": "time",
    "timestamp": "timestamptz",
}

#: Tables that all views of our making name, and hardly one of somebody else's.
_NAMED = (passthrough_records.name, missing.name)
_SHOWING = (
    "SELECT viewname, definition FROM pg_views WHERE schemaname = current_schema()"
    " AND definition LIKE :table ORDER BY 1"
)
_LAST_SEEN = (
    "CASE WHEN r.remote_deleted_at IS NULL AND m.record_id IS NULL"
    " AND s.last_full_walk_at > r.last_seen_at THEN s.last_full_walk_at"
    " ELSE r.last_seen_at END AS last_seen_at"
)
#: Columns of every view, behind those of its own list.
SHOWN_AFTER = (
    "remote_deleted_at",
    "deleted_by",
    "first_seen_at",
    "last_seen_at",
    "mirrored_at",
    "document",
)

#: Lists whose rows are in the table of native records.
ConfiguredList = NativeListSpec | AddedList


def make_views(
    connection: Connection, lists: Iterable[ConfiguredList], *, anew: Collection[str] = ()
) -> None:
    """Make the views of lists that have none, and replace those named anew; roles keep read access.

    Raises UsageError where something else has the name of one, or shows one that is to be replaced.
    """
    wanted = {each.name: each for each in lists}
    if not wanted or not _lacking(connection, wanted, anew):
        return
    lock_schema(connection)
    for name in _lacking(connection, wanted, anew):
        views = _views(connection, wanted[name])
        _require_no_dependents(connection, views)
        replace_views(connection, views)


def _views(connection: Connection, spec: ConfiguredList) -> tuple[View, View]:
    select, comment = _select(connection, spec), spec.view_comment
    ours = passthrough_records.c
    shown = {**spec.shown_first, **{name: name for name in SHOWN_AFTER}}
    meanings = {name: ours[source].comment or "" for name, source in shown.items()}
    meanings |= {column.name: column.meaning for column in spec.columns}
    return (
        View(spec.name, select, comment, columns=meanings),
        View(
            live_name(spec.name),
            f"{select} AND r.remote_deleted_at IS NULL",
            f"{comment}, without the deleted ones",
            columns=meanings,
        ),
    )


def native_relations(connection: Connection) -> list[str]:
    """Name the table of native records and our views of it, also of lists that are configured no more.

    For PostgreSQL.
    """
    found = connection.execute(text(_SHOWING), {"table": f"%{passthrough_records.name}%"})
    ours = [name for name, definition in found if _shows_ours(definition)]
    return [passthrough_records.name, *ours]


def _lacking(connection: Connection, wanted: Iterable[str], anew: Collection[str]) -> list[str]:
    """Name the lists whose views are to be made. Raises UsageError."""
    inspector = inspect(connection)
    there, tables = set(inspector.get_view_names()), set(inspector.get_table_names())
    lacking = []
    for name in wanted:
        views = (name, live_name(name))
        for view in views:
            if view in tables or (view in there and not is_our_view(connection, view)):
                raise UsageError(
                    f"{view} is in the database already, and not as a view of syncer's making: "
                    f"rename it there, or the list {name} in the configuration."
                )
        if name in anew or not there.issuperset(views):
            lacking.append(name)
    return lacking


def _require_no_dependents(connection: Connection, views: Iterable[View]) -> None:
    for view in views:
        other = dependent_of(connection, view.name)
        if other is not None:
            raise UsageError(
                f"{other} shows {view.name}, which gets other columns: drop {other}, and make it again "
                "afterwards."
            )


def _select(connection: Connection, spec: ConfiguredList) -> str:
    shown = ", ".join(_shown(connection, spec))
    # A row that a complete list did not have is kept among the missing until that is certain.
    return (
        f"SELECT {shown} FROM {passthrough_records.name} r"
        " LEFT JOIN sync_streams s ON s.environment = r.environment"
        " AND s.integration_id = r.integration_id AND s.model = r.resource"
        " LEFT JOIN sync_missing m ON m.environment = r.environment"
        " AND m.integration_id = r.integration_id AND m.model = r.resource AND m.record_id = r.record_key"
        f" WHERE r.resource = '{spec.name}'"
    )


def _shown(connection: Connection, spec: ConfiguredList) -> Iterator[str]:
    for name, source in spec.shown_first.items():
        yield f"r.{source}" if name == source else f"r.{source} AS {quoted(connection, name)}"
    for column in spec.columns:
        value = _sqlite(column) if connection.dialect.name == "sqlite" else _postgresql(column)
        yield f"{value} AS {quoted(connection, column.name)}"
    yield from (_LAST_SEEN if name == "last_seen_at" else f"r.{name}" for name in SHOWN_AFTER)


def _sqlite(column: Column) -> str:
    path = f"""r."columns", '$."{column.name}"'"""
    if column.type != "json":
        return f"json_extract({path})"
    # Texts and numbers, too, as JSON; truth would be extracted as a number.
    return (
        f"CASE json_type({path}) WHEN 'null' THEN NULL WHEN 'true' THEN 'true' WHEN 'false' THEN 'false'"
        f" ELSE json_quote(json_extract({path})) END"
    )


def _postgresql(column: Column) -> str:
    if column.type == "json":
        return f"""NULLIF(r."columns" -> '{column.name}', 'null'::jsonb)"""
    return f"""CAST(r."columns" ->> '{column.name}' AS {_POSTGRESQL[column.type]})"""


def is_our_view(connection: Connection, view: str) -> bool:
    """Tell whether the view of that name, which is there, is of our making."""
    return _shows_ours(inspect(connection).get_view_definition(view) or "")


def _shows_ours(definition: str) -> bool:
    """True for the definition of a view of our making."""
    return all(name in definition for name in _NAMED)
