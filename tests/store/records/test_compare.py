"""The database says which records differ from what the mirror has, and nothing of the others."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Connection, update

from syncer.domain.catalogue.lookup import model_named
from syncer.domain.records.record import Record, read_record
from syncer.store.db.in_values import in_values
from syncer.store.records.compare import changed_records, ignore_member_order, stored_rows
from syncer.store.schema.destination import model_destination
from syncer.store.schema.mirror_tables import MIRROR
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
    changed = {**hashes, IDS[1]: b"another", "new": b"new"}
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


def test_a_record_with_members_in_another_order_is_unchanged_and_a_changed_one_is_not(
    connection: Connection, row_of: MakeRow
) -> None:
    rows = [row_of(TAGS, each) for each in ("same", "changed")]
    write_page(connection, model_destination(TAGS, "tool:one"), rows, now=NOW, walk_began_at=NOW)
    stored = stored_rows(connection, DESTINATION, ["same", "changed"])
    texts = [b" " + rows[0].document.encode(), rows[1].document.replace('"name":"', '"name":"x').encode()]
    records = [each for each in map(read_record, texts) if isinstance(each, Record)]
    assert [each.content_hash for each in records] != [row.content_hash for row in rows]
    found = ignore_member_order(connection, DESTINATION, records, stored)
    assert found["same"].content_hash == records[0].content_hash
    assert found["changed"] == stored["changed"]
