"""Lists that the gateway answers from the mirror, and what it keeps out of Kombo's answers."""

from __future__ import annotations

from functools import partial

from syncer.config.gateway import Gateway
from syncer.daemon.web.gateway_call import GatewayCall
from syncer.daemon.web.patient_reads import PatientReads
from syncer.domain.gateway.answer import Answered, Forwarded
from syncer.domain.gateway.kept_out import KeptOut
from syncer.domain.gateway.list_paths import list_at
from syncer.domain.limits import LISTS_AT_ONCE
from syncer.domain.stream_key import StreamKey
from syncer.environments.environment import Environment, Opened
from syncer.operations.gateway import read_list
from syncer.operations.kept_out import read_kept_out


class GatewayLists:
    """Reads of lists. patience: seconds that a call waits for the database."""

    def __init__(self, settings: Gateway, patience: float) -> None:
        self._settings = settings
        self._reads = PatientReads(LISTS_AT_ONCE, patience)

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
        return await self._reads.run(read)

    async def kept_out(self, opened: Opened, call: GatewayCall) -> KeptOut | None:
        """Read what Kombo's answer to a call may not show; None: all passes. Raises DatabaseError.

        What is erased later is not in it.
        """
        spec = list_at(call.target.path, opened.context.added_lists.values()) if call.is_read else None
        if spec is None:
            return None
        key = StreamKey(call.integration_id or "", spec.name)
        return await self._reads.run(partial(read_kept_out, opened, key))
