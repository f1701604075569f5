"""App: builds client, stores and use cases from the settings; opens and closes them; owns the clock."""

from __future__ import annotations

import asyncio
import random
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from datetime import timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from uuid import uuid4

from syncer import __version__
from syncer.config.settings import Settings
from syncer.domain.catalogue.lookup import select_names
from syncer.domain.errors import KeyRefused, KomboError
from syncer.domain.native.call import Call
from syncer.domain.native.tools import check_call
from syncer.domain.ratelimit.budget import Purpose
from syncer.domain.records.exclude import exclusions
from syncer.domain.streams.decisions import Mode
from syncer.kombo.concurrency import Slots
from syncer.kombo.passthrough import NativeAnswer
from syncer.operations.status import report_status
from syncer.planning.capacity import Planning
from syncer.planning.cost import Command, outlook
from syncer.planning.selection import Selection
from syncer.process.identity import is_dead, this_process
from syncer.rules import rules_of
from syncer.store.db.database import Database
from syncer.store.reading.overview import Overview, overview
from syncer.store.schema import migrate as schema
from syncer.store.schema.native_views import make_views
from syncer.store.state.integrations import IntegrationStore
from syncer.store.state.missing import held_rows
from syncer.store.state.streams import Key, StreamStore
from syncer.sync.context import Engine, Report, Result
from syncer.sync.integrations import Integrations
from syncer.sync.permits import BudgetGate, fingerprint
from syncer.sync.reproject import Reprojected, Reprojection
from syncer.sync.run_all import run_streams

if TYPE_CHECKING:
    from syncer.kombo.client import Client

ENVIRONMENT = "default"


