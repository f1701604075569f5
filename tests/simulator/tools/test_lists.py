"""Lists of the tools' own APIs in every style of paging, while the company behind them changes."""

from __future__ import annotations

import csv
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from random import Random
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree

import pytest

from syncer.simulator.clock import SimClock
from syncer.simulator.company.company import Company
from syncer.simulator.life import ats as life_ats
from syncer.simulator.life import hris as life_hris
from syncer.simulator.server.environment import Environment
from syncer.simulator.server.request_log import RequestInfo
from tests.simulator.native_calls import Do, answered, environment_of, id_of

LINK = re.compile(r'<([^>]*)>; rel="(\w+)"')
PAGES = 50


@pytest.fixture
def environment(clock: SimClock) -> Environment:
    environment = environment_of(
        clock, ("personio", "hibob", "workday", "greenhouse", "nmbrs", "teamtailor"), records=400
    )
    environment.limit.limit = 100_000
    return environment


async def history_by_cursor(do: Do) -> list[str]:
    found: list[str] = []
    params = {"limit": "5"}
    for _ in range(PAGES):
        page = answered(await do("hibob/v1", path="/bulk/people/work", params=params))
        found += [each["employeeId"] for each in page["results"]]
        if page["response_metadata"]["next_cursor"] is None:
            return found
        params["cursor"] = page["response_metadata"]["next_cursor"]
    raise AssertionError("the pages do not end")


async def people_in_one_page(do: Do) -> list[str]:
    body = {"fields": ["root.id"], "showInactive": True}
    page = answered(await do("hibob/v1", "POST", "/people/search", data=body))
    return [each["id"] for each in page["employees"]]


async def employees_by_offset(do: Do) -> list[str]:
    found: list[str] = []
    for _ in range(PAGES):
        params = {"limit": "7", "offset": str(len(found))}
        page = answered(await do("personio/personnel", path="/company/employees", params=params))
        found += [str(each["attributes"]["id"]["value"]) for each in page["data"]]
        if len(found) >= page["metadata"]["total_elements"]:
            return found
    raise AssertionError("the pages do not end")


async def workers_by_offset(do: Do) -> list[str]:
    found: list[str] = []
    for _ in range(PAGES):
        page = answered(
            await do(
                "workday/rest",
                path="/workers?includeTerminatedWorkers=true",
                params={"limit": "7", "offset": str(len(found))},
                api_options={"service_name": "staffing"},
            )
        )
        found += [each["id"] for each in page["data"]]
        if len(found) == page["total"]:
            return found
    raise AssertionError("the pages do not end")


async def workers_by_page_in_xml(do: Do) -> list[str]:
    found: list[str] = []
    for page in range(1, PAGES):
        tree = await soap_workers(do, f"<b:Page>{page}</b:Page><b:Count>6</b:Count>")
        found += [each.text or "" for each in named(tree, "Worker_ID")]
        if str(page) == named(tree, "Total_Pages")[0].text:
            return found
    raise AssertionError("the pages do not end")


async def soap_workers(do: Do, filters: str) -> ElementTree.Element:
    request = f'<b:Get_Workers_Request xmlns:b="urn:com.workday/bsvc">{filters}</b:Get_Workers_Request>'
    options = {"service_name": "Human_Resources"}
    return ElementTree.fromstring(
        answered(await do("workday/soap", "POST", data=request, api_options=options))
    )


async def report_in_csv(do: Do) -> list[str]:
    text = answered(await do("workday/custom-report", path="/owner/report?format=csv"))
    return [row["Employee_ID"] for row in csv.DictReader(text.splitlines())]


async def employees_in_xml(do: Do) -> list[str]:
    request = '<List_GetByCompany xmlns="https://api.nmbrs.nl/soap/v3/EmployeeService"/>'
    options = {"service_name": "EmployeeService"}
    answer = answered(await do("nmbrs/soap", "POST", data=request, api_options=options))
    return [each.text or "" for each in named(ElementTree.fromstring(answer), "Id")]


async def candidates_by_link_in_header(do: Do) -> list[str]:
    found: list[str] = []
    path = "/candidates?per_page=4"
    for _ in range(PAGES):
        response = await do("greenhouse/harvest", path=path)
        found += [str(each["id"]) for each in answered(response)]
        following = links(response.json()["data"]["headers"]["link"]).get("next")
        if following is None:
            return found
        path = below(following, "https://harvest.greenhouse.io/v1")
    raise AssertionError("the pages do not end")


