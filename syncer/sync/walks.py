"""The walks of one run: one after the other until the stream is up to date."""

from __future__ import annotations

from contextlib import aclosing
from datetime import datetime, timedelta
from functools import partial

from msgspec import Struct, field
from sqlalchemy import Connection

from syncer.domain.errors import (
    CursorRefused,
    KeyRefused,
    KomboError,
    ListStuck,
    ProjectionReplaced,
    TableUnavailable,
    Transient,
)
from syncer.domain.ratelimit.budget import Purpose
from syncer.domain.records.change import Counts
from syncer.domain.scheduling.intervals import FRESH_FOR
from syncer.domain.streams.attempts import (
    concerns_integration,
    outcome_of,
    retry_after,
    retry_table_after,
)
from syncer.domain.streams.decisions import (
    MAX_RESTARTS,
    needs_catch_up,
    next_walk,
    restarted,
    without_watermark,
)
from syncer.domain.streams.state import Outcome, StreamState
from syncer.domain.streams.stream import Kind, Mode, Phase, Stream, Walk
from syncer.process.log import Logger
from syncer.store.state.integrations import IntegrationRow
from syncer.sync.context import Progress, Stopped, WatermarkRefuted
from syncer.sync.deletions.sweep import Sweep
from syncer.sync.integrations import FRESH_WHEN_TOLD, must_be_offered
from syncer.sync.page import LastStoredPage, WalkEnd
from syncer.sync.page_loop import walk_pages
from syncer.sync.run_context import RunContext

log = Logger()

UNSTEADY = "The time that Kombo's answers tell goes back and forth: nothing says what was read when."


