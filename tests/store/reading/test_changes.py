"""Pages of the change feed: what they hold, how far they look, what they say is lost."""

from __future__ import annotations

import json

import msgspec
import pytest
from sqlalchemy import Connection, update

from syncer.domain.catalogue.lookup import model_named
from syncer.domain.errors import UsageError
from syncer.domain.feed.feed_change import Lost
from syncer.store.reading import changes as reading
from syncer.store.reading.changes import FeedSelection, feed_state, read_changes
from syncer.store.schema.destination import model_destination
from syncer.store.schema.mirror_tables import MIRROR
from syncer.store.state.consumers import (
    acknowledge,
    forget_consumer,
    move_consumer,
    read_consumer,
    read_consumers,
)
from tests.support.feed_rows import INTEGRATION, drop_changes, tell_changes
from tests.support.records import NOW, row_of
from tests.support.rows import write_page

EMPLOYEES = model_named("hris_employees")


def test_pages_follow_each_other_until_the_newest_change(connection: Connection) -> None:
    tell_changes(connection, ["a", "b", "c"])
    first = read_changes(connection, 0, 2)
    assert [each.record_id for each in first.changes] == ["a", "b"]
    assert (first.next, first.is_last, first.lost) == (2, False, None)
    second = read_changes(connection, first.next, 2)
    assert [each.record_id for each in second.changes] == ["c"]
    assert (second.next, second.is_last) == (3, True)
    assert read_changes(connection, 3, 2).changes == []
    assert read_changes(connection, 3, 2).next == 3


def test_a_change_has_one_json_with_what_the_database_holds(connection: Connection) -> None:
    tell_changes(connection, ["a"], members='["name", "salary"]', before='{"salary": 10.10, "name": "ü"}')
    tell_changes(connection, ["b"], operation="created", members=None)
    first, second = read_changes(connection, 0, 9).changes
    assert json.loads(first.json()) == {
        "sequence": 1,
        "at": "2026-03-01T12:00:00.123456Z",
        "environment": "default",
        "integration_id": INTEGRATION,
        "model": "hris_employees",
        "record_id": "a",
        "operation": "updated",
        "members": ["name", "salary"],
        "before": {"salary": 10.1, "name": "ü"},
    }
    assert b'"salary":10.10' in first.json()
    assert second.members is None
    assert second.before is None


def test_a_page_that_fits_nothing_gets_on_all_the_same(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell_changes(connection, "abcdef")
    tell_changes(connection, "g", model="ats_jobs")
    jobs = FeedSelection(models={"ats_jobs"})
    monkeypatch.setattr(reading, "LOOKED_AT", 4)
    page = read_changes(connection, 0, 10, jobs)
    assert (page.changes, page.next, page.is_last) == ([], 4, False)
    page = read_changes(connection, page.next, 10, jobs)
    assert ([each.record_id for each in page.changes], page.next, page.is_last) == (["g"], 7, True)


def test_changes_are_selected_by_model_environment_and_globs_of_integrations(connection: Connection) -> None:
    tell_changes(connection, "a")
    tell_changes(connection, "b", integration="other:two")
    tell_changes(connection, "c", integration="other:two", environment="us")
    tell_changes(connection, "d", model="ats_jobs", integration="other:[3]")

    def found(**selection: object) -> str:
        page = read_changes(connection, 0, 10, FeedSelection(**selection))  # type: ignore[arg-type]
        return "".join(each.record_id for each in page.changes)

    assert found() == "abcd"
    assert found(integrations=["*"]) == "abcd"
    assert found(integrations=["other:*"]) == "bcd"
    assert found(integrations=["other:[[]3]", INTEGRATION]) == "ad"
    assert found(integrations=["other:*"], environments=["us"]) == "c"
    assert found(models={"ats_jobs"}) == "d"
    assert found(integrations=["nobody"]) == ""


def test_documents_are_those_of_the_mirror_now(connection: Connection) -> None:
    row = row_of(EMPLOYEES, "here", salary=1.50)
    write_page(connection, model_destination(EMPLOYEES, INTEGRATION), [row], now=NOW, walk_began_at=NOW)
    tell_changes(connection, ["here", "gone"])
    tell_changes(connection, ["here"], integration="other:two")
    first, second, third = read_changes(connection, 0, 9, documents=True).changes
    assert first.document is not None
    assert json.loads(first.document) == json.loads(row.document)
    told = msgspec.json.decode(first.json(documents=True))
    assert (told["document"]["id"], told["deleted"]) == ("here", False)
    assert second.document is None
    assert msgspec.json.decode(second.json(documents=True))["document"] is None
    assert third.document is None, "the record belongs to another integration"
    connection.execute(update(MIRROR["hris_employees"]).values(remote_deleted_at=NOW))
    first, *_ = read_changes(connection, 0, 9, documents=True).changes
    assert (first.document is None, first.deleted) == (False, True)


def test_a_page_ends_before_its_documents_are_too_large(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [row_of(EMPLOYEES, name) for name in "abc"]
    write_page(connection, model_destination(EMPLOYEES, INTEGRATION), rows, now=NOW, walk_began_at=NOW)
    tell_changes(connection, "abc")
    monkeypatch.setattr(reading, "MOST_DOCUMENT_BYTES", len(rows[0].document) * 2)
    page = read_changes(connection, 0, 9, documents=True)
    assert (len(page.changes), page.next, page.is_last) == (2, 2, False)
    monkeypatch.setattr(reading, "MOST_DOCUMENT_BYTES", 1)
    page = read_changes(connection, page.next, 9, documents=True)
    assert (len(page.changes), page.next, page.is_last) == (1, 3, True)


def test_changes_that_are_gone_are_lost_to_who_has_not_seen_them(connection: Connection) -> None:
    tell_changes(connection, "abcdef")
    drop_changes(connection, until=3)
    page = read_changes(connection, 1, 2)
    assert page.lost == Lost(after=1, first=4)
    assert [each.sequence for each in page.changes] == [4, 5]
    assert read_changes(connection, 3, 2).lost is None
    drop_changes(connection, until=6)
    page = read_changes(connection, 3, 2)
    assert (page.changes, page.next, page.lost) == ([], 6, Lost(3, 7))


def test_a_number_that_was_never_given_is_refused(connection: Connection) -> None:
    tell_changes(connection, "ab")
    with pytest.raises(UsageError, match="has not given the number 3 yet, its newest is 2"):
        read_changes(connection, 3, 10)
    assert feed_state(connection).first_left == 1


def test_a_consumer_acknowledges_forward_and_is_moved_anywhere(connection: Connection) -> None:
    assert read_consumer(connection, "billing") is None
    for number in (5, 9, 7):
        acknowledge(connection, "billing", number, NOW)
    found = read_consumer(connection, "billing")
    assert found is not None
    assert (found.sequence, found.updated_at) == (9, NOW)
    move_consumer(connection, "billing", 2, NOW)
    move_consumer(connection, "audit", 3, NOW)
    assert [(each.name, each.sequence) for each in read_consumers(connection)] == [
        ("audit", 3),
        ("billing", 2),
    ]
    assert forget_consumer(connection, "audit")
    assert not forget_consumer(connection, "audit")
