"""The sweep: rows that a full walk did not see are confirmed to be missing, and marked deleted or held.

    find what is missing -> is the integration whole? -> look the missing records up -> brakes -> mark or hold

Each step is kept in the database, so that a sweep goes on where it was interrupted.
"""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Self

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import ColumnElement, Connection

from syncer.domain.errors import NotReady, ParametersRefused
from syncer.domain.ratelimit.budget import Purpose
from syncer.domain.records.change import Counts
from syncer.domain.streams.decisions import after_sweep
from syncer.domain.streams.deletions import IDS_AT_ONCE, WALKS_WITHOUT_IDS, batches, can_sweep
from syncer.domain.streams.stream import Stream, Walk
from syncer.process.log import Logger
from syncer.store.state.health import health, health_flags
from syncer.store.state.missing import MissingStore
from syncer.store.state.quarantine import forget_missing_entries
from syncer.store.state.runs import count_page
from syncer.store.state.seen import forget_seen, has_record_without_id
from syncer.sync.deletions.confirm import Lookup, lookup
from syncer.sync.deletions.mark import mark_missing
from syncer.sync.integrations import ACTIVE, must_be_offered
from syncer.sync.page import write_looked_up
from syncer.sync.run_context import RunContext
from syncer.sync.sources.lookup import by_id

log = Logger()


