"""Calls of the tools' own APIs: Kombo's checks and envelope, what each simulated tool answers, and faults."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any
from xml.etree import ElementTree

import httpx
import kombo
import pytest

from syncer.domain.native.tools import apis
from syncer.simulator.clock import SimClock
from syncer.simulator.server import faults
from syncer.simulator.server.environment import Environment
from syncer.simulator.server.faults import Dropped, Late, Match
from syncer.simulator.server.passthrough import PLAYED
from syncer.simulator.server.serve import running
from syncer.simulator.tools.personio import PICTURE
from tests.simulator.native_calls import Do, answered, environment_of, id_of, refused
from tests.support.waiting import PATIENCE


@pytest.fixture
def environment(clock: SimClock) -> Environment:
    return environment_of(clock)


# Kombo


async def test_an_api_that_no_file_plays_answers_with_what_it_was_asked(do: Do) -> None:
    said = answered(await do("personio/recruiting", "PUT", "/x?a=1", params={"b": "2"}, data=[1]))
    assert said == {"method": "PUT", "path": "/x?a=1", "params": {"a": "1", "b": "2"}, "data": [1]}
    assert answered(await do("taleo/soap", "POST", data="<find/>")) == "<find/>"


def test_what_is_played_are_apis_of_kombo() -> None:
    assert set(PLAYED) <= set(apis())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"api": "hibob/v9"}, "There is no passthrough API hibob/v9."),
        ({"api": "hibob/v1", "of": id_of("nmbrs")}, f"The integration {id_of('nmbrs')} is not one of hibob."),
        ({"api": "hibob/v1", "method": "HEAD"}, "body.method: expected one of"),
        ({"api": "hibob/v1", "path": None}, "body.path: expected a string."),
        ({"api": "hibob/v1", "params": {"limit": 1}}, "body.params: expected an object of strings."),
        ({"api": "hibob/v1", "headers": []}, "body.headers: expected an object of strings."),
        ({"api": "hibob/v1", "data": 5}, "body.data: expected an array, an object or a string."),
        ({"api": "hibob/v1", "multipart_form_data": [{"name": "a"}]}, "body.multipart_form_data"),
        (
            {"api": "hibob/v1", "multipart_form_data": [{"name": "a", "value": {"name": "b", "data": ""}}]},
            "body.multipart_form_data",
        ),
    ],
)
async def test_kombo_refuses_what_it_cannot_read(do: Do, arguments: dict[str, Any], said: str) -> None:
    status, code, message = refused(await do(**arguments))
    assert (status, code) == (400, "PLATFORM.INPUT_INVALID")
    assert message.startswith(said)


@pytest.mark.parametrize("api", [each.name for each in apis().values() if each.required])
async def test_a_missing_option_is_named(do: Do, api: str) -> None:
    [option] = apis()[api].required
    said = (400, "PLATFORM.INPUT_INVALID", f"body.api_options.{option}: required for {api}.")
    assert refused(await do(api, "POST", data="<x/>")) == said
    assert (await do(api, "POST", data="<x/>", api_options={option: "x"})).status_code == 200


async def test_header_integration_and_setup_are_looked_at_as_for_lists(
    do: Do, client: httpx.AsyncClient, environment: Environment
) -> None:
    del client.headers["x-integration-id"]
    response = await client.post("/passthrough/hibob/v1", json={"method": "GET", "path": "/"})
    assert refused(response)[:2] == (400, "PLATFORM.INPUT_INVALID")
    assert refused(await do("hibob/v1", of="hibob:x"))[:2] == (404, "PLATFORM.INTEGRATION_NOT_FOUND")
    environment.integrations[id_of("hibob")].setup_status = "INCOMPLETE"
    assert refused(await do("hibob/v1"))[:2] == (409, "INTEGRATION.SETUP_INCOMPLETE")


async def test_kombos_sdk_can_call(environment: Environment) -> None:
    async with running(environment) as base_url, httpx.AsyncClient(timeout=PATIENCE) as http:
        sdk = kombo.Kombo(environment.api_key, id_of("hibob"), server_url=base_url, async_client=http)
        response = await sdk.general.send_passthrough_request_async(
            tool="hibob", api="v1", method="GET", path="/bulk/people/work", params={"limit": "1"}
        )
    assert response.data.status == 200
    assert response.data.data is not None
    assert response.data.data["results"][0]["employeeId"] == "1"


# The tools


async def test_hibob_tells_everybodys_work_history_page_by_page(do: Do, environment: Environment) -> None:
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = answered(await do("hibob/v1", "GET", "/bulk/people/work", params={"limit": "3", **cursor}))
        found += [each["employeeId"] for each in page["results"]]
        if page["response_metadata"]["next_cursor"] is None:
            break
        cursor = {"cursor": page["response_metadata"]["next_cursor"]}
    company = environment.companies[id_of("hibob")]
    employees = [company.row("hris_employees", id)["remote_id"] for id in company.ids("hris_employees")]
    assert sorted(found) == sorted(employees)
    too_many = answered(await do("hibob/v1", "GET", "/bulk/people/work?limit=201"), 400)
    assert too_many["key"] == "bad.request"


async def test_hibob_takes_a_new_entry_which_lists_then_show(do: Do, environment: Environment) -> None:
    entry = {"effectiveDate": "2026-06-01", "title": "Head of Tea"}
    answered(await do("hibob/v1", "POST", "/people/5/work", data=entry))
    history = answered(await do("hibob/v1", "GET", "/people/5/work"))["values"]
    assert (history[0]["title"], history[0]["isCurrent"]) == ("Head of Tea", True)
    company = environment.companies[id_of("hibob")]
    titles = {each["job_title"] for each in company.rows("hris_employments")}
    assert "Head of Tea" in titles
    assert answered(await do("hibob/v1", "POST", "/people/5/work", data={}), 400)["key"] == "bad.request"
    assert answered(await do("hibob/v1", "POST", "/people/0/work", data=entry), 404)
    assert answered(await do("hibob/v1", "GET", "/nothing"), 404)


async def test_workday_lists_compensation_plans_and_workers_by_service(do: Do) -> None:
    options = {"service_name": "compensation"}
    plans = answered(await do("workday/rest", path="/compensationPlans?limit=2", api_options=options))
    assert plans["total"] == 6
    assert [each["descriptor"] for each in plans["data"]] == ["Salary Plan", "Hourly Plan"]
    assert "/compensation/v1/" in plans["data"][0]["href"]
    options = {"service_name": "staffing", "version": "v6"}
    workers = answered(await do("workday/rest", path="/workers", params={"offset": "1"}, api_options=options))
    assert "/staffing/v6/" in workers["data"][0]["href"]
    assert answered(await do("workday/rest", path="/x", api_options=options), 404)["code"] == "A0001"


async def test_workday_speaks_soap(do: Do, environment: Environment) -> None:
    async def soap(data: str, service: str = "Human_Resources") -> httpx.Response:
        return await do("workday/soap", "POST", data=data, api_options={"service_name": service})

    name = "b:Get_Workers_Request"
    asked = f'<{name} xmlns:b="urn:com.workday/bsvc"><b:Count>2</b:Count></{name}>'
    tree = ElementTree.fromstring(answered(await soap(asked)).encode())
    found = {each.tag.rpartition("}")[2]: each.text for each in tree.iter() if each.text}
    company = environment.companies[id_of("workday")]
    assert (found["Total_Results"], found["Page_Results"]) == (str(len(company.ids("hris_employees"))), "2")
    for wrong in (await soap("<b:x"), await soap("<x/>"), await soap(asked, "Staffing")):
        assert "faultstring" in answered(wrong, 500)


async def test_workday_gives_reports_in_two_forms(do: Do) -> None:
    report = answered(await do("workday/custom-report", path="/owner/report", params={"format": "json"}))
    assert report["Report_Entry"][0]["Employee_ID"] == "1"
    assert "<Employee_ID>1</Employee_ID>" in answered(await do("workday/custom-report", path="/owner/report"))
    assert answered(await do("workday/custom-report", path="/owner"), 404)


async def test_personio_labels_its_attributes(do: Do, environment: Environment) -> None:
    page = answered(await do("personio/personnel", path="/company/employees?limit=2&offset=1"))
    company = environment.companies[id_of("personio")]
    assert page["metadata"]["total_elements"] == len(company.ids("hris_employees"))
    assert [each["type"] for each in page["data"]] == ["Employee", "Employee"]
    one = answered(await do("personio/personnel", path="/company/employees/5"))
    assert one["data"]["attributes"]["id"] == {"label": "ID", "value": 5, "type": "integer"}
    assert answered(await do("personio/personnel", path="/company/employees/0"), 404)["success"] is False


async def test_a_file_survives_only_as_base64(do: Do) -> None:
    path = "/company/employees/5/profile-picture/75"
    whole = answered(await do("personio/personnel", path=path, response_as_base64=True))
    assert base64.b64decode(whole) == PICTURE
    assert answered(await do("personio/personnel", path=path)).encode() != PICTURE
    text = answered(await do("personio/jobboard", path="/xml", response_as_base64=True))
    assert base64.b64decode(text).startswith(b"<?xml")


async def test_personio_takes_a_form_with_a_file_and_feeds_a_job_board(do: Do) -> None:
    file = {"name": "a.pdf", "content_type": "application/pdf", "data": base64.b64encode(b"%PDF").decode()}
    texts = {"title": "Contract", "employee_id": "5", "category_id": "1"}
    form = [{"name": name, "value": value} for name, value in {**texts, "file": file}.items()]
    path = "/company/documents"
    said = answered(await do("personio/personnel", "POST", path, multipart_form_data=form))
    assert said["data"] == {"title": "Contract", "size": 4}
    response = await do("personio/personnel", "POST", path, multipart_form_data=form[:3])
    assert answered(response, 400)["error"]["message"] == "The file field is required."
    assert "<position>" in answered(await do("personio/jobboard", path="/xml"))
    assert answered(await do("personio/jobboard", path="/x"), 404)


async def test_greenhouse_has_picklists(do: Do, environment: Environment) -> None:
    response = await do("greenhouse/harvest", path="/custom_field/4001/custom_field_options")
    assert [each["name"] for each in answered(response)][:2] == ["Junior", "Professional"]
    assert len(response.json()["data"]["headers"]["set-cookie"]) == 2
    fields = answered(await do("greenhouse/harvest", path="/custom_fields/job"))
    assert [each["id"] for each in fields] == [4001, 4002]
    reasons = answered(await do("greenhouse/harvest", path="/rejection_reasons"))
    company = environment.companies[id_of("greenhouse")]
    assert len(reasons) == len(company.ids("ats_rejection_reasons"))
    assert answered(await do("greenhouse/harvest", path="/custom_field/1/custom_field_options"), 404)


async def test_nmbrs_lists_companies_and_employees_by_soap(do: Do) -> None:
    async def soap(service: str, operation: str) -> httpx.Response:
        data = f'<{operation} xmlns="https://api.nmbrs.nl/soap/v3/{service}"/>'
        return await do("nmbrs/soap", "POST", data=data, api_options={"service_name": service})

    assert "<Company><ID>1</ID>" in answered(await soap("CompanyService", "List_GetAll"))
    assert "<DisplayName>" in answered(await soap("EmployeeService", "List_GetByCompany"))
    assert "did not recognize" in answered(await soap("CompanyService", "List_GetByCompany"), 500)


# Trouble


async def test_calls_can_be_told_apart_in_script_and_log(do: Do, environment: Environment) -> None:
    reply = faults.native_answer(503, {"error": "busy"}, {"retry-after": "1"})
    environment.faults.add(Match(call="POST /people/*"), reply)
    answered(await do("hibob/v1", "GET", "/people/5/work"))
    response = await do("hibob/v1", "POST", "/people/5/work", data={})
    assert answered(response, 503) == {"error": "busy"}
    assert response.json()["data"]["headers"] == {"retry-after": "1"}
    assert [each.call for each in environment.requests] == ["GET /people/5/work", "POST /people/5/work"]


async def test_every_call_tells_how_many_more_the_tool_bears(do: Do, environment: Environment) -> None:
    environment.integrations[id_of("hibob")].concurrency_limit = 3
    headers = (await do("hibob/v1")).headers
    assert (headers["concurrency-limit"], headers["concurrency-remaining"]) == ("3", "2")


async def test_too_many_calls_at_once_are_turned_away_at_this_integration_alone(
    do: Do, environment: Environment
) -> None:
    environment.integrations[id_of("hibob")].concurrency_limit = 1
    begun, release = asyncio.Event(), asyncio.Event()

    async def sleep(_: float) -> None:
        begun.set()
        await release.wait()

    environment.sleep = sleep
    environment.faults.add(Match(call="GET /slow"), Late(5))
    slow = asyncio.create_task(do("hibob/v1", path="/slow"))
    await begun.wait()
    turned_away = await do("hibob/v1")
    assert refused(turned_away)[:2] == (429, "PLATFORM.CONCURRENCY_LIMIT_EXCEEDED")
    assert turned_away.headers["concurrency-remaining"] == "0"
    assert (await do("personio/personnel")).status_code == 200
    release.set()
    assert (await slow).headers["concurrency-remaining"] == "0"
    assert (await do("hibob/v1")).status_code == 200


async def test_a_call_counts_against_the_limit_of_the_key(do: Do, environment: Environment) -> None:
    environment.limit.limit = 1
    assert (await do("hibob/v1")).headers["ratelimit-remaining"] == "0"
    assert refused(await do("hibob/v1"))[:2] == (429, "PLATFORM.RATE_LIMIT_EXCEEDED")


async def test_a_connection_that_breaks_has_carried_the_call_out(do: Do, environment: Environment) -> None:
    environment.faults.add(Match(call="POST *"), Dropped(httpx.ReadError("gone")))
    entry = {"effectiveDate": "2026-06-01", "title": "Twice?"}
    with pytest.raises(httpx.ReadError):
        await do("hibob/v1", "POST", "/people/5/work", data=entry)
    history = json.dumps(answered(await do("hibob/v1", "GET", "/people/5/work")))
    assert history.count("Twice?") == 1
