"""Kombo's own Python SDK reads every list that it knows from the simulator."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import kombo
import pytest

from syncer.domain.catalogue.lookup import catalogue
from syncer.simulator.company.company import Company
from syncer.simulator.server.environment import Environment
from syncer.simulator.server.serve import running
from tests.support.waiting import PATIENCE

SHAPES = json.loads((Path(__file__).parents[2] / "data" / "models.json").read_text(encoding="utf-8"))
MODEL_OF_PATH = {model.path: model.name for model in catalogue().values()}
SDK_METHODS = {
    MODEL_OF_PATH[shape["path"]]: shape["sdk_method"]
    for shape in SHAPES["models"]
    if shape.get("sdk_method") and shape["path"] in MODEL_OF_PATH
}


@asynccontextmanager
async def _sdk(
    environment: Environment, base_url: str, integration_id: str | None = None
) -> AsyncIterator[kombo.Kombo]:
    async with httpx.AsyncClient(timeout=PATIENCE) as client:
        yield kombo.Kombo(environment.api_key, integration_id, server_url=base_url, async_client=client)


async def _read_all(sdk: kombo.Kombo, method: str, **params: Any) -> list[Any]:
    section, _, name = method.partition(".")
    response = await getattr(getattr(sdk, section), f"{name}_async")(page_size=40, **params)
    rows: list[Any] = []
    while response is not None:
        rows += response.result.data.results
        response = await response.next()
    return rows


def test_every_list_that_the_sdk_describes_has_a_method() -> None:
    described = {shape["path"] for shape in SHAPES["models"] if "sdk-1.4.0" in shape["sources"]}
    assert set(SDK_METHODS) == {MODEL_OF_PATH[path] for path in described if path in MODEL_OF_PATH}


@pytest.mark.parametrize("seed", [1, 2])
async def test_the_sdk_reads_every_list_with_all_its_pages(
    environment: Environment, company: Company, seed: int
) -> None:
    large = Company(company.integration_id, environment.clock, seed=seed, records=2_500)
    environment.add(large)
    async with running(environment) as base_url, _sdk(environment, base_url, large.integration_id) as sdk:
        for model, method in SDK_METHODS.items():
            with_deleted = {"include_deleted": True} if catalogue()[model].features.include_deleted else {}
            rows = await _read_all(sdk, method, **with_deleted)
            assert [row.id for row in rows] == [row["id"] for row in large.rows(model)], model


async def test_the_sdk_reads_the_integration_and_the_key(environment: Environment, company: Company) -> None:
    async with running(environment) as base_url, _sdk(environment, base_url) as sdk:
        details = await sdk.general.get_integration_details_async(integration_id=company.integration_id)
        key = await sdk.general.check_api_key_async()
    assert details.data.setup_status == "COMPLETED"
    assert {each.id for each in details.data.read_models} == {
        model.webhook_name for model in catalogue().values() if model.webhook_name
    }
    assert key.data.environment_id == environment.id


async def test_the_sdk_understands_the_errors(environment: Environment) -> None:
    async with running(environment) as base_url, _sdk(environment, base_url, "nobody:here") as sdk:
        with pytest.raises(kombo.errors.KomboHrisError) as refused:
            await sdk.hris.get_employees_async()
    assert refused.value.data.error.code == "PLATFORM.INTEGRATION_NOT_FOUND"
