"""The protocol: authentication, integration, states, parameters, envelopes, headers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest

from syncer.domain.catalogue.lookup import catalogue
from syncer.simulator.clock import SimClock
from syncer.simulator.company.company import Company
from syncer.simulator.server.environment import Environment
from syncer.simulator.server.integration import SetupStatus

Get = Callable[..., Awaitable[httpx.Response]]
Walk = Callable[..., Awaitable[list[dict[str, Any]]]]
INTEGRATION = "personio:8d1hpPsbjxUkoCoa1veLZGe5"


def _code(response: httpx.Response) -> str | None:
    body = response.json()
    assert body["status"] == "error"
    assert list(body["error"]) == ["code", "title", "message", "log_url"]
    assert body["error"]["message"]
    code: str | None = body["error"]["code"]
    return code


@pytest.mark.parametrize("model", list(catalogue()))
async def test_every_list_shows_every_record_once(model: str, company: Company, walk: Walk) -> None:
    with_deleted = catalogue()[model].features.include_deleted
    rows = await walk(model, include_deleted="true", page_size=7)
    assert rows == company.rows(model, include_deleted=with_deleted)


async def test_a_success_has_kombos_envelope(get: Get) -> None:
    response = await get("hris_groups", page_size=1)
    body = response.json()
    assert list(body) == ["status", "data"]
    assert body["status"] == "success"
    assert list(body["data"]) == ["next", "results"]
    assert response.headers["content-type"] == "application/json"


async def test_the_date_is_the_simulated_clocks(get: Get, clock: SimClock) -> None:
    assert (await get("hris_groups")).headers["date"] == "Mon, 01 Jun 2026 12:00:00 GMT"
    clock.advance(timedelta(days=1, seconds=1.9))
    assert (await get("hris_groups")).headers["date"] == "Tue, 02 Jun 2026 12:00:01 GMT"


@pytest.mark.parametrize("authorization", [None, "Bearer wrong", "ks_dev_simulator", "Basic abc"])
async def test_without_the_key_nothing_is_served_and_little_is_kept(
    client: httpx.AsyncClient, environment: Environment, authorization: str | None
) -> None:
    for method, path in (
        ("GET", "/hris/employees"),
        ("GET", "/check-api-key"),
        ("GET", f"/integrations/{INTEGRATION}"),
        ("POST", "/passthrough/personio/v1"),
        ("GET", f"/hris/employees?cursor={'x' * 10_000}"),
    ):
        request = client.build_request(method, path)
        del request.headers["authorization"]
        if authorization is not None:
            request.headers["authorization"] = authorization
        response = await client.send(request)
        assert (response.status_code, _code(response)) == (401, "PLATFORM.AUTHENTICATION_INVALID")
    assert len(environment.requests) == 5
    assert all(not each.params and len(each.path) <= 60 for each in environment.requests)


async def test_a_list_needs_a_known_integration(client: httpx.AsyncClient, environment: Environment) -> None:
    request = client.build_request("GET", "/hris/employees")
    del request.headers["x-integration-id"]
    response = await client.send(request)
    assert (response.status_code, _code(response)) == (400, "PLATFORM.INPUT_INVALID")

    environment.remove(INTEGRATION)
    response = await client.get("/hris/employees")
    assert (response.status_code, _code(response)) == (404, "PLATFORM.INTEGRATION_NOT_FOUND")
    response = await client.get(f"/integrations/{INTEGRATION}")
    assert (response.status_code, _code(response)) == (404, "PLATFORM.INTEGRATION_NOT_FOUND")


@pytest.mark.parametrize(
    ("setup_status", "code"),
    [
        ("INCOMPLETE", "INTEGRATION.SETUP_INCOMPLETE"),
        ("FINAL_SYNC_PENDING", "INTEGRATION.SETUP_SYNC_PENDING"),
    ],
)
@pytest.mark.parametrize("status", [409, 503])
async def test_an_integration_whose_setup_is_not_complete_serves_nothing(
    environment: Environment, get: Get, setup_status: SetupStatus, code: str, status: int
) -> None:
    integration = environment.integrations[INTEGRATION]
    integration.setup_status, integration.setup_error_status = setup_status, status
    response = await get("hris_employees")
    assert (response.status_code, _code(response)) == (status, code)
    assert integration.describe()["setup_status"] == setup_status


async def test_failed_quality_and_inactivity_refuse(environment: Environment, get: Get) -> None:
    integration = environment.integrations[INTEGRATION]
    integration.status = "INACTIVE"
    assert (await get("hris_employees")).status_code == 200
    integration.refuses_inactive = True
    assert _code(await get("hris_employees")) == "INTEGRATION.INACTIVE"
    integration.qa_failed = True
    response = await get("hris_employees")
    assert (response.status_code, _code(response)) == (409, "INTEGRATION.QA_FAILED")


async def test_models_that_are_not_offered_or_switched_off_are_refused_one_by_one(
    environment: Environment, get: Get, client: httpx.AsyncClient
) -> None:
    integration = environment.integrations[INTEGRATION]
    integration.offers, integration.disabled = ("hris_*",), {"hris_absences"}
    refused = {model: await get(model) for model in ("ats_jobs", "hris_absences", "hris_employees")}
    assert (refused["ats_jobs"].status_code, _code(refused["ats_jobs"])) == (
        403,
        "INTEGRATION.MODEL_NOT_AVAILABLE",
    )
    assert _code(refused["hris_absences"]) == "INTEGRATION.MODEL_DISABLED"
    assert refused["hris_employees"].status_code == 200

    data = (await client.get(f"/integrations/{INTEGRATION}")).json()["data"]
    models = {each["id"]: each for each in data["read_models"]}
    assert {id for id, each in models.items() if each["is_available"]} == {
        model.webhook_name
        for model in catalogue().values()
        if model.category == "hris" and model.name != "hris_absences"
    }
    assert models["ats_jobs"]["coverage_status"] == "UNSUPPORTED"
    assert models["hris_absences"]["scope_config_setting"] == "DISABLED"
    assert "hris_teams" in models


async def test_the_integration_tells_its_states(
    environment: Environment, client: httpx.AsyncClient, clock: SimClock
) -> None:
    integration = environment.integrations[INTEGRATION]
    integration.status, integration.data_expired_at = "INVALID", clock.now()
    data = (await client.get(f"/integrations/{INTEGRATION}")).json()["data"]
    assert (data["id"], data["tool"]["id"], data["status"]) == (INTEGRATION, "personio", "INVALID")
    assert data["data_expired_at"] == "2026-06-01T12:00:00.000Z"


async def test_the_key_is_told_its_environment(client: httpx.AsyncClient, environment: Environment) -> None:
    data = (await client.get("/check-api-key")).json()["data"]
    assert data == {"environment_id": environment.id, "customer_id": environment.id}


@pytest.mark.parametrize("path", ["/hris/nothing", "/", "/passthrough/personio", "/integrations"])
async def test_an_unknown_endpoint_is_404_in_kombos_envelope(client: httpx.AsyncClient, path: str) -> None:
    for method in ("GET", "POST"):
        response = await client.request(method, path)
        assert response.status_code == 404
        assert _code(response)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("page_size", "0"),
        ("page_size", "251"),
        ("page_size", "-1"),
        ("page_size", "ten"),
        ("page_size", ""),
        ("include_deleted", "1"),
        ("include_deleted", "True"),
        ("ignore_unsupported_filters", "yes"),
        ("updated_after", "2026-01-01T00:00:00+00:00"),
        ("updated_after", "2026-01-01T00:00:00.000 00:00"),
        ("updated_after", "2026-01-01 00:00:00"),
        ("updated_after", "2026-01-01T00:00Z"),
        ("updated_after", "2026-13-01"),
        ("updated_after", "yesterday"),
        ("cursor", "garbage"),
        ("cursor", ""),
        ("cursor", "eyJhIjogMX0"),
        ("cursor", "W10"),
        ("cursor", "eyJhZnRlciI6IDEsICJwYWdlIjogMn0"),
        ("employment_statuses", "ACTIVE,GONE"),
        ("employment_status", "active"),
        ("custom_fields", "{"),
        ("custom_fields", "[]"),
        ("custom_fields", '{"a":1,"b":2}'),
        ("custom_fields", '{"a":[]}'),
    ],
)
async def test_a_bad_parameter_is_input_invalid(get: Get, name: str, value: str) -> None:
    response = await get("hris_employees", **{name: value})
    assert (response.status_code, _code(response)) == (400, "PLATFORM.INPUT_INVALID")
    assert name in response.json()["error"]["message"]


@pytest.mark.parametrize(
    "value",
    [
        "2026-01-01",
        "2026-01-01Z",
        "2026-01-01T00:00:00",
        "2026-01-01T00:00:00.1Z",
        "2026-01-01T00:00:00.123456789Z",
    ],
)
async def test_every_timestamp_of_kombos_pattern_is_taken(get: Get, value: str) -> None:
    assert (await get("hris_employees", updated_after=value)).status_code == 200


async def test_an_unknown_parameter_is_ignored(get: Get, company: Company) -> None:
    response = await get("hris_groups", page_size=250, color="red")
    assert len(response.json()["data"]["results"]) == len(company.ids("hris_groups"))


async def test_the_log_tells_every_request(environment: Environment, walk: Walk) -> None:
    await walk("hris_employees", page_size=10)
    asked = environment.asked_for("hris_employees", INTEGRATION)
    assert [each.page for each in asked] == list(range(1, len(asked) + 1))
    assert {each.status for each in asked} == {200}
    assert asked[0].params == {"page_size": "10"}
    assert "cursor" in asked[-1].params
    assert environment.asked_for("ats_jobs") == []


async def test_an_example_has_integrations_with_ids_of_their_own(clock: SimClock) -> None:
    one, two = (Environment.example(clock, seed=4, integrations=3, records=160) for _ in range(2))
    assert len(one.integrations) == 3
    assert list(one.integrations) == list(two.integrations)
    assert all(len(id.partition(":")[2]) == 24 for id in one.companies)
