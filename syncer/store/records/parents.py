"""Parent values of native lists: columns of the mirror, for each value of which a list is requested."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnClause, Connection, Integer, Text, cast, column, exists, func, select, table

from syncer.domain.catalogue.tables import table_models
from syncer.domain.native.spec import ForEach
from syncer.store.schema.mirror_tables import MIRROR, streams


def next_value(
    connection: Connection, each: ForEach, integration_id: str, after: str | None, *, inclusive: bool = False
) -> str | None:
    """Give the integration's next value in the column's own order, the first after None; None at the end.

    inclusive: give the same value once more, as long as a row has it. Rows that come while the list is read
    are included where their values lie ahead; the next walk has all.
    """
    name = each.table.removesuffix("_live")
    parent = column(each.column, MIRROR[name].c[each.column].type)
    conditions = [column("integration_id") == integration_id, parent.is_not(None)]
    if after is not None:
        value = int(after) if isinstance(parent.type, Integer) else after
        conditions.append(parent >= value if inclusive else parent > value)
    found = connection.execute(
        select(cast(parent, Text)).select_from(table(each.table)).where(*conditions).order_by(parent).limit(1)
    )
    following: str | None = found.scalar_one_or_none()
    return following


def count_values(connection: Connection, each: ForEach, integration_id: str) -> int:
    """Count the integration's different values: as many lists are requested."""
    parent: ColumnClause[Any] = column(each.column)
    return connection.execute(
        select(func.count(parent.distinct()))
        .select_from(table(each.table))
        .where(column("integration_id") == integration_id)
    ).scalar_one()


def has_full_walk(connection: Connection, environment: str, integration_id: str, name: str) -> bool:
    """Tell if a full walk of the list that fills the table has ended once, for the integration."""
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
