"""Missing rows: those that a full walk did not see, kept until a sweep has confirmed and marked or held them.

They are the work of the sweep, as a table: a crash loses at most the request under way.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from msgspec import Struct
from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    delete,
    except_,
    func,
    literal,
    or_,
    select,
    update,
)

from syncer.domain.clocks import VIEW_AHEAD
from syncer.domain.stream_key import StreamKey
from syncer.store.db.bulk import insert_statement
from syncer.store.db.in_values import in_values
from syncer.store.db.types import Timestamp
from syncer.store.schema.destination import stream_destination
from syncer.store.schema.state_tables import missing, streams
from syncer.store.schema.stream_key import stream_filter
from syncer.store.state.held import IS_HELD, Held, held_rows
from syncer.store.state.seen import seen_ids


class MissingStore(Struct, frozen=True):
    """Missing rows of one stream."""

    environment: str
    key: StreamKey

    def find(self, connection: Connection, walk_id: str, walk_began_at: datetime, now: datetime) -> list[str]:
        """Find the ids of rows that the walk did not see though they were there before it began.

        That is by the database's clock, which may have been ahead when it stored a row. It reads every live
        row of the stream, which takes SQLite seconds for hundreds of thousands: let it be no transaction that
        others wait for.
        """
        destination = stream_destination(self.environment, self.key)
        before = select(destination.id).where(
            *destination.stream_filter,
            destination.table.c.remote_deleted_at.is_(None),
            or_(
                destination.table.c.first_seen_at < walk_began_at,
                destination.table.c.first_seen_at > now + VIEW_AHEAD,
            ),
        )
        return list(
            connection.execute(
                except_(before, seen_ids(connection, self.environment, self.key, walk_id))
            ).scalars()
        )

    def note(self, connection: Connection, ids: Collection[str], walk_id: str, now: datetime) -> None:
        """Keep the rows that the walk did not see, and forget those that it did; idempotent."""
        statement = insert_statement(connection, missing)
        rows = [
            {
                "environment": self.environment,
                "integration_id": self.key.integration_id,
                "model": self.key.model,
                "record_id": record_id,
                "walk_id": walk_id,
                "walks": 1,
                "missing_since": now,
            }
            for record_id in ids
        ]
        if rows:
            connection.execute(
                statement.on_conflict_do_update(
                    index_elements=missing.primary_key.columns,
                    set_={"walks": missing.c.walks + 1, "walk_id": statement.excluded.walk_id},
                    where=missing.c.walk_id != statement.excluded.walk_id,
                ),
                rows,
            )
            self._note_last_seen(connection, walk_id)
        connection.execute(delete(missing).where(*self._of, missing.c.walk_id != walk_id))

    def _note_last_seen(self, connection: Connection, walk_id: str) -> None:
        """Keep when a list last had rows that are missing for the first time, where the table says that."""
        destination = stream_destination(self.environment, self.key)
        table = destination.table
        if "last_seen_at" not in destination.timestamp_columns:
            return
        before = (
            select(streams.c.last_full_walk_at)
            .where(*stream_filter(streams, self.environment, self.key))
            .scalar_subquery()
        )
        new = select(missing.c.record_id).where(*self._of, missing.c.walk_id == walk_id, missing.c.walks == 1)
        connection.execute(
            update(table)
            .where(*destination.stream_filter, destination.id.in_(new), table.c.last_seen_at < before)
            .values(last_seen_at=before)
        )

    def unconfirmed(
        self, connection: Connection, sweep_id: str, *, only_approved: bool = False, limit: int
    ) -> list[str]:
        """Find missing records that this sweep has not confirmed yet, in order."""
        return list(
            connection.execute(
                select(missing.c.record_id)
                .where(
                    *self._of,
                    or_(missing.c.confirmed_by.is_(None), missing.c.confirmed_by != sweep_id),
                    *([missing.c.approved_at.is_not(None)] if only_approved else []),
                )
                .order_by(missing.c.record_id)
                .limit(limit)
            ).scalars()
        )

    def confirm(self, connection: Connection, sweep_id: str, ids: Collection[str]) -> None:
        """Note that Kombo, asked in this sweep, does not know these records."""
        if ids:
            connection.execute(
                update(missing).where(*self._of, missing.c.record_id.in_(ids)).values(confirmed_by=sweep_id)
            )

    def forget(self, connection: Connection, ids: Collection[str]) -> None:
        """Forget these records, which Kombo has just served."""
        if ids:
            connection.execute(
                delete(missing).where(*self._of, in_values(connection, missing.c.record_id, ids))
            )

    def count(self, connection: Connection, condition: ColumnElement[bool]) -> int:
        """Count the missing rows that meet the condition and are not approved."""
        return connection.execute(
            select(func.count()).where(*self._of, condition, missing.c.approved_at.is_(None))
        ).scalar_one()

    def confirmed(self, sweep_id: str) -> ColumnElement[bool]:
        """Make the condition: confirmed in this sweep."""
        return missing.c.confirmed_by == sweep_id

    def missed_often(self, walks: int) -> ColumnElement[bool]:
        """Make the condition: not seen by so many complete walks in a row."""
        return missing.c.walks >= walks

    def hold(self, connection: Connection, now: datetime) -> None:
        """Let all missing rows that are not approved wait for approval."""
        connection.execute(
            update(missing)
            .where(*self._of, missing.c.approved_at.is_(None))
            .values(held_at=func.coalesce(missing.c.held_at, literal(now, Timestamp)))
        )

    def approve(self, connection: Connection, now: datetime) -> int:
        """Approve that held rows are marked, as far as they are still missing; give how many they are."""
        return connection.execute(update(missing).where(*self._of, IS_HELD).values(approved_at=now)).rowcount

    def mark(
        self, connection: Connection, condition: ColumnElement[bool], now: datetime, *, only_approved: bool
    ) -> list[str]:
        """Mark the missing rows that meet the condition deleted; give the ids of those alive until now."""
        destination = stream_destination(self.environment, self.key)
        chosen = and_(*self._of, condition, *([missing.c.approved_at.is_not(None)] if only_approved else []))
        to_mark = (
            destination.id.in_(select(missing.c.record_id).where(chosen)),
            *destination.stream_filter,
            destination.table.c.remote_deleted_at.is_(None),
        )
        marked = list(connection.execute(select(destination.id).where(*to_mark)).scalars())
        connection.execute(
            update(destination.table)
            .where(*to_mark)
            .values(remote_deleted_at=now, deleted_by="sweep", mirrored_at=now)
        )
        connection.execute(delete(missing).where(chosen))
        return marked

    def held(self, connection: Connection) -> Held | None:
        """Read the stream's held rows; None: there are none."""
        return held_rows(connection, self.environment, self.key).get(self.key)

    @property
    def _of(self) -> tuple[ColumnElement[bool], ...]:
        return stream_filter(missing, self.environment, self.key)
