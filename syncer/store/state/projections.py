"""Projection of each list's rows, and cursor of its re-projection.

A process that starts adopts its own projections: from then on none that has others can write. A page's
transaction pins the projection, under a lock that it shares with other pages, and adopting takes that lock
alone: so no page of the old projection can commit behind a re-projection that has passed its rows.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, bindparam, case, func, select, text, update

from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.errors import ProjectionReplaced
from syncer.domain.ratelimit.budget import Purpose
from syncer.domain.records.projection import Projection
from syncer.domain.streams.state import StreamState
from syncer.store.db.bulk import upsert
from syncer.store.db.types import decoded_json
from syncer.store.schema.native_table import passthrough_records
from syncer.store.schema.state_tables import projections, streams
from syncer.store.state.stream_columns import walk_values

#: Key of the PostgreSQL advisory lock that pages share; on SQLite a writing transaction is alone anyway.
PROJECTION_LOCK = 0x50524F4A

#: Made once, as what follows: every page runs them.
_SHARE_LOCK = text("SELECT pg_advisory_xact_lock_shared(:key)")
_PINNED = select(projections.c.fingerprint, projections.c.history).where(
    projections.c.environment == bindparam("row_environment"),
    projections.c.model == bindparam("row_model"),
)


@dataclass(frozen=True, slots=True)
class Adopted:
    """Lists whose projections were replaced.

    replaced: those with rows of another projection. walked_anew: those of them that keep members again which
    were excluded, so that their streams have to be read whole once more. changed: all, with rows or without.
    """

    replaced: tuple[str, ...] = ()
    walked_anew: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReprojectionCursor:
    """Position of a re-projection: the last key that is done in the table; None: at its beginning."""

    table: str
    after: str | None


def adopt(
    connection: Connection, environment: str, wanted: Mapping[str, Projection], now: datetime
) -> Adopted:
    """Make these the projections of the lists; rows of others are to be re-projected from now on."""
    if not _changed_names(_stored(connection, environment), wanted):
        return Adopted()
    lock_projections(connection)
    stored = _stored(connection, environment)
    replaced, anew, rows = [], [], []
    changed = _changed_names(stored, wanted)
    filled = _with_rows(connection, environment)
    for model in changed:
        before, after = stored.get(model), wanted[model]
        if before is not None or model in filled:
            replaced.append(model)
        if before is not None and after.gives_back(before.exclusions):
            anew.append(model)
        rows.append(
            {
                "environment": environment,
                "model": model,
                "fingerprint": after.fingerprint,
                "exclusions": json.dumps(after.exclusions),
                "at_table": model if model in replaced else None,
            }
        )
    upsert(connection, projections, rows, keep=("history",))
    _walk_anew(connection, environment, anew, now)
    return Adopted(tuple(replaced), tuple(anew), tuple(changed))


def pin(connection: Connection, environment: str, model: str, projection: Projection) -> tuple[str, ...]:
    """Keep the list's projection and histories from being replaced until the transaction ends.

    Give the tables of which what follows has to keep versions. Raises ProjectionReplaced where another
    projection has been adopted.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(_SHARE_LOCK, {"key": PROJECTION_LOCK})
    parameters = {"row_environment": environment, "row_model": model}
    row = connection.execute(_PINNED, parameters).one_or_none()
    if row is not None:
        _require(row.fingerprint, model, projection)
    _overwrite_freed_pages(connection, projection)
    return () if row is None or row.history is None else tuple(decoded_json(row.history))


def lock_projections(connection: Connection) -> None:
    """Keep every page of every process from being written until the transaction ends."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": PROJECTION_LOCK})


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
    _overwrite_freed_pages(connection, projection)
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


def _require(fingerprint: str, model: str, projection: Projection) -> None:
    if fingerprint != projection.fingerprint:
        raise ProjectionReplaced(
            "Another process mirrors this list with other exclusions or columns, or is of another version: "
            "restart this one, with the same configuration."
        )


def _overwrite_freed_pages(connection: Connection, projection: Projection) -> None:
    """Let SQLite overwrite what leaves its file, and not only free it, where members are excluded."""
    if projection.exclusions and connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA secure_delete = ON")


def _stored(connection: Connection, environment: str) -> dict[str, Projection]:
    found = connection.execute(select(projections).where(projections.c.environment == environment))
    return {row.model: Projection(row.fingerprint, tuple(decoded_json(row.exclusions))) for row in found}


def _changed_names(stored: Mapping[str, Projection], wanted: Mapping[str, Projection]) -> list[str]:
    return [model for model, projection in wanted.items() if stored.get(model) != projection]


def _with_rows(connection: Connection, environment: str) -> set[str]:
    """Name the lists that have rows."""
    query = " UNION ALL ".join(f"SELECT '{name}' WHERE EXISTS (SELECT 1 FROM {name})" for name in catalogue())
    # As text: to compose it out of forty tables takes longer than to run it.
    models = connection.exec_driver_sql(query).scalars()
    native_lists = connection.execute(
        select(passthrough_records.c.resource)
        .where(passthrough_records.c.environment == environment)
        .distinct()
    )
    return {*models, *native_lists.scalars()}


def _walk_anew(connection: Connection, environment: str, models: Iterable[str], now: datetime) -> None:
    """Let the lists' streams begin a full walk, at once where a service runs.

    An unfinished walk is dropped: what it has stored lacks the members that come back.
    """
    connection.execute(
        update(streams)
        .where(streams.c.environment == environment, streams.c.model.in_(list(models)))
        .values(
            **walk_values(None),
            last_full_walk_at=None,
            state=case(
                (streams.c.state == StreamState.COMPLETE, StreamState.INCOMPLETE.value),
                else_=streams.c.state,
            ),
            due_at=func.coalesce(streams.c.due_at, now),
            due_purpose=func.coalesce(streams.c.due_purpose, int(Purpose.FULL)),
        )
    )


def _is(environment: str, model: str) -> ColumnElement[bool]:
    return (projections.c.environment == environment) & (projections.c.model == model)
