"""What is kept out of the mirror is in no list that the gateway forwards, and what is no list passes."""

from __future__ import annotations

import asyncio
import gzip
import json
import sqlite3
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from syncer.domain.limits import MOST_ANSWER_BYTES
from syncer.operations.erase import Wanted, erase
from tests.support.databases import migrated_database
from tests.support.gateway_lab import INTEGRATION, gateway
from tests.support.scripted_server import DATE, Answer, Seen, answer

EMPLOYEES = "hris_employees"
SSN, SOMEBODY = "065-81-1234", "26vafvWSRmbhNcxJYqjCzuJg"
ANN = {"id": "a1", "ssn": SSN, "first_name": "Ann", "manager": {"id": SOMEBODY, "ssn": SSN}}
ZENZI = {"id": SOMEBODY, "ssn": SSN, "first_name": "Zenzi"}
#: As nobody who writes a page anew would write it.
PAGE = json.dumps({"status": "success", "data": {"next": "c", "results": [ANN, ZENZI]}}, indent=3).encode()
WITHOUT_SSN = {"privacy": {"exclude": [f"{EMPLOYEES}.ssn"]}}
BYPASS = {"x-mirror": "bypass"}


@pytest.fixture
def sqlite(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A migrated database: what is tried here is the same with both."""
    with migrated_database(request, "sqlite", tmp_path) as url:
        yield url


def records(given: httpx.Response) -> list[Any]:
    """The records of a page that was passed on."""
    assert given.status_code == 200, given.text
    assert given.headers["x-mirror"] == "miss"
    assert int(given.headers["content-length"]) == len(given.content)
    page = given.json()
    assert (page["status"], page["data"]["next"]) == ("success", "c")
    found: list[Any] = page["data"]["results"]
    return found


def chunked(body: bytes) -> Answer:
    """An answer whose length nobody knows beforehand."""

    async def send(_: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 200 OK\r\nDate: {DATE}\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        for part in (body[:100], body[100:]):
            writer.write(b"%x\r\n%s\r\n" % (len(part), part))
        writer.write(b"0\r\n\r\n")

    return send


@pytest.mark.parametrize(
    "sent",
    [
        answer(200, PAGE, {"ETag": '"of what came"', "X-Kombo": "2"}),
        answer(200, gzip.compress(PAGE), {"Content-Encoding": "gzip", "X-Kombo": "2"}),
        answer(200, zlib.compress(PAGE), {"Content-Encoding": "deflate", "X-Kombo": "2"}),
        answer(203, PAGE),
        chunked(PAGE),
    ],
    ids=["plain", "gzip", "deflate", "another success", "chunked"],
)
async def test_what_is_excluded_is_in_no_answer_of_kombos_however_it_comes(sqlite: str, sent: Answer) -> None:
    async with gateway(sqlite, sent, **WITHOUT_SSN) as at:
        given = await at.client.get("/hris/employees", headers=BYPASS)
        assert given.status_code in (200, 203)
        assert given.json()["data"]["results"] == [
            {"id": "a1", "first_name": "Ann", "manager": {"id": SOMEBODY}},
            {"id": SOMEBODY, "first_name": "Zenzi"},
        ]
        assert not {"etag", "content-encoding", "transfer-encoding"} & given.headers.keys()
        assert int(given.headers["content-length"]) == len(given.content)
        assert given.headers.get("x-kombo") in ("2", None)
        assert given.headers["date"] == DATE
        await at.until_counted("miss")
        assert SSN not in at.everything_told()


@pytest.mark.parametrize(
    "path", ["/hris/employees/", "/HRIS/Employees", "/hris/employee%73", "/hris/employees;a"]
)
async def test_no_other_way_to_write_the_path_shows_more(sqlite: str, path: str) -> None:
    async with gateway(sqlite, answer(200, PAGE), **WITHOUT_SSN) as at:
        given = await at.client.get(path)
        assert at.kombo.seen[0].target == f"/v1{path}"
        assert len(records(given)) == 2
        assert SSN not in given.text


async def test_pseudonyms_stand_where_the_mirror_has_them(sqlite: str, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("k" * 32)
    privacy = {"pseudonymise": [f"{EMPLOYEES}.ssn"], "pseudonym_key_file": str(key)}
    async with gateway(sqlite, answer(200, PAGE), privacy=privacy) as at:
        ann, zenzi = records(await at.client.get("/hris/employees"))
        assert ann["ssn"] == ann["manager"]["ssn"] == zenzi["ssn"]
        assert ann["ssn"].startswith("p_")


async def test_an_erased_record_does_not_exist_from_the_next_call_on(sqlite: str) -> None:
    async with gateway(sqlite, *[answer(200, PAGE)] * 3) as at:
        before = await at.client.get("/hris/employees")
        assert before.content == PAGE
        await erase(at.app, Wanted(EMPLOYEES, id=SOMEBODY, integration_id=INTEGRATION))
        assert records(await at.client.get("/hris/employees")) == [{**ANN, "manager": None}]
        assert records(await at.client.get(f"/hris/employees?ids={SOMEBODY}", headers=BYPASS)) == [
            {**ANN, "manager": None}
        ]


async def test_a_list_of_the_configuration_is_cleaned_like_one_of_kombos(sqlite: str) -> None:
    lists, privacy = [{"name": "hris_shifts", "path": "/hris/shifts"}], {"exclude": ["hris_shifts.ssn"]}
    async with gateway(sqlite, answer(200, PAGE), lists=lists, privacy=privacy) as at:
        ann, zenzi = records(await at.client.get("/hris/shifts"))
        # Nobody says whose copy an object inside is: excluded is the member of the shift.
        assert "ssn" not in {*ann, *zenzi}


async def test_where_nothing_is_kept_out_of_a_list_it_passes_while_it_comes(sqlite: str) -> None:
    has_begun = asyncio.Event()

    async def slow(_: Seen, writer: asyncio.StreamWriter) -> None:
        head = f"HTTP/1.1 200 OK\r\nDate: {DATE}\r\nETag: x\r\nContent-Length: {len(PAGE)}\r\n\r\n"
        writer.write(head.encode() + PAGE[:100])
        await writer.drain()
        await has_begun.wait()
        writer.write(PAGE[100:])

    privacy = {"exclude": ["ats_candidates.first_name"]}
    async with (
        gateway(sqlite, slow, privacy=privacy) as at,
        at.client.stream("GET", "/hris/employees") as given,
    ):
        assert given.headers["etag"] == "x"
        pieces = given.aiter_raw()
        body = await anext(pieces)
        has_begun.set()
        async for piece in pieces:
            body += piece
        assert body == PAGE


@pytest.mark.parametrize(
    "sent",
    [
        answer(200, f"<p>{SSN}".encode()),
        answer(200, {"status": "success", "data": [ANN]}),
        answer(200, b""),
        answer(200, gzip.compress(PAGE)[:-9], {"Content-Encoding": "gzip"}),
        answer(200, PAGE, {"Content-Encoding": "gzip"}),
        answer(206, PAGE[200:500], {"Content-Range": "bytes 200-499/900"}),
        answer(200, b"", {"Content-Length": str(MOST_ANSWER_BYTES + 1)}),
    ],
    ids=["no JSON", "no page", "nothing", "cut off", "not compressed", "a part", "too large"],
)
async def test_a_list_that_cannot_be_read_is_withheld(sqlite: str, sent: Answer) -> None:
    async with gateway(sqlite, sent, **WITHOUT_SSN) as at:
        given = await at.client.get("/hris/employees")
        assert given.status_code == 502
        error = given.json()["error"]
        assert (error["code"], error["title"]) in {(None, "Answer withheld"), (None, "No answer")}
        assert "/hris/employees" in error["message"]
        assert SSN not in given.text
        assert "x-mirror" not in given.headers


async def test_what_is_withheld_is_counted_and_told_as_that(sqlite: str) -> None:
    async with gateway(sqlite, answer(200, f"<p>{SSN}".encode()), **WITHOUT_SSN) as at:
        given = await at.client.get("/hris/employees")
        assert given.json()["error"]["title"] == "Answer withheld"
        await at.until_counted("withheld")
        [line] = at.lines
        assert (line["outcome"], line["status"]) == ("withheld", 502)
        assert SSN not in at.everything_told()


@pytest.mark.parametrize("status", [304, 307, 400, 404, 500, 503])
async def test_what_is_no_success_passes_as_it_came(sqlite: str, status: int) -> None:
    body = b"" if status == 304 else b"<p>nothing here"
    headers = {"ETag": "x", "Location": "/v1/elsewhere"}
    async with gateway(sqlite, answer(status, body, headers), **WITHOUT_SSN) as at:
        given = await at.client.get("/hris/employees")
        assert (given.status_code, given.content, given.headers["etag"]) == (status, body, "x")


async def test_of_a_list_that_was_asked_for_its_head_nothing_tells_of_its_body(sqlite: str) -> None:
    async with gateway(
        sqlite, answer(200, b"", {"ETag": "x", "X-Kombo": "2", "Content-Length": "900"}), **WITHOUT_SSN
    ) as at:
        given = await at.client.head("/hris/employees")
        assert (given.status_code, given.headers["x-kombo"]) == (200, "2")
        assert not {"etag", "content-length"} & given.headers.keys()


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", f"/hris/employees/{SOMEBODY}"),
        ("GET", "/hris/shifts"),
        ("POST", "/hris/employees"),
        ("POST", "/passthrough/personio/personnel"),
    ],
)
async def test_what_is_no_list_of_a_model_passes_as_it_came(sqlite: str, method: str, path: str) -> None:
    async with gateway(sqlite, answer(200, PAGE), privacy={"exclude": ["*.ssn"]}) as at:
        given = await at.client.request(method, path)
        assert (given.status_code, given.content) == (200, PAGE)


async def test_where_nobody_can_tell_what_is_erased_nothing_is_sent(sqlite: str) -> None:
    async with gateway(sqlite, answer(200, PAGE)) as at:
        with sqlite3.connect(sqlite.removeprefix("sqlite:///")) as direct:
            direct.execute("ALTER TABLE sync_erasure_key RENAME TO of_somebody_else")
        given = await at.client.get("/hris/employees", headers=BYPASS)
        assert given.status_code == 503
        assert at.kombo.seen == []