class Walks(Struct):
    """Walks of a run under way. counts, pages, kind: what it has stored, also when it ends early.

    pause: until the next attempt, where that is sooner than the outcome decides. is_refused: the run ended
    because of the whole integration. is_table_unavailable: the database is why the run failed. read_from: the
    time from which on the last walk read the list anew; None where another run had begun it, or where records
    moved to the last.
    """

    run: RunContext
    mode: Mode
    purpose: Purpose | None
    counts: Counts = field(default_factory=Counts)
    pages: int = 0
    kind: Kind | None = None
    pause: timedelta | None = None
    is_refused: bool = False
    is_table_unavailable: bool = False
    read_from: datetime | None = None

    async def until_current(self) -> tuple[Outcome, str | None]:
        """Do walks until the stream is up to date; give the outcome, and what is wrong in words.

        Raises KeyRefused, LeaseLost, DatabaseError.
        """
        run = self.run
        try:
            is_told = run.before.told_at is not None and run.before.state is not StreamState.UNAVAILABLE
            integration = await run.integrations.known(
                run.key.integration_id, self._purpose(), good_for=FRESH_WHEN_TOLD if is_told else FRESH_FOR
            )
            must_be_offered(integration, run.source.spec)
            mode = await self._approve() if self.mode is Mode.APPROVE else self.mode
            await self._walks(integration, mode)
            return Outcome.COMPLETE, None
        except Stopped:
            return Outcome.STOPPED, None
        except KeyRefused:
            raise
        except KomboError as error:
            if concerns_integration(error):
                self.is_refused = True
                error = await run.integrations.refused(run.key.integration_id, error, self._purpose())
            self.pause = retry_after(error)
            return outcome_of(error), error.reason
        except TableUnavailable as error:
            self.is_table_unavailable = True
            self.pause = retry_table_after(run.before.failures)
            return Outcome.FAILED, str(error)
        except ProjectionReplaced as error:
            # Not the source's trouble: whoever makes the rows now is to have the stream soon.
            self.pause = retry_table_after(run.before.failures)
            return Outcome.FAILED, str(error)
        except MemoryError:
            return Outcome.FAILED, f"Memory is too short for a page of {run.key.model}."

    async def _walks(self, integration: IntegrationRow, mode: Mode) -> None:
        run, rules = self.run, self.run.context.rules
        stream, now, restarts, is_refuted = run.before, run.began_at, 0, False
        while True:
            walk = next_walk(
                stream,
                run.source.spec,
                mode=mode,
                filters=run.source.filters,
                overlap=rules.overlap,
                full_every=rules.full_every,
                now=now,
                new_id=run.context.new_id(),
                stale_before=integration.refreshed_at,
            )
            # The order was for the first walk; from here the stream's own state decides.
            mode = Mode.SYNC
            try:
                end = await self._walk(walk, stream.rows_live + stream.rows_deleted)
            except CursorRefused:
                if restarts == MAX_RESTARTS:
                    raise
                restarts += 1
                stream, now = await run.write(partial(self._restart, walk))
                log.warning(
                    "walk_restarted", integration=run.key.integration_id, model=run.key.model, run=run.run_id
                )
                continue
            except WatermarkRefuted:
                if is_refuted:
                    raise Transient(UNSTEADY, integration_id=run.key.integration_id) from None
                is_refuted = True
                stream, now = await run.write(self._distrust)
                continue
            stream, now = end.stream, end.now
            is_resumed = walk.pages > 0 or walk.phase is Phase.SWEEP
            is_settled = end.walk.kind is Kind.FULL or not (end.walk.moved and end.walk.pages > 1)
            self.read_from = run.began_at if is_settled and not is_resumed else None
            if not needs_catch_up(
                stream, run.source.spec, end.walk, rules.overlap, now, resumed=walk.pages > 0
            ):
                return

    async def _walk(self, walk: Walk, known_rows: int) -> WalkEnd:
        """Do one walk and, after a full one, its sweep."""
        self.kind = walk.kind
        purpose = self._purpose(walk)
        if walk.phase is Phase.READ:
            end = await self._read(walk, purpose, known_rows)
            if walk.kind is Kind.INCREMENTAL:
                return end
            walk = end.walk
        stream, now = await self._sweep(Sweep.of_walk(self.run, purpose, walk))
        return WalkEnd(walk, stream, now)

    async def _read(self, walk: Walk, purpose: Purpose, known_rows: int) -> WalkEnd:
        """Store the walk page by page."""
        context, key = self.run.context, self.run.key
        expected = known_rows if walk.kind is Kind.FULL and known_rows else None
        context.report(Progress(key, "begun", walk.kind, walk.rows, walk.pages, expected))
        try:
            async with aclosing(walk_pages(self.run, walk, purpose)) as pages:
                async for stored in pages:
                    walk = stored.step.walk
                    self.counts += stored.counts
                    self.pages += 1
                    context.report(
                        Progress(key, "page", walk.kind, walk.rows, walk.pages, expected, stored.counts)
                    )
                    if isinstance(stored, LastStoredPage):
                        return stored.end
                    context.check_stopping()
        except ListStuck:
            # Nobody knows what its cursors have passed over: the next run does not follow them.
            await self.run.write(partial(self._restart, walk))
            raise
        raise AssertionError("a walk ends with its last page")

    async def _sweep(self, sweep: Sweep) -> tuple[Stream, datetime]:
        counts, stream, now = await sweep.run_to_end()
        self.counts += counts
        self.run.context.report(Progress(self.run.key, "swept", self.kind, counts=counts))
        return stream, now

    async def _approve(self) -> Mode:
        """Mark the approved rows that are still missing; give the mode of the walk that follows."""
        purpose = Purpose.FULL if self.purpose is None else self.purpose
        await self._sweep(Sweep.of_approval(self.run, purpose))
        # Without a lookup by id only a full walk can confirm that a record is missing.
        return Mode.SYNC if self.run.source.spec.features.ids else Mode.RESTART

    def _purpose(self, walk: Walk | None = None) -> Purpose:
        """Choose the purpose of requests: that of the run, else that of the walk."""
        if self.purpose is not None:
            return self.purpose
        # Where there is no other kind of walk, a full one is the daily work.
        if walk is not None and walk.kind is Kind.FULL and self.run.source.spec.features.updated_after:
            return Purpose.FULL
        return Purpose.INCREMENTAL if self.run.before.told_at is None else Purpose.WEBHOOK

    def _restart(self, walk: Walk, connection: Connection) -> tuple[Stream, datetime]:
        """Give the walk's cursor up, keep its filters."""
        run, context = self.run, self.run.context
        now = context.database.now(connection)
        fresh = restarted(walk, context.new_id())
        context.streams.save_walk(connection, run.lease, fresh, Counts(), now=now, length=context.rules.lease)
        return context.streams.get(connection, run.key), now

    def _distrust(self, connection: Connection) -> tuple[Stream, datetime]:
        """Give the watermark up; the stream is not complete until it has been read whole."""
        run, context = self.run, self.run.context
        now, stream = context.database.now(connection), context.streams.get(connection, run.key)
        after = without_watermark(stream, run.source.filters, context.new_id())
        context.streams.finish_walk(connection, run.lease, after, Counts())
        log.warning(
            "watermark_refuted",
            integration=run.key.integration_id,
            model=run.key.model,
            run=run.run_id,
            watermark=stream.watermark,
        )
        return after, now
