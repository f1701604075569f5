"""The walks of one run: one after the other until the stream is up to date."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

import structlog
from sqlalchemy import Connection

from syncer.domain.errors import CursorRefused, IntegrationGone, KeyRefused, KomboError, ProjectionReplaced
from syncer.domain.ratelimit.budget import Purpose
from syncer.domain.records.change import Counts
from syncer.domain.streams.decisions import (
    MAX_RESTARTS,
    Kind,
    Mode,
    Outcome,
    Phase,
    Stream,
    Walk,
    again,
    follow_up,
    next_walk,
    outcome_of,
    soon,
)
from syncer.domain.streams.key import StreamKey
from syncer.store.state.streams import Lease
from syncer.sync.context import Engine, Progress
from syncer.sync.deletions.sweep import Sweep
from syncer.sync.integrations import Integrations, must_be_offered
from syncer.sync.page_loop import Stored, walk_list
from syncer.sync.sources.base import Source

log = structlog.get_logger("syncer")


@dataclass
class Run:
    """A run under way; counts and pages are what it has stored, also when it ends early.

    again_in: when to try again where that is sooner than its outcome tells.
    """

    engine: Engine
    integrations: Integrations
    lease: Lease
    run_id: str
    source: Source
    mode: Mode
    purpose: Purpose | None
    counts: Counts = field(default_factory=Counts)
    pages: int = 0
    kind: Kind | None = None
    again_in: timedelta | None = None

    @property
    def key(self) -> StreamKey:
        return self.lease.key

    async def walks(self, stream: Stream, now: datetime) -> tuple[Outcome, str | None]:
        """One walk after the other until the stream is up to date, or told to stop."""
        engine, restarts = self.engine, 0
        try:
            asked_for = Purpose.INCREMENTAL if self.purpose is None else self.purpose
            integration = await self.integrations.known(self.key.integration_id, asked_for)
            must_be_offered(integration, self.source.listed)
            if self.mode is Mode.APPROVE and not await self.approve():
                return Outcome.STOPPED, None
            while True:
                walk = next_walk(
                    stream,
                    self.source.listed,
                    mode=self.mode,
                    filters=self.source.filters,
                    overlap=engine.rules.overlap,
                    full_every=engine.rules.full_every,
                    now=now,
                    new_id=engine.new_id(),
                    stale_before=integration.refreshed_at,
                )
                try:
                    ended = await self.walk(walk, stream.rows_live + stream.rows_deleted)
                except CursorRefused:
                    if restarts == MAX_RESTARTS:
                        raise
                    restarts += 1
                    now, stream = await engine.database.write(partial(self.restart, walk))
                else:
                    if ended is None:
                        return Outcome.STOPPED, None
                    resumed = walk.pages > 0
                    walk, stream, now = ended
                    if not follow_up(
                        stream, self.source.listed, walk, engine.rules.overlap, now, resumed=resumed
                    ):
                        return Outcome.COMPLETE, None
                # What was asked for has begun; from here the stream's own state says what comes next.
                self.mode = Mode.SYNC
        except KeyRefused:
            raise
        except KomboError as error:
            if isinstance(error, IntegrationGone):
                await self.integrations.gone(self.key.integration_id)
            self.again_in = soon(error)
            return outcome_of(error), str(error)
        except ProjectionReplaced as error:
            return Outcome.FAILED, str(error)

    async def walk(self, walk: Walk, known_rows: int) -> tuple[Walk, Stream, datetime] | None:
        """One walk and, after a full one, its sweep: the walk as it ended, the stream after it, the time.

        None where it was told to stop before the end.
        """
        purpose = self.purpose
        if purpose is None:
            # Where there is no other kind of walk, a full one is the daily work.
            is_rare = walk.kind is Kind.FULL and self.source.listed.features.updated_after
            purpose = Purpose.FULL if is_rare else Purpose.INCREMENTAL
        self.kind = walk.kind
        if walk.phase is Phase.READ:
            last = await self.read(walk, purpose, known_rows)
            if last is None or last.stream is None:
                return None
            if last.stream.walk is None:
                return last.walk, last.stream, last.now
            walk = last.stream.walk
        swept = await self.sweep(purpose, walk)
        return None if swept is None else (walk, *swept)

    async def read(self, walk: Walk, purpose: Purpose, known_rows: int) -> Stored | None:
        """The walk page by page; gives its last page, or None where it was told to stop before that."""
        engine = self.engine
        expected = known_rows if walk.kind is Kind.FULL and known_rows else None
        engine.report(Progress(self.key, "begun", walk.kind, walk.rows, walk.pages, expected))
        pages = walk_list(engine, self.lease, self.run_id, self.source, walk, purpose)
        async with aclosing(pages):
            async for stored in pages:
                walk = stored.walk
                self.counts += stored.counts
                self.pages += 1
                engine.report(Progress(self.key, "page", walk.kind, walk.rows, walk.pages, expected))
                if stored.stream is not None:
                    return stored
                if engine.stopping():
                    break
        return None

    async def sweep(self, purpose: Purpose, walk: Walk | None) -> tuple[Stream, datetime] | None:
        """Look into what is missing after a full walk, or (walk None) into what a person has approved."""
        swept = await Sweep(
            self.engine,
            self.integrations,
            self.lease,
            self.run_id,
            self.source,
            purpose,
            id=self.engine.new_id() if walk is None else walk.id,
            walk=walk,
        ).run()
        if swept is None:
            return None
        counts, stream, now = swept
        self.counts += counts
        return stream, now

    async def approve(self) -> bool:
        """Let what is held pass; False where it was told to stop before the end."""
        swept = await self.sweep(Purpose.FULL if self.purpose is None else self.purpose, None)
        # A record that Kombo cannot be asked for by its id shows in another walk whether it is there.
        self.mode = Mode.SYNC if self.source.listed.features.ids else Mode.RESTART
        return swept is not None

    def restart(self, walk: Walk, connection: Connection) -> tuple[datetime, Stream]:
        """Give the walk's place up, keep its filters."""
        engine = self.engine
        now = engine.database.now(connection)
        fresh = again(walk, engine.new_id())
        engine.streams.save_walk(connection, self.lease, fresh, Counts(), now=now, length=engine.rules.lease)
        log.warning(
            "walk_restarted", integration=self.key.integration_id, model=self.key.model, run=self.run_id
        )
        return now, engine.streams.get(connection, *self.key)
