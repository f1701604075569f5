"""Calls of a tool's own API as pure functions: what goes out, what comes back."""

from __future__ import annotations

import base64
import json

import pytest

from syncer.domain.errors import (
    ConcurrencyLimited,
    Doubtful,
    IntegrationGone,
    KomboError,
    RateLimited,
    RequestRefused,
    Transient,
    UsageError,
)
from syncer.domain.native.call import Call, File
from syncer.domain.ratelimit.budget import Purpose
from syncer.kombo.concurrency import Slots
from syncer.kombo.passthrough import NativeAnswer, doubtful, native_body, native_request, read_native_answer

ID = "hibob:8d1hpPsbjxUkoCoa1veLZGe5"
GET = Call("hibob/v1", "GET", "/people")
POST = Call("hibob/v1", "POST", "/people", data={})


def read(answer: object, call: Call = GET, status: int = 200) -> NativeAnswer:
    body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    return read_native_answer(status, {}, body, call=call, integration_id=ID, quotes=True)


def success(**answer: object) -> dict[str, object]:
    return {"status": "success", "data": {"url": "https://x", "status": 200, "headers": {}, **answer}}


# What goes out


def test_parts_that_a_call_does_not_have_are_left_out() -> None:
    assert json.loads(native_body(GET)) == {"method": "GET", "path": "/people"}


def test_all_parts_have_kombos_names() -> None:
    call = Call(
        "x/y",
        "POST",
        "/people?a=1",
        params={"b": "2"},
        headers={"Accept": "text/csv"},
        data=[1, {"c": "ü"}],
        options={"service_name": "S"},
        wants_base64=True,
    )
    assert json.loads(native_body(call)) == {
        "method": "POST",
        "path": "/people?a=1",
        "params": {"b": "2"},
        "headers": {"Accept": "text/csv"},
        "data": [1, {"c": "ü"}],
        "api_options": {"service_name": "S"},
        "response_as_base64": True,
    }


def test_a_form_keeps_its_order_and_files_are_base64_with_their_type() -> None:
    cv = File("cv.pdf", b"%PDF\xff", "application/pdf")
    form: list[tuple[str, str | File]] = [("a", "1"), ("cv", cv), ("a", "2")]
    sent = json.loads(native_body(Call("x/y", "POST", "/", form=form)))
    content = base64.b64encode(cv.content).decode()
    file = {"name": "cv.pdf", "content_type": "application/pdf", "data": content}
    assert sent["multipart_form_data"] == [
        {"name": "a", "value": "1"},
        {"name": "cv", "value": file},
        {"name": "a", "value": "2"},
    ]


@pytest.mark.parametrize("data", [{"a": object()}, {"a": float("nan")}, {1, 2}])
def test_data_that_is_no_json_is_a_usage_error(data: object) -> None:
    with pytest.raises(UsageError, match="cannot be written as JSON"):
        native_body(Call("x/y", "POST", "/", data=data))


def test_tool_and_api_are_quoted_in_the_path() -> None:
    request = native_request(Call("datevhr/hr:payrollreports", "GET", "/"), ID, Slots(), str)
    assert request.path == "/passthrough/datevhr/hr%3Apayrollreports"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_write_is_sent_once_and_may_enter_the_reserve_a_read_not(method: str) -> None:
    write = native_request(Call("hibob/v1", method, "/people"), ID, Slots(), str)
    read = native_request(GET, ID, Slots(), str)
    assert (write.purpose, write.once) == (Purpose.WRITE, True)
    assert (read.purpose, read.once) == (Purpose.INCREMENTAL, False)


# What comes back


def test_json_is_kept_as_it_came_and_can_be_read() -> None:
    native = b'{"status":200,"headers":{"a":"1","b":["2","3"]},"data":{"pay":1234567890.10}}'
    answer = read(b'{"status":"success","data":' + native + b"}")
    assert (answer.body, answer.data) == (b'{"pay":1234567890.10}', {"pay": 1234567890.1})
    assert answer.headers == {"a": "1", "b": ["2", "3"]}
    assert answer.content == answer.body


@pytest.mark.parametrize(
    ("data", "content"),
    [("<a>ü</a>", "<a>ü</a>".encode()), ("", b""), ([], b"[]"), (0, b"0"), (None, b"null")],
)
def test_any_body_is_a_body(data: object, content: bytes) -> None:
    answer = read(success(data=data))
    assert (answer.data, answer.content) == (data, content)


def test_an_empty_body_is_none() -> None:
    answer = read(success(status=204))
    assert (answer.status, answer.body, answer.data, answer.content) == (204, None, None, b"")


