"""One environment of the app: its settings and stores, and the client that spends its budget."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING
from uuid import uuid4

from msgspec import Struct

from syncer import __version__
from syncer.config.settings import Settings
from syncer.domain.fingerprint import key_fingerprint
from syncer.domain.limits import FORWARDED_AT_ONCE
from syncer.environments.surroundings import Surroundings
from syncer.planning.capacity import Capacity
from syncer.planning.selection import Selection
from syncer.process.identity import is_dead
from syncer.store.db.database import Database
from syncer.store.state.integrations import IntegrationStore
from syncer.store.state.streams import StreamStore
from syncer.store.state.webhook_events import WebhookEventStore

if TYPE_CHECKING:
    from syncer.domain.feed.row_change import FeedRules
    from syncer.kombo.client import Client
    from syncer.kombo.concurrency import Slots
    from syncer.sync.context import Report, Rules, SyncContext
    from syncer.sync.integrations import Integrations
    from syncer.sync.permits import PermitQueue


class Opened(Struct, frozen=True):
    """An environment with its client, ready for runs."""

    environment: Environment
    context: SyncContext
    integrations: Integrations


class Environment:
    """Environment: all that one API key opens. Nothing of it waits for another one, or spends its budget.

    settings: the configuration with the sections of this environment. read_key: reads the key anew from where
    it is set.
    """

    def __init__(
        self,
        name: str,
        settings: Settings,
        database: Database,
        surroundings: Surroundings,
        read_key: Callable[[], str] | None = None,
    ) -> None:
        self.name = name
        self.settings = settings
        self.database = database
        self.api_key = settings.kombo.api_key.get_secret_value()
        self.read_key = read_key or settings.api_key
        self.streams = StreamStore(name)
        self.integrations = IntegrationStore(name)
        self.webhook_events = WebhookEventStore(name, frozenset(each.name for each in settings.added_lists))
        self.selection = Selection(settings, database, self.integrations, self.streams)
        self.capacity = Capacity(settings, database, self.streams)
        self._surroundings = surroundings
        self._slots: defaultdict[str, Slots] | None = None
        self._opened: list[tuple[Client, PermitQueue]] = []

    @property
    def key_fingerprint(self) -> str | None:
        """Fingerprint of the API key; None where there is none."""
        return key_fingerprint(self.api_key) if self.api_key else None

    @asynccontextmanager
    async def open(self, report: Report = lambda _: None) -> AsyncIterator[tuple[SyncContext, Integrations]]:
        """Open a client, and nothing else. Raises UsageError where no API key is set."""
        # Most commands ask only the database: what asks Kombo is read when it is needed.
        from syncer.sync.context import SyncContext
        from syncer.sync.integrations import Integrations
        from syncer.sync.permits import PermitQueue

        self.settings.api_key()
        settings, key, around = self.settings, self.api_key, self._surroundings
        permits = PermitQueue(
            self.database,
            self.name,
            key_fingerprint(key),
            settings.budget.reserve,
            around.sleep,
            around.monotonic,
            pacing=settings.budget.pacing,
            owner=around.owner,
            on_wait=lambda seconds: around.on_wait(seconds),
        )
        # In a thread: to read the library, and the certificates that are trusted, takes a while.
        client = await asyncio.to_thread(self._client, key, permits)
        async with aclosing(permits), client:
            context = SyncContext(
                database=self.database,
                client=client,
                streams=self.streams,
                integrations=self.integrations,
                rules=_rules(settings),
                owner=around.owner,
                is_dead=is_dead,
                new_id=lambda: uuid4().hex,
                sleep=around.sleep,
                stopping=around.stopping.is_set,
                report=report,
                native_lists={each.name: each for each in settings.native_lists},
                added_lists={each.name: each for each in settings.added_lists},
                has_room=lambda: permits.has_room,
            )
            self._opened.append((client, permits))
            try:
                yield context, Integrations(context)
            finally:
                self._opened.remove((client, permits))

    def use_key(self, api_key: str) -> None:
        """Use another key from now on, with the request budget that it has. Raises UsageError."""
        for client, permits in self._opened:
            client.use_key(api_key)
            permits.use_key(key_fingerprint(api_key))
        self.api_key = api_key

    @property
    def _forwarded_at_once(self) -> int:
        """Connections for applications, which wait for none of a run's."""
        return FORWARDED_AT_ONCE if self.settings.gateway.enabled else 0

    def _client(self, api_key: str, permits: PermitQueue) -> Client:
        from syncer.kombo.client import Client
        from syncer.kombo.concurrency import Slots

        if self._slots is None:
            self._slots = defaultdict(Slots)
        around = self._surroundings
        return Client(
            base_url=self.settings.base_url,
            api_key=api_key,
            permits=permits,
            timeout=self.settings.kombo.timeout.total_seconds(),
            version=__version__,
            connections=self.settings.sync.concurrency + 2 + self._forwarded_at_once,
            clock=around.monotonic,
            sleep=around.sleep,
            random=around.uniform,
            transport=around.transport,
            slots=self._slots,
            environ=around.environ,
            on_sent=lambda sent: around.on_sent(self.name, sent),
        )


def feed_rules(settings: Settings) -> FeedRules:
    """Collect the settings of the change feed."""
    from syncer.domain.feed.row_change import FeedRules

    return FeedRules(settings.feed_models, settings.changes.before, settings.changes.notify)


def _rules(settings: Settings) -> Rules:
    """Collect the settings that steer a run."""
    from syncer.domain.streams.deletions import Brakes
    from syncer.sync.context import Rules

    return Rules(
        page_size=settings.kombo.page_size,
        overlap=settings.sync.overlap,
        lease=settings.sync.lease,
        full_every=settings.sync.full_every,
        keep_anonymised=settings.deletions.after_anonymisation == "keep",
        brakes=Brakes(settings.deletions.max_share, settings.deletions.max_rows),
        filters={name: dict(settings.sync.for_model(name).filters) for name in settings.kombo_lists},
        exclusions=settings.exclusions,
        feed=feed_rules(settings),
        forget_after=settings.deletions.forget_after,
    )
