"""What a list has refused is known for a while; names that nobody knows are, too."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Connection

from syncer.domain.stream_key import StreamKey
from syncer.store.state import unknown_models
from syncer.store.state.refused_parameters import (
    REFUSED_FOR,
    note_refused,
    read_refused,
    streams_refusing,
)
from syncer.store.state.unknown_models import SHOWN_FOR, note_unknown_models, read_unknown_models
from tests.support.records import NOW

KEY, OTHER = StreamKey("personio:1", "hris_skills"), StreamKey("personio:2", "hris_skills")


def test_a_refusal_is_of_one_stream_and_passes(connection: Connection) -> None:
    note_refused(connection, "default", KEY, {"ids", "updated_after"}, NOW)
    assert read_refused(connection, "default", KEY, NOW) == {"ids", "updated_after"}
    assert read_refused(connection, "default", OTHER, NOW) == frozenset()
    assert read_refused(connection, "us", KEY, NOW) == frozenset()
    assert streams_refusing(connection, "default", "updated_after", NOW) == {KEY}
    assert streams_refusing(connection, "default", "include_deleted", NOW) == frozenset()
    later = NOW + REFUSED_FOR
    assert read_refused(connection, "default", KEY, later) == frozenset()
    note_refused(connection, "default", KEY, {"ids"}, later)
    assert read_refused(connection, "default", KEY, later) == {"ids"}


def test_a_refusal_that_a_clock_has_put_far_ahead_does_not_count(connection: Connection) -> None:
    note_refused(connection, "default", KEY, {"ids"}, NOW + timedelta(days=400))
    assert read_refused(connection, "default", KEY, NOW) == frozenset()


def test_an_unknown_name_is_told_until_it_is_known_or_long_gone(connection: Connection) -> None:
    note_unknown_models(connection, "default", ["hris_shifts", "ats_pools"], NOW)
    assert read_unknown_models(connection, "default", (), NOW) == ["ats_pools", "hris_shifts"]
    assert read_unknown_models(connection, "default", {"hris_shifts"}, NOW) == ["ats_pools"]
    assert read_unknown_models(connection, "us", (), NOW) == []
    later = NOW + timedelta(days=20)
    note_unknown_models(connection, "default", ["hris_shifts"], later)
    assert read_unknown_models(connection, "default", (), NOW + SHOWN_FOR) == ["hris_shifts"]


def test_so_many_names_are_kept_and_no_more(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unknown_models, "MOST_UNKNOWN", 1)
    note_unknown_models(connection, "default", ["hris_shifts"], NOW)
    note_unknown_models(connection, "default", ["ats_pools"], NOW)
    assert read_unknown_models(connection, "default", (), NOW) == ["hris_shifts"]
