"""Worker pool of the service: claim due streams and run them, round-robin over the integrations."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from syncer.daemon.due import LogTrimmer, read_due
from syncer.daemon.runs import WEBHOOK_PLACES, Runs
from syncer.daemon.waiting import any_of
from syncer.domain.errors import DatabaseError
from syncer.domain.ratelimit.budget import TOLD
from syncer.domain.scheduling.fairness import streams_to_start
from syncer.domain.stream_key import StreamKey
from syncer.sync.context import SyncContext
from syncer.sync.integrations import Integrations

#: Seconds between two polls of the database where nothing wakes us: another process may have made streams
#: due, or died with a lease.
POLL_EVERY = 15.0
#: Due streams that are considered at a time.
CANDIDATES = 500
#: Seconds between two looks at what is due while no place is free: one can only have a run give up its own.
FULL_PAUSE = 0.25
#: Streams that are chosen for each free place: some of them may be claimed by others at the same time.
CHOSEN_FOR_A_PLACE = 4
#: Seconds before the next look where others were claiming the same streams: what they have left shows then.
CONTENDED_PAUSE = 0.25


class Workers:
    """Runs of the service. stopping: set once, to end; a failure sets it, too. Times in seconds.

    runs: further arguments of ``Runs``.
    """

    def __init__(
        self,
        context: SyncContext,
        integrations: Integrations,
        concurrency: int,
        stopping: asyncio.Event,
        *,
        poll_every: float = POLL_EVERY,
        **runs: Any,
    ) -> None:
        self._woken, self._freed = asyncio.Event(), asyncio.Event()
        self._runs = Runs(context, integrations, concurrency, stopping, on_change=self._on_change, **runs)
        self._context = self._runs.context
        self._stopping = stopping
        self._poll_every = poll_every
        self._trimmer = LogTrimmer(context)
        #: Number of each integration's latest run among all.
        self._last_turns: dict[str, int] = {}
        #: Rounds with a single run as probe of the database.
        self._probes = 0

    def wake(self) -> None:
        """Read what is due now, without waiting for the next poll."""
        self._woken.set()

    async def run(self) -> None:
        """Run due streams until stopping is set, and none while the key is refused. Raises faults of ours."""
        runs = self._runs
        try:
            while not self._stopping.is_set():
                self._woken.clear()
                self._freed.clear()
                pause = await self._start_due()
                await any_of(self._woken, self._stopping, seconds=pause)
                if len(runs.running) >= runs.concurrency + WEBHOOK_PLACES:
                    # A storm of webhooks wakes us for each of them.
                    await any_of(self._freed, self._stopping, seconds=FULL_PAUSE)
        finally:
            await runs.drain()
        if runs.failure is not None:
            raise runs.failure

    async def _start_due(self) -> float:
        """Start what is due as far as there are places; gives the seconds until the next poll."""
        runs = self._runs
        if runs.key_health.error is not None:
            return self._poll_every
        if runs.database_pause > 0:
            return runs.database_pause
        # What is running while the database is read may look due: its lease is ours.
        running = set(runs.running)
        try:
            due = await self._context.database.ask(
                lambda connection: read_due(connection, self._context, CANDIDATES)
            )
            await self._trimmer.trim(due.now)
        except DatabaseError as error:
            runs.database_failed("workers", error)
            return runs.database_pause
        runs.database_health.report_success("workers")
        runs.settle({*due.streams, *running})
        running |= set(runs.running)
        is_all = await self._start({key: rank for key, rank in due.streams.items() if key not in running})
        if runs.database_health.error is not None:
            return runs.probe_pause
        reachability = self._context.client.reachability
        if reachability.error is not None:
            return min(reachability.probe_in or self._poll_every, self._poll_every)
        return due.pause(self._poll_every if is_all else CONTENDED_PAUSE)

    async def _start(self, due: Mapping[StreamKey, int]) -> bool:
        """Start as much of what is due as there are places; False where others were claiming some of it."""
        runs = self._runs
        places = runs.places()
        if runs.database_health.error is not None:
            # That the database answers does not prove that it takes writes: one run probes it. Every other
            # time it is one that met the failure: some streams may fail alone.
            places = min(places, len(runs.running) + 1)
            self._probes += 1
            due = (self._probes % 2 and {key: due[key] for key in due if key in runs.failed}) or due
        is_all = await self._fill(due, places)
        told = {key: rank for key, rank in due.items() if rank in TOLD}
        is_all = await self._fill(told, runs.places_for_news()) and is_all
        runs.preempt(due)
        return is_all

    async def _fill(self, due: Mapping[StreamKey, int], places: int) -> bool:
        """Start runs of what is due until so many are under way; False as ``_start`` has it."""
        free = places - len(self._runs.running)
        chosen = streams_to_start(due, self._last_turns, self._runs.running, free * CHOSEN_FOR_A_PLACE)
        if not chosen:
            return True
        claimed = await self._runs.claim(chosen, free) or []
        for run in claimed:
            self._last_turns[run.key.integration_id] = max(self._last_turns.values(), default=0) + 1
            self._runs.start(run, due[run.key])
        return len(claimed) == min(free, len(chosen))

    def _on_change(self) -> None:
        self._freed.set()
        self.wake()
