"""Calls of a native list at each of its cursors."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from syncer.domain.catalogue.model import Column
from syncer.domain.native.call import Call
from syncer.domain.native.cursor import NativeCursor
from syncer.domain.native.marks import has_mark
from syncer.domain.native.paging.base import PagingStyle
from syncer.domain.native.paging.counted import OffsetStyle, PageNumberStyle
from syncer.domain.native.paging.cursor import CursorStyle
from syncer.domain.native.paging.link import LinkStyle
from syncer.domain.native.paging.single import SINGLE_PAGE
from syncer.domain.native.request import call_at
from syncer.domain.native.spec import ForEach
from tests.domain.native.paged_tool import native_list

CURSOR = CursorStyle("cursor", next="next")
EACH = ForEach("hris_employees", "remote_id", "remote_id")
cursors = st.builds(
    NativeCursor,
    row=st.none() | st.text(),
    at=st.none() | st.text() | st.integers(),
    digest=st.none() | st.text(),
)


@given(cursors)
def test_a_cursor_is_read_as_it_was_written(cursor: NativeCursor) -> None:
    assert NativeCursor.read(cursor.text()) == cursor


def test_no_text_is_the_beginning() -> None:
    assert NativeCursor.read(None) == NativeCursor() == NativeCursor.read(NativeCursor().text())


def test_a_listing_is_a_read_whatever_its_method() -> None:
    assert native_list(method="POST").call.is_read
    assert not Call("hibob/v1", "POST", "/people/search").is_read


# --- the position


@pytest.mark.parametrize(
    ("page", "cursor", "params"),
    [
        (SINGLE_PAGE, NativeCursor(), {"limit": "5"}),
        (CURSOR, NativeCursor(), {"limit": "5"}),
        (CURSOR, NativeCursor(at="x/1"), {"limit": "5", "cursor": "x/1"}),
        (CURSOR, NativeCursor(at=7), {"limit": "5", "cursor": "7"}),
        (OffsetStyle("skip"), NativeCursor(), {"limit": "5", "skip": "0"}),
        (OffsetStyle("skip", first=1), NativeCursor(), {"limit": "5", "skip": "1"}),
        (OffsetStyle("skip"), NativeCursor(at=10), {"limit": "5", "skip": "10"}),
        (PageNumberStyle("page[number]"), NativeCursor(), {"limit": "5", "page[number]": "1"}),
        (PageNumberStyle("page", first=0), NativeCursor(), {"limit": "5", "page": "0"}),
        (PageNumberStyle("page"), NativeCursor(at=3, digest="d"), {"limit": "5", "page": "3"}),
    ],
)
def test_the_position_is_a_parameter(page: PagingStyle, cursor: NativeCursor, params: dict[str, str]) -> None:
    spec = native_list(page, params={"limit": "5"})
    assert call_at(spec, cursor) == dataclasses.replace(spec.call, params=params)


def test_a_link_replaces_path_and_parameters_and_keeps_the_rest() -> None:
    spec = native_list(LinkStyle(), params={"limit": "5"}, headers={"x-a": "b"}, options={"c": "d"})
    assert call_at(spec, NativeCursor()) == spec.call
    call = call_at(spec, NativeCursor(at="/list?limit=5&after=%7B1"))
    assert call == dataclasses.replace(spec.call, path="/list?limit=5&after=%7B1", params={})


def test_a_position_in_the_data_keeps_what_is_beside_it() -> None:
    data = {"query": "{ people { id } }", "variables": {"first": 50}}
    spec = native_list(CursorStyle("variables.page.after", "data", next="next"), method="POST", data=data)
    assert call_at(spec, NativeCursor()).data == data
    assert call_at(spec, NativeCursor(at="c1")).data == {
        "query": "{ people { id } }",
        "variables": {"first": 50, "page": {"after": "c1"}},
    }
    assert data == {"query": "{ people { id } }", "variables": {"first": 50}}


def test_a_counted_position_in_the_data_is_a_number() -> None:
    spec = native_list(PageNumberStyle("page", "data"), method="POST")
    assert call_at(spec, NativeCursor()).data == {"page": 1}
    assert call_at(spec, NativeCursor(at=2)).data == {"page": 2}


def test_a_position_in_xml_stands_for_its_mark_and_is_escaped() -> None:
    spec = native_list(
        CursorStyle("after", "data", next="next"),
        method="POST",
        data="<Get><After>{after}</After></Get>",
    )
    assert call_at(spec, NativeCursor()).data == "<Get><After></After></Get>"
    assert call_at(spec, NativeCursor(at="a<&'\"")).data == "<Get><After>a&lt;&amp;&apos;&quot;</After></Get>"


# --- the row


def test_the_value_of_a_row_stands_wherever_its_mark_is() -> None:
    spec = native_list(
        for_each=EACH,
        method="POST",
        path="/people/{remote_id}/work",
        params={"who": "id:{remote_id}", "{remote_id}": "x"},
        headers={"x-who": "{remote_id}"},
        options={"service": "{remote_id}"},
        data={"filters": [{"values": ["{remote_id}", 1, None]}], "{remote_id}": True},
    )
    call = call_at(spec, NativeCursor(row="a/ö {x}"))
    assert call.path == "/people/a%2F%C3%B6%20%7Bx%7D/work"
    # Names of parameters and members stay.
    assert call.params == {"who": "id:a/ö {x}", "{remote_id}": "x"}
    assert (call.headers, call.options) == ({"x-who": "a/ö {x}"}, {"service": "a/ö {x}"})
    assert call.data == {"filters": [{"values": ["a/ö {x}", 1, None]}], "{remote_id}": True}


def test_without_a_mark_the_value_is_a_query_parameter() -> None:
    spec = native_list(PageNumberStyle("page"), for_each=EACH, params={"limit": "5"})
    assert not has_mark(spec.call, "remote_id")
    assert call_at(spec, NativeCursor("7", 2)).params == {"limit": "5", "remote_id": "7", "page": "2"}


def test_the_value_is_not_sent_again_with_a_link() -> None:
    spec = native_list(LinkStyle(), for_each=EACH)
    assert call_at(spec, NativeCursor("7")).params == {"remote_id": "7"}
    assert call_at(spec, NativeCursor("7", "/list?remote_id=7&page=2")).params == {}


def test_a_value_that_looks_like_another_mark_is_not_replaced() -> None:
    spec = native_list(
        PageNumberStyle("page", "data"),
        for_each=EACH,
        method="POST",
        data="<Get><Who>{remote_id}</Who><Page>{page}</Page></Get>",
    )
    assert call_at(spec, NativeCursor("{page}", 3)).data == "<Get><Who>{page}</Who><Page>3</Page></Get>"
    assert "<Who>R&amp;D</Who><Page>1</Page>" in call_at(spec, NativeCursor("R&D")).data


# --- the native list


def test_a_fingerprint_tells_what_is_listed_and_not_when_or_where() -> None:
    spec = native_list(CURSOR, params={"limit": "5"})
    same = structs.replace(
        spec, integrations=("*",), every="0 * * * *", columns=(Column("a", "text", "A"),), name="other"
    )
    assert same.fingerprint == spec.fingerprint
    assert same.columns_fingerprint != spec.columns_fingerprint
    others = [
        native_list(CURSOR, params={"limit": "6"}),
        native_list(CURSOR, params={"limit": "5"}, headers={"a": "b"}),
        native_list(CURSOR, params={"limit": "5"}, path="/other"),
        native_list(CURSOR, params={"limit": "5"}, options={"a": "b"}),
        native_list(CURSOR, params={"limit": "5"}, method="POST", data={"a": 1}),
        native_list(CURSOR, params={"limit": "5"}, wants_base64=True),
        native_list(CURSOR, params={"limit": "5"}, records="data"),
        native_list(CURSOR, params={"limit": "5"}, key=("a",)),
        native_list(CURSOR, params={"limit": "5"}, format="xml"),
        native_list(CURSOR, params={"limit": "5"}, for_each=EACH),
        native_list(CURSOR, params={"limit": "5"}, for_each=ForEach("hris_employees", "remote_id", "id")),
        native_list(CursorStyle("cursor", next="more"), params={"limit": "5"}),
    ]
    assert len({spec.fingerprint, *(each.fingerprint for each in others)}) == len(others) + 1


def test_a_fingerprint_stays_the_same_from_one_process_to_the_next() -> None:
    spec = native_list(
        CURSOR, for_each=ForEach("hris_employees", "remote_id", "id", frozenset({404, 410, 403}))
    )
    assert spec.fingerprint == "8c630999e837d5b26a320cd697d40048"


@pytest.mark.parametrize(
    ("globs", "covered"),
    [
        (("hibob:*",), True),
        (("*",), True),
        (("personio:*", "hibob:h?"), True),
        (("hibob",), False),
        (("HIBOB:*",), False),
    ],
)
def test_integrations_are_named_by_globs(globs: tuple[str, ...], covered: bool) -> None:
    assert structs.replace(native_list(), integrations=globs).covers("hibob:h1") is covered
