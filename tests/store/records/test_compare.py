"""The database says which records differ from what the mirror has, and nothing of the others."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace
from sqlalchemy import Connection, Text, cast, event, func, insert, select, true, update

from syncer.domain.catalogue.lookup import model_named
from syncer.domain.records.row import Row
from syncer.domain.stream_key import StreamKey
from syncer.store.db.database import Database
from syncer.store.db.in_values import in_values
from syncer.store.records.compare import changed_records, stored_documents, stored_rows
from syncer.store.schema.destination import Destination, model_destination, stream_destination
from syncer.store.schema.mirror_tables import MIRROR, passthrough_records
from tests.support.records import MakeRow
from tests.support.rows import write_page

TAGS = model_named("ats_tags")
DESTINATION = model_destination(TAGS, "tool:one")
NOW = datetime(2026, 1, 10, 12, tzinfo=UTC)
#: Ids that JSON writes in another way, and one that looks like a path.
IDS = ["plain", 'quo"ted', "back\\slash", "tab\there", "日本", "emoji 😀", "\u2028", "$.x", "a'b"]


def test_equal_records_do_not_count_as_changed_whatever_their_ids(
    connection: Connection, row_of: MakeRow
) -> None:
    rows = [row_of(TAGS, each) for each in IDS]
    hashes = {row.id: row.content_hash for row in rows}
    assert changed_records(connection, DESTINATION, hashes) == dict.fromkeys(IDS)
    write_page(connection, model_destination(TAGS, "tool:one"), rows, now=NOW, walk_began_at=NOW)
    assert changed_records(connection, DESTINATION, hashes) == {}
    assert sorted(stored_rows(connection, DESTINATION, IDS)) == sorted(IDS)
    changed = {**hashes, IDS[1]: b"another hash ...", "new": b"a new hash ....."}
    found = changed_records(connection, DESTINATION, changed)
    assert found == {IDS[1]: stored_rows(connection, DESTINATION, IDS)[IDS[1]], "new": None}


def test_an_equal_record_of_a_row_that_a_sweep_has_marked_counts_as_changed(
    connection: Connection, row_of: MakeRow
) -> None:
    rows = [row_of(TAGS, each) for each in IDS]
    write_page(connection, model_destination(TAGS, "tool:one"), rows, now=NOW, walk_began_at=NOW)
    tags = MIRROR["ats_tags"]
    for marked_by in ("kombo", "sweep"):
        connection.execute(
            update(tags)
            .where(in_values(connection, tags.c.id, IDS[:2]))
            .values(remote_deleted_at=NOW, deleted_by=marked_by)
        )
        found = changed_records(connection, DESTINATION, {row.id: row.content_hash for row in rows})
        assert sorted(found) == (sorted(IDS[:2]) if marked_by == "sweep" else [])


def test_documents_are_those_of_the_streams_own_rows(connection: Connection, row_of: MakeRow) -> None:
    rows = [row_of(TAGS, each) for each in IDS]
    write_page(connection, model_destination(TAGS, "tool:one"), rows, now=NOW, walk_began_at=NOW)
    found = stored_documents(connection, DESTINATION, [*IDS[:3], "unknown"])
    assert sorted(found) == sorted(IDS[:3])
    for row in rows[:3]:
        assert json.loads(found[row.id].text) == json.loads(row.document)
        assert found[row.id].parent is None
    assert stored_documents(connection, DESTINATION, []) == {}


def test_only_the_integrations_own_rows_are_compared_with(connection: Connection, row_of: MakeRow) -> None:
    row = row_of(TAGS, "record")
    write_page(connection, model_destination(TAGS, "tool:two"), [row], now=NOW, walk_began_at=NOW)
    assert stored_rows(connection, DESTINATION, ["record"]) == {}
    assert changed_records(connection, DESTINATION, {"record": row.content_hash}) == {"record": None}


def test_sqlite_looks_a_pages_rows_up_by_their_ids(shared_sqlite: Database, row_of: MakeRow) -> None:
    """The index of an integration's rows would lead through all of them, for every page."""
    asked: list[tuple[str, Any]] = []

    def note(_: Connection, __: Any, statement: str, parameters: Any, *___: Any) -> None:
        asked.append((statement, parameters))

    with shared_sqlite.begin() as connection:
        row = row_of(TAGS, "record")
        write_page(connection, DESTINATION, [row], now=NOW, walk_began_at=NOW)
        event.listen(connection, "before_cursor_execute", note)
        stored = stored_rows(connection, DESTINATION, [row.id])
        changed_records(connection, DESTINATION, {row.id: b"another hash ..."})
        assert stored_documents(connection, DESTINATION, stored)
        event.remove(connection, "before_cursor_execute", note)
        assert len(asked) == 3
        for statement, parameters in asked:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
            assert re.search(r"\((integration_id=\? AND )?id=\?\)", str(plan))
            assert "(integration_id=?)" not in str(plan)
        connection.rollback()