async def candidates_by_page(do: Do) -> list[str]:
    """As whoever turns pages until one is not full."""
    found: list[str] = []
    for page in range(1, PAGES):
        params = {"page": str(page), "per_page": "4"}
        entries = answered(await do("greenhouse/harvest", path="/candidates", params=params))
        found += [str(each["id"]) for each in entries]
        if len(entries) < 4:
            return found
    raise AssertionError("the pages do not end")


async def candidates_by_page_and_their_count(do: Do) -> list[str]:
    found: list[str] = []
    for page in range(1, PAGES):
        params = {"page[number]": str(page), "page[size]": "4"}
        document = answered(await do("teamtailor/v1", path="/candidates", params=params))
        found += [each["id"] for each in document["data"]]
        if page == document["meta"]["page-count"]:
            assert len(found) == document["meta"]["record-count"]
            return found
    raise AssertionError("the pages do not end")


async def candidates_by_link_in_body(do: Do) -> list[str]:
    found: list[str] = []
    path = "/candidates"
    for _ in range(PAGES):
        document = answered(await do("teamtailor/v1", path=path))
        found += [each["id"] for each in document["data"]]
        following = document["links"].get("next")
        if following is None:
            return found
        path = below(following, "https://api.teamtailor.com/v1")
    raise AssertionError("the pages do not end")


def named(tree: ElementTree.Element, name: str) -> list[ElementTree.Element]:
    return [each for each in tree.iter() if each.tag.rpartition("}")[2] == name]


def links(header: str) -> dict[str, str]:
    return {name: address for address, name in LINK.findall(header)}


def below(address: str, base: str) -> str:
    assert address.startswith(f"{base}/")
    return address.removeprefix(base)


@dataclass(frozen=True)
class Listing:
    """A way through a list, of one model, which gives the tool's ids of the records."""

    tool: str
    model: str
    walk: Callable[[Do], Awaitable[list[str]]]

    def company(self, environment: Environment) -> Company:
        return environment.companies[id_of(self.tool)]

    def kept(self, environment: Environment) -> list[str]:
        """The tool's ids of the live records."""
        company = self.company(environment)
        return [company.row(self.model, id)["remote_id"] for id in company.ids(self.model)]


EMPLOYEES, CANDIDATES = "hris_employees", "ats_candidates"
LISTS = [
    Listing("hibob", EMPLOYEES, history_by_cursor),
    Listing("hibob", EMPLOYEES, people_in_one_page),
    Listing("personio", EMPLOYEES, employees_by_offset),
    Listing("workday", EMPLOYEES, workers_by_page_in_xml),
    Listing("workday", EMPLOYEES, report_in_csv),
    Listing("nmbrs", EMPLOYEES, employees_in_xml),
    Listing("greenhouse", CANDIDATES, candidates_by_link_in_header),
    Listing("greenhouse", CANDIDATES, candidates_by_page),
    Listing("teamtailor", CANDIDATES, candidates_by_page_and_their_count),
    Listing("teamtailor", CANDIDATES, candidates_by_link_in_body),
]
every_list = pytest.mark.parametrize("listing", LISTS, ids=lambda each: f"{each.tool} {each.walk.__name__}")


@every_list
async def test_every_style_of_paging_serves_each_record_once(
    do: Do, environment: Environment, listing: Listing
) -> None:
    kept = listing.kept(environment)
    assert len(kept) > 15
    assert sorted(await listing.walk(do)) == sorted(kept)


@every_list
async def test_what_is_deleted_vanishes_and_what_comes_appears(
    do: Do, environment: Environment, listing: Listing
) -> None:
    company, before = listing.company(environment), await listing.walk(do)
    goes = company.ids(listing.model)[0]
    gone = company.row(listing.model, goes)["remote_id"]
    company.delete(listing.model, goes)
    (life_hris.hire if listing.model == EMPLOYEES else life_ats.apply)(company, Random(1))
    after = await listing.walk(do)
    assert set(before) - set(after) == {gone}
    assert len(set(after) - set(before)) == 1
    assert sorted(after) == sorted(listing.kept(environment))


async def test_workdays_workers_have_ids_of_their_own_by_offset(do: Do, environment: Environment) -> None:
    company = environment.companies[id_of("workday")]
    before = await workers_by_offset(do)
    assert len(before) == len(set(before)) == len(company.ids(EMPLOYEES))
    company.vanish(EMPLOYEES, company.ids(EMPLOYEES)[3])
    after = await workers_by_offset(do)
    assert len(after) == len(before) - 1
    assert after == [id for id in before if id in after]


