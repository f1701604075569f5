"""Added lists that became models: a version that brings the model makes room for its table.

Views of the list have the name that the table takes. The rows of the list are not those of a model; Kombo has
them all, and the model is read whole.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, delete, inspect, update

from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.errors import DatabaseRefused
from syncer.store.schema.mirror_tables import missing, passthrough_records, projections, streams
from syncer.store.schema.native_views import is_our_view
from syncer.store.schema.views import dependent_of, drop_views, live_name


def drop_views_of_models(connection: Connection) -> list[str]:
    """Drop the views of added lists whose names the catalogue has by now; give these names.

    Raises DatabaseRefused where somebody else's view shows one.
    """
    there = set(inspect(connection).get_view_names())
    names = [name for name in catalogue() if name in there and is_our_view(connection, name)]
    for name in names:
        views = (live_name(name), name)
        for view in views:
            other = dependent_of(connection, view)
            if other is not None and other not in views:
                raise DatabaseRefused(
                    f"{name} was a list of the configuration, and is a model of this version: {other} shows"
                    f" {view}. Drop {other}, and make it again after the upgrade."
                )
        drop_views(connection, views)
    return names


def forget_added_rows(connection: Connection, names: Collection[str]) -> None:
    """Delete the rows that these lists had, and let the streams of the models begin anew."""
    for name in names:
        connection.execute(delete(passthrough_records).where(passthrough_records.c.resource == name))
        connection.execute(delete(missing).where(missing.c.model == name))
        connection.execute(delete(projections).where(projections.c.model == name))
        connection.execute(
            update(streams)
            .where(streams.c.model == name)
            .values(
                state="new",
                walk_id=None,
                walk_cursor=None,
                watermark=None,
                complete_at=None,
                last_full_walk_at=None,
                full_pages=None,
                rows_live=0,
                rows_deleted=0,
            )
        )
