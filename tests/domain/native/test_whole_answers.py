"""An answer of a tool is read whole or not at all; what is wrong with one record costs that alone."""

from __future__ import annotations

import base64
import csv
import io
import itertools
import json

import pytest

from syncer.domain.catalogue.model import Column
from syncer.domain.errors import RequestRefused, Transient
from syncer.domain.limits import MOST_RECORD_BYTES, MOST_RECORDS
from syncer.domain.native.paging.cursor import CursorStyle
from syncer.domain.native.rows import read_native
from syncer.domain.native.spec import Format
from syncer.domain.records.record import Poison
from tests.domain.native.paged_tool import native_list, read
from tests.domain.native.test_response import failure, items, refused, unreadable

ROWS = [{"id": f"e{number}", "name": f'Ann "{number}", née\nX'} for number in range(4)]
WRITTEN: dict[Format, str] = {
    "json": json.dumps({"items": ROWS}),
    "xml": "<a>" + "".join(f"<b><id>{each['id']}</id></b>" for each in ROWS) + "</a>",
    "csv": "id,name\r\n"
    + "".join('{},"{}"\r\n'.format(each["id"], each["name"].replace('"', '""')) for each in ROWS),
}
RECORDS: dict[Format, str] = {"json": "items", "xml": "a.b", "csv": "rows"}


@pytest.mark.parametrize("wants_base64", [False, True])
@pytest.mark.parametrize("written", list(WRITTEN))
def test_an_answer_that_is_cut_off_anywhere_is_an_error_unless_its_last_row_looks_whole(
    written: Format, wants_base64: bool
) -> None:
    columns = (Column("name", "text", ""),)
    spec = native_list(format=written, records=RECORDS[written], wants_base64=wants_base64, columns=columns)
    text = WRITTEN[written]
    whole = base64.b64encode(text.encode()).decode() if wants_base64 else text
    every, taken, told = read(spec, whole).records, [], []
    for end in range(len(whole)):
        try:
            taken.append(read(spec, whole[:end]).records)
        except Transient as error:
            told.append(str(error))
    assert "née" not in "".join(told)
    # Nothing in CSV says how many rows there are, nor that a cell goes on after a quotation mark.
    assert all(records[:-1] == every[: len(records)][:-1] for records in taken)
    assert bool(taken) is (written == "csv")


@pytest.mark.parametrize("wants_base64", [False, True])
def test_a_body_that_is_shorter_than_the_tool_promised_is_cut_off(wants_base64: bool) -> None:
    spec = native_list(format="csv", records="rows", wants_base64=wants_base64)
    text = "id,name\n" + "".join(f"{number},née\n" for number in range(20))
    whole = {"Content-Length": str(len(text.encode()))}
    cut = text[: len(text) // 2].rpartition("\n")[0]

    def passed_on(text: str) -> str:
        return base64.b64encode(text.encode()).decode() if wants_base64 else text

    assert len(read(spec, passed_on(text), headers=whole).records) == 20
    said = unreadable(spec, passed_on(cut), headers=whole)
    assert said == f"it is cut off: {len(text.encode())} bytes were promised, and {len(cut.encode())} came."
    # What was promised in other units says nothing.
    assert read(spec, passed_on(cut), headers={**whole, "content-type": "text/csv; charset=utf-16"}).records
    assert read(spec, passed_on(text), headers={"content-length": "20"}).records


def test_a_part_of_a_list_is_no_list_where_nothing_says_how_the_rest_is_read() -> None:
    error = failure(native_list(), items({"id": 1}), status=206)
    assert type(error) is RequestRefused
    assert "was answered with a part of the list (206)" in str(error)
    assert read(native_list(CursorStyle("cursor", next="meta.next")), items({"id": 1}), status=206).records


def test_a_cell_of_any_length_is_a_cell() -> None:
    spec = native_list(format="csv", records="rows")
    long = "x" * 300_000
    first, second = read(spec, f'id,name\n1,"{long}"\n2,b\n').records
    assert (json.loads(first)["name"], json.loads(second)) == (long, {"id": "2", "name": "b"})


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_beside_a_cell_that_is_too_long_all_rows_are_read_as_they_are_without_it(delimiter: str) -> None:
    text = io.StringIO(newline="")
    cells = ["", '"', '""', "a", 'a"b', ",", ";\t", "\n", "a\r\nb", "\r", " é "]
    rows = [[str(at), *each] for at, each in enumerate(itertools.product(cells, cells))]
    csv.writer(text, delimiter=delimiter).writerows([["id", "name", "city"], *rows])
    csv.writer(text, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows(rows)
    spec = native_list(format="csv", records="rows")
    long = "x" * (MOST_RECORD_BYTES + 1) + '"'
    last = delimiter.join(["last", '"{}"'.format(long.replace('"', '""')), ""])
    without = read(spec, text.getvalue()).records
    assert [list(json.loads(each).values()) for each in without] == rows * 2
    *beside, read_last = read(spec, text.getvalue() + last).records
    assert beside == list(without)
    assert json.loads(read_last) == {"id": "last", "name": long, "city": ""}


def test_beside_a_cell_that_is_too_long_what_is_cut_off_is_told() -> None:
    spec, long = native_list(format="csv", records="rows"), f'id,name\n1,"{"x" * (MOST_RECORD_BYTES + 1)}"\n'
    said = unreadable(spec, f'{long}2,"secret')
    assert said == "it is cut off within a quoted cell of the row at line 3."
    assert unreadable(spec, f"{long}2") == "it is cut off: its last row has 1 cells, and the header has 2."
    said = refused(spec, f'{long}2,"secret" b\n3,"c"\n')
    assert said == "it is no CSV in the row at line 3: a quotation mark within a cell."


def test_more_records_than_a_walk_holds_are_refused() -> None:
    spec = native_list(records="@")
    said = refused(spec, body=b"[1" + b",1" * MOST_RECORDS + b"]")
    assert said == "it has more than 250,000 records, the most that is read."


@pytest.mark.parametrize("number", ["1e99999999999999999999", "9" * 5000, "NaN", "-Infinity"])
def test_a_number_that_nothing_can_hold_leaves_the_other_records_alone(number: str) -> None:
    body = b'{"items": [{"id": "a"}, {"id": "b", "n": %b}, {"id": "c"}]}' % number.encode()
    for listing in (read(native_list(), body=body), read(native_list(), body.decode())):
        one, two, three = listing.records
        assert (one, three) == (b'{"id":"a"}', b'{"id":"c"}')
        poison = read_native(native_list(), two, None)
        assert isinstance(poison, Poison)
        assert poison.id == "b"
