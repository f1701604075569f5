"""A copy of the mirror that only the change feed keeps up to date."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import Connection, Text, cast, select

from syncer.domain.feed.difference import former_values
from syncer.domain.feed.feed_change import FeedChange
from syncer.domain.stream_key import StreamKey
from syncer.store.db.in_values import in_values
from syncer.store.reading.changes import read_changes
from syncer.store.schema.destination import stream_destination


class CopiedRow(NamedTuple):
    """Document of a row as text, when it was marked deleted, and its parent in a native list."""

    document: str
    deleted_at: Any
    parent: str | None


def read_rows(
    connection: Connection, key: StreamKey, ids: Collection[str] | None = None
) -> dict[str, CopiedRow]:
    """Read rows of a stream by id; all where none are named."""
    destination = stream_destination("default", key)
    table = destination.table
    parent = table.c.parent if "parent" in table.c else cast(None, Text)
    query = select(destination.id, cast(table.c.document, Text), table.c.remote_deleted_at, parent)
    chosen = [] if ids is None else [in_values(connection, destination.id, ids)]
    found = connection.execute(query.where(*destination.stream_filter, *chosen))
    return {row[0]: CopiedRow(*row[1:]) for row in found}


@dataclass
class FeedCopy:
    """Rows of some streams, as far as the feed has told that they changed. sequence: the last number read."""

    keys: Collection[StreamKey]
    sequence: int = 0
    rows: dict[StreamKey, dict[str, CopiedRow]] = field(default_factory=dict)

    def follow(self, connection: Connection, *, is_checked: bool = True) -> list[FeedChange]:
        """Read the feed to its end and the rows that it names; give the changes.

        Fails where a change tells other members than those that have changed, unless it is not checked.
        """
        told: list[FeedChange] = []
        is_last = False
        while not is_last:
            page = read_changes(connection, self.sequence, 500)
            assert page.lost is None
            told += page.changes
            self.sequence, is_last = page.next, page.is_last
        assert [each.sequence for each in told] == list(
            range(self.sequence - len(told) + 1, self.sequence + 1)
        )
        for key in {StreamKey(each.integration_id, each.model) for each in told}:
            its = [each for each in told if (each.integration_id, each.model) == key]
            new = read_rows(connection, key, {each.record_id for each in its})
            copied = self.rows.setdefault(key, {})
            for record_id in {each.record_id for each in its}:
                if is_checked:
                    self._check(
                        copied.get(record_id),
                        new.get(record_id),
                        [e for e in its if e.record_id == record_id],
                    )
                copied.pop(record_id, None)
            copied.update(new)
        return told

    def assert_equals(self, connection: Connection) -> None:
        """Fail unless the copy is what the mirror has."""
        for key in self.keys:
            assert self.rows.get(key, {}) == read_rows(connection, key), key

    def _check(self, old: CopiedRow | None, new: CopiedRow | None, told: Iterable[FeedChange]) -> None:
        """Check that the changes of one row told the members that have changed, one by one."""
        first, *more = told
        assert (first.operation == "created") == (old is None)
        assert all(each.operation != "created" or new is None for each in more) or first.operation == "erased"
        if old is None or new is None or more:
            return
        changed = set(former_values(new.document.encode(), old.document.encode()))
        if new.deleted_at != old.deleted_at:
            changed.add("remote_deleted_at")
        assert set(first.members or ()) == changed or old.parent != new.parent, (first, old, new)
        if first.before is not None:
            before = json.loads(first.before)
            document = json.loads(old.document)
            for name in changed - {"remote_deleted_at"}:
                assert (name in before) == (name in document)
                assert before.get(name) == document.get(name)
