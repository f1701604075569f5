"""What is written into the change feed, and what is taken out of it again."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, event, select

from syncer.domain.feed.row_change import FeedRules, Operation, RowChange
from syncer.domain.stream_key import StreamKey
from syncer.store.db.database import Database
from syncer.store.db.last_work import do_last_work
from syncer.store.db.types import decoded_json
from syncer.store.reading.changes import read_changes
from syncer.store.records.feed import blank_former_values, tell_changes, tell_removed
from syncer.store.schema.mirror_tables import changes
from tests.support.records import NOW

ONE, OTHER = StreamKey("tool:one", "people"), StreamKey("tool:other", "people")
RULES = FeedRules(models={"people"}, before=True)


def tell(connection: Connection, key: StreamKey, told: Iterable[RowChange], rules: FeedRules = RULES) -> None:
    tell_changes(connection, rules, "default", key, told, NOW)
    do_last_work(connection)


def updated(record_id: str, **former: str | None) -> RowChange:
    return RowChange(record_id, Operation.UPDATED, former)


def kept(connection: Connection) -> list[tuple[str, str, object]]:
    columns = changes.c.integration_id, changes.c.record_id, changes.c.before
    found = connection.execute(select(*columns).order_by(changes.c.sequence))
    return [(integration, record, decoded_json(before)) for integration, record, before in found]


def test_former_values_are_kept_as_they_were_and_only_where_that_is_asked_for(connection: Connection) -> None:
    former = {"größe 😀": "1.10", "text": '"a\\"b"', "list": "[1, null]", "new": None}
    for rules in (RULES, FeedRules(models={"people"})):
        tell(connection, ONE, [updated("a", **former)], rules)
    with_former, without = read_changes(connection, 0, 10).changes
    assert with_former.members == without.members == tuple(former)
    assert with_former.before is not None
    assert json.loads(with_former.before) == {"größe 😀": 1.1, "text": 'a"b', "list": [1, None]}
    # Not 1.1: numbers are as they came.
    assert "1.10" in with_former.before
    assert without.before is None


def test_only_the_records_own_former_values_are_blanked(connection: Connection) -> None:
    for key in (ONE, OTHER):
        tell(connection, key, [updated("a", name='"x"'), updated("b", name='"y"'), updated("a", name='"z"')])
    blank_former_values(connection, "default", ONE, ["a", "c"])
    blank_former_values(connection, "another", ONE, ["b"])
    assert kept(connection) == [
        (ONE.integration_id, "a", None),
        (ONE.integration_id, "b", {"name": "y"}),
        (ONE.integration_id, "a", None),
        (OTHER.integration_id, "a", {"name": "x"}),
        (OTHER.integration_id, "b", {"name": "y"}),
        (OTHER.integration_id, "a", {"name": "z"}),
    ]


def test_rows_that_leave_the_mirror_are_told_as_erased_and_leave_no_former_values(
    connection: Connection,
) -> None:
    tell(connection, ONE, [updated("a", name='"x"')])
    tell_removed(connection, RULES, "default", ONE, ["a", "b"], NOW)
    do_last_work(connection)
    found = read_changes(connection, 0, 10).changes
    assert [(each.record_id, each.operation, each.members, each.before) for each in found] == [
        ("a", "updated", ("name",), None),
        ("a", "erased", None, None),
        ("b", "erased", None, None),
    ]


def test_sqlite_finds_what_is_to_be_blanked_by_its_index(shared_sqlite: Database) -> None:
    asked: list[tuple[str, Any]] = []

    def note(_: Connection, __: object, statement: str, parameters: Any, *___: object) -> None:
        asked.append((statement, parameters))

    with shared_sqlite.begin() as connection:
        event.listen(connection, "before_cursor_execute", note)
        blank_former_values(connection, "default", ONE, ["a"])
        event.remove(connection, "before_cursor_execute", note)
        ((statement, parameters),) = asked
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
    assert "(model=? AND record_id=?)" in str(plan)
