"""Targets of requests to the gateway: nothing that is forwarded leads out of Kombo's API."""

from __future__ import annotations

from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncer.domain.errors import UsageError
from syncer.domain.gateway.target import read_target

HARMLESS = {
    b"/gateway/v1/hris/employees": "/hris/employees",
    b"/gateway/v1/hris/employees/": "/hris/employees/",
    b"/gateway/v1/": "/",
    b"/gateway/v1/integrations/personio:8d1h": "/integrations/personio:8d1h",
    b"/gateway/v1/passthrough/hr%3Apayrollreports/v1": "/passthrough/hr%3Apayrollreports/v1",
    b"/gateway/v1/a/...": "/a/...",
    b"/gateway/v1/a/b.c/~d;e=f": "/a/b.c/~d;e=f",
    b"/gateway/v1/a/%20%C3%BC": "/a/%20%C3%BC",
}
TRICKS = [
    b"/gateway/v1",
    b"/gateway/v2/hris/employees",
    b"/gateway%2Fv1/hris/employees",
    b"/Gateway/v1/hris/employees",
    b"//gateway/v1/hris/employees",
    b"http://elsewhere.example/gateway/v1/hris/employees",
    b"/gateway/v1//elsewhere.example/",
    b"/gateway/v1/hris//employees",
    b"/gateway/v1/hris/employees//",
    b"/gateway/v1/..",
    b"/gateway/v1/../admin",
    b"/gateway/v1/hris/../../admin",
    b"/gateway/v1/./hris",
    b"/gateway/v1/hris/%2e%2e/admin",
    b"/gateway/v1/hris/.%2E/admin",
    b"/gateway/v1/hris/%252e%252e/admin",
    b"/gateway/v1/hris/%25252e%25252e/admin",
    b"/gateway/v1/hris/..;/admin",
    b"/gateway/v1/hris/..;a=b/admin",
    b"/gateway/v1/hris/..%3b/admin",
    b"/gateway/v1/hris%2Fadmin",
    b"/gateway/v1/hris%2fadmin",
    b"/gateway/v1/hris%252fadmin",
    b"/gateway/v1/hris\\..\\admin",
    b"/gateway/v1/hris%5Cadmin",
    b"/gateway/v1/hris%255cadmin",
    b"/gateway/v1/hris%00",
    b"/gateway/v1/hris%0d%0aX-Injected:%20yes",
    b"/gateway/v1/hris%250d%250a",
    b"/gateway/v1/hris%7f",
    b"/gateway/v1/hris%",
    b"/gateway/v1/hris%zz",
    b"/gateway/v1/hris#admin",
    b"/gateway/v1/hris admin",
    b"/gateway/v1/hris\xc3\xbc",
    b"/gateway/v1/@elsewhere.example/..",
    b"/gateway/v1/%252525252525252e",
    b"",
]


@pytest.mark.parametrize("path", list(HARMLESS), ids=repr)
def test_a_path_of_the_api_stays_as_it_came(path: bytes) -> None:
    target = read_target(path, b"")
    assert (target.path, target.raw) == (HARMLESS[path], HARMLESS[path].encode())


@pytest.mark.parametrize("path", TRICKS, ids=repr)
def test_a_path_that_somebody_may_take_for_another_is_refused(path: bytes) -> None:
    with pytest.raises(UsageError):
        read_target(path, b"")


QUERIES = [b"", b"a=%2C&b=+%20c", b"after=2026-01-01T00:00:00.000Z", b'f={"a":[1]}&g=/?']


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_stays_as_it_came(query: bytes) -> None:
    target = read_target(b"/gateway/v1/hris/employees", query)
    assert target.raw == b"/hris/employees" + (b"?" + query if query else b"")


@pytest.mark.parametrize("query", [b"a=b#c", b"a=b c", b"a=\r\nb", b"a=\xc3\xbc", b"a=\x00"], ids=repr)
def test_a_query_that_ends_early_for_others_is_refused(query: bytes) -> None:
    with pytest.raises(UsageError):
        read_target(b"/gateway/v1/hris/employees", query)


@given(st.lists(st.sampled_from([*"./\\%;#?25efFE0ad:@ a"]), max_size=12).map("".join))
def test_what_is_forwarded_means_one_path_to_everybody(text: str) -> None:
    """However often somebody decodes it, it has the same segments, and none of them is a dot."""
    try:
        target = read_target(b"/gateway/v1/" + text.encode(), b"")
    except UsageError:
        return
    path, segments = target.path, target.path.count("/")
    for _ in range(6):
        assert path.count("/") == segments
        assert not {".", ".."}.intersection(each.partition(";")[0] for each in path.split("/"))
        assert "\\" not in path
        path = unquote(path)


@pytest.mark.parametrize(
    ("path", "integration_id"),
    [
        (b"/gateway/v1/integrations/personio:8d1h", "personio:8d1h"),
        (b"/gateway/v1/integrations/personio%3A8d1h/relink", "personio:8d1h"),
        (b"/gateway/v1/integrations/", None),
        (b"/gateway/v1/integrations", None),
        (b"/gateway/v1/hris/integrations/x", None),
        (b"/gateway/v1/", None),
    ],
)
def test_some_paths_name_the_integration_themselves(path: bytes, integration_id: str | None) -> None:
    assert read_target(path, b"").integration_id == integration_id
