"""Column types: what goes in comes out, alike on both databases, and SQL can work with it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from itertools import product
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy import Column, Connection, Integer, MetaData, Table, insert, select, text
from sqlalchemy.exc import StatementError

from syncer.store.db.bulk import insert_new, upsert
from syncer.store.db.database import Database
from syncer.store.db.types import SQL_TYPES, timestamp_text

every_type = Table(
    "every_type",
    MetaData(),
    Column("id", Integer, primary_key=True),
    *(Column(name, type_) for name, type_ in SQL_TYPES.items()),
)

BERLIN_SUMMER = timezone(timedelta(hours=2))
MOMENTS = [
    datetime(2026, 3, 29, 1, 59, 59, 999999, tzinfo=UTC),
    datetime(2026, 7, 1, 12, 0, tzinfo=BERLIN_SUMMER),
    datetime(2026, 7, 1, 0, 30, 0, 1, tzinfo=timezone(timedelta(hours=14))),
    datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
    datetime(999, 1, 1, tzinfo=UTC),
    datetime(1, 1, 1, tzinfo=UTC),
    datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
]

#: All ways in: SQLAlchemy's, for single rows, and ours, for pages and for pages of new rows.
WAYS = ("statement", "page", "new page")


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    """A connection to a database with one column of every type."""
    database = Database(database_url)
    with database.begin() as connection:
        every_type.create(connection)
    with database.begin() as connection:
        yield connection
    database.close()


def put(connection: Connection, way: str, **values: Any) -> None:
    if way == "page":
        upsert(connection, every_type, [{"id": 1, **values}])
        return
    connection.execute(text("DELETE FROM every_type WHERE id = 1"))
    if way == "new page":
        insert_new(connection, every_type, [{"id": 1, **values}])
    else:
        connection.execute(insert(every_type).values(id=1, **values))


def get(connection: Connection, column: str) -> Any:
    return connection.scalar(select(every_type.c[column]).where(every_type.c.id == 1))


def ask(connection: Connection, sql: str) -> Any:
    return connection.scalar(text(f"SELECT {sql} FROM every_type WHERE id = 1"))


# --- timestamps


def test_a_moment_of_any_zone_comes_back_in_utc_to_the_microsecond(connection: Connection) -> None:
    for moment, way in product(MOMENTS, WAYS):
        put(connection, way, timestamp=moment)
        shown = get(connection, "timestamp")
        assert shown == moment
        assert shown.tzinfo is UTC


def test_a_moment_without_a_zone_is_refused(connection: Connection) -> None:
    for way in WAYS:
        with pytest.raises((ValueError, StatementError), match="a timestamp without a zone"):
            put(connection, way, timestamp=datetime(2026, 1, 1))  # noqa: DTZ001


def test_a_moment_without_a_zone_is_refused_in_a_condition(connection: Connection) -> None:
    naive = datetime(2026, 1, 1)  # noqa: DTZ001
    with pytest.raises(StatementError, match="a timestamp without a zone"):
        connection.execute(select(every_type).where(every_type.c.timestamp < naive))


@pytest.mark.parametrize("zone", ["Pacific/Auckland", "America/Los_Angeles", "UTC"])
def test_the_sessions_zone_shifts_neither_dates_nor_moments(postgres_url: str, zone: str) -> None:
    database = Database(postgres_url)
    with database.begin() as connection:
        every_type.create(connection)
    moment = datetime(2026, 7, 1, 23, 30, tzinfo=UTC)
    for way in WAYS:
        with database.begin() as connection:
            connection.execute(text(f"SET LOCAL TIME ZONE '{zone}'"))
            put(connection, way, date=date(2026, 7, 1), timestamp=moment, time=time(23, 30))
            assert get(connection, "date") == date(2026, 7, 1)
            assert get(connection, "timestamp") == moment
            assert get(connection, "time") == time(23, 30)
            assert ask(connection, "CAST(date AS text)") == "2026-07-01"
        with database.read() as connection:
            assert ask(connection, "CAST(timestamp AS text)") == "2026-07-01 23:30:00+00"
    database.close()


@pytest.mark.parametrize("zone", ["Pacific/Auckland", "America/Los_Angeles"])
def test_the_first_and_the_last_moment_are_read_whatever_the_servers_zone(
    postgres_url: str, zone: str
) -> None:
    database = Database(postgres_url)
    with database.begin() as connection:
        every_type.create(connection)
        connection.execute(
            text(
                f"DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET TimeZone = ''{zone}''', "
                "current_database()); END $$"
            )
        )
        put(connection, "page", timestamp=MOMENTS[-1], date=date(9999, 12, 31))
        upsert(connection, every_type, [{"id": 2, "timestamp": MOMENTS[-2], "date": date(1, 1, 1)}])
    database.close()
    database = Database(postgres_url)
    with database.read() as connection:
        found = connection.execute(
            select(every_type.c.timestamp, every_type.c.date).order_by(every_type.c.id)
        ).all()
    database.close()
    assert [tuple(row) for row in found] == [
        (MOMENTS[-1], date(9999, 12, 31)),
        (MOMENTS[-2], date(1, 1, 1)),
    ]


aware = st.datetimes(timezones=st.timezones() | st.just(UTC)).map(lambda moment: moment.replace(fold=0))


def _in_utc(moment: datetime) -> bool:
    try:
        moment.astimezone(UTC)
    except OverflowError:
        return False
    return True


@given(aware.filter(_in_utc), aware.filter(_in_utc))
@example(datetime(999, 12, 31, tzinfo=UTC), datetime(1000, 1, 1, tzinfo=UTC))
@example(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, 0, 0, 0, 1, tzinfo=UTC))
@example(datetime(2026, 1, 1, 1, tzinfo=BERLIN_SUMMER), datetime(2026, 1, 1, tzinfo=UTC))
def test_text_order_on_sqlite_is_time_order(one: datetime, other: datetime) -> None:
    # Within one zone Python compares the clock's face: in UTC it cannot.
    one, other = one.astimezone(UTC), other.astimezone(UTC)
    shown, shown_other = timestamp_text(one), timestamp_text(other)
    assert (shown < shown_other) == (one < other)
    assert (shown == shown_other) == (one == other)
    assert datetime.fromisoformat(shown) == one


def test_moments_compare_and_sort_by_time_in_the_database(connection: Connection) -> None:
    upsert(connection, every_type, [{"id": at, "timestamp": moment} for at, moment in enumerate(MOMENTS)])
    in_order = connection.scalars(select(every_type.c.timestamp).order_by(every_type.c.timestamp)).all()
    assert in_order == sorted(MOMENTS)
    early = select(every_type.c.id).where(every_type.c.timestamp < datetime(1970, 1, 1, tzinfo=BERLIN_SUMMER))
    assert set(connection.scalars(early)) == {4, 5}


def test_the_databases_own_date_functions_read_timestamps_dates_and_times(connection: Connection) -> None:
    moment = datetime(2026, 2, 28, 23, 59, 58, 500000, tzinfo=timezone(timedelta(hours=-1)))
    put(connection, "page", timestamp=moment, date=date(2024, 2, 29), time=time(8, 5))
    if connection.dialect.name == "sqlite":
        assert ask(connection, "datetime(timestamp, '+1 second')") == "2026-03-01 00:59:59"
        assert ask(connection, "strftime('%s', timestamp)") == str(int(moment.timestamp()))
        assert ask(connection, "round((julianday(timestamp) - julianday('2026-03-01')) * 86400, 3)") == 3598.5
        assert ask(connection, "date(date, '+1 year')") == "2025-03-01"
        assert ask(connection, "time(time, '-6 minutes')") == "07:59:00"
    else:
        assert ask(connection, "timestamp + interval '1 second'") == moment + timedelta(seconds=1)
        assert ask(connection, "extract(epoch FROM timestamp)") == Decimal(str(moment.timestamp()))
        assert ask(connection, "date + interval '1 year'") == datetime(2025, 2, 28)  # noqa: DTZ001
        assert ask(connection, "time - interval '6 minutes'") == time(7, 59)


def test_early_years_are_read_by_sqlites_date_functions(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        put(connection, "page", timestamp=MOMENTS[4])
        assert ask(connection, "extract(year FROM timestamp)") == 999
    else:
        put(connection, "page", timestamp=MOMENTS[4])
        assert ask(connection, "strftime('%Y', timestamp)") == "0999"


# --- numbers

EXACT = [
    "0.1",
    "0",
    "-0.05",
    "1000000000000000.5",
    "123456789.123456",
    "0.000001",
    "37.50",
    "99999999999999.9",
]


def test_a_number_of_up_to_15_digits_is_exact_on_both(connection: Connection) -> None:
    for number, way in product(EXACT, WAYS):
        put(connection, way, number=Decimal(number))
        shown = get(connection, "number")
        assert isinstance(shown, Decimal)
        assert shown == Decimal(number)


def test_a_whole_number_of_64_bits_is_exact_on_both(connection: Connection) -> None:
    for number, way in product((2**53 + 1, 2**63 - 1, -(2**63)), WAYS):
        put(connection, way, number=Decimal(number), integer=number)
        assert get(connection, "number") == number
        assert get(connection, "integer") == number


def test_a_longer_number_is_exact_on_postgresql_and_to_15_digits_on_sqlite(connection: Connection) -> None:
    for number, way in product(("0.12345678901234567890123", "12345678901234567890.456", "1E+40"), WAYS):
        put(connection, way, number=Decimal(number))
        shown = get(connection, "number")
        if connection.dialect.name == "postgresql":
            assert shown == Decimal(number)
        else:
            assert abs(shown - Decimal(number)) < abs(Decimal(number)) * Decimal("1e-15")


def test_numbers_add_up_and_sort_as_numbers(connection: Connection) -> None:
    upsert(
        connection, every_type, [{"id": at, "number": Decimal(n)} for at, n in enumerate(("10", "9.5", "-1"))]
    )
    assert connection.scalars(select(every_type.c.number).order_by(every_type.c.number)).all() == [
        Decimal("-1"),
        Decimal("9.5"),
        Decimal("10"),
    ]
    assert connection.scalar(text("SELECT sum(number) FROM every_type")) == Decimal("18.5")


# --- the rest


VALUES = [
    ("date", date(2024, 2, 29)),
    ("date", date(1, 1, 1)),
    ("date", date(9999, 12, 31)),
    ("time", time(0, 0)),
    ("time", time(23, 59, 59, 999999)),
    ("boolean", True),
    ("boolean", False),
    ("text", ""),
    ("text", "ä 😀 \t\r\n \\ ' \" \x01 \x7f"),
    ("text", "%s :name {} \\x00"),
    ("text", "x" * 200_000),
]


def test_a_value_comes_back_as_it_went_in(connection: Connection) -> None:
    for (column, value), way in product(VALUES, WAYS):
        put(connection, way, **{column: value})
        shown = get(connection, column)
        assert shown == value
        assert type(shown) is type(value)


def test_nothing_comes_back_as_nothing(connection: Connection) -> None:
    for column, way in product(SQL_TYPES, WAYS):
        put(connection, way, **{column: None})
        assert get(connection, column) is None
        assert bool(ask(connection, f"{column} IS NULL"))


def test_booleans_are_conditions(connection: Connection) -> None:
    upsert(connection, every_type, [{"id": 1, "boolean": True}, {"id": 2, "boolean": False}, {"id": 3}])
    assert connection.scalars(text("SELECT id FROM every_type WHERE boolean")).all() == [1]
    assert connection.scalars(text("SELECT id FROM every_type WHERE NOT boolean")).all() == [2]


JSON = '{"a": {"b": [1, {"ü": "😀"}]}, "n": null, "big": 9007199254740993, "exact": 0.1}'


@pytest.mark.parametrize("way", WAYS)
def test_the_databases_own_json_functions_read_json(connection: Connection, way: str) -> None:
    put(connection, way, json=JSON)
    if connection.dialect.name == "sqlite":
        assert ask(connection, "json_extract(json, '$.a.b[1].ü')") == "😀"
        assert ask(connection, "json_extract(json, '$.big')") == 9007199254740993
        assert ask(connection, "json_type(json, '$.n')") == "null"
        assert ask(connection, "(SELECT count(*) FROM json_each(every_type.json, '$.a.b'))") == 2
        assert ask(connection, "json ->> '$.exact'") == 0.1
    else:
        assert ask(connection, "json #>> '{a,b,1,ü}'") == "😀"
        assert ask(connection, "json ->> 'big'") == "9007199254740993"
        assert ask(connection, "jsonb_typeof(json -> 'n')") == "null"
        assert ask(connection, "(SELECT count(*) FROM jsonb_array_elements(json #> '{a,b}'))") == 2
        assert ask(connection, "json ->> 'exact'") == "0.1"
