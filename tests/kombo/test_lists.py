"""Lists: queries out, recorded answers in."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncer.domain.catalogue.model import Features, Model
from syncer.domain.errors import (
    AnswerTooLarge,
    ConcurrencyLimited,
    CursorRefused,
    IntegrationGone,
    KeyRefused,
    KomboError,
    ModelUnavailable,
    NotReady,
    RateLimited,
    RequestRefused,
    Transient,
    UsageError,
)
from syncer.domain.limits import MOST_RECORDS
from syncer.kombo.lenient_page import Broken, split_page
from syncer.kombo.lists import Page, list_params, read_page

SAMPLES = Path(__file__).parent / "samples"
INTEGRATION = "personio:8d1hpPsbjxUkoCoa1veLZGe5"

EMPLOYEES = Model("hris_employees", "/hris/employees", "Employees", "People", columns=())
SKILLS = Model(
    "hris_skills",
    "/hris/skills",
    "Skills",
    "Skills",
    columns=(),
    features=Features(paging=False, updated_after=False, include_deleted=False, remote_ids=False),
)


def sample(case: str) -> tuple[int, dict[str, str], bytes]:
    head = json.loads((SAMPLES / case / "headers.json").read_text())
    return head["status"], head["headers"], (SAMPLES / case / "body").read_bytes()


def read(status: int, headers: Mapping[str, str], body: bytes, *, has_cursor: bool = False) -> Page:
    return read_page(
        status,
        headers,
        body,
        integration_id=INTEGRATION,
        model_name="hris_employees",
        has_cursor=has_cursor,
    )


def refused(case: str, *, has_cursor: bool = False) -> KomboError:
    with pytest.raises(KomboError) as caught:
        read(*sample(case), has_cursor=has_cursor)
    return caught.value


# Pages


def test_a_page_gives_every_record_as_received_the_cursor_and_the_servers_time() -> None:
    status, headers, body = sample("page")
    page = read(status, headers, body)
    assert [json.loads(record)["first_name"] for record in page.results] == ["Ada", "Grace"]
    assert all(record in body for record in page.results)
    assert page.next == "eyJwYWdlIjoyLCJub3RlIjoib3BhcXVlIn0="
    assert page.served_at == datetime(2026, 11, 21, 9, 30, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("case", "records"),
    [("last_page", 1), ("empty_page", 0), ("next_empty", 1), ("list_without_paging", 1)],
)
def test_null_empty_and_absent_next_all_end_the_walk(case: str, records: int) -> None:
    page = read(*sample(case))
    assert (page.next, len(page.results)) == (None, records)


def test_members_unknown_to_us_stay_in_the_record_and_are_ignored_around_it() -> None:
    page = read(*sample("unknown_members"))
    assert b'"new": "thing"' in page.results[0]
    assert b"2.5" in page.results[0]


@pytest.mark.parametrize("case", ["lone_surrogate", "not_a_number"])
def test_a_record_that_is_not_valid_json_costs_the_page_nothing_else(case: str) -> None:
    status, headers, body = sample(case)
    page = read(status, headers, body)
    assert [json.loads(record)["id"] for record in page.results] == ["a", "b", "c"]
    assert all(record in body for record in page.results)
    assert page.next == ("c2" if case == "lone_surrogate" else None)


def test_a_record_that_is_not_utf_8_costs_the_page_nothing_else() -> None:
    body = b'{"status":"success","data":{"next":null,"results":[{"id":"a\xff"},{"id":"b"}]}}'
    assert read(200, {}, body).results == (b'{"id":"a\xff"}', b'{"id":"b"}')


def test_a_record_nested_too_deeply_for_any_decoder_costs_the_page_nothing_else() -> None:
    deep = b"[" * 100_000 + b"]" * 100_000
    body = b'{"status":"success","data":{"next":"c2","results":[{"id":"a"},{"x":%b},{"id":"c"}]}}' % deep
    page = read(200, {}, body)
    assert page.results == (b'{"id":"a"}', b'{"x":%b}' % deep, b'{"id":"c"}')
    assert page.next == "c2"


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        b'{"status":"success","data":{"next":%b,"results":[]}}' % (b"[" * 100_000 + b"]" * 100_000),
        b'{"status":"success","data":{"next":"\xff","results":[]}}',
        b'{"status":"success","data":{"next":"\\ud800","results":[]}}',
    ],
    ids=["brackets", "objects", "next", "not UTF-8", "surrogate"],
)
def test_what_no_decoder_takes_outside_the_records_is_an_unreadable_answer(body: bytes) -> None:
    with pytest.raises(Transient):
        read(200, {}, body)


@pytest.mark.parametrize(
    ("date", "served_at"),
    [
        ("Sat, 21 Nov 2026 10:30:15 +0100", datetime(2026, 11, 21, 9, 30, 15, tzinfo=UTC)),
        ("yesterday", None),
        ("", None),
        ("Sat, 01 Jan 0101 00:00:00 GMT", None),
        ("Fri, 31 Dec 9999 23:59:59 -2300", None),
        (None, None),
    ],
)
def test_a_page_without_a_usable_date_has_no_server_time(
    date: str | None, served_at: datetime | None
) -> None:
    headers = {} if date is None else {"date": date}
    assert read(200, headers, sample("page")[2]).served_at == served_at


def test_a_page_started_its_whole_duration_before_it_was_served() -> None:
    page = Page((), None, datetime(2026, 11, 21, 9, 30, 15, tzinfo=UTC), duration=2.5)
    assert page.started_at == datetime(2026, 11, 21, 9, 30, 12, 500_000, tzinfo=UTC)
    assert Page((), None, None, duration=2.5).started_at is None


# Answers that are no pages


@pytest.mark.parametrize(
    "case",
    [
        "results_missing",
        "results_null",
        "results_object",
        "data_missing",
        "data_null",
        "next_number",
        "status_missing",
        "status_pending",
        "truncated",
        "truncated_lone_surrogate",
        "html_200",
        "empty_200",
        "error_in_200_without_code",
        "html_502",
        "text_503",
        "empty_503",
        "null_code_500",
    ],
)
def test_an_answer_without_a_whole_page_is_transient_and_never_an_empty_page(case: str) -> None:
    error = refused(case)
    assert type(error) is Transient
    assert error.status == sample(case)[0]
    assert error.integration_id == INTEGRATION
    assert f"hris_employees of {INTEGRATION}" in str(error)


@pytest.mark.parametrize(
    ("case", "kind"),
    [
        ("error_in_200", ModelUnavailable),
        ("rate_limited", RateLimited),
        ("bare_429", RateLimited),
        ("concurrency_limited", ConcurrencyLimited),
        ("key_refused", KeyRefused),
        ("null_code_401", KeyRefused),
        ("null_code_403", RequestRefused),
        ("null_code_404", RequestRefused),
        ("html_404", RequestRefused),
        ("integration_not_found", IntegrationGone),
        ("setup_sync_pending", NotReady),
        ("setup_incomplete_503", NotReady),
        ("model_disabled", ModelUnavailable),
        ("input_invalid", RequestRefused),
        ("redirect", RequestRefused),
    ],
)
def test_every_recorded_refusal_becomes_what_its_reader_can_do(case: str, kind: type[KomboError]) -> None:
    assert type(refused(case)) is kind


def test_a_refused_request_that_carried_a_cursor_blames_the_cursor() -> None:
    assert type(refused("input_invalid", has_cursor=True)) is CursorRefused
    assert type(refused("null_code_403", has_cursor=True)) is RequestRefused


def test_every_cut_of_a_page_is_transient() -> None:
    for case in ("page", "lone_surrogate"):
        status, headers, body = sample(case)
        body = body.strip()
        for length in range(len(body)):
            with pytest.raises(Transient):
                read(status, headers, body[:length])


# Queries


def test_a_query_asks_for_deleted_records_and_repeats_everything_with_the_cursor() -> None:
    assert list_params(
        EMPLOYEES,
        page_size=250,
        updated_after="2026-11-21T09:30:15.000Z",
        cursor="c2",
        filters={"employment_statuses": "ACTIVE,LEAVE"},
    ) == {
        "include_deleted": "true",
        "page_size": "250",
        "updated_after": "2026-11-21T09:30:15.000Z",
        "cursor": "c2",
        "employment_statuses": "ACTIVE,LEAVE",
    }


def test_ids_go_out_comma_separated() -> None:
    params = list_params(EMPLOYEES, page_size=100, ids=["a", "b"], remote_ids=("1",))
    assert (params["ids"], params["remote_ids"]) == ("a,b", "1")


def test_a_parameter_that_a_list_lacks_is_not_sent() -> None:
    params = list_params(SKILLS, page_size=100, updated_after="2026-11-21", ids=["a"])
    assert params == {"ids": "a"}


def test_a_list_said_to_have_no_paging_is_paged_on_when_it_gives_a_cursor() -> None:
    assert list_params(SKILLS, page_size=100, cursor="c2") == {"cursor": "c2"}


def test_asking_single_records_never_turns_into_asking_all_of_them() -> None:
    with pytest.raises(UsageError, match="hris_skills cannot be asked for its remote_ids"):
        list_params(SKILLS, page_size=100, remote_ids=["1"])
    with pytest.raises(UsageError, match="hris_employees cannot be asked for no ids"):
        list_params(EMPLOYEES, page_size=100, ids=[])


# Properties

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)
envelopes = st.fixed_dictionaries(
    {},
    optional={
        "status": st.sampled_from(["success", "error", "pending"]) | json_values,
        "data": json_values
        | st.fixed_dictionaries({}, optional={"results": json_values, "next": json_values}),
        "error": json_values
        | st.fixed_dictionaries(
            {},
            optional={
                "code": st.sampled_from(["PLATFORM.RATE_LIMIT_EXCEEDED", "REMOTE.X"]) | json_values,
                "message": json_values,
            },
        ),
    },
)
header_texts = (
    st.text() | st.integers().map(str) | st.floats().map(str) | st.just("Sat, 21 Nov 2026 9:1:1 GMT")
)
header_names = st.sampled_from(
    ["date", "retry-after", "ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"]
)


@given(
    status=st.sampled_from([200, 204, 301, 400, 401, 404, 409, 429, 500, 503]) | st.integers(100, 999),
    headers=st.dictionaries(header_names, header_texts),
    body=st.binary()
    | (json_values | envelopes).map(lambda value: json.dumps(value).encode())
    | st.text(alphabet='{}[],:"\\ \n1astunexdrl').map(lambda text: f'{{"status":"success",{text}'.encode()),
    has_cursor=st.booleans(),
)
def test_any_answer_is_a_page_or_a_kombo_error(
    status: int, headers: dict[str, str], body: bytes, has_cursor: bool
) -> None:
    try:
        outcome: Page | KomboError = read(status, headers, body, has_cursor=has_cursor)
    except KomboError as error:
        outcome = error
    if isinstance(outcome, Page):
        assert status // 100 == 2
        assert outcome.next != ""
    else:
        assert outcome.status == status
        assert str(outcome).isprintable()


@given(
    records=st.lists(json_values), cursor=st.none() | st.text(min_size=1), indent=st.sampled_from([None, 2])
)
def test_the_tolerant_way_reads_every_valid_page_like_the_strict_one(
    records: list[object], cursor: str | None, indent: int | None
) -> None:
    envelope = {"extra": [records], "status": "success", "data": {"results": records, "next": cursor}}
    body = json.dumps(envelope, indent=indent).encode()
    status, found, results = split_page(body)
    assert (status, found) == ("success", cursor)
    assert [repr(json.loads(raw)) for raw in results] == [repr(record) for record in records]
    page = read(200, {}, body)
    assert (page.results, page.next) == (results, cursor)


@pytest.mark.parametrize(
    "body",
    [
        b'{"status":"success","data":{"results":[1}]}',
        b'{"status":"success","data":{"results":[1]}}}',
        b'{"status":"success","data":{"results":[1]}} {"status":"error"}',
        b'{"status":"success","data":{"results":[1]}} x',
        b'{"status":"success","data":{"results":[1]}}"',
        b'{"data":{"results":[1]},"status":"success",',
        b'{"data":{"results":[1]},"status":"success","success"}',
        b'{"status":"success","data":{"results":[,1]}}',
        b'{"status":"success","data":{"results":["]}}',
        b'{"status":"success","data":{"results":{"a":1}}}',
        b'{"status":"success","data":[]}',
        b'{"status":1,"data":{"results":[]}}',
        b'{"data":{"results":[]}}',
        b'["status"]',
    ],
)
def test_the_tolerant_way_refuses_what_is_not_one_whole_page(body: bytes) -> None:
    with pytest.raises(Broken):
        split_page(body)


def test_more_records_than_a_walk_holds_are_no_page() -> None:
    body = b'{"status":"success","data":{"next":null,"results":[1' + b",1" * MOST_RECORDS + b"]}}"
    with pytest.raises(AnswerTooLarge, match="has more than 250,000 records"):
        read(200, {}, body)
