"""Lists that the gateway answers from the mirror, and what it keeps out of Kombo's answers.

The database is read in threads, and never in so many that others lack one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from syncer.config.gateway import Gateway
from syncer.daemon.web.gateway_call import GatewayCall
from syncer.domain.errors import DatabaseUnavailable
from syncer.domain.gateway.answer import Answered, Forwarded
from syncer.domain.gateway.kept_out import KeptOut
from syncer.domain.gateway.list_paths import list_at
from syncer.domain.limits import LISTS_AT_ONCE
from syncer.domain.stream_key import StreamKey
from syncer.environments.environment import Environment, Opened
from syncer.operations.gateway import read_list
from syncer.operations.kept_out import read_kept_out

_T = TypeVar("_T")


class GatewayLists:
    """Reads of lists. patience: seconds that a call waits for the database."""

    def __init__(self, settings: Gateway, patience: float) -> None:
        self._settings = settings
        self._patience = patience
        self._turns = asyncio.Semaphore(LISTS_AT_ONCE)

    async def answer(self, environment: Environment, call: GatewayCall) -> Answered | Forwarded:
        """Answer a call from the mirror, or say why Kombo has to. Raises DatabaseError."""
        assert call.header_id is not None
        read = partial(
            read_list,
            environment,
            call.header_id,
            call.target.path,
            call.query,
            serve=self._settings.serve,
            max_age=self._settings.max_age,
        )
        return await self._read(read)

    async def kept_out(self, opened: Opened, call: GatewayCall) -> KeptOut | None:
        """Read what Kombo's answer to a call may not show; None: all passes. Raises DatabaseError.

        What is erased later is not in it.
        """
        spec = list_at(call.target.path, opened.context.added_lists.values()) if call.is_read else None
        if spec is None:
            return None
        key = StreamKey(call.integration_id or "", spec.name)
        return await self._read(partial(read_kept_out, opened, key))

    async def _read(self, read: Callable[[], _T]) -> _T:
        """Read in a thread. Raises DatabaseError."""
        try:
            await asyncio.wait_for(self._turns.acquire(), self._patience)
        except TimeoutError:
            raise self._unavailable() from None
        task = asyncio.create_task(asyncio.to_thread(read))
        task.add_done_callback(self._done)
        await asyncio.wait({task}, timeout=self._patience)
        if not task.done():
            raise self._unavailable()
        return task.result()

    def _done(self, task: asyncio.Task[_T]) -> None:
        # As long as a thread hangs its turn is taken; and nobody may be left to hear of its error.
        self._turns.release()
        if not task.cancelled():
            task.exception()

    def _unavailable(self) -> DatabaseUnavailable:
        return DatabaseUnavailable(f"The database has not answered for {self._patience:g} s.")
