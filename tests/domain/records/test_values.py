"""Single JSON values as columns: exact, or refused with a reason."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncer.domain.catalogue.model import ColumnType
from syncer.domain.records.values import (
    CONVERTERS,
    Unfit,
    boolean,
    calendar_date,
    clock_time,
    integer,
    json_text,
    number,
    text,
    timestamp,
)

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=6,
)
present = json_values.filter(lambda value: value is not None)


def test_every_column_type_has_a_converter() -> None:
    assert set(CONVERTERS) == set(get_args(ColumnType))


@given(present | st.datetimes().map(str) | st.dates().map(str) | st.times().map(str))
def test_any_value_fits_or_is_unfit(value: object) -> None:
    for convert in CONVERTERS.values():
        with suppress(Unfit):
            assert convert(value) is not None


# --- text and truth ----------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["", " ", "null", "é", "x" * 200_000])
def test_text_stays_as_it_is(value: str) -> None:
    assert text(value) == value


@pytest.mark.parametrize("value", [1, Decimal("1.5"), True, ["a"], {"a": 1}])
def test_text_is_made_of_nothing_else(value: object) -> None:
    with pytest.raises(Unfit, match=r"expected text, got (a|an) "):
        text(value)


@pytest.mark.parametrize("value", [True, False])
def test_truth_stays_as_it_is(value: bool) -> None:
    assert boolean(value) is value


@pytest.mark.parametrize("value", [0, 1, "true", "", [], {}])
def test_truth_is_made_of_nothing_else(value: object) -> None:
    with pytest.raises(Unfit, match="expected true or false"):
        boolean(value)


# --- numbers -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("convert", [integer, number])
@pytest.mark.parametrize("value", [True, False, "1", "", [1], {"value": 1}])
def test_truth_and_text_are_no_numbers(convert: Callable[[object], object], value: object) -> None:
    with pytest.raises(Unfit, match="expected a"):
        convert(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, 0),
        (-7, -7),
        (2**63 - 1, 2**63 - 1),
        (-(2**63), -(2**63)),
        (Decimal("40.0"), 40),
        (Decimal("4e3"), 4000),
    ],
)
def test_integers_of_64_bits_fit(value: object, expected: int) -> None:
    converted = integer(value)
    assert converted == expected
    assert type(converted) is int


@pytest.mark.parametrize(
    "value", [2**63, -(2**63) - 1, 10**4000, Decimal("1e19"), Decimal("1e999999999"), Decimal("-1e999999999")]
)
def test_an_integer_of_more_than_64_bits_is_unfit(value: object) -> None:
    with pytest.raises(Unfit, match="more than 64 bits"):
        integer(value)


@pytest.mark.parametrize("value", ["37.5", "-0.1", "1e-999999999"])
def test_a_fraction_is_no_integer(value: str) -> None:
    with pytest.raises(Unfit, match="got a fraction"):
        integer(Decimal(value))


@pytest.mark.parametrize(
    "written", ["0.1", "0.10", "-12345.678901234567890123", "1E+300", "0", "9007199254740993"]
)
def test_a_decimal_is_exact(written: str) -> None:
    assert str(number(Decimal(written))) == written


@given(st.integers(-(10**299), 10**299))
def test_a_number_holds_integers_of_any_size_exactly(value: int) -> None:
    assert int(number(value)) == value


@pytest.mark.parametrize("value", [Decimal("1e400"), Decimal("-1e400"), Decimal("1e-400"), 10**301])
def test_a_number_that_some_database_would_round_is_unfit(value: object) -> None:
    with pytest.raises(Unfit, match=r"beyond 10\^300"):
        number(value)


# --- time --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2022-08-07T14:01:29.196Z", datetime(2022, 8, 7, 14, 1, 29, 196000, UTC)),
        ("2022-08-07T14:01:29.196", datetime(2022, 8, 7, 14, 1, 29, 196000, UTC)),
        ("2022-08-07T14:01:29+02:00", datetime(2022, 8, 7, 12, 1, 29, 0, UTC)),
        ("2022-12-31T23:30:00-01:00", datetime(2023, 1, 1, 0, 30, 0, 0, UTC)),
        ("2022-08-07", datetime(2022, 8, 7, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", datetime(1, 1, 1, tzinfo=UTC)),
        ("9999-12-31T23:59:59.999999Z", datetime(9999, 12, 31, 23, 59, 59, 999999, UTC)),
    ],
)
def test_a_timestamp_is_a_moment_in_utc(value: str, expected: datetime) -> None:
    moment = timestamp(value)
    assert moment == expected
    assert moment.utcoffset() == expected.utcoffset()


@pytest.mark.parametrize(
    "value", ["0001-01-01T00:00:00+05:00", "9999-12-31T23:00:00-05:00", "0000-01-01", "10000-01-01"]
)
def test_a_timestamp_outside_of_the_calendar_is_unfit(value: str) -> None:
    with pytest.raises(Unfit):
        timestamp(value)


@pytest.mark.parametrize(
    "value", ["", "yesterday", "10:00:00", "2023-02-29", "2022-13-01", 1659880889, True, ["x"]]
)
def test_what_names_no_moment_is_unfit(value: object) -> None:
    with pytest.raises(Unfit, match="a timestamp"):
        timestamp(value)


@pytest.mark.parametrize(
    "value",
    [
        "1986-01-01",
        "1986-01-01T00:00:00.000Z",
        "1986-01-01T00:00:00Z",
        "1986-01-01T00:00:00+14:00",
        "1986-01-01T23:30:00-11:00",
        "1986-01-01 12:00:00",
    ],
)
def test_a_date_is_the_calendar_day_as_written(value: str) -> None:
    day = calendar_date(value)
    assert day == date(1986, 1, 1)
    assert type(day) is date


@given(st.dates())
def test_midnight_utc_of_any_day_is_that_day(day: date) -> None:
    assert calendar_date(f"{day.isoformat()}T00:00:00.000Z") == day
    assert calendar_date(day.isoformat()) == day


@pytest.mark.parametrize(
    "value",
    [
        *(
            "",
            "1986",
            "1986-01",
            "1986-1-1",
            "19860101",
            "1986-W01-1",
            "1986-02-30",
            "0000-01-01",
            "10:00:00",
        ),
        *("1986-01-01T25:00:00Z", "1986-01-01 and more", "19860101T0", "1986-W01-1T00:00:00Z"),
        *(19860101, True, {}),
    ],
)
def test_what_names_no_day_is_unfit(value: object) -> None:
    with pytest.raises(Unfit, match="a date"):
        calendar_date(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [("09:30:00", time(9, 30)), ("09:30", time(9, 30)), ("23:59:59.250", time(23, 59, 59, 250000))],
)
def test_a_time_of_day_is_as_written(value: str, expected: time) -> None:
    assert clock_time(value) == expected


@pytest.mark.parametrize(
    "value",
    ["", "9:30", "24:00:00", "20240101", "0930", "T09:30", "09:30:00Z", "09:30:00+02:00", "09:30\n", 930],
)
def test_what_names_no_time_of_day_is_unfit(value: object) -> None:
    """A zone too: without a day it has no meaning, and databases differ in what they make of it."""
    with pytest.raises(Unfit, match="a time of day"):
        clock_time(value)


# --- JSON --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "written",
    [
        '{"z":1,"a":{"y":2,"b":[3,{"x":4,"c":5}]}}',
        "[0.1,0.10,1E+400,12345678901234567890123,-0.0]",
        '["é","\\"",null,true,""]',
        "{}",
        "[]",
        "false",
    ],
)
def test_json_keeps_order_and_numbers(written: str) -> None:
    assert json_text(json.loads(written, parse_float=Decimal)) == written


@given(present)
def test_json_says_the_same_when_read_again(value: object) -> None:
    assert json.loads(json_text(value), parse_float=Decimal) == value


@pytest.mark.parametrize("value", ["\ud800", {"a": ["\udfff"]}, [10**5000]])
def test_what_cannot_be_written_as_json_is_unfit(value: object) -> None:
    with pytest.raises(Unfit, match="cannot be JSON text"):
        json_text(value)
