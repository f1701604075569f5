"""Lists of Kombo's show an application no more of people than the mirror holds."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from syncer.domain.erasure.erased import Erased
from syncer.domain.erasure.traces import ErasedRecord, traces_of
from syncer.domain.gateway.forwarding import ForwardedAnswer, ForwardedRequest
from syncer.domain.gateway.kept_out import KeptOut, Unclean
from syncer.domain.limits import LARGE_ANSWER_BYTES
from syncer.domain.records.exclude import excluded_from
from syncer.domain.records.exclusions import exclusions
from syncer.domain.stream_key import StreamKey
from syncer.operations.erase import Wanted
from syncer.operations.kept_out import CleanAnswers, clean_page, read_kept_out
from tests.support.gateway import KomboLists
from tests.support.somebody import EMPLOYEES, HRIS, MARK, erased_now, mirror_somebody, walk_whole
from tests.support.waiting import PATIENCE
from tests.support.world import MakeWorld, company_of

SECRET, SOMEBODY = "065-81-1234", "26vafvWSRmbhNcxJYqjCzuJg"


@pytest.fixture
def migrated_url(sqlite_url: str, sqlite_template: Path) -> str:
    """Of one kind: what is read of it is the same with both."""
    shutil.copy(sqlite_template, sqlite_url.removeprefix("sqlite:///"))
    return sqlite_url


def page(*records: bytes, **others: Any) -> bytes:
    """A page of Kombo's; others: members beside its own."""
    beside = "".join(f",{json.dumps(name)}:{json.dumps(value)}" for name, value in others.items())
    head = b'{"status":"success","data":{"next":"n","results":['
    return head + b",".join(records) + b"]}" + beside.encode() + b"}"


def without_ssn() -> KeptOut:
    """A list of employees without one member, of whom one is erased."""
    key, somebody = b"k" * 32, ErasedRecord(EMPLOYEES, "personio:1", SOMEBODY)
    erased = Erased(key, dict.fromkeys(traces_of(key, somebody, with_owned=True), "receipt"))
    excluded = excluded_from(EMPLOYEES, exclusions([f"{EMPLOYEES}.ssn"]))
    return KeptOut(StreamKey("personio:1", EMPLOYEES), excluded, erased)


async def test_a_list_of_kombos_shows_what_the_mirror_holds(make_world: MakeWorld, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("k" * 32)
    privacy = {
        "exclude": ["hris_employees.ssn", "hris_employees.manager.work_email", "*.remote_data"],
        "pseudonymise": ["*.last_name", "hris_groups.name"],
        "pseudonym_key_file": str(key),
    }
    world, somebody, about = await mirror_somebody(make_world, privacy=privacy)
    await erased_now(world, Wanted(EMPLOYEES, id=somebody))
    await walk_whole(world)
    integration = company_of(world).integration_id
    kombo = KomboLists(world.environment, integration)
    async with world.app() as app, app.open(app.environments) as [opened]:
        for model in HRIS:
            kept_out = read_kept_out(opened, StreamKey(integration, model))
            assert kept_out is not None
            asked = {"include_deleted": "true", "page_size": "250"}
            status, body = await kombo.asked(model, asked)
            assert status == 200
            before, after = json.loads(body), json.loads(clean_page(kept_out, body))
            rows = world.rows(model, integration)
            assert {each["id"]: each for each in after["data"]["results"]} == rows
            gone = {each["id"] for each in before["data"]["results"]} - rows.keys()
            assert gone == about[model]
            assert after["data"]["next"] == before["data"]["next"]
            assert MARK not in json.dumps(after)
            assert somebody not in json.dumps(after)


async def test_where_nothing_is_kept_out_of_a_list_nothing_is_to_be_done(make_world: MakeWorld) -> None:
    world = make_world(records=40, privacy={"exclude": ["ats_candidates.first_name"]})
    integration = company_of(world).integration_id
    async with world.app() as app, app.open(app.environments) as [opened]:
        await app.prepare()
        assert read_kept_out(opened, StreamKey(integration, EMPLOYEES)) is None
        assert read_kept_out(opened, StreamKey(integration, "ats_applications")) is not None
        await erased_now(world, Wanted(EMPLOYEES, id="26v", integration_id=integration))
        assert read_kept_out(opened, StreamKey(integration, EMPLOYEES)) is not None


def test_one_record_that_is_not_quite_json_keeps_no_other_from_the_application() -> None:
    odd = b'{"id":"1","ssn":"%s","first_name":"\\ud800"}' % SECRET.encode()
    answer = json.loads(clean_page(without_ssn(), page(odd, b'{"id":"2","ssn":null}')))
    assert answer["data"] == {"next": "n", "results": [{"id": "1", "first_name": "\ud800"}, {"id": "2"}]}
    assert answer["status"] == "success"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"<html>",
        b'{"status":"success"}',
        b'{"status":"success","data":[]}',
        b'{"status":"success","data":{"results":{}}}',
        page(b'"%s"' % SECRET.encode()),
        page(b'{"id":"%s"}' % SECRET.encode())[:-3],
        page(b'{"id":"%s"}' % SECRET.encode()) + b"{}",
        page(b'{"id":"1","x":\xff"%s"}' % SECRET.encode()),
        page(b'{"id":"1","x":%s"%s"%s}' % (b"[" * 50_000, SECRET.encode(), b"]" * 50_000)),
    ],
    ids=lambda body: repr(body[:50]),
)
def test_a_body_that_cannot_be_read_is_none_to_pass_on(body: bytes) -> None:
    with pytest.raises(Unclean) as refused:
        clean_page(without_ssn(), body)
    assert SECRET not in str(refused.value)


def test_what_a_page_has_beside_its_records_is_cleaned_like_what_nobody_describes() -> None:
    seen = [{"id": SOMEBODY, "first_name": "Zenzi"}, {"id": "2", "ssn": SECRET}]
    answer = json.loads(
        clean_page(without_ssn(), page(b'{"id":"1"}', warnings=["slow"], included=seen, total=2))
    )
    assert answer == {
        "status": "success",
        "data": {"next": "n", "results": [{"id": "1"}]},
        "warnings": ["slow"],
        "included": [{"id": "2"}],
        "total": 2,
    }


async def test_large_answers_are_read_and_held_one_at_a_time_and_others_beside_them() -> None:
    clean, request = CleanAnswers(), ForwardedRequest("GET", "/hris/employees", b"/hris/employees", [])
    under_way, all_small = list[int](), asyncio.Barrier(3)

    async def pieces(number: int, body: bytes) -> AsyncIterator[bytes]:
        yield body[:-1]
        # Who has taken so much of a large one asks for the rest when it is its turn.
        if len(body) > LARGE_ANSWER_BYTES:
            under_way.append(number)
        await asyncio.sleep(0)
        yield body[-1:]

    async def read(number: int, size: int) -> None:
        body = page(b'{"id":"1","ssn":"2","x":"%s"}' % (b"x" * size))
        given = ForwardedAnswer(200, [], pieces(number, body))
        async with clean.answering(request, given, without_ssn()) as answer:
            if size < LARGE_ANSWER_BYTES:
                await all_small.wait()
            else:
                assert under_way == [number]
            assert b'"ssn"' not in b"".join([piece async for piece in answer.pieces])
            if size >= LARGE_ANSWER_BYTES:
                under_way.remove(number)

    async with asyncio.timeout(PATIENCE):
        large = (read(number, LARGE_ANSWER_BYTES) for number in range(3))
        await asyncio.gather(*large, *(read(number, 10) for number in range(3)))
