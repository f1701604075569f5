"""Projection of each list's rows, and cursor of its re-projection.

A process that starts adopts its own projections: from then on none that has others can write. A page's
transaction pins the projection, under a lock that it shares with other pages, and adopting takes that lock
alone: so no page of the old projection can commit behind a re-projection that has passed its rows.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, bindparam, select, text, update

from syncer.domain.errors import ProjectionReplaced
from syncer.domain.records.projection import Projection
from syncer.store.schema.state_tables import projections

#: Key of the PostgreSQL advisory lock that pages share; on SQLite a writing transaction is alone anyway.
PROJECTION_LOCK = 0x50524F4A

#: Made once, as what follows: every page runs them.
_SHARE_LOCK = text("SELECT pg_advisory_xact_lock_shared(:key)")
_FINGERPRINT = select(projections.c.fingerprint).where(
    projections.c.environment == bindparam("row_environment"),
    projections.c.model == bindparam("row_model"),
)


@dataclass(frozen=True, slots=True)
class ReprojectionCursor:
    """Position of a re-projection: the last key that is done in the table; None: at its beginning."""

    table: str
    after: str | None


def pin(connection: Connection, environment: str, model: str, projection: Projection) -> None:
    """Keep the list's projection from being replaced until the transaction ends.

    Raises ProjectionReplaced where another one has been adopted.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(_SHARE_LOCK, {"key": PROJECTION_LOCK})
    parameters = {"row_environment": environment, "row_model": model}
    _require(connection.execute(_FINGERPRINT, parameters).scalar(), model, projection)


def unfinished_lists(connection: Connection, environment: str) -> list[str]:
    """Name the lists with rows that are still to be re-projected."""
    return list(
        connection.execute(
            select(projections.c.model)
            .where(projections.c.environment == environment, projections.c.at_table.is_not(None))
            .order_by(projections.c.model)
        ).scalars()
    )


def request_reprojection(connection: Connection, environment: str, models: Iterable[str]) -> None:
    """Have all rows of the lists re-projected; what is under way goes on from its cursor."""
    connection.execute(
        update(projections)
        .where(
            projections.c.environment == environment,
            projections.c.model.in_(list(models)),
            projections.c.at_table.is_(None),
        )
        .values(at_table=projections.c.model, after_id=None)
    )


def lock_cursor(
    connection: Connection, environment: str, model: str, projection: Projection
) -> ReprojectionCursor | None:
    """Read the cursor of the list's re-projection, locked until the transaction ends; None: it is finished.

    Raises ProjectionReplaced where another projection has been adopted.
    """
    row = connection.execute(
        select(projections).where(_is(environment, model)).with_for_update()
    ).one_or_none()
    if row is None:
        return None
    _require(row.fingerprint, model, projection)
    return None if row.at_table is None else ReprojectionCursor(row.at_table, row.after_id)


def save_cursor(
    connection: Connection, environment: str, model: str, cursor: ReprojectionCursor | None
) -> None:
    """Save the cursor, in the transaction of its batch; None: the re-projection is finished."""
    connection.execute(
        update(projections)
        .where(_is(environment, model))
        .values(at_table=cursor and cursor.table, after_id=cursor and cursor.after)
    )


def _require(fingerprint: str | None, model: str, projection: Projection) -> None:
    if fingerprint not in {None, projection.fingerprint}:
        raise ProjectionReplaced(
            "Another process mirrors this list with other exclusions or columns, or is of another version: "
            "restart this one, with the same configuration."
        )


def _is(environment: str, model: str) -> ColumnElement[bool]:
    return (projections.c.environment == environment) & (projections.c.model == model)
