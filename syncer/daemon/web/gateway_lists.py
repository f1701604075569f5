"""Lists that the gateway answers from the mirror, and what it keeps out of Kombo's answers."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Final

from syncer.config.gateway import Gateway
from syncer.daemon.calls import Calls
from syncer.daemon.web.gateway_call import GatewayCall
from syncer.daemon.web.patient_reads import PatientReads
from syncer.domain.errors import DatabaseError
from syncer.domain.gateway.answer import Answered, Forwarded
from syncer.domain.gateway.kept_out import KeptOut
from syncer.domain.gateway.list_paths import list_at
from syncer.domain.limits import LISTS_AT_ONCE
from syncer.domain.stream_key import StreamKey
from syncer.environments.environment import Environment, Opened
from syncer.operations.copy_checks import CopyChecks
from syncer.operations.gateway import read_list
from syncer.operations.kept_out import read_kept_out

#: Between two steps of a check everything else has so many times as long, and at most so many seconds.
PAUSE: Final = 3
LONGEST_PAUSE: Final = 1.0


class GatewayLists:
    """Reads of lists. calls: those under way. patience: seconds that a call waits for the database."""

    def __init__(self, settings: Gateway, calls: Calls, patience: float) -> None:
        self._settings = settings
        self._calls = calls
        self._reads = PatientReads(LISTS_AT_ONCE, patience)
        self._checks = CopyChecks()
        self._checking: asyncio.Task[None] | None = None

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
            checks=self._checks,
        )
        with environment.database.answering():
            answer = await self._reads.run(read)
        if self._checks.are_wanted and (self._checking is None or self._checking.done()):
            self._checking = self._calls.begin(self._check())
        return answer

    async def kept_out(self, opened: Opened, call: GatewayCall) -> KeptOut | None:
        """Read what Kombo's answer to a call may not show; None: all passes. Raises DatabaseError.

        What is erased later is not in it.
        """
        spec = list_at(call.target.path, opened.context.added_lists.values()) if call.is_read else None
        if spec is None:
            return None
        key = StreamKey(call.integration_id or "", spec.name)
        return await self._reads.run(partial(read_kept_out, opened, key))

    async def _check(self) -> None:
        """Check the copies of lists, one list after the other, as long as any waits for it."""
        clock = asyncio.get_running_loop().time
        while (scan := self._checks.next()) is not None:
            has_more = True
            while has_more:
                try:
                    await asyncio.to_thread(scan.environment.database.give_way)
                    began = clock()
                    has_more = await asyncio.to_thread(scan.step)
                except DatabaseError:
                    # Who asks for the list has it checked some other time.
                    return
                if not self._calls.environments:
                    return
                await asyncio.sleep(min((clock() - began) * PAUSE, LONGEST_PAUSE))
            self._checks.keep(scan)
