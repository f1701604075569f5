"""Rows of the mirror that a native list is asked for, one after the other by the value that is sent."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnClause, Connection, Integer, Text, cast, column, exists, func, select, table

from syncer.domain.catalogue.tables import table_models
from syncer.domain.native.spec import ForEach
from syncer.store.schema.mirror_tables import MIRROR, streams


def next_value(
    connection: Connection, each: ForEach, integration_id: str, after: str | None, *, or_itself: bool = False
) -> str | None:
    """The integration's next value in the column's own order; after None: the first. None: there is none.

    or_itself: the value that was given is the next one, as long as a row has it. Rows that come while the
    list is read are met where their values lie ahead; the next reading has all.
    """
    name = each.table.removesuffix("_live")
    asked = column(each.column, MIRROR[name].c[each.column].type)
    conditions = [column("integration_id") == integration_id, asked.is_not(None)]
    if after is not None:
        value = int(after) if isinstance(asked.type, Integer) else after
        conditions.append(asked >= value if or_itself else asked > value)
    found = connection.execute(
        select(cast(asked, Text)).select_from(table(each.table)).where(*conditions).order_by(asked).limit(1)
    )
    following: str | None = found.scalar_one_or_none()
    return following


def count_values(connection: Connection, each: ForEach, integration_id: str) -> int:
    """How many lists there are to ask for: the integration's different values."""
    asked: ColumnClause[Any] = column(each.column)
    return connection.execute(
        select(func.count(asked.distinct()))
        .select_from(table(each.table))
        .where(column("integration_id") == integration_id)
    ).scalar_one()


def are_read_whole(connection: Connection, environment: str, integration_id: str, name: str) -> bool:
    """Whether the list that fills the table has been read whole once, for the integration."""
    return connection.execute(
        select(
            exists().where(
                streams.c.environment == environment,
                streams.c.integration_id == integration_id,
                streams.c.model == table_models()[name],
                streams.c.mirrored,
                streams.c.last_full_walk_at.is_not(None),
            )
        )
    ).scalar_one()
