"""Rows of native lists: each stream keeps its own, and its view shows their values exactly."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import Connection, insert, select, update

from syncer.domain.catalogue.lookup import model_named
from syncer.domain.catalogue.model import Column, ColumnType
from syncer.domain.errors import UsageError
from syncer.domain.native.call import Call
from syncer.domain.native.rows import project_native, read_native
from syncer.domain.native.spec import NativeListSpec
from syncer.domain.records.record import Record
from syncer.domain.records.row import Row
from syncer.domain.stream_key import StreamKey
from syncer.store.records.compare import changed_records, stored_rows
from syncer.store.schema.destination import stream_destination
from syncer.store.schema.mirror_tables import MIRROR, streams
from syncer.store.schema.native_table import passthrough_records
from syncer.store.schema.native_views import make_views
from syncer.store.state.missing import MissingStore
from syncer.store.state.streams import StreamStore
from tests.support.records import MakeRow
from tests.support.rows import write_page

NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
ONE, OTHER = "hibob:one", "hibob:other"
ENVIRONMENT = "default"

#: A value of each type as JSON, and what both databases show of it.
EXACT: dict[ColumnType, list[tuple[str, Any, Any]]] = {
    "text": [('"Zoë 😀 \\"x\\" \\u2028"', 'Zoë 😀 "x" \u2028', 'Zoë 😀 "x" \u2028'), ('""', "", "")],
    "boolean": [("true", 1, True), ("false", 0, False)],
    "integer": [(str(2**63 - 1), 2**63 - 1, 2**63 - 1), ("-4.0", -4, -4), ("0", 0, 0)],
    "number": [
        ("0.1", 0.1, Decimal("0.1")),
        ("123456789012.345", 123456789012.345, Decimal("123456789012.345")),
        (str(2**53 + 1), 2**53 + 1, Decimal(2**53 + 1)),
        ("-1.50", -1.5, Decimal("-1.50")),
    ],
    "date": [('"2024-02-29T00:00:00.000Z"', "2024-02-29", date(2024, 2, 29))],
    "time": [('"09:30"', "09:30:00", time(9, 30))],
    "timestamp": [
        (
            '"2024-01-01T01:00:00.5+02:00"',
            "2023-12-31T23:00:00.500000Z",
            datetime(2023, 12, 31, 23, 0, 0, 500000, tzinfo=UTC),
        )
    ],
    "json": [
        ('{"b": [1, null, true], "a": 1.5}', '{"b":[1,null,true],"a":1.5}', {"b": [1, None, True], "a": 1.5}),
        ('"text"', '"text"', "text"),
        ("true", "true", True),
        ("7", "7", 7),
        ("[]", "[]", []),
    ],
}


def native_list(name: str = "people", **columns: ColumnType) -> NativeListSpec:
    return NativeListSpec(
        name=name,
        call=Call("hibob/v1", "GET", "/list", is_listing=True),
        integrations=("hibob:*",),
        every=timedelta(hours=1),
        records="@",
        key=("id",),
        columns=tuple(Column(each, kind, each, path=(each,)) for each, kind in columns.items()),
    )


def row_of(listed: NativeListSpec, text: str) -> Row:
    record = read_native(listed, text.encode(), None)
    assert isinstance(record, Record)
    row = project_native(listed, record)
    assert isinstance(row, Row)
    return row


def write(connection: Connection, key: StreamKey, rows: Sequence[Row], now: datetime = NOW) -> None:
    written = write_page(connection, stream_destination(ENVIRONMENT, key), rows, now=now, walk_began_at=now)
    assert written.poisons == []


def shown(connection: Connection, view: str = "people") -> dict[str, dict[str, Any]]:
    found = connection.exec_driver_sql(f"SELECT * FROM {view}").mappings()
    return {row["record_key"]: dict(row) for row in found}


# --- whose rows they are


def test_equal_keys_of_other_lists_and_integrations_are_other_rows(connection: Connection) -> None:
    keys = [StreamKey(ONE, "people"), StreamKey(OTHER, "people"), StreamKey(ONE, "teams")]
    for number, key in enumerate(keys):
        write(connection, key, [row_of(native_list(), f'{{"id": 1, "of": {number}}}')])
    write(connection, keys[0], [row_of(native_list(), '{"id": 1, "of": "changed"}')], LATER)
    found = connection.execute(
        select(passthrough_records.c.integration_id, passthrough_records.c.resource).add_columns(
            passthrough_records.c.document, passthrough_records.c.mirrored_at
        )
    ).all()
    documents = {(row[0], row[1]): json.loads(row[2]) if isinstance(row[2], str) else row[2] for row in found}
    assert documents == {
        keys[0]: {"id": 1, "of": "changed"},
        keys[1]: {"id": 1, "of": 1},
        keys[2]: {"id": 1, "of": 2},
    }
    assert {(row[0], row[1]) for row in found if row.mirrored_at == LATER} == {keys[0]}


def test_the_stored_row_of_a_record_is_that_of_its_own_stream(connection: Connection) -> None:
    row = row_of(native_list(), '{"id": 1}')
    write(connection, StreamKey(ONE, "people"), [row])
    for key in (StreamKey(OTHER, "people"), StreamKey(ONE, "teams")):
        destination = stream_destination(ENVIRONMENT, key)
        assert stored_rows(connection, destination, ["1"]) == {}
        assert changed_records(connection, destination, {"1": row.content_hash}) == {"1": None}
    own = stream_destination(ENVIRONMENT, StreamKey(ONE, "people"))
    assert changed_records(connection, own, {"1": row.content_hash}) == {}


def test_a_sweep_marks_rows_of_its_own_stream_alone(connection: Connection, row_of: MakeRow) -> None:
    groups = model_named("hris_groups")
    write(connection, StreamKey(ONE, "hris_groups"), [row_of(groups, "1")])
    plain = row_of_people('{"id": 1}')
    for key in (StreamKey(ONE, "people"), StreamKey(OTHER, "people"), StreamKey(ONE, "teams")):
        write(connection, key, [plain])
    StreamStore().add(connection, [StreamKey(ONE, "people")])
    missing = MissingStore(ENVIRONMENT, StreamKey(ONE, "people"))
    for walk in ("first", "second"):
        assert missing.find(connection, walk, LATER, LATER) == ["1"]
        missing.note(connection, ["1"], walk, LATER)
    assert missing.mark(connection, missing.missed_often(2), LATER, only_approved=False) == ["1"]
    marked = connection.execute(
        select(passthrough_records.c.integration_id, passthrough_records.c.resource).where(
            passthrough_records.c.remote_deleted_at.is_not(None)
        )
    ).all()
    assert [tuple(row) for row in marked] == [StreamKey(ONE, "people")]
    assert connection.scalar(select(MIRROR["hris_groups"].c.remote_deleted_at)) is None


def row_of_people(text: str) -> Row:
    return row_of(native_list(), text)


# --- what a view shows


@pytest.mark.parametrize(("kind", "given"), [(kind, each) for kind, all_ in EXACT.items() for each in all_])
def test_a_view_shows_each_type_of_value_exactly(
    connection: Connection, kind: ColumnType, given: tuple[str, Any, Any]
) -> None:
    text, sqlite, postgresql = given
    listed = native_list(value=kind)
    make_views(connection, [listed], anew=["people"])
    write(connection, StreamKey(ONE, "people"), [row_of(listed, f'{{"id": 1, "value": {text}}}')])
    (row,) = shown(connection).values()
    if connection.dialect.name == "sqlite":
        assert (row["value"], type(row["value"])) == (sqlite, type(sqlite))
    else:
        assert (row["value"], type(row["value"])) == (postgresql, type(postgresql))
    (live,) = shown(connection, "people_live").values()
    assert live == row


@pytest.mark.parametrize("text", ['{"id": 1, "value": null}', '{"id": 1}'])
@pytest.mark.parametrize("kind", EXACT)
def test_what_is_null_or_not_there_is_null_whatever_its_type(
    connection: Connection, kind: ColumnType, text: str
) -> None:
    listed = native_list(value=kind)
    make_views(connection, [listed])
    write(connection, StreamKey(ONE, "people"), [row_of(listed, text)])
    assert [row["value"] for row in shown(connection).values()] == [None]
    nothing = "SELECT count(*) FROM people WHERE value IS NULL"
    assert connection.exec_driver_sql(nothing).scalar_one() == 1


def test_a_column_may_have_any_word_of_sql_as_its_name(connection: Connection) -> None:
    listed = native_list(select="integer", order="text", user="boolean")
    make_views(connection, [listed])
    write(connection, StreamKey(ONE, "people"), [row_of(listed, '{"id": 1, "select": 7, "order": "x"}')])
    (row,) = shown(connection).values()
    assert (row["select"], row["order"], row["user"]) == (7, "x", None)


def test_a_view_has_the_rows_of_its_list_in_all_integrations_and_no_others(connection: Connection) -> None:
    listed = [native_list(), native_list("teams")]
    make_views(connection, listed)
    for key in (StreamKey(ONE, "people"), StreamKey(OTHER, "people"), StreamKey(ONE, "teams")):
        write(connection, key, [row_of_people('{"id": 1}')])
    found = connection.exec_driver_sql("SELECT integration_id FROM people ORDER BY 1").scalars().all()
    assert found == [ONE, OTHER]
    assert connection.exec_driver_sql("SELECT count(*) FROM teams_live").scalar_one() == 1


def test_a_live_view_hides_marked_rows_alone(connection: Connection) -> None:
    make_views(connection, [native_list()])
    write(connection, StreamKey(ONE, "people"), [row_of_people('{"id": 1}'), row_of_people('{"id": 2}')])
    connection.execute(
        update(passthrough_records)
        .where(passthrough_records.c.record_key == "2")
        .values(remote_deleted_at=NOW, deleted_by="sweep")
    )
    assert set(shown(connection)) == {"1", "2"}
    assert set(shown(connection, "people_live")) == {"1"}


def test_a_view_without_a_stream_shows_when_its_rows_were_written(connection: Connection) -> None:
    make_views(connection, [native_list()])
    write(connection, StreamKey(ONE, "people"), [row_of_people('{"id": 1}')])
    (before,) = shown(connection).values()
    assert before["last_seen_at"] == before["mirrored_at"]
    connection.execute(
        insert(streams).values(
            environment=ENVIRONMENT,
            integration_id=ONE,
            model="people",
            state="complete",
            last_full_walk_at=LATER,
        )
    )
    (after,) = shown(connection).values()
    assert str(after["last_seen_at"]) > str(before["last_seen_at"])


@pytest.mark.parametrize("taken", ["people", "people_live"])
@pytest.mark.parametrize("kind", ["TABLE {} (id INTEGER)", "VIEW {} AS SELECT 1 AS id"])
def test_a_name_that_something_else_has_is_refused_and_that_stays(
    connection: Connection, taken: str, kind: str
) -> None:
    connection.exec_driver_sql(f"CREATE {kind.format(taken)}")
    with pytest.raises(UsageError) as caught:
        make_views(connection, [native_list()], anew=["people"])
    assert str(caught.value) == (
        f"{taken} is in the database already, and not as a view of syncer's making: "
        "rename it there, or the list people in the configuration."
    )
    assert connection.exec_driver_sql(f"SELECT * FROM {taken}").keys() == ["id"]


def test_views_are_left_as_they_are_unless_they_are_to_be_made_anew(connection: Connection) -> None:
    make_views(connection, [native_list(title="text")])
    other = replace(native_list(), columns=native_list(age="integer").columns)
    make_views(connection, [other])
    assert "title" in set(connection.exec_driver_sql("SELECT * FROM people").keys())
    make_views(connection, [other], anew=["people"])
    names = list(connection.exec_driver_sql("SELECT * FROM people_live").keys())
    assert names[:4] == ["integration_id", "record_key", "parent", "age"]