async def test_lists_of_hibob_bear_people_of_whom_the_tool_knows_little(
    do: Do, environment: Environment, clock: SimClock
) -> None:
    environment.add(Company(id_of("hibob"), clock, seed=1, records=4_000))
    company = environment.companies[id_of("hibob")]
    managers = {row["manager"]["id"] for row in company.rows(EMPLOYEES) if row["manager"]}
    assert any(
        "work_email" not in company.row(EMPLOYEES, id) for id in managers & set(company.ids(EMPLOYEES))
    )
    page = answered(await do("hibob/v1", path="/bulk/people/work", params={"limit": "200"}))
    assert len(page["results"]) == 200
    assert len(await people_in_one_page(do)) == len(company.ids(EMPLOYEES))


async def test_a_list_shifts_when_a_record_goes_between_two_of_its_pages(
    do: Do, environment: Environment
) -> None:
    company = environment.companies[id_of("personio")]
    kept = await employees_by_offset(do)

    def vanish(asked: RequestInfo) -> None:
        if asked.params["offset"] == "0":
            company.vanish(EMPLOYEES, company.id_for(kept[0]))

    environment.between_pages = vanish
    # The eighth has moved up into the page that was there already.
    assert sorted(await employees_by_offset(do)) == sorted(set(kept) - {kept[7]})


async def test_leavers_are_shown_where_the_tool_is_asked_for_them(do: Do, environment: Environment) -> None:
    def leaver(tool: str) -> str:
        company = environment.companies[id_of(tool)]
        [first, *_] = (id for id in company.ids(EMPLOYEES) if status(company, id) == "ACTIVE")
        company.update(EMPLOYEES, first, employment_status="INACTIVE")
        return str(company.row(EMPLOYEES, first)["remote_id"])

    def status(company: Company, id: str) -> Any:
        return company.row(EMPLOYEES, id).get("employment_status")

    async def workers(filters: str) -> list[str | None]:
        return [each.text for each in named(await soap_workers(do, filters), "Worker_ID")]

    async def total(path: str) -> int:
        options = {"service_name": "staffing"}
        page = answered(await do("workday/rest", path=path, api_options=options))
        return int(page["total"])

    gone = leaver("hibob")
    active = answered(await do("hibob/v1", "POST", "/people/search", data={"fields": ["root.id"]}))
    assert gone not in [each["id"] for each in active["employees"]]
    assert gone in await people_in_one_page(do)
    gone = leaver("workday")
    assert gone not in await workers("<b:Exclude_Inactive_Workers>true</b:Exclude_Inactive_Workers>")
    assert gone in await workers("")
    assert await total("/workers") < await total("/workers?includeTerminatedWorkers=true")


async def test_entries_of_hibobs_history_keep_their_ids_when_another_is_added(do: Do) -> None:
    async def history() -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = answered(await do("hibob/v1", path="/people/5/work"))["values"]
        return entries

    before = await history()
    entry = {"effectiveDate": "2030-01-01", "title": "Head of Tea"}
    added = answered(await do("hibob/v1", "POST", "/people/5/work", data=entry))["id"]
    newest, *others = await history()
    assert newest["id"] == added
    assert [(each["id"], each["title"]) for each in others] == [
        (each["id"], each["title"]) for each in before
    ]
    bulk = answered(await do("hibob/v1", path="/bulk/people/work", params={"employeeIds": "5"}))
    assert [each["id"] for each in bulk["results"][0]["values"]] == [each["id"] for each in (newest, *others)]


async def test_no_two_entries_of_hibobs_history_share_an_id(do: Do) -> None:
    page = answered(await do("hibob/v1", path="/bulk/people/work", params={"limit": "200"}))
    ids = [entry["id"] for each in page["results"] for entry in each["values"]]
    assert len(ids) == len(set(ids)) > 20


async def test_ids_of_other_lists_stay_when_their_first_record_goes(do: Do, environment: Environment) -> None:
    async def reasons() -> list[int]:
        return [each["id"] for each in answered(await do("greenhouse/harvest", path="/rejection_reasons"))]

    async def companies() -> list[str | None]:
        request = '<List_GetAll xmlns="https://api.nmbrs.nl/soap/v3/CompanyService"/>'
        options = {"service_name": "CompanyService"}
        answer = answered(await do("nmbrs/soap", "POST", data=request, api_options=options))
        return [each.text for each in named(ElementTree.fromstring(answer), "ID")]

    reasons_before, companies_before = await reasons(), await companies()
    for ids in (reasons_before, companies_before):
        assert len(set(ids)) == len(ids) > 2
    for tool, model in (("greenhouse", "ats_rejection_reasons"), ("nmbrs", "hris_legal_entities")):
        company = environment.companies[id_of(tool)]
        kept = [id for id in company.known(model) if id in company.ids(model)]
        company.vanish(model, kept[0])
    assert await reasons() == reasons_before[1:]
    assert await companies() == companies_before[1:]


