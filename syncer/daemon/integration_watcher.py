"""Watch integrations come and go while the service runs."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping

from syncer.daemon.database_health import DatabaseHealth
from syncer.daemon.key_health import KeyHealth
from syncer.daemon.schedule import Schedule
from syncer.domain.errors import DatabaseError, KeyRefused
from syncer.environments.environment import Environment
from syncer.operations.key import check_key
from syncer.process.log import Logger
from syncer.sync.context import SyncContext
from syncer.sync.integrations import Integrations

log = Logger()


class IntegrationWatcher:
    """Streams of the service, kept in step with the integrations that commands add and remove.

    known: the lists that are mirrored when the service begins, by integration.
    """

    def __init__(
        self,
        environment: Environment,
        context: SyncContext,
        integrations: Integrations,
        schedule: Schedule,
        known: Mapping[str, Collection[str]],
        database_health: DatabaseHealth,
        key_health: KeyHealth | None = None,
    ) -> None:
        self._environment = environment
        self._context = context
        self._integrations = integrations
        self._schedule = schedule
        self._known = known
        self._database_health = database_health
        self._key_health = key_health or KeyHealth()
        self._key_is_checked = False
        self._has_failed = False
        self._lock = asyncio.Lock()

    async def update(self) -> None:
        """Bring the streams in step with the integrations, without Kombo while it refuses the key."""
        async with self._lock:
            try:
                await self._update()
            except KeyRefused as error:
                self._key_health.report_refusal(error)
            except DatabaseError as error:
                self._has_failed = True
                self._database_health.report_failure("integrations", error)
            else:
                self._has_failed = False
                self._database_health.report_success("integrations")

    async def retry(self) -> None:
        """Update again if the database could not be used the last time."""
        if self._has_failed:
            await self.update()

    async def _update(self) -> None:
        if self._key_health.error is None and not self._key_is_checked:
            # Also where there is no stream yet that would find it out.
            await check_key(self._environment, self._context)
            self._key_is_checked = True
        # What is known is not kept waiting by an integration about which Kombo gives no answer.
        selection = self._environment.selection
        unasked = await selection.unasked()
        await self._apply(await selection.keep_in_step(leave=frozenset(unasked)))
        if unasked and self._key_health.error is None:
            await selection.ask_about(self._integrations, unasked)
            await self._apply(await selection.keep_in_step())

    async def _apply(self, found: Mapping[str, Collection[str]]) -> None:
        """Log what has changed, and schedule new streams. found: the lists of each integration."""
        before, after = self._known.keys(), found.keys()
        for integration in sorted(after - before):
            log.info("integration_added", integration=integration)
        for integration in sorted(before - after):
            log.info("integration_removed", integration=integration)
        new = set[str]()
        for integration, names in found.items():
            known = self._known.get(integration, ())
            new.update(name for name in names if name not in known)
        for model in sorted(new):
            await self._schedule.repeat(model)
        self._known = found
