"""Projection of each list's rows, and cursor of its re-projection.

A process that starts adopts its own projections: from then on none that has others can write. A page's
transaction pins the projection, under a lock that it shares with other pages, and adopting takes that lock
alone: so no page of the old projection can commit behind a re-projection that has passed its rows. Erasing
takes it alone, too: a page that was compared before commits before, or is compared again.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from msgspec import Struct
from sqlalchemy import Connection, bindparam, select, text, update

from syncer.domain.errors import ProjectionReplaced
from syncer.domain.records.projection import Projection
from syncer.store.db.clock import clock_time
from syncer.store.db.types import decoded_json
from syncer.store.schema.erasure_tables import erasure_key
from syncer.store.schema.state_tables import projections

#: A lock of the table that pages share, and who adopts does not, on PostgreSQL; on SQLite a writing
#: transaction is alone anyway. An advisory lock could be held by anybody who may log in.
_ADOPT_LOCK = f"LOCK TABLE {projections.name} IN EXCLUSIVE MODE"
#: Made once, as what follows: every page runs them.
_SHARE_LOCK = text(f"LOCK TABLE {projections.name} IN ROW SHARE MODE")
_VERSION = select(erasure_key.c.version).where(erasure_key.c.id == 1)
_PINNED = select(
    projections.c.fingerprint,
    projections.c.history,
    _VERSION.scalar_subquery().label("erasures"),
    clock_time().label("now"),
).where(projections.c.model == bindparam("row_model"))
_NOTHING_PINNED = select(_VERSION.scalar_subquery().label("erasures"), clock_time().label("now"))


class Pinned(NamedTuple):
    """Histories and erasures as they stay until a transaction ends.

    history: the tables of which it has to keep versions. erasures: the version of all that is erased; None:
    nothing is. now: the time by the database's clock, not adjusted yet.
    """

    history: tuple[str, ...]
    erasures: str | None
    now: datetime


class ReprojectionCursor(Struct, frozen=True):
    """Position of a re-projection: the last key that is done in the table; None: at its beginning."""

    table: str
    after: str | None


def pin(connection: Connection, model: str, projection: Projection) -> Pinned:
    """Keep the list's projection, histories and erasures from being replaced until the transaction ends.

    Raises ProjectionReplaced where another projection has been adopted.
    """
    share_projections(connection)
    row = connection.execute(_PINNED, {"row_model": model}).one_or_none()
    if row is None:
        return Pinned((), *connection.execute(_NOTHING_PINNED).one())
    _require(row.fingerprint, model, projection)
    history = () if row.history is None else tuple(decoded_json(row.history))
    return Pinned(history, row.erasures, row.now)


def share_projections(connection: Connection) -> None:
    """Keep whoever calls ``lock_projections`` waiting until the transaction ends; so do all pages."""
    if connection.dialect.name == "postgresql":
        connection.execute(_SHARE_LOCK)


def erasures_version(connection: Connection) -> str | None:
    """Read the version of all that is erased; None: nothing is."""
    return connection.execute(_VERSION).scalar_one_or_none()


def adopted_projections(connection: Connection) -> dict[str, str]:
    """Read the fingerprint of the projection of each list, by the list's name."""
    rows = connection.execute(select(projections.c.model, projections.c.fingerprint))
    return {row.model: row.fingerprint for row in rows}


def lock_projections(connection: Connection) -> None:
    """Keep every page of every process from being written until the transaction ends."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(_ADOPT_LOCK)


def unfinished_lists(connection: Connection) -> list[str]:
    """Name the lists with rows that are still to be re-projected."""
    return list(
        connection.execute(
            select(projections.c.model)
            .where(projections.c.at_table.is_not(None))
            .order_by(projections.c.model)
        ).scalars()
    )


def request_reprojection(connection: Connection, models: Iterable[str]) -> None:
    """Have all rows of the lists re-projected; what is under way goes on from its cursor."""
    connection.execute(
        update(projections)
        .where(projections.c.model.in_(list(models)), projections.c.at_table.is_(None))
        .values(at_table=projections.c.model, after_id=None)
    )


def reproject_anew(connection: Connection, models: Iterable[str]) -> None:
    """Have all rows of the lists re-projected from the beginning, whatever is done of that already."""
    connection.execute(
        update(projections)
        .where(projections.c.model.in_(list(models)))
        .values(at_table=projections.c.model, after_id=None)
    )


def lock_cursor(connection: Connection, model: str, projection: Projection) -> ReprojectionCursor | None:
    """Read the cursor of the list's re-projection, locked until the transaction ends; None: it is finished.

    Raises ProjectionReplaced where another projection has been adopted.
    """
    row = connection.execute(
        select(projections).where(projections.c.model == model).with_for_update()
    ).one_or_none()
    if row is None:
        return None
    _require(row.fingerprint, model, projection)
    return None if row.at_table is None else ReprojectionCursor(row.at_table, row.after_id)


def save_cursor(connection: Connection, model: str, cursor: ReprojectionCursor | None) -> None:
    """Save the cursor, in the transaction of its batch; None: the re-projection is finished."""
    connection.execute(
        update(projections)
        .where(projections.c.model == model)
        .values(at_table=cursor and cursor.table, after_id=cursor and cursor.after)
    )


def _require(fingerprint: str, model: str, projection: Projection) -> None:
    if fingerprint != projection.fingerprint:
        raise ProjectionReplaced(
            "Another process mirrors this list with other exclusions or columns, or is of another version: "
            "restart this one, with the same configuration."
        )
