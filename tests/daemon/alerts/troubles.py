"""Troubles of a service: functions that bring them about, and those that end them."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from operator import le, lt
from typing import Any

from sqlalchemy import delete, text, update

from syncer.domain.streams.stream import Mode
from syncer.domain.webhooks.signature import SIGNATURE_HEADER
from syncer.operations.sync import sync
from syncer.simulator.server.faults import (
    Match,
    Reply,
    rate_limited,
    rewritten,
)
from syncer.simulator.server.limit import RateLimit
from syncer.store.reading.changes import feed_state
from syncer.store.schema.migrate import VERSION_TABLE
from syncer.store.schema.mirror_tables import MIRROR, streams, verifications
from syncer.store.schema.revisions import revisions
from syncer.store.state.consumers import acknowledge
from tests.daemon.alerts.watched import GROUPS, LOCATIONS, MODELS, Watched
from tests.support.feed_rows import tell_changes
from tests.support.outages import locked
from tests.support.records import NOW
from tests.support.webhooks import PATH

Step = Callable[[Watched], Awaitable[None]]


async def nothing(watched: Watched) -> None:
    """Leave it as it is."""


async def forge_webhooks(watched: Watched) -> None:
    for _ in range(24):
        answer = await watched.client.post(PATH, content=b"{}", headers={SIGNATURE_HEADER: "no"})
        assert answer.status_code == 401


async def begin_to_consume(watched: Watched) -> None:
    with watched.app.database.begin() as connection:
        acknowledge(connection, "slow", 0, NOW)


async def tell_many_changes(watched: Watched) -> None:
    with watched.app.database.begin() as connection:
        tell_changes(connection, map(str, range(3000)))
    await watched.shows("syncer_consumer_lag", partial(le, 3000), consumer="slow")


async def consume_all(watched: Watched) -> None:
    with watched.app.database.begin() as connection:
        acknowledge(connection, "slow", feed_state(connection).newest, NOW)


async def refuse_requests(watched: Watched) -> None:
    watched.world.environment.faults.add(Match(), rate_limited(reset=1), times=12)
    watched.mark_due(*MODELS)
    for number in range(12):
        await watched.shows("syncer_refused_total", partial(lt, number))
        # The window that an answer tells of is over.
        watched.pass_time(2 / 60)
    await watched.read(*MODELS)


async def spoil_records(watched: Watched) -> None:
    def without_id(data: Any) -> Any:
        del data["data"]["results"][0]["id"]
        return data

    watched.world.environment.faults.add(Match(model=GROUPS), rewritten(without_id), times=None)
    with watched.app.database.begin() as connection:
        connection.execute(update(streams).values(last_full_walk_at=None, watermark=None))
    watched.mark_due(GROUPS)
    await watched.shows("syncer_quarantined", 2)


async def refuse_changes(watched: Watched) -> None:
    watched.receiver.answer(500)
    with watched.app.database.begin() as connection:
        tell_changes(connection, ["a"], model=GROUPS)
    await watched.shows("syncer_delivery_stuck", 1, delivery="billing")


async def accept_changes(watched: Watched) -> None:
    watched.receiver.answer(204)
    await watched.shows("syncer_delivery_stuck", 0, delivery="billing")


async def spend_all(watched: Watched) -> None:
    limit = watched.world.environment.limit
    limit.spend(limit.limit - limit.used - 50)
    watched.mark_due(GROUPS)
    await watched.shows("syncer_budget_used", partial(lt, 95_000))


async def spend_no_more(watched: Watched) -> None:
    watched.world.environment.limit = RateLimit(time.monotonic, limit=100_000)
    watched.pass_time(1.5)
    await watched.read(*MODELS)


async def hang_elsewhere(watched: Watched) -> None:
    """Have another process hold streams and get on with nothing; it renews its leases."""
    with watched.app.database.begin() as connection:
        until = watched.app.database.now(connection) + timedelta(minutes=50)
        hung = update(streams).where(streams.c.model == LOCATIONS)
        connection.execute(hung.values(lease_owner="elsewhere/1", lease_until=until))
    watched.mark_due(LOCATIONS)


def failing(answer: Reply, state: str) -> Step:
    async def fail(watched: Watched) -> None:
        watched.world.environment.faults.add(Match(model=GROUPS), answer, times=None)
        watched.mark_due(GROUPS)
        await watched.shows("syncer_streams", 2, state=state)

    return fail


async def recover(watched: Watched) -> None:
    watched.world.environment.faults.clear()
    watched.pass_time(60)
    await watched.read(*MODELS)
    await watched.shows("syncer_streams", 4, state="complete")


async def lose_rows(watched: Watched) -> None:
    company = next(iter(watched.world.environment.companies.values()))
    for each in company.ids(GROUPS)[:4]:
        company.vanish(GROUPS, each)
    with watched.app.database.begin() as connection:
        connection.execute(update(streams).values(last_full_walk_at=None))
    watched.mark_due(GROUPS)
    await watched.shows("syncer_held", partial(lt, 0))


async def differ(watched: Watched) -> None:
    """Lose rows that Kombo has, and have the service verify its lists."""
    with watched.app.database.begin() as connection:
        connection.execute(delete(MIRROR[GROUPS]))
        connection.execute(update(verifications).values(ended_at=None))
    await watched.shows("syncer_verify_differing_records", partial(lt, 0))


async def read_whole(watched: Watched) -> None:
    """Have all lists read whole, whose rows are verified again after that."""
    with watched.app.database.begin() as connection:
        connection.execute(update(streams).values(last_full_walk_at=None, watermark=None))
    await watched.read(*MODELS)
    await watched.shows("syncer_verify_differing_records", 0)


async def approve(watched: Watched) -> None:
    async with watched.world.app() as app:
        app.database.clock_offset = watched.app.database.clock_offset
        await sync(app, Mode.APPROVE, models=[GROUPS])
    await watched.shows("syncer_held", 0)


async def take_no_writes(watched: Watched) -> None:
    watched.mark_due(LOCATIONS)
    watched.outage.enter_context(locked(watched.world.database_url))
    await watched.shows("syncer_database_up", 0)


async def take_writes(watched: Watched) -> None:
    watched.outage.close()
    await watched.shows("syncer_database_up", 1)


async def downgrade(watched: Watched) -> None:
    await _mark_version(watched, "0001")
    await watched.shows("syncer_ready", 0, check="migrated")


async def upgrade(watched: Watched) -> None:
    await _mark_version(watched, revisions(watched.app.database)[1])
    await watched.shows("syncer_ready", 1, check="migrated")


async def _mark_version(watched: Watched, number: str) -> None:
    with watched.app.database.begin() as connection:
        connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '{number}'"))


async def refuse_key(watched: Watched) -> None:
    watched.world.environment.api_key = "ks_dev_another"
    watched.mark_due(GROUPS)
    await watched.shows("syncer_key_refused", 1)


async def stop(watched: Watched) -> None:
    watched.app.stopping.set()
    await watched.running
