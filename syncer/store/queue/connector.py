"""Connector of Procrastinate's to a database of ours: its transactions, poolers and errors are ours, too."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable
from contextlib import aclosing
from typing import Any

import psycopg
from procrastinate.connector import BaseAsyncConnector, Notify
from procrastinate.exceptions import NoResult, UniqueViolation
from psycopg.types.json import Jsonb
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from syncer.domain.errors import DatabaseUnavailable
from syncer.store.db.database import Database
from syncer.store.db.listening import listen_on

#: Seconds before listening is tried again after it broke off; the library looks by itself meanwhile.
_PAUSE = 5.0
#: Notification by which the library's worker looks for a job.
_LOOK = json.dumps({"type": "job_inserted", "job_id": 0})


class DatabaseConnector(BaseAsyncConnector):
    """Connector that runs the library's statements on a Database, in whose schema its tables are.

    sleep: for who listens, between two attempts.
    """

    def __init__(
        self, database: Database, *, sleep: Callable[[float], Awaitable[None]] | None = None
    ) -> None:
        self._database = database
        self._sleep = sleep
        self._woken = asyncio.Event()
        #: Calls so far by which the library's worker was told to look for jobs.
        self.calls = 0

    async def open_async(self, pool: Any = None) -> None:
        """Open nothing: connections are made when they are needed."""

    async def close_async(self) -> None:
        """Close nothing: whoever has made the database closes it."""

    async def execute_query_async(self, query: str, **arguments: Any) -> None:
        """Run a statement. Raises DatabaseError."""
        await self._run(query, arguments)

    async def execute_query_one_async(self, query: str, **arguments: Any) -> dict[str, Any]:
        """Run a statement and give its first row. Raises DatabaseError, NoResult."""
        rows = await self._run(query, arguments)
        if not rows:
            raise NoResult
        return rows[0]

    async def execute_query_all_async(self, query: str, **arguments: Any) -> list[dict[str, Any]]:
        """Run a statement and give its rows. Raises DatabaseError."""
        return await self._run(query, arguments)

    def wake(self) -> None:
        """Have the library's worker look for jobs."""
        self._woken.set()

    async def listen_notify(self, on_notification: Notify, channels: Iterable[str]) -> None:
        """Tell of jobs that come, and whenever it is woken, until it is cancelled.

        Where nobody can listen, as through a pooler that gives each transaction another session, the library
        finds jobs by looking from time to time.
        """
        names, sleep = [f"'{each}'" for each in channels], self._sleep
        assert sleep is not None

        async def call(payload: str | None) -> None:
            self.calls += 1
            await on_notification(channel="", payload=payload or _LOOK)

        async def listen() -> None:
            while True:
                try:
                    async with aclosing(listen_on(self._database, *names)) as notifications:
                        async for payload in notifications:
                            await call(payload)
                except DatabaseUnavailable:
                    # Whoever fetches jobs reports that the database is away.
                    await sleep(_PAUSE)

        listening = asyncio.create_task(listen())
        try:
            while True:
                waking = asyncio.create_task(self._woken.wait())
                try:
                    await asyncio.wait((listening, waking), return_when=asyncio.FIRST_COMPLETED)
                finally:
                    waking.cancel()
                if listening.done():
                    listening.result()
                self._woken.clear()
                await call(None)
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    async def _run(self, query: str, arguments: dict[str, Any]) -> list[dict[str, Any]]:
        parameters = {name: _adapted(value) for name, value in arguments.items()}

        def run(connection: Connection) -> list[dict[str, Any]]:
            result = connection.exec_driver_sql(query, parameters)
            return [dict(row) for row in result.mappings()] if result.returns_rows else []

        try:
            return await self._database.write(run)
        except IntegrityError as error:
            if isinstance(error.orig, psycopg.errors.UniqueViolation):
                name = error.orig.diag.constraint_name
                raise UniqueViolation(constraint_name=name, queueing_lock=None) from error
            raise


def _adapted(value: Any) -> Any:
    """Adapt JSON inside of a value to the driver."""
    if isinstance(value, dict):
        return Jsonb(value)
    if isinstance(value, list):
        return [_adapted(each) for each in value]
    return tuple(map(_adapted, value)) if isinstance(value, tuple) else value
