"""Wiring: database and environments from the settings, opened and closed."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from functools import cached_property, partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from uuid import uuid4

from syncer import __version__
from syncer.config.settings import Settings
from syncer.domain.catalogue.history import kept_tables
from syncer.domain.catalogue.lookup import catalogue, select_models
from syncer.domain.errors import UsageError
from syncer.domain.limits import LISTS_AT_ONCE
from syncer.domain.suggestions import did_you_mean
from syncer.environments.environment import Environment, Opened, feed_rules
from syncer.environments.surroundings import Surroundings
from syncer.process.identity import this_process
from syncer.store.db.database import Database
from syncer.store.state.integrations import environments_of

if TYPE_CHECKING:
    from syncer.domain.ratelimit.sent import Sent
    from syncer.http_client.receiver import Receiver
    from syncer.sync.context import Report
    from syncer.sync.reproject import Reprojection
    from syncer.sync.retention import Drop

# Most commands read the database and nothing else: what changes it is read when it is needed.


class App:
    """The program without its surfaces. Use as an async context manager.

    transport, sleep, monotonic, uniform and clock_offset stand in for the network, waiting, elapsed time in
    seconds, chance and the difference of the database's clock; tests give their own. environ: variables that
    may name a proxy and the certificates to trust. read_key: reads the API key of an environment anew from
    where it is set.
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
        read_key: Callable[[str], str] | None = None,
    ) -> None:
        self.settings = settings
        names = settings.environment_names
        lists_at_once = LISTS_AT_ONCE if settings.gateway.enabled else 0
        self.database = Database(
            settings.database.url.get_secret_value(),
            schema=settings.database.schema_,
            workers=settings.sync.concurrency * len(names) + 2 + lists_at_once,
            clock_offset=clock_offset,
        )
        #: In whose schema the queue of workers is; None: this process works itself.
        self.queue = None
        if settings.queue_schema is not None:
            self.queue = Database(
                settings.database.url.get_secret_value(), schema=settings.queue_schema, workers=len(names) + 1
            )
        self.owner = this_process()
        self.native_lists = {each.name: each for each in settings.native_lists}
        self.added_lists = {each.name: each for each in settings.added_lists}
        self.kept_tables = kept_tables(each.name for each in select_models(settings.history.models))
        self.stopping = asyncio.Event()
        #: Told for how many seconds requests have to wait for a limit, as long as they do.
        self.on_wait: Callable[[float], None] = lambda _: None
        #: Told of each attempt to send a request to Kombo, with the environment.
        self.on_sent: Callable[[str, Sent], None] = lambda _, __: None
        surroundings = Surroundings(
            transport=transport,
            sleep=sleep,
            monotonic=monotonic,
            uniform=uniform,
            environ=environ,
            owner=self.owner,
            stopping=self.stopping,
            on_wait=lambda seconds: self.on_wait(seconds),
            on_sent=lambda environment, sent: self.on_sent(environment, sent),
        )
        self.environments = {
            name: Environment(
                name,
                settings.of_environment(name),
                self.database,
                surroundings,
                partial(read_key, name) if read_key else None,
            )
            for name in names
        }
        self._environ = environ

    @cached_property
    def reprojection(self) -> Reprojection:
        """Projection of stored records into rows anew, where a version or the configuration asks for it."""
        from syncer.sync.reproject import Reprojection

        return Reprojection(
            self.database,
            self.settings.exclusions,
            new_id=lambda: uuid4().hex,
            stopping=self.stopping.is_set,
            native_lists=self.native_lists,
            added_lists=self.added_lists,
            kept_tables=self.kept_tables,
            feed=feed_rules(self.settings),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def reopen(self) -> None:
        """Begin anew with the database that is there now, after DatabaseReplaced. Nobody may be using it."""
        self.database.reopen()
        if self.queue is not None:
            self.queue.reopen()

    def close(self) -> None:
        """Close the connections to the database."""
        self.database.close()
        if self.queue is not None:
            self.queue.close()

    def migrate(self, *, may_create: bool = False) -> tuple[str | None, str | None]:
        """Bring the database to this version's schema; give the revisions before and after.

        The views of native and added lists, the tables of histories and those of the queue are made, too, as
        configured. may_create: make SQLite's file where there is none; elsewhere a wrong path is to be an
        error. Raises DatabaseError, and UsageError where something else has the name of a view, or the
        queue's library is not installed.
        """
        from syncer.store.schema import migrate as schema

        with_history = {table for tables in self.kept_tables.values() for table in tables}
        revisions = schema.migrate(self.database, may_create=may_create, with_history=with_history)
        if self.settings.configured_lists:
            from syncer.store.schema.native_views import make_views

            with self.database.begin() as connection:
                make_views(connection, self.settings.configured_lists)
        if self.queue is not None:
            from syncer.store.queue.schema import make_queue

            make_queue(self.queue, self.database)
        return revisions

    def upgrade_sql(self) -> str | None:
        """Write the SQL of what ``migrate`` would do; None where there is nothing. Raises as that does."""
        from syncer.store.schema.upgrade_sql import upgrade_sql

        with_history = {table for tables in self.kept_tables.values() for table in tables}
        statements = upgrade_sql(
            self.database, with_history=with_history, lists=self.settings.configured_lists
        )
        if self.queue is not None:
            from syncer.store.queue.schema import queue_sql

            statements = (statements or "") + queue_sql(self.queue, self.database)
        return statements or None

    def open_database(self, *, may_create: bool = False) -> None:
        """Make the database usable for a command that writes: migrated, in step with the configuration."""
        from syncer.planning.following import follow_config

        self.migrate(may_create=may_create)
        follow_config(self.settings, self.database)

    async def prepare(self, *, may_create: bool = False) -> None:
        """Make the database ready for runs: also all rows of this program's projections.

        may_create: as of ``migrate``. Raises DatabaseError, UsageError.
        """
        # In threads: signals are heard while the database is slow to answer, or another process migrates.
        await asyncio.to_thread(self.open_database, may_create=may_create)
        await asyncio.to_thread(self.reprojection.adopt)

    def select(self, names: Sequence[str] = ()) -> dict[str, Environment]:
        """Select the environments of these names; all without any. Raises UsageError for one that is none."""
        for name in names:
            if name not in self.environments:
                hint = (
                    did_you_mean(name, self.environments) or f" There is {' and '.join(self.environments)}."
                )
                raise UsageError(f"There is no environment {name!a} in the configuration.{hint}")
        return {name: each for name, each in self.environments.items() if not names or name in names}

    def knows_environment_of(self, integration_id: str) -> bool:
        """Tell whether the configuration alone says which environment an integration is in."""
        return len(self.environments) == 1 or self._configured_environment(integration_id) is not None

    def _configured_environment(self, integration_id: str) -> str | None:
        return next(
            (each.environment for each in self.settings.integrations if each.id == integration_id), None
        )

    def environment_of(self, integration_id: str, names: Sequence[str] = ()) -> Environment:
        """Find the environment of an integration, among these (all without any), mirrored or not.

        The database has its tables already. Raises UsageError where nobody can tell, or it is in another one;
        DatabaseError.
        """
        selected = self.select(names)
        owner = self._configured_environment(integration_id)
        if not self.knows_environment_of(integration_id):
            with self.database.read() as connection:
                owner = environments_of(connection, [integration_id]).get(integration_id)
        if owner in self.environments and owner not in selected:
            raise UsageError(f"{integration_id} is in the environment {owner}.")
        if owner in selected:
            return selected[owner]
        if len(selected) > 1:
            raise UsageError(
                f"Nobody knows which environment {integration_id} is in: name it by --environment "
                f"({', '.join(selected)})."
            )
        return next(iter(selected.values()))

    async def drop_old_rows(self, *, at_once: int | None = None) -> int:
        """Drop what is older than it is to be kept; give how many rows that were.

        at_once: rows in one transaction, unless as many as usual. Raises TableUnavailable, DatabaseError.
        """
        from syncer.store.records.histories import drop_old_versions
        from syncer.store.state.feed import drop_old_changes
        from syncer.sync.retention import DROPPED_AT_ONCE, drop_old_rows

        drops: dict[str, Drop] = {"mirror_changes": partial(drop_old_changes, self.settings.changes.keep)}
        if self.settings.history.keep is not None:
            drops["mirror_history"] = partial(drop_old_versions, self.settings.history.keep)
        drops |= self._forgetting()
        return await drop_old_rows(
            self.database, drops, self.stopping.is_set, at_once=at_once or DROPPED_AT_ONCE
        )

    def _forgetting(self) -> Mapping[str, Drop]:
        """Give what removes rows that have been deleted at the source for long enough, by list."""
        keep = self.settings.deletions.forget_after
        if keep is None:
            return {}
        from syncer.sync.forget import Forgetting

        feed, exclusions = feed_rules(self.settings), self.settings.exclusions
        forgetting = Forgetting(keep, feed, exclusions, lambda: uuid4().hex)
        return {
            **{name: partial(forgetting.of_model, name) for name in catalogue()},
            **{name: partial(forgetting.of_native_list, name) for name in self.settings.configured_names},
        }

    @asynccontextmanager
    async def open(
        self, names: Collection[str], report: Report = lambda _: None
    ) -> AsyncIterator[list[Opened]]:
        """Open the clients of these environments. Raises UsageError where one has no API key."""
        async with AsyncExitStack() as stack:
            opened = []
            for name in names:
                environment = self.environments[name]
                parts = await stack.enter_async_context(environment.open(report))
                opened.append(Opened(environment, *parts))
            yield opened

    async def receiver(self, url: str) -> Receiver:
        """Make the receiver at an address, to be opened. Raises UsageError for faulty variables."""
        # In a thread, and not before it is needed: as the client.
        return await asyncio.to_thread(self._receiver, url)

    def _receiver(self, url: str) -> Receiver:
        from syncer.http_client.receiver import Receiver

        return Receiver(url, version=__version__, environ=self._environ)