class Sweep(Struct, frozen=True):
    """One sweep of a stream under its lease.

    Made by ``of_walk`` or ``of_approval``. walk: the full walk whose last page is stored; None: only rows
    that a person has approved are confirmed. id names the sweep in ``sync_missing``.
    """

    run: RunContext
    purpose: Purpose
    id: str
    walk: Walk | None = None

    @classmethod
    def of_walk(cls, run: RunContext, purpose: Purpose, walk: Walk) -> Self:
        """Make the sweep of a full walk whose last page is stored."""
        return cls(run, purpose, walk.id, walk)

    @classmethod
    def of_approval(cls, run: RunContext, purpose: Purpose) -> Self:
        """Make the sweep of the held rows that a person has approved."""
        return cls(run, purpose, run.context.new_id())

    async def run_to_end(self) -> tuple[Counts, Stream, datetime]:
        """Sweep; give what was done, the stream after it and the time by the database's clock.

        Raises KomboError where Kombo cannot be asked, and marks nothing then; Stopped, and keeps what was
        confirmed so far; LeaseLost, ProjectionReplaced.
        """
        missing, had_missing = await self.run.read(self._find_missing)
        counts = await self._confirm(missing) if missing or had_missing else Counts()
        marked, stream, now = await self.run.write(self._end)
        return counts + marked, stream, now

    async def _confirm(self, missing: list[str]) -> Counts:
        """Look up what is missing; give the effects of what was found."""
        counts = Counts()
        if await self.run.write(partial(self._note, missing)):
            await self._check_integration()
        while (source := by_id(self.run.source)) is not None:
            ids = await self.run.read(self._unconfirmed)
            if not ids:
                break
            self.run.context.check_stopping()
            try:
                answer = await lookup(source, ids, self.purpose)
            except ParametersRefused:
                # It cannot be asked for ids, as it turns out: further walks decide.
                continue
            counts += await self.run.write(partial(self._store, ids, answer))
        return counts

    @property
    def _missing(self) -> MissingStore:
        return MissingStore(self.run.environment, self.run.key)

    @property
    def _confirmed(self) -> ColumnElement[bool]:
        """Condition on missing rows that are to be marked: not known to Kombo, or missing in enough walks."""
        if by_id(self.run.source) is not None:
            return self._missing.confirmed(self.id)
        return self._missing.missed_often(WALKS_WITHOUT_IDS)

    @property
    def _suspected(self) -> ColumnElement[bool]:
        """Condition on missing rows that the brakes count: all, where Kombo cannot be asked for them."""
        return self._confirmed if by_id(self.run.source) is not None else self._missing.missed_often(1)

    def _find_missing(self, connection: Connection) -> tuple[list[str], bool]:
        """Find the ids of rows that the walk did not see; tell also if any were missing before."""
        has_missing = health_flags(connection, self.run.environment, self.run.key).has_missing
        if self.walk is None or self.walk.began_at is None or not self._is_conclusive(connection, self.walk):
            return [], has_missing
        now = self.run.context.database.now(connection)
        return self._missing.find(connection, self.walk.id, self.walk.began_at, now), has_missing

    def _note(self, missing: list[str], connection: Connection) -> bool:
        """Keep the missing ids that are to be confirmed; tell if there are any."""
        now = self.run.fence(connection)
        if self.walk is None:
            return self._missing.approve(connection, now) > 0
        if self._is_conclusive(connection, self.walk):
            self._missing.note(connection, missing, self.walk.id, now)
        return bool(missing)

    def _is_conclusive(self, connection: Connection, walk: Walk) -> bool:
        """True where something follows from a record's absence in the walk.

        Where Kombo cannot be asked for it, any record that came without an id may be the one.
        """
        run = self.run
        return can_sweep(run.source.spec, walk) and (
            by_id(run.source) is not None
            or not has_record_without_id(connection, run.environment, run.key, walk.id)
        )

    async def _check_integration(self) -> None:
        """Raise NotReady or ModelUnavailable unless Kombo has the integration's whole and present data."""
        run = self.run
        known = await run.integrations.known(run.key.integration_id, self.purpose, fresh=True)
        must_be_offered(known, run.source.spec)
        if known.status not in {None, ACTIVE}:
            pending = f"what is missing there is looked into once it is {ACTIVE} again."
            raise NotReady(
                f"{known.id} is {known.status} at Kombo: {pending}",
                reason=f"This integration is {known.status} at Kombo: {pending}",
                integration_id=known.id,
            )
        if known.data_expired_at is not None:
            pending = "anew after a change of its configuration: what is missing there is looked into then."
            raise NotReady(
                f"Kombo has not yet read {known.id} {pending}",
                reason=f"Kombo has not yet read this integration {pending}",
                integration_id=known.id,
            )

    def _unconfirmed(self, connection: Connection) -> list[str]:
        """Choose the next ids to look up; none where that cannot change the end any more."""
        if self.walk is not None and self._is_held(connection):
            return []
        ids = self._missing.unconfirmed(
            connection, self.id, only_approved=self.walk is None, limit=IDS_AT_ONCE
        )
        return next(batches(ids), [])

    def _store(self, ids: list[str], answer: Lookup, connection: Connection) -> Counts:
        """Write the records that Kombo has; the ids that it does not know are confirmed to be missing."""
        written = write_looked_up(self.run, answer.found, connection)
        unknown = set(answer.unknown)
        self._missing.confirm(connection, self.id, unknown)
        self._missing.forget(connection, [each for each in ids if each not in unknown])
        return written.counts

    def _is_held(self, connection: Connection) -> bool:
        """True where more rows are missing than may be marked without approval."""
        missing = self._missing.count(connection, self._suspected)
        live = self.run.context.streams.get(connection, self.run.key).rows_live
        can_look_up = by_id(self.run.source) is not None
        return self.run.context.rules.brakes.hold(missing, live, self.walk, can_look_up=can_look_up)

    def _end(self, connection: Connection) -> tuple[Counts, Stream, datetime]:
        """Mark the missing rows deleted, or hold them; the walk is over."""
        run, streams, missing = self.run, self.run.context.streams, self._missing
        history = run.source.pin(connection).history
        now = run.fence(connection)
        only_approved, counts = self.walk is None, Counts()
        flags = health_flags(connection, run.environment, run.key)
        if flags.has_missing:
            if self.walk is not None and self._is_held(connection):
                only_approved = True
                missing.hold(connection, now)
            counts = mark_missing(run, connection, self._confirmed, history, now, only_approved=only_approved)
        if counts.deleted:
            count_page(connection, run.run_id, None, counts, pages=0, stored=run.stored.count)
        if self.walk is None:
            streams.count_rows(connection, run.lease, counts)
        else:
            forget_seen(connection, run.environment, run.key)
            is_whole = run.source.spec.is_whole(self.walk.filters)
            if flags.has_quarantine and not only_approved and is_whole and self.walk.began_at is not None:
                forget_missing_entries(connection, run.environment, run.key, self.walk.began_at, now)
            after = after_sweep(streams.get(connection, run.key), self.walk)
            after = replace(after, state=health(connection, run.environment, run.key).state())
            streams.finish_walk(connection, run.lease, after, counts)
        if counts.deleted:
            log.info(
                "rows_swept",
                integration=run.key.integration_id,
                model=run.key.model,
                run=run.run_id,
                rows=counts.deleted,
            )
        return counts, streams.get(connection, run.key), now