class App:
    """The program without its surfaces. Use as an async context manager.

    transport, sleep, monotonic, uniform and clock_offset stand in for the network, waiting, elapsed time in
    seconds, chance and the difference of the database's clock; tests give their own.
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
    ) -> None:
        self.settings = settings
        self.database = Database(
            settings.database.url.get_secret_value(),
            workers=settings.sync.concurrency + 2,
            clock_offset=clock_offset,
        )
        self.streams = StreamStore(ENVIRONMENT)
        self.integrations = IntegrationStore(ENVIRONMENT)
        self.selection = Selection(settings, self.database, self.integrations, self.streams)
        self.planning = Planning(settings, self.database, self.streams)
        self.owner = this_process()
        self.native_lists = {each.name: each for each in settings.native_lists}
        self.stopping = asyncio.Event()
        self.reprojection = Reprojection(
            self.database,
            ENVIRONMENT,
            exclusions(settings.privacy.exclude),
            new_id=lambda: uuid4().hex,
            stopping=self.stopping.is_set,
            native_lists=self.native_lists,
        )
        self._transport = transport
        self._sleep = sleep
        self._monotonic = monotonic
        self._uniform = uniform
        self._slots: defaultdict[str, Slots] = defaultdict(Slots)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.database.close()

    def migrate(self) -> tuple[str | None, str | None]:
        """Bring the database to this version's schema; gives the revisions before and after.

        The views of the configured native lists are made, too. Raises DatabaseError, and UsageError where
        something else has the name of one.
        """
        revisions = schema.migrate(self.database)
        if self.native_lists:
            with self.database.begin() as connection:
                make_views(connection, self.native_lists.values())
        return revisions

    def open_database(self) -> None:
        """Make the database usable for a command that writes: migrated, in step with the configuration."""
        self.migrate()
        self.selection.follow_config()

    @asynccontextmanager
    async def engine(self, report: Report = lambda _: None) -> AsyncIterator[tuple[Engine, Integrations]]:
        """Everything a run needs, with an open client. Raises UsageError where no API key is set."""
        settings, key = self.settings, self.settings.api_key()
        gate = BudgetGate(
            self.database,
            ENVIRONMENT,
            fingerprint(key),
            settings.budget.reserve,
            self._sleep,
            pacing=settings.budget.pacing,
            owner=self.owner,
        )
        # In a thread: to read the library, and the certificates that are trusted, takes a while.
        client = await asyncio.to_thread(self._client, key, gate)
        async with aclosing(gate), client:
            engine = Engine(
                database=self.database,
                client=client,
                streams=self.streams,
                integrations=self.integrations,
                rules=rules_of(settings),
                owner=self.owner,
                is_dead=is_dead,
                new_id=lambda: uuid4().hex,
                sleep=self._sleep,
                stopping=self.stopping.is_set,
                report=report,
                native_lists=self.native_lists,
            )
            yield engine, Integrations(engine)

    def _client(self, api_key: str, gate: BudgetGate) -> Client:
        # Most commands ask only the database, and the library of HTTP is a seventh of their start.
        from syncer.kombo.client import Client

        return Client(
            base_url=self.settings.base_url,
            api_key=api_key,
            gate=gate,
            timeout=self.settings.kombo.timeout.total_seconds(),
            version=__version__,
            connections=self.settings.sync.concurrency + 2,
            clock=self._monotonic,
            sleep=self._sleep,
            random=self._uniform,
            transport=self._transport,
            slots=self._slots,
        )

    async def run(
        self,
        mode: Mode,
        *,
        integrations: Sequence[str] = (),
        models: Sequence[str] = (),
        report: Report = lambda _: None,
        planned: Callable[[Sequence[Key]], None] = lambda _: None,
    ) -> list[Result]:
        """One pass over the selected streams (all where none is named), then done.

        planned is told all of them before the first begins. Raises UsageError for a selection that names
        nothing, KeyRefused, DatabaseError.
        """
        # In a thread: signals are heard while the database is slow to answer.
        await asyncio.to_thread(self.open_database)
        async with self.engine(report) as (engine, asking):
            chosen = self.selection.chosen(integrations, models)
            await asyncio.to_thread(self.reprojection.adopt)
            await self.reprojection.finish()
            await self.check_key(engine)
            keys = await self.selection.refresh_streams(asking, set(integrations))
            wanted = [key for key in keys if key[1] in chosen.get(key[0], ())]
            if mode is Mode.APPROVE:
                held = await self.database.ask(lambda connection: held_rows(connection, ENVIRONMENT))
                wanted = [key for key in wanted if key in held]
            planned(wanted)
            # Native lists may ask for each row of a model.
            first = [key for key in wanted if key[1] not in self.native_lists]
            then = [key for key in wanted if key[1] in self.native_lists]
            return [
                result
                for keys in (first, then)
                for result in await run_streams(engine, asking, keys, mode, self.settings.sync.concurrency)
            ]

    async def passthrough(self, call: Call, integration_id: str, *, force: bool = False) -> NativeAnswer:
        """Call a tool's own API through Kombo, under the budget; gives what the tool answered.

        The integration need not be mirrored. A status of 400 and above is an answer, too. force: send the
        call whatever is known of its API. Anything but a GET is sent once, and never again on a doubtful
        outcome.

        Raises UsageError for a call that goes against what is known, before anything is sent; Doubtful where
        the call may have been carried out, other KomboErrors where it was not; DatabaseError.
        """
        check_call(call, force=force)
        await asyncio.to_thread(self.migrate)
        async with self.engine() as (engine, _):
            return await engine.client.passthrough(call, integration_id)

    async def reproject(
        self, models: Sequence[str] = (), report: Callable[[Reprojected], None] = lambda _: None
    ) -> list[Reprojected]:
        """Make the rows of the models (globs; none: all) anew from their documents; asks Kombo nothing.

        Raises UsageError for a glob that names no model, DatabaseError, ProjectionReplaced.
        """
        named = select_names(models, self.native_lists)
        chosen = [name for name in self.settings.lists if name in named]
        await asyncio.to_thread(self.open_database)
        await asyncio.to_thread(self.reprojection.adopt)
        return await self.reprojection.again(chosen, report)

    async def check_key(self, engine: Engine) -> None:
        """One request finds out whether the key is good, before many do."""
        try:
            await engine.client.check_key(purpose=Purpose.INCREMENTAL)
        except KeyRefused:
            raise
        except KomboError:
            # Whatever else is wrong shows in the streams, each for itself.
            return

    def plan(
        self, commands: Sequence[Command], integrations: Sequence[str] = (), models: Sequence[str] = ()
    ) -> dict[str, Any]:
        """What these commands would cost, and the schedule where all are named; asks and changes nothing.

        Raises DatabaseError, UsageError for a selection that names nothing.
        """
        schema.check(self.database)
        return outlook(
            self.settings, self.database, self.selection, self.planning, commands, integrations, models
        )

    def overview(self) -> Overview:
        """What the mirror holds and how fresh it is. Raises DatabaseError."""
        schema.check(self.database)
        key = self.settings.kombo.api_key.get_secret_value()
        with self.database.read() as connection:
            return overview(
                connection, ENVIRONMENT, fingerprint(key) if key else None, self.database.now(connection)
            )

    def status(self) -> dict[str, Any]:
        """The overview as plain values, ready for JSON. Raises DatabaseError."""
        found = report_status(self.overview(), self.settings.budget.reserve, self.settings.budget.pacing)
        with self.database.read() as connection:
            return {**found, "behind": self.planning.report_behind(connection)}
