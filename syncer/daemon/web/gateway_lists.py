"""Lists that the gateway answers from the mirror: in threads, and never so many that others lack one."""

from __future__ import annotations

import asyncio
from functools import partial

from syncer.config.gateway import Gateway
from syncer.daemon.web.gateway_call import GatewayCall
from syncer.domain.errors import DatabaseUnavailable
from syncer.domain.gateway.answer import Answered, Forwarded
from syncer.domain.limits import LISTS_AT_ONCE
from syncer.environments.environment import Environment
from syncer.operations.gateway import read_list


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

    def _done(self, task: asyncio.Task[Answered | Forwarded]) -> None:
        # As long as a thread hangs its turn is taken; and nobody may be left to hear of its error.
        self._turns.release()
        if not task.cancelled():
            task.exception()

    def _unavailable(self) -> DatabaseUnavailable:
        return DatabaseUnavailable(f"The database has not answered for {self._patience:g} s.")
