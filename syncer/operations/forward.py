"""Forward a call of an application to Kombo, and have what it wrote read at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from math import ceil

from sqlalchemy import Connection

from syncer.app import App
from syncer.domain.errors import DatabaseError, Doubtful, UsageError
from syncer.domain.gateway.forwarding import ForwardedAnswer, ForwardedRequest
from syncer.domain.gateway.writes import written_lists
from syncer.domain.stream_key import StreamKey
from syncer.environments.environment import Environment, Opened
from syncer.process.log import Logger
from syncer.store.db.due_channel import notify_due
from syncer.store.state.budget import read_budget

log = Logger()


def find_environment(app: App, integration_id: str | None, named: str | None) -> Environment | None:
    """Find the environment whose key a call is sent with; None where nobody can tell.

    integration_id: the call's; None: it names none. named: the environment that it asks for. Raises
    UsageError for one that there is not; DatabaseError.
    """
    environments = app.select([] if named is None else [named])
    if integration_id is None:
        return next(iter(environments.values())) if len(environments) == 1 else None
    try:
        return app.environment_of(integration_id, list(environments))
    except UsageError:
        return None


@asynccontextmanager
async def forward(
    opened: Opened, request: ForwardedRequest, max_wait: float, on_due: Callable[[], None]
) -> AsyncIterator[ForwardedAnswer]:
    """Forward a call; give Kombo's answer, whatever it says. Raises as ``Forwarder.answering``.

    on_due: called after streams have been made due for what a write has changed, or may have.
    """
    known = opened.environment.settings.kombo_paths
    lists = frozenset[str]() if request.is_read else written_lists(request.path, known)
    mark = partial(_mark, opened.environment, request, lists, on_due)
    try:
        async with opened.context.client.forwarder.answering(request, max_wait) as answer:
            # Beside the answer, which does not wait for the database. An error of the server's leaves it open
            # what was done.
            is_done = answer.status // 100 in (2, 5)
            marking = asyncio.create_task(mark()) if lists and is_done else None
            try:
                yield answer
            finally:
                if marking is not None:
                    await marking
    except Doubtful:
        # Whoever looks is to find what was done, if it was.
        if lists:
            await mark()
        raise


async def _mark(
    environment: Environment,
    request: ForwardedRequest,
    lists: frozenset[str],
    on_due: Callable[[], None],
) -> None:
    """Have the lists read that a write has changed."""
    if request.integration_id is None:
        return
    try:
        mark = partial(mark_written, environment, integration_id=request.integration_id, lists=lists)
        is_due = await environment.database.write(mark)
    except DatabaseError as error:
        # The write is done, and the next poll of its lists finds it.
        log.warning("write_not_told", integration=request.integration_id, error=str(error))
        return
    if is_due:
        on_due()


def mark_written(
    environment: Environment, connection: Connection, *, integration_id: str, lists: frozenset[str]
) -> bool:
    """Make the streams of these lists due before all others; False where none of them is mirrored."""
    mirrored = environment.streams.lists_of(connection, [integration_id])[integration_id]
    keys = {StreamKey(integration_id, name) for name in lists.intersection(mirrored)}
    if keys:
        environment.streams.mark_written(connection, keys, now=environment.database.now(connection))
        notify_due(environment.database, connection)
    return bool(keys)


def limit_headers(environment: Environment, *, may_use_reserve: bool) -> dict[str, str]:
    """Write the headers that Kombo tells a used-up limit with, as the budget stands. Raises DatabaseError.

    may_use_reserve: of a write, which the reserve is for.
    """
    fingerprint = environment.key_fingerprint
    if fingerprint is None:
        return {}
    with environment.database.read() as connection:
        budget = read_budget(connection, environment.name, fingerprint)
        now = environment.database.now(connection).timestamp()
    if budget is None or budget.limit is None or budget.rolls_over_at is None:
        return {"retry-after": "1"}
    reserve = 0 if may_use_reserve else environment.settings.budget.reserve.of(budget.limit)
    reset = str(max(ceil(max(budget.rolls_over_at, budget.refused_until) - now), 1))
    return {
        "ratelimit-limit": str(budget.limit),
        "ratelimit-remaining": str(max(budget.limit - reserve - budget.effective_used, 0)),
        "ratelimit-reset": reset,
        "retry-after": reset,
    }
