"""What a stream has beside its plain rows."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Connection

from syncer.domain.records.record import Poison
from syncer.domain.stream_key import StreamKey
from syncer.store.state.health import health_flags
from syncer.store.state.missing import MissingStore
from syncer.store.state.quarantine import keep_in_quarantine

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
KEY, OTHER = StreamKey("tool:one", "ats_tags"), StreamKey("tool:two", "ats_tags")


def test_a_stream_that_has_neither_has_no_flag(connection: Connection) -> None:
    assert health_flags(connection, "default", KEY) == (False, False)


def test_records_in_quarantine_are_told_of_their_stream_alone(connection: Connection) -> None:
    keep_in_quarantine(connection, "default", KEY, "run", NOW, [Poison("a", "no object", "1")], [], ())
    assert health_flags(connection, "default", KEY) == (True, False)
    assert health_flags(connection, "default", OTHER) == (False, False)
    assert health_flags(connection, "another", KEY) == (False, False)


def test_missing_rows_are_told_of_their_stream_alone_until_they_are_there_again(
    connection: Connection,
) -> None:
    missing = MissingStore("default", KEY)
    missing.note(connection, ["a"], "walk", NOW)
    assert health_flags(connection, "default", KEY) == (False, True)
    assert health_flags(connection, "default", OTHER) == (False, False)
    missing.forget(connection, ["a"])
    assert health_flags(connection, "default", KEY) == (False, False)
