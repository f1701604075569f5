"""The sweep: what a full walk did not see is looked into, and marked deleted only where nothing speaks
against it.

    find what is missing -> ask about the integration -> ask Kombo for just the missing records
    -> brakes -> mark, or hold

Each step is kept in the database, so that a sweep goes on where it was interrupted.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

import structlog
from sqlalchemy import ColumnElement, Connection

from syncer.domain.errors import NotReady
from syncer.domain.ratelimit.budget import Purpose
from syncer.domain.records.change import Counts
from syncer.domain.streams.decisions import Stream, Walk, swept
from syncer.domain.streams.deletions import IDS_AT_ONCE, WALKS_WITHOUT_IDS, batches, can_sweep
from syncer.store.state.health import set_apart
from syncer.store.state.missing import MissingStore
from syncer.store.state.quarantine import forget_unmet
from syncer.store.state.runs import count_page
from syncer.store.state.seen import forget_seen, has_nameless
from syncer.store.state.standing import standing
from syncer.store.state.streams import Lease
from syncer.sync.context import Engine
from syncer.sync.deletions.confirm import Answer, ask_for
from syncer.sync.integrations import Integrations, must_be_offered
from syncer.sync.page import write_asked
from syncer.sync.sources.base import Source
from syncer.sync.sources.lookup import by_id

log = structlog.get_logger("syncer")


@dataclass(frozen=True, slots=True)
class Sweep:
    """One sweep of a stream under its lease.

    walk: the full walk whose last page is stored, or None where a person has approved what is held: then only
    that is looked into. id names the sweep in ``sync_missing``: the walk's, or one of its own.
    """

    engine: Engine
    integrations: Integrations
    lease: Lease
    run_id: str
    source: Source
    purpose: Purpose
    id: str
    walk: Walk | None = None

    async def run(self) -> tuple[Counts, Stream, datetime] | None:
        """Sweep; gives what was done, the stream after it and the time by the database's clock.

        None: told to stop; what was asked for so far is kept. Raises KomboError where Kombo cannot be asked,
        and marks nothing then; LeaseLost, ProjectionReplaced.
        """
        unseen, some_are_missing = await self.engine.database.ask(self._unseen)
        counts: Counts | None = Counts()
        if unseen or some_are_missing:
            counts = await self._look_into(unseen)
        if counts is None:
            return None
        marked, stream, now = await self.engine.database.write(self._end)
        return counts + marked, stream, now

    async def _look_into(self, unseen: list[str]) -> Counts | None:
        """Ask Kombo for what is missing; gives what was served. None: told to stop."""
        counts = Counts()
        if await self.engine.database.write(partial(self._note, unseen)):
            await self._must_be_told_truly()
        while (asking := by_id(self.source)) is not None:
            ids = await self.engine.database.ask(self._unasked)
            if not ids:
                break
            if self.engine.stopping():
                return None
            answer = await ask_for(asking, ids, self.purpose)
            counts += await self.engine.database.write(partial(self._keep, ids, answer))
        return counts

    @property
    def _missing(self) -> MissingStore:
        key = self.lease.key
        return MissingStore(self.engine.streams.environment, key)

    @property
    def _believed(self) -> ColumnElement[bool]:
        """Which of the missing rows are gone, as far as can be known."""
        if by_id(self.source) is not None:
            return self._missing.confirmed(self.id)
        return self._missing.missed_often(WALKS_WITHOUT_IDS)

    @property
    def _suspected(self) -> ColumnElement[bool]:
        """Which of the missing rows the brakes are for: where Kombo cannot be asked for them, all."""
        return self._believed if by_id(self.source) is not None else self._missing.missed_often(1)

    def _unseen(self, connection: Connection) -> tuple[list[str], bool]:
        """What the walk did not see, and whether anything was missing before."""
        are_missing = set_apart(connection, self._missing.environment, self._missing.key).missing
        if self.walk is None or self.walk.began_at is None or not self._is_telling(connection, self.walk):
            return [], are_missing
        return self._missing.unseen(connection, self.walk.id, self.walk.began_at), are_missing

    def _note(self, unseen: list[str], connection: Connection) -> bool:
        """Keep what there is to look into; gives whether there is anything."""
        engine = self.engine
        now = engine.database.now(connection)
        engine.streams.renew(connection, self.lease, now, engine.rules.lease)
        if self.walk is None:
            return self._missing.approve(connection, now) > 0
        if self._is_telling(connection, self.walk):
            self._missing.note(connection, unseen, self.walk.id, now)
        return bool(unseen)

    def _is_telling(self, connection: Connection, walk: Walk) -> bool:
        """Whether anything follows from a record's absence in the walk.

        Where Kombo cannot be asked for it, any record that came without an id may be the one.
        """
        key, environment = self.lease.key, self.engine.streams.environment
        return can_sweep(self.source.listed, walk) and (
            by_id(self.source) is not None or not has_nameless(connection, environment, key, walk.id)
        )

    async def _must_be_told_truly(self) -> None:
        """What is absent says something only where Kombo has the integration's whole and present data."""
        known = await self.integrations.known(self.lease.key.integration_id, self.purpose, fresh=True)
        must_be_offered(known, self.source.listed)
        if known.status not in {None, "ACTIVE"}:
            raise NotReady(
                f"{known.id} is {known.status} at Kombo: what is missing there is looked into once it is "
                "ACTIVE again.",
                integration_id=known.id,
            )
        if known.data_expired_at is not None:
            raise NotReady(
                f"Kombo has not yet read {known.id} anew after a change of its configuration: "
                "what is missing there is looked into then.",
                integration_id=known.id,
            )

    def _unasked(self, connection: Connection) -> list[str]:
        """The next ids to ask for; none where that cannot change the end any more."""
        if self.walk is not None and self._is_held(connection):
            return []
        ids = self._missing.unasked(connection, self.id, only_approved=self.walk is None, limit=IDS_AT_ONCE)
        return next(batches(ids), [])

    def _keep(self, ids: list[str], answer: Answer, connection: Connection) -> Counts:
        """What Kombo served is current now; what it did not know is confirmed to be missing."""
        written = write_asked(connection, self.engine, self.lease, self.run_id, self.source, answer.records)
        unknown = set(answer.unknown)
        self._missing.confirm(connection, self.id, unknown)
        self._missing.forget(connection, [each for each in ids if each not in unknown])
        return written.counts

    def _is_held(self, connection: Connection) -> bool:
        """Whether so much is believed to be gone that nobody believes it unasked."""
        engine, key = self.engine, self.lease.key
        gone = self._missing.count(connection, self._suspected)
        live = engine.streams.get(connection, *key).rows_live
        return engine.rules.brakes.hold(gone, live, self.walk)

    def _end(self, connection: Connection) -> tuple[Counts, Stream, datetime]:
        """Mark what is gone, or hold it; the walk is over."""
        engine, missing = self.engine, self._missing
        key, environment = missing.key, missing.environment
        now = engine.database.now(connection)
        engine.streams.renew(connection, self.lease, now, engine.rules.lease)
        only_approved, marked = self.walk is None, 0
        apart = set_apart(connection, environment, key)
        if apart.missing:
            if self.walk is not None and self._is_held(connection):
                only_approved = True
                missing.hold(connection, now)
            marked = missing.mark(connection, self._believed, now, only_approved=only_approved)
        counts = Counts(deleted=marked, live=-marked, gone=marked)
        if marked:
            count_page(connection, self.run_id, None, counts, pages=0)
        if self.walk is None:
            engine.streams.count_rows(connection, self.lease, counts)
        else:
            forget_seen(connection, environment, key)
            is_whole = self.source.listed.is_whole(self.walk.filters)
            if apart.quarantined and not only_approved and is_whole and self.walk.began_at is not None:
                forget_unmet(connection, environment, key, self.walk.began_at)
            after = swept(engine.streams.get(connection, *key), self.walk)
            after = replace(after, state=standing(connection, environment, key).state())
            engine.streams.finish_walk(connection, self.lease, after, counts)
        if marked:
            log.info(
                "rows_swept", integration=key.integration_id, model=key.model, run=self.run_id, rows=marked
            )
        return counts, engine.streams.get(connection, *key), now
