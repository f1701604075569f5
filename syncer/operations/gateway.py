"""Lists for the gateway: answered from the mirror where it holds them whole and fresh enough."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from syncer.domain.gateway.answer import Answered, Forwarded
from syncer.environments.environment import Environment


def read_list(
    environment: Environment,
    integration_id: str,
    path: str,
    query: Sequence[tuple[str, str]],
    *,
    serve: Sequence[str],
    max_age: timedelta,
) -> Answered | Forwarded:
    """Answer a list request, or say why Kombo has to. Synchronous: it belongs on a worker thread.

    path: as Kombo's documentation has it, ``/hris/employees``. query: the decoded parameters in their order.
    serve: globs of the models that are answered from the mirror. max_age: how long ago, by the database's
    clock, the list may have been complete at last. Raises DatabaseError.
    """
    return Forwarded("the mirror answers no lists yet")
