"""Deliveries on both databases, to a receiver over HTTP, without the rest of the service."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest

from syncer.daemon.database_health import DatabaseHealth
from syncer.daemon.deliveries.loop import DeliveryLoop, Surroundings
from syncer.daemon.feed_watch import FeedWatch
from syncer.domain.deliveries.delivery import Delivery
from syncer.http_client.receiver import Receiver as Posts
from syncer.process.identity import this_process
from syncer.store.db.database import Database
from syncer.store.state.consumers import read_consumer
from syncer.store.state.deliveries import DeliveryRow, read_delivery
from tests.support.feed_rows import tell_changes
from tests.support.receivers import SECRET, Receiver
from tests.support.waiting import until_async

NAME = "billing"


@dataclass
class Deliverer:
    """A delivery to a receiver from one database, and what its process is told to be."""

    database: Database
    receiver: Receiver
    name: str = NAME
    models: frozenset[str] = frozenset({"hris_employees"})
    integrations: tuple[str, ...] = ("*",)
    documents: bool = False
    owner: str = field(default_factory=this_process)
    is_dead: Callable[[str], bool] = lambda _: False

    @property
    def delivery(self) -> Delivery:
        return Delivery(
            self.name, self.receiver.url, SECRET, self.models, self.integrations, documents=self.documents
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[asyncio.Event]:
        """Deliver for as long as the block; what stops it is given."""
        stopping = asyncio.Event()
        watch = FeedWatch(self.database)
        around = Surroundings(
            self.database,
            watch,
            DatabaseHealth(),
            self.owner,
            self.is_dead,
            new_id=lambda: uuid4().hex,
            uniform=lambda: 0.0,
        )
        async with Posts(self.receiver.url, version="1", environ={}) as posts:
            tasks = [
                asyncio.create_task(watch.run(stopping)),
                asyncio.create_task(DeliveryLoop(self.delivery, posts, around).run(stopping)),
            ]
            try:
                await self.until(lambda: self.row is not None and self.position is not None, "its beginning")
                yield stopping
            finally:
                stopping.set()
                with suppress(asyncio.CancelledError):
                    await asyncio.gather(*tasks)

    def tell(self, *records: str, **details: Any) -> Sequence[int]:
        """Have the feed tell changes of these records."""
        with self.database.begin() as connection:
            return tell_changes(connection, records, **details)

    @property
    def row(self) -> DeliveryRow | None:
        with self.database.read() as connection:
            return read_delivery(connection, self.name)

    @property
    def position(self) -> int | None:
        with self.database.read() as connection:
            consumer = read_consumer(connection, self.name)
        return None if consumer is None else consumer.sequence

    async def until(self, condition: Callable[[], object], what: str) -> None:
        await until_async(condition, what)

    async def acknowledged(self, sequence: int) -> None:
        """Wait until the receiver has accepted everything up to a number."""
        await self.until(lambda: self.position == sequence, f"acknowledgement of {sequence}")


@pytest.fixture
def deliverer(database: Database, receiver: Receiver) -> Deliverer:
    """A delivery of employees to a receiver that accepts everything."""
    return Deliverer(database, receiver)