async def test_hibobs_search_gives_what_fields_and_filters_ask_for(do: Do) -> None:
    async def search(**body: Any) -> Any:
        body = {"showInactive": True, **body}
        return answered(await do("hibob/v1", "POST", "/people/search", data=body))["employees"]

    only = {"fieldPath": "root.id", "operator": "equals", "values": ["5"]}
    [found] = await search(fields=["root.id", "work.title", "work.none"], filters=[only])
    assert (found["id"], list(found), list(found["work"])) == ("5", ["id", "work"], ["title"])
    [everything] = await search(filters=[only])
    assert list(everything) == ["id", "firstName", "surname", "displayName", "email", "work", "internal"]
    someone = next(each for each in await search() if each["email"])
    by_email = {"fieldPath": "root.email", "operator": "equals", "values": [someone["email"]]}
    assert await search(filters=[by_email]) == [someone]
    wrong = {"filters": [{**only, "operator": "contains"}]}
    assert answered(await do("hibob/v1", "POST", "/people/search", data=wrong), 400)["key"] == "bad.request"


async def test_greenhouse_links_pages_by_whole_addresses_with_what_was_asked(do: Do) -> None:
    response = await do("greenhouse/harvest", path="/custom_fields/job?a=%20b", params={"per_page": "1"})
    header = response.json()["data"]["headers"]["link"]
    address = "https://harvest.greenhouse.io/v1/custom_fields/job?a=+b&per_page=1&page=2"
    assert links(header) == {"next": address, "last": address}
    response = await do("greenhouse/harvest", path=f"/custom_fields/job?{urlsplit(address).query}")
    assert [each["id"] for each in answered(response)] == [4002]
    assert list(links(response.json()["data"]["headers"]["link"])) == ["prev", "last"]
    beyond = await do("greenhouse/harvest", path="/custom_fields/job?page=9")
    assert answered(beyond) == []


@pytest.mark.parametrize(
    ("api", "path", "status", "said"),
    [
        ("greenhouse/harvest", "/candidates?per_page=501", 422, "Must be between 1 and 500"),
        ("greenhouse/harvest", "/candidates?page=0", 422, "Must be at least 1"),
        ("teamtailor/v1", "/candidates?page[size]=31", 400, "size exceeds maximum page size of 30."),
        ("teamtailor/v1", "/candidates?page[number]=0", 400, "0 is not a valid value for number"),
        ("teamtailor/v1", "/candidates/none", 404, "The record could not be found."),
    ],
)
async def test_pages_that_a_tool_does_not_have_are_its_own_errors(
    do: Do, api: str, path: str, status: int, said: str
) -> None:
    assert said in str(answered(await do(api, path=path), status))


async def test_a_candidate_is_the_same_in_list_and_alone(do: Do) -> None:
    listed = answered(await do("teamtailor/v1", path="/candidates?page[size]=1&page[number]=2"))["data"][0]
    alone = answered(await do("teamtailor/v1", path=f"/candidates/{listed['id']}"))["data"]
    assert alone == listed
    assert listed["type"] == "candidates"
    assert listed["attributes"]["updated-at"].startswith("20")


async def test_candidates_of_greenhouse_name_their_applications(do: Do) -> None:
    candidates = answered(await do("greenhouse/harvest", path="/candidates"))
    assert any(each["application_ids"] for each in candidates)
    for each in candidates:
        assert [
            {"id": id, "candidate_id": each["id"], "prospect": False} for id in each["application_ids"]
        ] == (each["applications"])


async def test_personio_gives_the_attributes_that_are_asked_for(do: Do) -> None:
    path = "/company/employees?attributes[]=first_name&attributes[]=start_date&limit=3&offset=3"
    page = answered(await do("personio/personnel", path=path))
    assert [list(each["attributes"]) for each in page["data"]] == [["id", "first_name", "start_date"]] * 3
    total = page["metadata"]["total_elements"]
    assert page["metadata"] == {
        "total_elements": total,
        "current_page": 1,
        "total_pages": -(-total // 3),
    }
