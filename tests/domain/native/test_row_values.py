"""Values of rows in calls: they fill their place, whatever they are, or the call is not made."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncer.domain.native.cursor import NativeCursor
from syncer.domain.native.links import path_of
from syncer.domain.native.request import call_at
from syncer.domain.native.row_values import UnsendableValue
from syncer.domain.native.spec import ForEach
from tests.domain.native.paged_tool import native_list

EACH = ForEach("hris_employees", "remote_id", "remote_id")
SPEC = native_list(
    for_each=EACH,
    path="/people/{remote_id}/work?of={remote_id}",
    params={"who": "{remote_id}"},
    headers={"x-who": "id {remote_id}"},
)
#: What attacks on paths are made of.
PIECES = (
    "..",
    ".",
    "/",
    "\\",
    "?",
    "#",
    "%2e",
    "%2F",
    "%252e",
    "%00",
    "\r",
    "\n",
    "\0",
    ";",
    " ",
    "a",
    "\uff0e",
    "‥",
    "\uff0f",
    "&",
    "=",
)
REFUSED = (
    "..",
    ".",
    "../admin",
    "a/../../admin",
    "..\\admin",
    "%2e%2e",
    "%2e%2e%2fadmin",
    "%252e%252e%252fadmin",
    "..;/admin",
    "..%00/admin",
    "\uff0e\uff0e",
    "‥\uff0fadmin",
    " .. ",
    "",
    "  ",
    "a\r\nX-Other: b",
    "a\0b",
    "a\x7f",
    "a\x85b",
    "a%0d%0ab",
)


@pytest.mark.parametrize("value", REFUSED)
def test_a_value_that_could_change_what_is_called_is_refused(value: str) -> None:
    with pytest.raises(UnsendableValue) as refused:
        call_at(SPEC, NativeCursor(value))
    assert "admin" not in str(refused.value)


@pytest.mark.parametrize(
    "value", ["a/b", "a?b#c", "ä 1/2", "...", "a..b", "x.y", "50%", "a&b=c", "{remote_id}"]
)
def test_any_other_value_is_sent_as_it_is(value: str) -> None:
    call = call_at(SPEC, NativeCursor(value))
    assert call.params == {"who": value}
    assert unquote(urlsplit(call.path).path) == f"/people/{value}/work"


@given(st.lists(st.sampled_from(PIECES), max_size=6).map("".join) | st.text())
def test_a_value_stays_in_its_place_whatever_it_is(value: str) -> None:
    try:
        call = call_at(SPEC, NativeCursor(value))
    except UnsendableValue:
        return
    called = httpx.URL("https://tool.example/api").join(f"https://tool.example/api{call.path}")
    assert called.raw_path.count(b"/") == 4
    assert called.path.startswith("/api/people/")
    assert called.path.endswith("/work")
    assert called.fragment == ""
    assert list(called.params.keys()) == ["of"]
    assert called.params["of"] == value
    assert not {"\r", "\n", "\0"} & {*call.headers["x-who"], *call.params["who"]}


@pytest.mark.parametrize(
    ("path", "value"), [("/x/.{remote_id}/y", "."), ("/x/{remote_id}.", "."), ("/x/%2e{remote_id}", ".")]
)
def test_a_segment_that_a_value_completes_is_refused_as_well(path: str, value: str) -> None:
    with pytest.raises(UnsendableValue):
        call_at(native_list(for_each=EACH, path=path), NativeCursor(value))


def test_dots_in_a_query_stay_what_they_are() -> None:
    spec = native_list(for_each=EACH, path="/people?of={remote_id}")
    assert call_at(spec, NativeCursor("../a")).path == "/people?of=..%2Fa"


@pytest.mark.parametrize("link", ["/api/%2e%2e/admin", "/api/x/..;a/y", "/api/x/..%2fy"])
def test_a_link_does_not_leave_the_api_either(link: str) -> None:
    with pytest.raises(ValueError, match="leads elsewhere"):
        path_of(link, native_list(path="/list").call, "https://tool.example/api/list")
