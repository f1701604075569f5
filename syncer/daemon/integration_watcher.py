"""The integrations as they come and go while the service runs."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

import structlog

from syncer.app import App
from syncer.daemon.database_health import Availability
from syncer.daemon.schedule import Schedule
from syncer.domain.errors import DatabaseError
from syncer.domain.stream_key import StreamKey
from syncer.operations.sync import check_key
from syncer.sync.context import SyncContext
from syncer.sync.integrations import Integrations

log = structlog.get_logger("syncer")


class Following:
    """Takes up what a command has added, drops what it has removed.

    known: the streams that are mirrored when the service begins.
    """

    def __init__(
        self,
        app: App,
        context: SyncContext,
        asking: Integrations,
        schedule: Schedule,
        known: Collection[StreamKey],
        availability: Availability,
    ) -> None:
        self._app = app
        self._context = context
        self._asking = asking
        self._schedule = schedule
        self._known = set(known)
        self._availability = availability
        self._key_is_checked = False
        self._has_failed = False
        self._one_at_a_time = asyncio.Lock()

    async def follow(self) -> None:
        """Bring the streams in step. Raises KeyRefused."""
        async with self._one_at_a_time:
            try:
                await self._follow()
            except DatabaseError as error:
                self._has_failed = True
                self._availability.failed("integrations", error)
            else:
                self._has_failed = False
                self._availability.works("integrations")

    async def make_up(self) -> None:
        """Follow if the database could not be used the last time."""
        if self._has_failed:
            await self.follow()

    async def _follow(self) -> None:
        if not self._key_is_checked:
            # Also where there is no stream yet that would find it out.
            await check_key(self._context)
            self._key_is_checked = True
        # What is known is not kept waiting by an integration about which Kombo gives no answer.
        unasked = await self._app.selection.unasked()
        await self._take_up(await self._app.selection.select_streams(leave=unasked))
        if unasked:
            await self._take_up(await self._app.selection.refresh_streams(self._asking))

    async def _take_up(self, found: Collection[StreamKey]) -> None:
        found = set(found)
        before, after = ({integration for integration, _ in keys} for keys in (self._known, found))
        for integration in sorted(after - before):
            log.info("integration_added", integration=integration)
        for integration in sorted(before - after):
            log.info("integration_removed", integration=integration)
        for model in sorted({model for _, model in found - self._known}):
            await self._schedule.repeat(model)
        self._known = found
