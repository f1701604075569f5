"""The native APIs against tests/data/passthrough.json, drawn from Kombo's Python SDK 1.4.0, and what a call
must bring to be sent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from syncer.domain.errors import UsageError
from syncer.domain.native.call import Call, File
from syncer.domain.native.tools import apis, check_call
from tests.support.for_each import for_each

DESCRIBED = json.loads((Path(__file__).parents[2] / "data" / "passthrough.json").read_text(encoding="utf-8"))
XML = "<Get_Workers_Request/>"


def call(api: str = "hibob/v1", method: str = "GET", path: str = "/x", **parts: Any) -> Call:
    return Call(api, method, path, **parts)


def refused(spec: Call) -> str:
    with pytest.raises(UsageError) as caught:
        check_call(spec)
    return str(caught.value)


def test_every_pair_of_the_description_is_known_and_no_other() -> None:
    described = [f"{each['tool']}/{each['api']}" for each in DESCRIBED["apis"]]
    assert list(apis()) == described
    assert len(described) == DESCRIBED["count"] == 209


@for_each("described", DESCRIBED["apis"], called=lambda each: f"{each['tool']}/{each['api']}")
def test_an_api_is_as_described(described: dict[str, Any]) -> None:
    api = apis()[f"{described['tool']}/{described['api']}"]
    assert (list(api.labels), list(api.base_urls)) == (described["labels"], described["base_urls"])
    assert api.method == described.get("method")
    options = described.get("api_options", {})
    assert list(api.required) == [name for name, said in options.items() if said.startswith("required")]
    assert (api.replaced_by is not None) == described.get("deprecated", False)
    assert api.replaced_by == described.get("use")
    takes_xml = "XML" in described.get("data", "") or "XML request" in described.get("note", "")
    assert (api.body == "xml") == (takes_xml or api.name.endswith("/soap"))


def test_most_calls_need_nothing_and_raise_no_doubt() -> None:
    plain = [each.name for each in apis().values() if each.method is None and each.replaced_by is None]
    silent = [name for name in plain if name not in ("workday/rest", "taleo/soap")]
    assert len(silent) > 195
    assert [doubt for name in silent for doubt in check_call(call(name))] == []


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("hibob/v2", "hibob/v1 or hibob/hire or hibob/docs"),
        ("hibbob/v1", "hibob/v1"),
        ("dayforce/v1", "dayforce/V1"),
        ("workday/report", "workday/rest or workday/custom-report or workday/soap"),
    ],
)
def test_an_unknown_pair_is_refused_with_the_nearest_names_unless_forced(name: str, near: str) -> None:
    assert f"'{name}'. Did you mean {near}" in refused(call(name))
    assert check_call(call(name), force=True) == []


def test_a_pair_like_no_other_is_refused_without_a_guess() -> None:
    assert refused(call("zzz/0")) == "There is no known API 'zzz/0'. --force sends the call all the same."


@pytest.mark.parametrize(
    ("name", "option"),
    [
        ("workday/rest", "service_name"),
        ("workday/soap", "service_name"),
        ("nmbrs/soap", "service_name"),
        ("hroffice/soap", "operation_name"),
    ],
)
def test_a_missing_option_is_named(name: str, option: str) -> None:
    method = "GET" if name == "workday/rest" else "POST"
    data = None if method == "GET" else XML
    assert f"{name} needs the option {option}: --api-option {option}=" in refused(
        call(name, method, data=data)
    )
    assert "needs the option" in refused(call(name, method, data=data, options={option: "", "other": "x"}))
    assert check_call(call(name, method, data=data, options={option: "Staffing"})) == []
    assert check_call(call(name, method, data=data), force=True) == []


@pytest.mark.parametrize("option", ["service_name", "operation_name"])
def test_taleo_takes_either_option_and_none_is_doubtful(option: str) -> None:
    assert check_call(call("taleo/soap", "POST", data=XML, options={option: "x"})) == []
    [doubt] = check_call(call("taleo/soap", "POST", data=XML))
    assert "service_name or operation_name" in doubt


def test_a_deprecated_api_names_the_one_to_use() -> None:
    assert check_call(call("workable/v1")) == ["workable/v1 is deprecated: use workable/v3."]


def test_a_method_that_the_api_does_not_take_is_refused() -> None:
    said = refused(call("workday/soap", "GET", options={"service_name": "Staffing"}))
    assert said.startswith("workday/soap takes POST alone; --force")


@pytest.mark.parametrize("data", [None, "", "{}", {"a": 1}, "Get_Workers"])
def test_a_soap_call_takes_xml(data: object) -> None:
    options = {"service_name": "EmployeeService"}
    assert "takes XML" in refused(call("nmbrs/soap", "POST", "/", data=data, options=options))


def test_xml_may_begin_with_a_mark_and_blanks() -> None:
    options = {"service_name": "EmployeeService"}
    assert check_call(call("nmbrs/soap", "POST", "/", data="\ufeff\n  <List/>", options=options)) == []
    assert check_call(call("carerix/api")) == []


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (call("hibob"), "names no API"),
        (call("hibob/"), "names no API"),
        (call("/v1"), "names no API"),
        (call("hibob/v1/people"), "names no API"),
        (call(method="get"), "no method"),
        (call(method="TRACE"), "no method"),
        (call(path=""), "begins with a slash"),
        (call(path="https://api.hibob.com/v1/people"), "begins with a slash"),
        (call(path="/people/a b"), "%20"),
        (call(path="/people\r\n"), "%20"),
        (call(method="POST", data={}, form=[("a", "b")]), "either data or a form"),
        (call(headers={"X Y": "1"}), "name of a header"),
        (call(headers={"": "1"}), "name of a header"),
        (call(headers={"X-Y": "1\r\nX-Z: 2"}), "control character"),
        (call(method="POST", form=[("cv", File("cv.pdf", b"%PDF", ""))]), "needs a type"),
        (call(method="POST", form=[("cv", File("cv.pdf", b"%PDF", "pdf"))]), "needs a type"),
    ],
)
def test_what_no_api_can_be_sent_is_refused_even_if_forced(spec: Call, said: str) -> None:
    for force in (False, True):
        with pytest.raises(UsageError, match=said):
            check_call(spec, force=force)


def test_a_call_shows_nothing_that_may_be_secret() -> None:
    parts: dict[str, Any] = {
        "params": {"token": "s3cret"},
        "headers": {"X-Token": "s3cret"},
        "options": {"key": "s3cret"},
    }
    secret = call(path="/x?token=s3cret", form=[("cv", File("cv.pdf", b"s3cret", "text/plain"))], **parts)
    assert repr(secret) == "Call(api='hibob/v1', method='GET', wants_base64=False)"
    assert "s3cret" not in repr(secret.form) + repr(call(data="s3cret"))
