"""Lists that the catalogue lacks, as the simulator serves them."""

from __future__ import annotations

import httpx
import pytest

from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.catalogue.names import unknown_models
from syncer.simulator.company.extra_lists import EXTRA_LISTS
from syncer.simulator.server.api import simulator_app
from syncer.simulator.server.environment import Environment
from tests.support.source import make_environment


async def get(environment: Environment, path: str, **params: str) -> httpx.Response:
    (integration,) = environment.integrations
    transport = httpx.ASGITransport(app=simulator_app(environment))
    headers = {"Authorization": f"Bearer {environment.api_key}", "X-Integration-Id": integration}
    async with httpx.AsyncClient(transport=transport, base_url="http://kombo.test/v1") as client:
        return await client.get(path, params=params, headers=headers)


def test_the_catalogue_lacks_them() -> None:
    assert unknown_models(EXTRA_LISTS) == tuple(EXTRA_LISTS)
    paths = {model.path for model in catalogue().values()}
    assert paths.isdisjoint(model.path for model in EXTRA_LISTS.values())


@pytest.mark.parametrize("name", EXTRA_LISTS)
async def test_one_is_served_and_offered_once_it_is_added(name: str) -> None:
    environment = make_environment()
    path = EXTRA_LISTS[name].path
    assert (await get(environment, path)).status_code == 404
    environment.add_list(name, 7)
    listed = (await get(environment, path, include_deleted="true", page_size="250")).json()["data"]
    assert len(listed["results"]) == 7
    assert {"id", "remote_id", "changed_at", "remote_deleted_at"} <= listed["results"][0].keys()
    (integration,) = environment.integrations
    said = (await get(environment, f"/integrations/{integration}")).json()["data"]["read_models"]
    assert name in {each["id"] for each in said if each["is_available"]}


async def test_a_list_refuses_a_parameter_where_it_is_to() -> None:
    environment = make_environment()
    environment.refused_parameters.add(("hris_skills", "updated_after"))
    assert (await get(environment, "/hris/skills")).status_code == 200
    refused = await get(environment, "/hris/skills", updated_after="2026-01-01T00:00:00.000Z")
    assert refused.status_code == 400
    assert "'updated_after'" in refused.json()["error"]["message"]
