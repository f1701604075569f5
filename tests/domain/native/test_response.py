"""A tool's answers as pages of records: every paging style, every form of an answer, and what is no page."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncer.domain.errors import CursorRefused, KomboError, RequestRefused, Transient
from syncer.domain.limits import MOST_VALUES
from syncer.domain.native.cursor import NativeCursor
from syncer.domain.native.paging.base import PagingStyle
from syncer.domain.native.paging.counted import CountedStyle, OffsetStyle, PageNumberStyle
from syncer.domain.native.paging.cursor import CursorStyle
from syncer.domain.native.paging.link import LinkStyle
from syncer.domain.native.paging.parameter import ParameterStyle
from syncer.domain.native.spec import ForEach, Format, NativeListSpec
from tests.domain.native.paged_tool import BASE, INTEGRATION, Tool, native_list, read

CURSOR = CursorStyle("cursor", next="meta.next")
OFFSET = OffsetStyle("offset")
PAGE = PageNumberStyle("page")
LINK = LinkStyle()

Way = tuple[PagingStyle, tuple[Format, ...]]
COUNTED: tuple[tuple[type[CountedStyle], Literal["params", "data"], int | None], ...] = (
    (OffsetStyle, "params", None),
    (OffsetStyle, "data", 1),
    (PageNumberStyle, "params", 0),
    (PageNumberStyle, "data", None),
)
#: Every way to page, and the formats in which an answer can tell what it needs.
PAGED: list[Way] = [
    (CursorStyle("cursor", next="next"), ("json",)),
    (CursorStyle("cursor", next="list.next"), ("xml",)),
    (CursorStyle("a.cursor", "data", next="next"), ("json",)),
    (LinkStyle(), ("json", "xml", "csv")),
    (LinkStyle(next="next"), ("json",)),
    (LinkStyle(next="list.next"), ("xml",)),
]
for style, within, first in COUNTED:
    PAGED += [
        (style("at", within, first=first), ("json", "xml", "csv")),
        (style("at", within, first=first, total="total"), ("json",)),
        (style("at", within, first=first, total="list.total"), ("xml",)),
    ]
PATHS: dict[Format, str] = {"json": "items", "xml": "list.items.item", "csv": "rows"}

names = st.text(
    st.characters(min_codepoint=32, exclude_categories=["Cs", "Cn", "Co"], exclude_characters="\x7f")
)
ways = st.sampled_from([(page, each) for page, formats in PAGED for each in formats])


def failure(
    spec: NativeListSpec, data: Any = None, cursor: NativeCursor | None = None, **answer: Any
) -> KomboError:
    with pytest.raises((Transient, RequestRefused, CursorRefused)) as caught:
        read(spec, data, cursor, **answer)
    assert caught.value.integration_id == INTEGRATION
    assert str(caught.value).startswith(f"native_list: {spec.call.method} ")
    assert "t0ken" not in str(caught.value)
    return caught.value


def refused(spec: NativeListSpec, data: Any = None, cursor: NativeCursor | None = None, **answer: Any) -> str:
    """Why the answer is no page and will be none tomorrow."""
    error = failure(spec, data, cursor, **answer)
    assert type(error) is RequestRefused
    return str(error).partition("expected: ")[2]


def unreadable(spec: NativeListSpec, data: Any = None, **answer: Any) -> str:
    """Why the answer cannot be read now."""
    error = failure(spec, data, **answer)
    assert type(error) is Transient
    return str(error).partition("unreadable answer: ")[2]


def items(*records: Any, **beside: Any) -> dict[str, Any]:
    return {"items": list(records), **beside}


# --- the walk


@given(ways, st.lists(names, max_size=12), st.integers(1, 5), st.booleans(), st.booleans())
def test_every_style_walks_any_list_exactly_once(
    way: tuple[PagingStyle, Format], named: list[str], size: int, wants_base64: bool, knows_size: bool
) -> None:
    page, written = way
    if knows_size and isinstance(page, CountedStyle):
        page = replace(page, size=size)
    # White space at the ends of an element's text is not kept, and an empty element has none.
    records = [{"id": str(number), "name": f"-{name}-"} for number, name in enumerate(named)]
    spec = native_list(
        page,
        records=PATHS[written],
        format=written,
        wants_base64=wants_base64,
        method="POST" if isinstance(page, ParameterStyle) and page.within == "data" else "GET",
    )
    assert Tool(spec, records, size).walk() == records


# --- cursors


@pytest.mark.parametrize("meta", [{"next": None}, {"next": ""}, {"next": False}, {}, None])
def test_a_cursor_that_is_nothing_ends_the_list(meta: object) -> None:
    assert read(native_list(CURSOR), items({"id": 1}, meta=meta)).next is None


@pytest.mark.parametrize("cursor", ["c2", 2, 0])
def test_a_cursor_is_a_text_or_a_number_and_belongs_to_the_row(cursor: str | int) -> None:
    listing = read(native_list(CURSOR), items(meta={"next": cursor}), NativeCursor("p1", "c1"))
    assert listing.next == NativeCursor("p1", cursor)


@pytest.mark.parametrize(
    ("cursor", "said"),
    [
        ({"a": 1}, "an object in the answer, where meta.next has: a."),
        ([], "a list in the answer, where meta has: next."),
        (True, "a boolean in the answer, where meta has: next."),
        (1.5, "a number in the answer, where meta has: next."),
    ],
)
def test_another_cursor_is_refused_with_its_path(cursor: object, said: str) -> None:
    assert refused(native_list(CURSOR), items(meta={"next": cursor})) == f"next: 'meta.next' led to {said}"


def test_a_cursor_that_comes_again_is_refused() -> None:
    said = refused(native_list(CURSOR), items({"id": 1}, meta={"next": "c1"}), NativeCursor(at="c1"))
    assert said == "next: meta.next leads to the same page again."


# --- counted positions


def test_an_offset_moves_by_what_came_and_a_page_by_one() -> None:
    page = items({"id": 1}, {"id": 2})
    offset, number = read(native_list(OFFSET), page).next, read(native_list(PAGE), page).next
    assert offset is not None
    assert number is not None
    assert (offset.at, number.at) == (2, 2)
    offset = read(native_list(OFFSET), items({"id": 3}), NativeCursor("p1", 2)).next
    assert offset is not None
    assert (offset.row, offset.at) == ("p1", 3)


@pytest.mark.parametrize("page", [OFFSET, PAGE])
def test_an_empty_page_ends_a_list_that_is_counted(page: CountedStyle) -> None:
    assert read(native_list(page), items(), NativeCursor(at=3)).next is None
    with_total = replace(page, total="total")
    assert read(native_list(with_total), items(total=0)).next is None
    assert read(native_list(with_total), items(), NativeCursor(at=3)).next is None


def test_an_empty_page_before_the_total_is_reached_is_no_end() -> None:
    offset = native_list(OffsetStyle("at", total="total"))
    said = refused(offset, items(total=9), NativeCursor(at=4))
    assert said == "total: there are 9, and the list ended after 4."
    assert read(offset, items(total=4), NativeCursor(at=4)).next is None
    number = native_list(PageNumberStyle("at", total="total"))
    assert (
        refused(number, items(total=5), NativeCursor(at=3))
        == "total: there are 5, and the list ended after 3."
    )
    assert read(number, items(total=3), NativeCursor(at=3)).next is None


@pytest.mark.parametrize("style", [OffsetStyle, PageNumberStyle])
def test_a_page_that_is_not_full_is_the_last_where_no_total_is_told(style: type[CountedStyle]) -> None:
    short = items({"id": 1}, {"id": 2}, total=9)
    assert read(native_list(style("at", size=3)), short).next is None
    assert read(native_list(style("at", size=2)), short).next is not None
    # A tool may give fewer records at once than it was asked for.
    assert read(native_list(style("at", size=3, total="total")), short).next is not None


@pytest.mark.parametrize("total", [4, "4", 4.0])
def test_a_list_ends_where_its_total_is_reached(total: object) -> None:
    spec = native_list(OffsetStyle("at", total="total"))
    page = items({"id": 1}, {"id": 2}, total=total)
    assert read(spec, page, NativeCursor(at=1)).next is not None
    assert read(spec, page, NativeCursor(at=2)).next is None


@pytest.mark.parametrize(
    ("total", "kind"),
    [
        (None, "nothing"),
        ("many", "text"),
        (0, "a number"),
        (-1, "a number"),
        (1.5, "a number"),
        (True, "a boolean"),
    ],
)
def test_a_total_that_is_none_is_refused_with_its_path(total: object, kind: str) -> None:
    said = refused(native_list(OffsetStyle("at", total="meta.all")), items({"id": 1}, meta={"all": total}))
    assert said == (
        f"total: 'meta.all' led to {kind} in the answer, where meta has: all,"
        " and a number above 0 was expected."
    )


@pytest.mark.parametrize("page", [OFFSET, PAGE])
def test_a_page_with_the_records_of_the_one_before_is_refused(page: CountedStyle) -> None:
    spec, same = native_list(page), items({"id": 1}, {"id": 2})
    following = read(spec, same).next
    assert refused(spec, same, following) == f"page: {page.param} 2 has the same records as the page before."
    assert read(spec, items({"id": 2}, {"id": 1}), following).next is not None


# --- links


@pytest.mark.parametrize(
    ("header", "at"),
    [
        (f'<{BASE}/list?page=2>; rel="next"', "/list?page=2"),
        (f"<{BASE}/list?page=2>;rel=next", "/list?page=2"),
        (
            f'<{BASE}/list?page=1>; rel=first, <{BASE}/list?page=2>; title="a, b; rel=x"; rel="NEXT last"',
            "/list?page=2",
        ),
        ([f'<{BASE}/list?page=9>; rel="last"', f'<{BASE}/list?page=2>; rel="next"'], "/list?page=2"),
        ("<?page=2>; rel=next", "/list?page=2"),
        ("</v1/list?a=1,2;3>; rel=next", "/list?a=1,2;3"),
        ("<other/list>; rel=next", "/other/list"),
        (f"<{BASE}/list?q=a b>; rel=next", "/list?q=a%20b"),
        # Behind a proxy tools call themselves http.
        ("<http://API.tool.example/v1/list?page=2#top>; rel=next", "/list?page=2"),
        # What Kombo adds it will add again.
        (f"<{BASE}/list?page=2&access_token=0ther>; rel=next", "/list?page=2"),
        (f'<{BASE}/list?page=2>; rel="prev"', None),
        ("", None),
    ],
)
@pytest.mark.parametrize("name", ["link", "Link", "LINK"])
def test_the_header_link_names_the_next_page(name: str, header: str, at: str | None) -> None:
    listing = read(native_list(LINK), items({"id": 1}), NativeCursor("p1"), headers={"a": "b", name: header})
    assert listing.next == (None if at is None else NativeCursor("p1", at))


def test_a_link_in_the_answer_is_followed_and_none_ends_the_list() -> None:
    spec = native_list(LinkStyle(next="links.next"))
    listing = read(spec, items(links={"next": f"{BASE}/list?page%5Bnumber%5D=2"}))
    assert listing.next == NativeCursor(at="/list?page%5Bnumber%5D=2")
    for end in ({"next": None}, {"next": ""}, {}, None):
        assert read(spec, items(links=end)).next is None
    assert refused(spec, items(links={"next": 2})) == "next: an address is text, and this is a number."


def test_parameters_that_were_asked_for_stay_in_the_link() -> None:
    spec = native_list(LINK, path="/list?sort=id", params={"limit": "5"})
    url = f"{BASE}/list?sort=id&limit=5&access_token=t0ken"
    header = {"link": f"<{BASE}/list?sort=id&limit=5&page=2&access_token=t0ken>; rel=next"}
    assert read(spec, items(), headers=header, url=url).next == NativeCursor(
        at="/list?sort=id&limit=5&page=2"
    )
    # Also on the pages that follow, where they are in the path.
    url = f"{BASE}/list?sort=id&limit=5&page=2&access_token=t0ken"
    header = {"link": f"<{BASE}/list?sort=id&limit=5&page=3&access_token=t0ken>; rel=next"}
    listing = read(spec, items(), NativeCursor(at="/list?sort=id&limit=5&page=2"), headers=header, url=url)
    assert listing.next == NativeCursor(at="/list?sort=id&limit=5&page=3")


@pytest.mark.parametrize(
    ("link", "other"),
    [
        ("https://evil.example/v1/list?access_token=t0ken", "host"),
        ("https://api.tool.example:8443/v1/list", "host"),
        ("https://api.tool.example/v2/list", "path"),
        ("https://api.tool.example/v1/../v2/list", "path"),
        ("https://api.tool.example/v10/list", "path"),
        ("ftp://api.tool.example/v1/list", "path"),
    ],
)
def test_a_link_that_leads_elsewhere_is_refused_and_not_repeated(link: str, other: str) -> None:
    said = refused(native_list(LINK), items(), headers={"link": f"<{link}>; rel=next"})
    assert said == f"next: the link leads elsewhere: to another {other}, not below that of the call."


def test_a_link_to_the_page_it_came_with_is_refused() -> None:
    header = {"link": f"<{BASE}/list?page=2>; rel=next"}
    said = refused(native_list(LINK), items({"id": 1}), NativeCursor(at="/list?page=2"), headers=header)
    assert said == "next: the header Link leads to the same page again."


@pytest.mark.parametrize("url", ["", f"{BASE}/other"])
def test_a_link_needs_an_answer_that_says_what_was_called(url: str) -> None:
    said = refused(native_list(LINK), items(), headers={"link": "<?page=2>; rel=next"}, url=url)
    assert said == "next: the link cannot be followed: the answer does not say what was called."


def test_the_base_is_found_where_the_tool_writes_the_path_in_another_way() -> None:
    spec = native_list(LINK, path="/people/a%40b/list")
    header = {"link": "<?page=2>; rel=next"}
    assert read(spec, items(), headers=header, url=f"{BASE}/people/a@b/list").next == NativeCursor(
        at="/people/a@b/list?page=2"
    )


# --- what the answer is written in


def test_json_is_read_whether_it_was_passed_on_as_json_or_as_text() -> None:
    body = b'{"items": [{"id": 1, "pay": 12345678901234567890.10, "name": "Z\xc3\xb6e"}], "b": 1}'
    expected = ('{"id":1,"pay":12345678901234567890.10,"name":"Zöe"}'.encode(),)
    spec = native_list()
    assert read(spec, body=body).records == expected
    assert read(spec, body.decode()).records == expected
    assert read(spec, f"\ufeff \r\n{body.decode()}\n").records == expected
    encoded = native_list(wants_base64=True)
    assert read(encoded, base64.b64encode(b"\xef\xbb\xbf" + body).decode()).records == expected
    # Kombo need not have done as it was asked.
    assert read(encoded, body=body).records == expected
    assert read(encoded, body.decode()).records == expected


def test_the_answer_itself_may_be_the_list() -> None:
    assert read(native_list(records="@"), [{"id": 1}, 2]).records == (b'{"id":1}', b"2")


def test_a_record_that_no_database_can_hold_leaves_the_others_alone() -> None:
    body = b'{"items": [{"id": "a"}, {"id": "b", "n": "\\ud800"}, {"id": "c", "n": 1e99999}, {"id": "d"}]}'
    one, two, three, four = read(native_list(), body=body).records
    assert (one, four) == (b'{"id":"a"}', b'{"id":"d"}')
    assert json.loads(two) == {"id": "b", "n": "\ud800"}
    assert b"99999" in three


XML = """<?xml version="1.0" encoding="utf-8"?>
<e:Envelope xmlns:e="urn:e"><e:Body><w:Result xmlns:w="urn:w" xmlns="urn:x">%s</w:Result>
</e:Body></e:Envelope>"""
ENVELOPE = "Envelope.Body.Result"


@pytest.mark.parametrize(
    ("inside", "records"),
    [
        ("", []),
        ("<w:Total>0</w:Total>", []),
        ("<w:Worker><w:ID>1</w:ID></w:Worker>", [{"ID": "1"}]),
        (
            '<w:Worker w:kind="a" plain="b"><w:ID>1</w:ID><ID>2</ID></w:Worker>'
            '<Worker xmlns:q="q">x</Worker>',
            [{"@kind": "a", "@plain": "b", "ID": ["1", "2"]}, "x"],
        ),
        (
            "<Worker><ID type='WID'>1</ID><Name><![CDATA[R&D]]></Name><Gone/></Worker>",
            [{"ID": {"@type": "WID", "#text": "1"}, "Name": "R&D", "Gone": None}],
        ),
        ("<Worker/>", [None]),
    ],
)
def test_xml_is_a_tree_without_prefixes_where_one_element_is_a_list_too(
    inside: str, records: list[Any]
) -> None:
    spec = native_list(format="xml", records=f"{ENVELOPE}.Worker")
    assert [json.loads(each) for each in read(spec, XML % inside).records] == records


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("<Other/>", "led to nothing in the answer, which has: Other"),
        ("<Envelope/>", "led to nothing in the answer, which has: Envelope"),
        (
            "<Envelope><Body><Fault><code>1</code></Fault></Body></Envelope>",
            "led to nothing in the answer, where Envelope.Body has: Fault",
        ),
        (
            "<Envelope><Body><Result>none</Result></Body></Envelope>",
            "led to nothing in the answer, where Envelope.Body has: Result",
        ),
        (
            "<Envelope><Body><Result><Worker>x</Worker></Result></Body></Envelope>",
            "led to text in the answer, where Envelope.Body.Result has: Worker",
        ),
    ],
)
def test_xml_without_the_parent_of_its_records_is_no_empty_list(text: str, named: str) -> None:
    spec = native_list(format="xml", records=f"{ENVELOPE}.Worker")
    assert refused(spec, text) == f"records: '{ENVELOPE}.Worker' {named}."


def test_the_root_of_xml_is_no_record_that_may_be_missing() -> None:
    assert refused(native_list(format="xml", records="worker"), "<workers/>").startswith(
        "records: 'worker' led to nothing"
    )


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("<a><b><c><id>1</id></c></b></a>", ["1"]),
        ("<a><b><c><id>1</id></c><c><id>2</id></c></b><b/><b><c><id>3</id></c></b></a>", ["1", "2", "3"]),
        ("<a><b/></a>", []),
        ("<a/>", []),
    ],
)
def test_elements_that_the_path_takes_for_lists_are_lists(text: str, ids: list[str]) -> None:
    spec = native_list(format="xml", records="a.b[].c[]")
    assert [json.loads(each)["id"] for each in read(spec, text).records] == ids


def test_one_element_can_be_picked_of_a_list_and_none_of_what_it_has_not() -> None:
    spec = native_list(format="xml", records="a.b[0].c")
    assert [json.loads(each) for each in read(spec, "<a><b><c>1</c><c>2</c></b></a>").records] == ["1", "2"]
    assert refused(spec, "<a><b><d>1</d></b></a>") == (
        "records: 'a.b[0].c' led to nothing in the answer, where a has: b."
    )


def test_bytes_of_xml_are_read_in_the_encoding_that_they_name() -> None:
    spec = native_list(format="xml", records="a.b", wants_base64=True)
    text = '<?xml version="1.0" encoding="iso-8859-1"?><a><b><n>Zöe</n></b></a>'
    encoded = base64.b64encode(text.encode("iso-8859-1")).decode()
    assert read(spec, encoded).records == ('{"n":"Zöe"}'.encode(),)


def test_entities_of_xml_are_not_expanded() -> None:
    bomb = '<!DOCTYPE a [<!ENTITY x "secret">]><a><b><n>&x;</n></b></a>'
    assert refused(native_list(format="xml", records="a.b"), bomb) == "it is no XML: entities are disabled."


@pytest.mark.parametrize(
    ("text", "records"),
    [
        (
            'id,name\r\n1,Zöe\r\n2,"a, ""b""\nc"\r\n',
            [{"id": "1", "name": "Zöe"}, {"id": "2", "name": 'a, "b"\nc'}],
        ),
        ("\ufeffid;name\n1;a,b,c\n\n", [{"id": "1", "name": "a,b,c"}]),
        ("id\tname\n1\t\n", [{"id": "1", "name": ""}]),
        ("id\n1\n", [{"id": "1"}]),
        ("id,name\n", []),
        (
            "id,name\n1\n2,b,\n3,c,d\n4,d",
            [["1"], {"id": "2", "name": "b"}, ["3", "c", "d"], {"id": "4", "name": "d"}],
        ),
        ('id,name\n1,5" pipe\n', [{"id": "1", "name": '5" pipe'}]),
    ],
)
def test_csv_is_a_list_of_rows_by_the_names_of_its_header(text: str, records: list[Any]) -> None:
    spec = native_list(format="csv", records="rows")
    assert [json.loads(each) for each in read(spec, text).records] == records


@pytest.mark.parametrize(
    ("written", "text", "said"),
    [
        ("json", "<html><body>secret</body></html>", "it is no JSON: Expecting value at character 0."),
        ("json", '{"items": [{"id": 1}', "it is no JSON: Expecting ',' delimiter at character 20."),
        ("json", "", "it is empty."),
        ("json", " \n", "it is empty."),
        ("xml", "secret", "it is no XML: syntax error: line 1, column 0."),
        ("xml", "<a><b></a>", "it is no XML: mismatched tag: line 1, column 8."),
        ("csv", " \n", "it is empty."),
        ("csv", "\ufeff", "it is empty."),
        ("csv", "<!doctype html>\n<title>secret</title>", "it is a page of markup and no CSV."),
        (
            "csv",
            'id,name\n1,a\n2,"b\nc"\n3,"secret\n4,d\n',
            "it is cut off within a quoted cell of the row at line 5.",
        ),
        ("csv", "id,name\n1,a\n2", "it is cut off: its last row has 1 cells, and the header has 2."),
        ("csv", "i", "no column of it has the name 'id'."),
    ],
)
def test_a_text_that_may_be_whole_the_next_time_is_told_without_its_content(
    written: Format, text: str, said: str
) -> None:
    assert unreadable(native_list(format=written), text) == said
    encoded = base64.b64encode(text.encode()).decode()
    assert unreadable(native_list(format=written, wants_base64=True), encoded) == said


@pytest.mark.parametrize(
    ("written", "text", "said"),
    [
        ("json", '{"items": ' + "[" * 100_000, "it is nested too deeply."),
        ("csv", "id,id\n1,2\n", "two of its columns have the same name."),
        ("csv", "\n\n,", "no column of it has a name."),
        ("csv", "name,city\nsecret,a\n", "no column of it has the name 'id'."),
        (
            "csv",
            'id,name\n1,a\n2,"secret" b\n3,c\n',
            "it is no CSV in the row at line 3: ',' expected after '\"'.",
        ),
    ],
)
def test_a_text_that_no_repetition_mends_is_refused_without_its_content(
    written: Format, text: str, said: str
) -> None:
    assert refused(native_list(format=written), text) == said
    encoded = base64.b64encode(text.encode()).decode()
    assert refused(native_list(format=written, wants_base64=True), encoded) == said


@pytest.mark.parametrize(
    ("written", "begin", "value"), [("csv", "id\n", "\n"), ("xml", "<a>", "<b/>"), ("json", "[", "0,")]
)
def test_a_text_of_more_values_than_are_decoded_is_refused(written: Format, begin: str, value: str) -> None:
    spec = native_list(format=written, wants_base64=True)
    text = base64.b64encode((begin + value * MOST_VALUES).encode()).decode()
    assert refused(spec, text) == "it has more than 4,000,000 values, the most that is read."


def test_bytes_that_are_no_text_are_told_from_bytes_that_are_cut_off() -> None:
    spec = native_list(format="csv", wants_base64=True)
    assert refused(spec, base64.b64encode(b"id\n\xff\n").decode()) == "it is no UTF-8 text at byte 3."
    cut = base64.b64encode("id\né".encode()[:-1]).decode()
    assert unreadable(spec, cut) == "it is cut off within the character at byte 3."


def test_no_body_is_no_page() -> None:
    assert unreadable(native_list()) == "it is empty."
    assert unreadable(native_list(), body=b"null") == "it is empty."


# --- what is no list


@pytest.mark.parametrize(
    ("path", "data", "said"),
    [
        ("results", {"error": "x", "status": 5}, "led to nothing in the answer, which has: error, status"),
        ("results", {}, "led to nothing in the answer, which has no members"),
        ("results", [], "led to nothing in the answer, which is a list"),
        ("results", 5, "led to nothing in the answer, which is a number"),
        ("results", {"results": None}, "led to nothing in the answer, which has: results"),
        ("results", {"results": "none"}, "led to text in the answer, which has: results"),
        ("a.b.c", {"a": {"b": {"d": 1}}}, "led to nothing in the answer, where a.b has: d"),
        ("@", {"data": []}, "led to an object in the answer, which has: data"),
        ("a", {"a": {"items": [], "total": 0}}, "led to an object in the answer, where a has: items, total"),
        (
            "a",
            dict.fromkeys("bcdefghijk"),
            "led to nothing in the answer, which has: b, c, d, e, f, g, h, i, …",
        ),
        ("a", {"b" * 50: 1}, f"led to nothing in the answer, which has: {'b' * 40}…"),
    ],
)
def test_an_answer_without_a_list_is_refused_with_the_path_and_what_was_there(
    path: str, data: object, said: str
) -> None:
    assert refused(native_list(records=path), data) == f"records: '{path}' {said}."


def test_a_path_that_cannot_be_followed_is_refused() -> None:
    assert refused(native_list(records="sort_by(items, &id)"), items({"id": "secret"}, {"id": 1})) == (
        "'sort_by(items, &id)' cannot be followed in what is there."
    )


# --- the tool's status


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504, 599])
def test_what_a_tool_cannot_do_now_it_may_do_later(status: int) -> None:
    error = failure(native_list(path="/list?key=t0ken"), items({"id": 1}), status=status)
    assert (type(error), error.status) == (Transient, status)
    assert (
        str(error)
        == f"native_list: GET /list through hibob/v1 of hibob:h1 was answered with {status} by the tool."
    )


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
def test_what_a_tool_refuses_is_refused(status: int) -> None:
    error = failure(native_list(), items({"id": 1}), status=status)
    assert (type(error), error.status) == (RequestRefused, status)
    assert (
        str(error)
        == f"native_list: GET /list through hibob/v1 of hibob:h1 was refused with {status} by the tool."
    )


def test_a_status_may_say_that_a_row_has_nothing_but_only_at_its_beginning() -> None:
    each = ForEach("hris_employees", "id", "id", frozenset({404}))
    spec = native_list(CURSOR, path="/people/{id}", for_each=each)
    listing = read(spec, {"error": "gone"}, NativeCursor("p1"), status=404)
    assert (listing.records, listing.next) == ((), None)
    assert type(failure(spec, {"error": "gone"}, NativeCursor("p1", "c1"), status=404)) is CursorRefused
    assert type(failure(spec, {"error": "gone"}, NativeCursor("p1"), status=403)) is RequestRefused


@pytest.mark.parametrize("page", [CURSOR, OFFSET, PAGE, LINK])
@pytest.mark.parametrize("status", [400, 404, 410, 422])
def test_a_position_that_the_tool_does_not_know_any_more_is_told_from_a_list_it_refuses(
    page: PagingStyle, status: int
) -> None:
    error = failure(
        native_list(page), {}, NativeCursor(at="/list?at=2" if page is LINK else 2), status=status
    )
    assert (type(error), error.status) == (CursorRefused, status)
    assert "in the middle of the list: begin it again." in str(error)
    assert type(failure(native_list(page), {}, status=status)) is RequestRefused


@pytest.mark.parametrize("status", [401, 403, 405])
def test_who_may_not_read_a_list_may_not_begin_it_again(status: int) -> None:
    assert type(failure(native_list(CURSOR), {}, NativeCursor(at="c1"), status=status)) is RequestRefused
