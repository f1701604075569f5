"""Do what webhooks told about integrations: mirror a new one, ask about one again, let one go."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial

from sqlalchemy import Connection

from syncer.daemon.database_health import DatabaseHealth
from syncer.daemon.integration_watcher import IntegrationWatcher
from syncer.daemon.key_health import KeyHealth
from syncer.daemon.waiting import any_of
from syncer.domain.errors import Busy, DatabaseError, IntegrationGone, KeyRefused, KomboError, LeaseLost
from syncer.domain.ratelimit.budget import Purpose
from syncer.domain.stream_key import StreamKey
from syncer.domain.webhooks.effects import Action, Standing, told_lists
from syncer.environments.environment import Environment
from syncer.operations.webhooks import apply_events
from syncer.process.log import Logger
from syncer.store.state.webhook_events import PendingAction
from syncer.sync.context import SyncContext
from syncer.sync.departed import mark_integration, purge_integration
from syncer.sync.integrations import Integrations

log = Logger()

#: Seconds after which what could not be done is tried again.
RETRY_EVERY = 60.0
#: The same where a run is still at work on a stream of the integration.
BUSY_PAUSE = 2.0
#: Age of an event whose effect whoever has stored it would have found.
AGE_LEFT = timedelta(seconds=5)


class IntegrationEvents:
    """Events about integrations that wait in the database; each is done by whichever process comes first.

    What is told is never taken for the fact: webhooks come late, twice and in another order, so Kombo is
    asked how it is now. wake: called when streams have been made due.
    """

    def __init__(
        self,
        environment: Environment,
        context: SyncContext,
        integrations: Integrations,
        watcher: IntegrationWatcher,
        wake: Callable[[], None],
        database_health: DatabaseHealth,
        key_health: KeyHealth,
    ) -> None:
        self._environment = environment
        self._context = context
        self._integrations = integrations
        self._watcher = watcher
        self._wake_workers = wake
        self._database_health = database_health
        self._key_health = key_health
        self._key_health.on_recovery(self.wake)
        self._woken = asyncio.Event()
        # At first whoever stored them may have been this one, before it was killed.
        self._age_left = timedelta(0)

    def wake(self) -> None:
        """Look for events now."""
        self._woken.set()

    async def run(self, ending: asyncio.Event) -> None:
        """Do what has come, and what comes, until ending is set."""
        while not ending.is_set():
            self._woken.clear()
            pause = await self.do_pending()
            await any_of(self._woken, ending, seconds=pause)

    async def do_pending(self) -> float:
        """Do all that waits as far as it can be done now; give the seconds until the next attempt."""
        if self._key_health.error is not None:
            return RETRY_EVERY
        pause = RETRY_EVERY
        try:
            await self._apply_left()
            waiting = await self._environment.database.ask(self._environment.webhook_events.pending_actions)
            # What was told again and again is done once.
            for event, ids in _coalesced(waiting).items():
                try:
                    note = await self._do(*event)
                except (Busy, LeaseLost):
                    pause = BUSY_PAUSE
                    continue
                except KeyRefused as error:
                    self._key_health.report_refusal(error)
                    break
                except KomboError:
                    # Kombo gives no answer about this one: it stays.
                    continue
                await self._environment.database.write(partial(self._end, ids, note))
                log.info("integration_event", integration=event[0], effect=note)
        except DatabaseError as error:
            self._database_health.report_failure("webhooks", error)
        else:
            self._database_health.report_success("webhooks")
        return pause

    async def _apply_left(self) -> None:
        """Find the effects of events that whoever has stored them has left without any: it may have ended."""
        environment = self._environment
        while await environment.database.ask(self._has_left):
            await environment.database.write(partial(apply_events, environment, waits=True))
            self._age_left = AGE_LEFT
            self._wake_workers()
        self._age_left = AGE_LEFT

    def _has_left(self, connection: Connection) -> bool:
        before = self._environment.database.moment(connection, ago=self._age_left)
        return self._environment.webhook_events.has_unapplied(connection, before)

    async def _do(self, integration_id: str, action: Action) -> str:
        """Do what is to be done for an integration; give what came of it in a word."""
        integrations = self._environment.integrations
        standing = await self._environment.database.ask(
            lambda connection: integrations.standing(connection, integration_id)
        )
        if standing is Standing.ELSEWHERE:
            # It has moved meanwhile, and this key is not the one to ask with.
            return "moved"
        match action:
            case Action.DISCOVER:
                return await self._discover(integration_id)
            case Action.REFRESH:
                return await self._refresh(integration_id)
            case Action.DELETE:
                return await self._delete(integration_id)

    async def _discover(self, integration_id: str) -> str:
        def add(connection: Connection) -> None:
            # Unless a command has added or removed it meanwhile.
            if self._environment.integrations.standing(connection, integration_id) is Standing.UNKNOWN:
                self._environment.integrations.add(connection, integration_id, origin="webhook", models=None)

        await self._environment.database.write(add)
        await self._watcher.update()
        self._wake_workers()
        return "discovered"

    async def _refresh(self, integration_id: str) -> str:
        """Ask Kombo about the integration, and read its lists: what was refused may be served now."""
        # Where it is gone its row says so now, and its streams will.
        with suppress(IntegrationGone):
            await self._integrations.known(integration_id, Purpose.WEBHOOK, fresh=True)
        await self._watcher.update()
        await self._environment.database.write(lambda connection: self._mark_due(connection, integration_id))
        self._wake_workers()
        return "refreshed"

    async def _delete(self, integration_id: str) -> str:
        """Let an integration go that Kombo does not know any more; one that it knows stays."""
        try:
            await self._integrations.known(integration_id, Purpose.WEBHOOK, fresh=True)
            return "refuted"
        except IntegrationGone:
            pass
        is_configured = any(each.id == integration_id for each in self._environment.settings.integrations)
        policy = self._environment.settings.webhooks.integration_deleted
        if policy == "mark":
            await mark_integration(self._context, self._integrations, integration_id)
        elif policy == "purge":
            await purge_integration(self._context, self._integrations, integration_id)
        if not is_configured:
            await self._environment.database.write(
                lambda connection: self._environment.integrations.remove(
                    connection, integration_id, self._environment.database.now(connection)
                )
            )
        await self._watcher.update()
        if is_configured:
            # As long as the configuration names it its streams say that it is gone.
            await self._environment.database.write(
                lambda connection: self._mark_due(connection, integration_id)
            )
            self._wake_workers()
        return {"keep": "kept", "mark": "marked", "purge": "purged"}[policy]

    def _mark_due(self, connection: Connection, integration_id: str) -> None:
        streams = self._environment.streams
        mirrored = streams.lists_of(connection, [integration_id])[integration_id]
        lists = told_lists(None, mirrored, self._environment.webhook_events.added)
        now = self._environment.database.now(connection)
        streams.mark_told(connection, {StreamKey(integration_id, name): now for name in lists}, now=now)

    def _end(self, event_ids: Sequence[str], note: str, connection: Connection) -> None:
        now = self._environment.database.now(connection)
        for event_id in event_ids:
            self._environment.webhook_events.end_action(connection, event_id, note, now)


def _coalesced(waiting: Sequence[PendingAction]) -> dict[tuple[str, Action], list[str]]:
    """Group the ids of events by integration and action, in the order of the first of each."""
    found: dict[tuple[str, Action], list[str]] = {}
    for each in waiting:
        found.setdefault((each.integration_id, each.action), []).append(each.event_id)
    return found
