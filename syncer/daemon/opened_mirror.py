"""Mirror that a long-lived process works on: opened, and anew where another database takes its place."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import AsyncExitStack

from msgspec import Struct
from sqlalchemy.exc import DBAPIError

from syncer.app import App
from syncer.daemon.database_health import DatabaseHealth
from syncer.daemon.waiting import any_of
from syncer.domain.errors import DatabaseError, DatabaseReplaced, DatabaseUnavailable
from syncer.domain.incarnation import Incarnation
from syncer.environments.environment import Opened
from syncer.process.log import Logger
from syncer.store.schema import revisions
from syncer.store.state.incarnation import read_incarnation
from syncer.sync.context import Report

log = Logger()


class OpenedMirror(Struct, frozen=True):
    """Everything that a process works with on one database.

    known: the lists that are mirrored, by environment and integration.
    """

    environments: list[Opened]
    known: Mapping[str, Mapping[str, Collection[str]]]
    incarnation: Incarnation

    @property
    def streams(self) -> int:
        """Count the mirrored streams."""
        return sum(len(names) for each in self.known.values() for names in each.values())


async def open_mirror(
    app: App, stack: AsyncExitStack, report: Report, names: Collection[str], *, may_create: bool
) -> OpenedMirror:
    """Open everything that work on these environments needs. Raises DatabaseError, UsageError."""
    await app.prepare(may_create=may_create)
    environments = await stack.enter_async_context(app.open(names, report))
    known = {name: await app.database.ask(app.environments[name].streams.lists) for name in names}
    incarnation = await asyncio.to_thread(read_incarnation, app.database)
    return OpenedMirror(environments, known, incarnation)


async def work_on_mirror(
    app: App,
    stack: AsyncExitStack,
    first: OpenedMirror,
    work: Callable[[OpenedMirror], Awaitable[None]],
    health: DatabaseHealth,
    report: Report,
    look_every: float,
) -> None:
    """Work until the work ends; where the database is replaced, begin anew with the one that is there.

    stack: what the first was opened on. look_every: seconds between two looks for the other one.
    """
    opened: OpenedMirror | None = first
    names = [each.environment.name for each in first.environments]
    while opened is not None:
        try:
            await work(opened)
            return
        except DatabaseReplaced as error:
            log.warning("database_replaced")
            health.report_failure("replaced", error)
        # Nothing that this process remembers is true of the other one.
        await stack.aclose()
        opened = await _reopen(app, stack, report, names, health, look_every)


async def _reopen(
    app: App,
    stack: AsyncExitStack,
    report: Report,
    names: Collection[str],
    health: DatabaseHealth,
    look_every: float,
) -> OpenedMirror | None:
    """Wait until there is a mirror in the database's place, and open it; None: the process is to stop."""
    while not app.stopping.is_set():
        try:
            app.reopen()
            # A file without tables is no backup: somebody has to look at it.
            await asyncio.to_thread(revisions.must_hold_tables, app.database)
            opened = await open_mirror(app, stack, report, names, may_create=False)
        except (DatabaseError, DBAPIError) as error:
            if isinstance(error, DBAPIError):
                error = DatabaseUnavailable(f"The database {app.database.shown_url} is not whole (yet).")
            health.report_failure("replaced", error)
            await stack.aclose()
            await any_of(app.stopping, seconds=look_every)
        else:
            health.begin_anew()
            return opened
    return None