def test_postgresql_looks_a_pages_rows_up_by_their_ids_whatever_its_statistics_say(
    shared_postgres: Database, row_of: MakeRow
) -> None:
    """Of an integration that is younger than they are it takes the rows for few, however many there are."""
    with shared_postgres.begin() as connection:
        row = row_of(TAGS, "old")
        write_page(connection, model_destination(TAGS, "tool:old"), [row], now=NOW, walk_began_at=NOW)
        columns = [each for each in MIRROR["ats_tags"].columns if each.name != "id"]
        numbers = func.generate_series(1, 50_000).table_valued("number", name="number")
        copies = select(cast(numbers.c.number, Text), *columns).join(numbers, true())
        connection.execute(insert(MIRROR["ats_tags"]).from_select(["id", *columns], copies))
        connection.exec_driver_sql("ANALYZE ats_tags")
        rows = [row_of(TAGS, f"new{each}") for each in range(250)]
        write_page(connection, DESTINATION, rows, now=NOW, walk_began_at=NOW)
        plan = plan_of_comparison(connection, DESTINATION, rows)
        assert "pk_ats_tags" in plan
        assert "ix_ats_tags_integration_id" not in plan
        connection.rollback()


def test_postgresql_looks_the_rows_of_a_native_list_up_by_their_keys_too(
    shared_postgres: Database, row_of: MakeRow
) -> None:
    old, new = (
        stream_destination("default", StreamKey(integration, "shifts"))
        for integration in ("tool:old", "tool:new")
    )
    with shared_postgres.begin() as connection:
        row = replace(row_of(TAGS, "old"), values={})
        write_page(connection, old, [row], now=NOW, walk_began_at=NOW)
        columns = [each for each in passthrough_records.columns if each.name != "record_key"]
        numbers = func.generate_series(1, 50_000).table_valued("number", name="number")
        copies = select(cast(numbers.c.number, Text), *columns).join(numbers, true())
        connection.execute(insert(passthrough_records).from_select(["record_key", *columns], copies))
        connection.exec_driver_sql("ANALYZE passthrough_records")
        rows = [replace(row_of(TAGS, f"new{each}"), values={}) for each in range(250)]
        write_page(connection, new, rows, now=NOW, walk_began_at=NOW)
        plan = plan_of_comparison(connection, new, rows)
        assert re.search(r"Index Cond: .*integration_id = .*record_key = records", plan)
        assert changed_records(connection, new, {each.id: each.content_hash for each in rows}) == {}
        connection.rollback()


def plan_of_comparison(connection: Connection, destination: Destination, rows: Sequence[Row]) -> str:
    """The plan of the statement that finds the changed ones among rows."""
    asked: list[tuple[str, Any]] = []

    def note(_: Connection, __: Any, statement: str, parameters: Any, *___: Any) -> None:
        asked.append((statement, parameters))

    event.listen(connection, "before_cursor_execute", note)
    changed_records(connection, destination, {row.id: row.content_hash for row in rows})
    event.remove(connection, "before_cursor_execute", note)
    [(statement, parameters)] = asked
    return str(connection.exec_driver_sql(f"EXPLAIN {statement}", parameters).all())