@pytest.mark.parametrize(
    "body",
    [
        b'{"status":"success","data":{"status":200,"data":"\\ud800"}}',
        b'{"status":"success","data":{"status":200,"data":{"a":NaN}}}',
        b'{"status":"success","data":{"status":200,"data":"a\nb"}}',
        b'{"status":"success","data":{"status":200,"data":"a\xff"}}',
    ],
)
def test_odd_text_of_a_tool_does_not_hide_its_answer(body: bytes) -> None:
    answer = read(body, POST)
    assert answer.status == 200
    assert answer.data
    assert answer.content


def test_base64_is_decoded_where_it_was_asked_for() -> None:
    call = Call("x/y", "GET", "/", wants_base64=True)
    answer = read(success(data="JVBERv8="), call)
    assert (answer.is_base64, answer.content) == (True, b"%PDF\xff")
    assert read(success(data="JVBERv8=")).content == b"JVBERv8="
    broken = read(success(data="no base64!"), call)
    assert (broken.is_base64, broken.content) == (False, b"no base64!")
    assert read(success(data={"error": 1}), call).content == b'{"error": 1}'


@pytest.mark.parametrize(
    ("status", "is_well"), [(200, True), (302, True), (399, True), (400, False), (503, False)]
)
def test_an_error_of_the_tool_is_an_answer(status: int, is_well: bool) -> None:
    answer = read(success(status=status, data="no"))
    assert (answer.status, answer.is_well) == (status, is_well)


def test_kombos_warnings_are_kept() -> None:
    answer = read({**success(), "warnings": [{"message": "slow"}, {"other": 1}, None]})
    assert answer.warnings == ("slow",)


def test_warnings_of_another_form_hide_no_answer() -> None:
    assert read({**success(), "warnings": {"message": "slow"}}).warnings == ()


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"<html>",
        b"[]",
        b'{"status":"success","data":{"status":200,"data":{"a":',
        {"status": "success"},
        {"status": "success", "data": None},
        {"status": "success", "data": {"status": "200"}},
        {"status": "waiting", "data": {"status": 200}},
    ],
)
def test_a_success_without_an_answer_is_none(answer: object) -> None:
    with pytest.raises(Transient, match="no answer of the tool"):
        read(answer)


def test_a_refusal_names_method_api_and_integration() -> None:
    error = {"status": "error", "error": {"code": "PLATFORM.INPUT_INVALID", "message": "No such API."}}
    with pytest.raises(RequestRefused, match=rf"for GET through hibob/v1 of {ID}: No such API"):
        read(error, status=400)
    error["error"] = {"code": "PLATFORM.INTEGRATION_NOT_FOUND", "message": "Gone."}
    with pytest.raises(IntegrationGone):
        read(error, status=404)


def test_a_missing_permission_is_not_told_as_a_missing_model() -> None:
    said = {"code": "INTEGRATION.PERMISSION_MISSING", "message": "The tool's user may not do that."}
    with pytest.raises(RequestRefused) as caught:
        read({"status": "error", "error": said}, POST, status=403)
    assert str(caught.value).endswith("The tool's user may not do that.")


def test_texts_of_kombo_lose_queries_passwords_and_header_values() -> None:
    call = Call("hibob/v1", "GET", "/people", headers={"X-Token": "s3cret-value", "Accept": "a/b"})
    said = "GET https://me:pw@api.hibob.com/v1/people?token=t0k (s3cret-value, a/b) failed"
    with pytest.raises(KomboError) as caught:
        read({"status": "error", "error": {"code": None, "message": said}}, call, status=500)
    assert "GET https://api.hibob.com/v1/people ([header], a/b) failed" in str(caught.value)


def test_an_answer_shows_nothing_that_may_be_secret() -> None:
    answer = read(success(url="https://x?token=s3cret", headers={"set-cookie": "s3cret"}, data="s3cret"))
    assert repr(answer) == "NativeAnswer(status=200, is_base64=False)"


# What nobody knows


def unsent() -> Transient:
    error = Transient("No answer: it took too long to connect.")
    error.unsent = True
    return error


@pytest.mark.parametrize("error", [Transient("It broke."), Transient("Broken", status=502, code="REMOTE.X")])
def test_a_write_that_failed_after_sending_may_have_been_carried_out(error: Transient) -> None:
    told = doubtful(error, POST)
    assert isinstance(told, Doubtful)
    assert (told.status, told.code) == (error.status, error.code)
    assert "The POST may have been carried out all the same" in str(told)
    assert doubtful(error, GET) is error


@pytest.mark.parametrize("error", [RateLimited(), ConcurrencyLimited(), Transient(status=429), unsent()])
def test_a_write_that_was_turned_away_or_never_left_was_not_carried_out(error: Transient) -> None:
    assert doubtful(error, POST) is error
