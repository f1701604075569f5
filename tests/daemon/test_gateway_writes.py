"""Writes through the gateway of a service at work: in the mirror at once, and never behind a backfill."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from itertools import pairwise

import httpx
import pytest
from sqlalchemy import func, select

from syncer.domain.stream_key import StreamKey
from syncer.simulator.server.faults import Late, Match
from syncer.store.schema.mirror_tables import MIRROR
from tests.support.mirror import Mirror
from tests.support.source import MODELS, make_environment
from tests.support.told_service import ToldService

TOKEN = "token-of-the-gateway"
GATEWAY = {"enabled": True, "token": TOKEN}
GROUPS = "hris_groups"


@pytest.fixture
def service(migrated_url: str) -> ToldService:
    """A service whose schedule rests."""
    return ToldService(make_environment(records=120), Mirror(migrated_url))


def headers(world: ToldService) -> dict[str, str]:
    return {"Authorization": f"Bearer {TOKEN}", "X-Integration-Id": world.company.integration_id}


async def add_group(world: ToldService, name: str) -> str:
    """Write a group through the gateway; give its id."""
    given = await world.clients[0].post(
        "/gateway/v1/hris/groups", json={"name": name}, headers=headers(world)
    )
    assert given.status_code == 200, given.text
    id: str = given.json()["data"]["id"]
    return id


def has(world: ToldService, *ids: str) -> bool:
    """Tell whether the mirror has these groups."""
    with world.database() as connection:
        table = MIRROR[GROUPS]
        return connection.execute(
            select(func.count()).select_from(table).where(table.c.id.in_(ids))
        ).scalar_one() == len(ids)


async def test_what_a_write_has_made_is_read_at_once_and_nothing_else_is(service: ToldService) -> None:
    async with service.serving(gateway=GATEWAY):
        await service.until(lambda: len(service.ended()) == len(MODELS), "the end of the first runs")
        begun = len(service.ended())
        id = await add_group(service, "made through the gateway")
        await service.until(lambda: has(service, id), "the group")
        await service.until(lambda: len(service.ended()) > begun, "the end of the run")
        assert service.mirror.documents(GROUPS, service.company.integration_id)[id]["name"] == (
            "made through the gateway"
        )
        key = StreamKey(service.company.integration_id, GROUPS)
        assert service.ended()[begun:] == [(key, "complete")]
        gone = await service.clients[0].delete(f"/gateway/v1/hris/groups/{id}", headers=headers(service))
        assert gone.status_code == 200
        await service.until(
            lambda: service.mirror.documents(GROUPS, key.integration_id)[id]["remote_deleted_at"],
            "the end of the group",
        )


async def test_many_writes_in_a_row_are_read_by_few_runs(service: ToldService) -> None:
    async with service.serving(gateway=GATEWAY):
        key = StreamKey(service.company.integration_id, GROUPS)
        before = len(service.runs_of(key))
        ids = [await add_group(service, f"group {number}") for number in range(12)]
        await service.until(lambda: has(service, *ids), "all groups")
        starts = [each.started_at for each in service.runs_of(key)[before:]]
    # By the database's clock: a write that finds a run, or the pause after one, is read a second later.
    assert all(later - sooner >= timedelta(seconds=1) for sooner, later in pairwise(starts))


async def test_a_write_does_not_wait_for_reads_that_have_used_up_their_share(service: ToldService) -> None:
    environment = service.environment
    async with service.serving(gateway=GATEWAY):
        # What is left of the window is the reserve; and whatever reads still go out are slow.
        await service.clients[0].get("/gateway/v1/check-api-key", headers=headers(service))
        environment.limit.spend(environment.limit.limit - environment.limit.used - 100)
        await service.clients[0].get("/gateway/v1/check-api-key", headers=headers(service))
        environment.faults.add(Match(model="*"), Late(0.01), None)
        reading = asyncio.create_task(
            service.clients[0].get(
                "/gateway/v1/hris/locations", headers={**headers(service), "X-Mirror": "bypass"}
            )
        )
        ids = [await add_group(service, f"group {number}") for number in range(5)]
        assert not reading.done()
        assert len(ids) == 5
        reading.cancel()
        with pytest.raises((asyncio.CancelledError, httpx.HTTPError)):
            await reading


async def test_the_service_ends_after_the_writes_under_way(service: ToldService) -> None:
    fault = service.environment.faults.add(Match(path="*/force-sync"), Late(0.5))
    async with service.serving(gateway=GATEWAY) as [app]:
        calling = asyncio.create_task(
            service.clients[0].post("/gateway/v1/force-sync", headers=headers(service))
        )
        await service.until(lambda: fault.fired, "the call at Kombo")
        app.stopping.set()
        assert (await calling).headers["x-mirror"] == "miss"
