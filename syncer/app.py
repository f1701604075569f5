"""Wiring: client, stores and planning from the settings, opened and closed."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from datetime import timedelta
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from uuid import uuid4

from syncer import __version__
from syncer.config.settings import Settings
from syncer.domain.catalogue.history import kept_tables
from syncer.domain.catalogue.lookup import catalogue, select_models
from syncer.domain.feed.row_change import FeedRules
from syncer.domain.streams.deletions import Brakes
from syncer.kombo.concurrency import Slots
from syncer.planning.capacity import Capacity
from syncer.planning.selection import Selection
from syncer.process.identity import is_dead, this_process
from syncer.store.db.database import Database
from syncer.store.records.histories import drop_old_versions
from syncer.store.schema import migrate as schema
from syncer.store.schema.native_views import make_views
from syncer.store.state.feed import drop_old_changes
from syncer.store.state.integrations import IntegrationStore
from syncer.store.state.streams import StreamStore
from syncer.store.state.webhook_events import WebhookEventStore
from syncer.sync.context import Report, Rules, SyncContext
from syncer.sync.integrations import Integrations
from syncer.sync.permits import PermitQueue, fingerprint
from syncer.sync.reproject import Reprojection
from syncer.sync.retention import DROPPED_AT_ONCE, drop_old_rows

if TYPE_CHECKING:
    from syncer.domain.ratelimit.sent import Sent
    from syncer.http_client.receiver import Receiver
    from syncer.kombo.client import Client

ENVIRONMENT = "default"


class App:
    """The program without its surfaces. Use as an async context manager.

    transport, sleep, monotonic, uniform and clock_offset stand in for the network, waiting, elapsed time in
    seconds, chance and the difference of the database's clock; tests give their own. environ: variables that
    may name a proxy and the certificates to trust. read_key: reads the API key anew from where it is set.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        transport: Any = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        monotonic: Callable[[], float] = time.monotonic,
        uniform: Callable[[], float] = random.random,
        clock_offset: timedelta = timedelta(0),
        environ: Mapping[str, str] = os.environ,
        read_key: Callable[[], str] | None = None,
    ) -> None:
        self.settings = settings
        self.api_key = settings.kombo.api_key.get_secret_value()
        self.read_key = read_key or settings.api_key
        self.database = Database(
            settings.database.url.get_secret_value(),
            workers=settings.sync.concurrency + 2,
            clock_offset=clock_offset,
        )
        self.streams = StreamStore(ENVIRONMENT)
        self.integrations = IntegrationStore(ENVIRONMENT)
        self.webhook_events = WebhookEventStore(ENVIRONMENT)
        self.selection = Selection(settings, self.database, self.integrations, self.streams)
        self.capacity = Capacity(settings, self.database, self.streams)
        self.owner = this_process()
        self.native_lists = {each.name: each for each in settings.native_lists}
        self.kept_tables = kept_tables(each.name for each in select_models(settings.history.models))
        self.stopping = asyncio.Event()
        #: Told for how many seconds requests have to wait for the limit, as long as they do.
        self.on_wait: Callable[[float], None] = lambda _: None
        #: Told of each attempt to send a request to Kombo, with the environment.
        self.on_sent: Callable[[str, Sent], None] = lambda _, __: None
        self.reprojection = Reprojection(
            self.database,
            ENVIRONMENT,
            settings.exclusions,
            new_id=lambda: uuid4().hex,
            stopping=self.stopping.is_set,
            native_lists=self.native_lists,
            kept_tables=self.kept_tables,
        )
        self._transport = transport
        self._sleep = sleep
        self._monotonic = monotonic
        self._uniform = uniform
        self._environ = environ
        self._slots: defaultdict[str, Slots] = defaultdict(Slots)
        self._opened: list[tuple[Client, PermitQueue]] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.database.close()

    def migrate(self, *, may_create: bool = False) -> tuple[str | None, str | None]:
        """Bring the database to this version's schema; give the revisions before and after.

        The views of native lists and the tables of histories are made, too, as configured. may_create: make
        SQLite's file where there is none; elsewhere a wrong path is to be an error. Raises DatabaseError, and
        UsageError where something else has the name of a view.
        """
        with_history = {table for tables in self.kept_tables.values() for table in tables}
        revisions = schema.migrate(self.database, may_create=may_create, with_history=with_history)
        if self.native_lists:
            with self.database.begin() as connection:
                make_views(connection, self.native_lists.values())
        return revisions

    def open_database(self, *, may_create: bool = False) -> None:
        """Make the database usable for a command that writes: migrated, in step with the configuration."""
        self.migrate(may_create=may_create)
        self.selection.follow_config()

    async def drop_old_rows(self, *, at_once: int = DROPPED_AT_ONCE) -> int:
        """Drop what is older than it is to be kept; give how many rows that were.

        at_once: rows in one transaction. Raises TableUnavailable, DatabaseError.
        """
        drops = {"mirror_changes": partial(drop_old_changes, self.settings.changes.keep)}
        if self.settings.history.keep is not None:
            drops["mirror_history"] = partial(drop_old_versions, self.settings.history.keep)
        return await drop_old_rows(self.database, drops, self.stopping.is_set, at_once=at_once)

    @asynccontextmanager
    async def ready(
        self, report: Report = lambda _: None, *, may_create: bool = False
    ) -> AsyncIterator[tuple[SyncContext, Integrations]]:
        """Open everything that runs need: the database, rows of this program's projections, a client.

        may_create: as of ``migrate``. Raises DatabaseError, UsageError.
        """
        # In threads: signals are heard while the database is slow to answer, or another process migrates.
        await asyncio.to_thread(self.open_database, may_create=may_create)
        await asyncio.to_thread(self.reprojection.adopt)
        async with self.open(report) as opened:
            yield opened

    @asynccontextmanager
    async def open(self, report: Report = lambda _: None) -> AsyncIterator[tuple[SyncContext, Integrations]]:
        """Open a client, and nothing else. Raises UsageError where no API key is set."""
        self.settings.api_key()
        settings, key = self.settings, self.api_key
        permits = PermitQueue(
            self.database,
            ENVIRONMENT,
            fingerprint(key),
            settings.budget.reserve,
            self._sleep,
            pacing=settings.budget.pacing,
            owner=self.owner,
            on_wait=lambda seconds: self.on_wait(seconds),
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
                owner=self.owner,
                is_dead=is_dead,
                new_id=lambda: uuid4().hex,
                sleep=self._sleep,
                stopping=self.stopping.is_set,
                report=report,
                native_lists=self.native_lists,
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
            permits.use_key(fingerprint(api_key))
        self.api_key = api_key

    async def receiver(self, url: str) -> Receiver:
        """Make the receiver at an address, to be opened. Raises UsageError for faulty variables."""
        # In a thread, and not before it is needed: as the client.
        return await asyncio.to_thread(self._receiver, url)

    def _receiver(self, url: str) -> Receiver:
        from syncer.http_client.receiver import Receiver

        return Receiver(url, version=__version__, environ=self._environ)

    def _client(self, api_key: str, permits: PermitQueue) -> Client:
        # Most commands ask only the database, and the library of HTTP is a seventh of their start.
        from syncer.kombo.client import Client

        return Client(
            base_url=self.settings.base_url,
            api_key=api_key,
            permits=permits,
            timeout=self.settings.kombo.timeout.total_seconds(),
            version=__version__,
            connections=self.settings.sync.concurrency + 2,
            clock=self._monotonic,
            sleep=self._sleep,
            random=self._uniform,
            transport=self._transport,
            slots=self._slots,
            environ=self._environ,
            on_sent=lambda sent: self.on_sent(ENVIRONMENT, sent),
        )


def _rules(settings: Settings) -> Rules:
    """Collect the settings that steer a run."""
    return Rules(
        page_size=settings.kombo.page_size,
        overlap=settings.sync.overlap,
        lease=settings.sync.lease,
        full_every=settings.sync.full_every,
        keep_anonymised=settings.deletions.after_anonymisation == "keep",
        brakes=Brakes(settings.deletions.max_share, settings.deletions.max_rows),
        filters={name: dict(settings.sync.for_model(name).filters) for name in catalogue()},
        exclusions=settings.exclusions,
        feed=FeedRules(settings.feed_models, settings.changes.before, settings.changes.notify),
    )
