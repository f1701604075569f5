"""The log of runs, and the quarantine."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import Connection, select

from syncer.domain.catalogue.lookup import model_named
from syncer.domain.records.change import Counts
from syncer.domain.records.record import Poison
from syncer.domain.records.row import Row, project_text
from syncer.domain.stream_key import StreamKey
from syncer.domain.streams.state import Outcome
from syncer.domain.streams.stream import Kind
from syncer.store.schema.mirror_tables import quarantine, runs
from syncer.store.state.quarantine import keep_in_quarantine, quarantined, record_key
from syncer.store.state.runs import (
    KEEP_RUNS,
    begin_run,
    count_page,
    end_run,
    forget_old_runs,
)
from tests.support.records import MakeRow

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
KEY = StreamKey("tool:one", "ats_tags")
TAGS = model_named("ats_tags")


def run(connection: Connection, run_id: str) -> dict[str, Any]:
    return dict(connection.execute(select(runs).where(runs.c.id == run_id)).one()._mapping)


def begin(connection: Connection, run_id: str = "run", now: datetime = NOW) -> None:
    begin_run(connection, run_id, "default", KEY, "me", now)


# --- runs


def test_a_run_that_has_begun_has_no_end_and_has_done_nothing(connection: Connection) -> None:
    begin(connection)
    kept = run(connection, "run")
    assert kept["owner"] == "me"
    assert (kept["integration_id"], kept["model"], kept["started_at"]) == (*KEY, NOW)
    assert {kept[name] for name in ("ended_at", "kind", "outcome", "error")} == {None}
    assert {kept[name] for name in ("pages", "created", "updated", "unchanged", "quarantined")} == {0}


def test_a_runs_pages_add_up(connection: Connection) -> None:
    begin(connection)
    begin(connection, "other")
    counts = Counts(
        created=1, updated=2, unchanged=3, deleted=4, restored=5, quarantined=6, moved=9, live=9, gone=9
    )
    count_page(connection, "run", Kind.FULL, counts)
    count_page(connection, "run", Kind.INCREMENTAL, counts)
    kept = run(connection, "run")
    assert [
        kept[name] for name in ("created", "updated", "unchanged", "deleted", "restored", "quarantined")
    ] == [
        2,
        4,
        6,
        8,
        10,
        12,
    ]
    assert (kept["pages"], kept["kind"]) == (2, "incremental")
    assert run(connection, "other")["pages"] == 0


def test_a_run_that_has_ended_says_how_and_why(connection: Connection) -> None:
    begin(connection)
    begin(connection, "other")
    end_run(connection, "run", Outcome.FAILED, "The API could not answer right now.", LATER)
    kept = run(connection, "run")
    assert (kept["outcome"], kept["ended_at"]) == ("failed", LATER)
    assert kept["error"] == "The API could not answer right now."
    assert run(connection, "other")["ended_at"] is None


def test_runs_that_ended_or_died_long_ago_are_forgotten_and_no_others(connection: Connection) -> None:
    ends = {"old": NOW - KEEP_RUNS - timedelta(seconds=1), "young": NOW - KEEP_RUNS + timedelta(seconds=1)}
    for run_id, end in ends.items():
        begin(connection, run_id, end - timedelta(hours=1))
        end_run(connection, run_id, Outcome.COMPLETE, None, end)
    begin(connection, "killed", NOW - KEEP_RUNS - timedelta(seconds=1))
    begin(connection, "under way", NOW - KEEP_RUNS + timedelta(seconds=1))
    assert forget_old_runs(connection, NOW) == 2
    assert set(connection.scalars(select(runs.c.id))) == {"young", "under way"}
    assert forget_old_runs(connection, NOW) == 0


# --- quarantine


def keep(
    connection: Connection,
    poisons: Sequence[Poison] = (),
    rows: Sequence[Row] = (),
    *,
    now: datetime = NOW,
    run_id: str = "run",
    key: StreamKey = KEY,
) -> None:
    quarantined_keys = {record_key(row.id, row.document) for row in rows}
    keep_in_quarantine(connection, "default", key, run_id, now, poisons, rows, quarantined_keys)


def entries(connection: Connection) -> list[dict[str, Any]]:
    found = connection.execute(select(quarantine).order_by(quarantine.c.record_key))
    return [dict(row._mapping) for row in found]


def keys(connection: Connection) -> list[str]:
    return [entry["record_key"] for entry in entries(connection)]


def poison(raw: bytes) -> Poison:
    found = project_text(TAGS, raw)
    assert isinstance(found, Poison)
    return found


NUL = poison(rb'{"id": "nul", "name": "a\u0000b \u00e9"}')
NAMELESS = poison('{"name": "Zoë"}'.encode())


def test_a_record_that_cannot_be_stored_is_kept_with_the_reason(connection: Connection) -> None:
    keep(connection, [NUL])
    assert entries(connection) == [
        {
            "environment": "default",
            "integration_id": KEY[0],
            "model": KEY[1],
            "record_key": "nul",
            "reason": "holds a NUL character",
            "document": NUL.document,
            "run_id": "run",
            "first_seen_at": NOW,
            "last_seen_at": NOW,
        }
    ]
    assert json.loads(NUL.document) == {"id": "nul", "name": "a\0b é"}
    assert quarantined(connection, "default", KEY) == 1


def test_a_record_without_an_id_is_kept_once_however_often_it_comes(connection: Connection) -> None:
    keep(connection, [NAMELESS, NAMELESS])
    keep(connection, [NAMELESS], now=LATER)
    [entry] = entries(connection)
    assert entry["record_key"].startswith("hash:")
    assert (entry["first_seen_at"], entry["last_seen_at"]) == (NOW, LATER)
    keep(connection, [replace(NAMELESS, document='{"name": "another"}')])
    assert quarantined(connection, "default", KEY) == 2


def test_a_record_that_is_not_whole_is_kept_with_its_notes(connection: Connection, row_of: MakeRow) -> None:
    row = replace(row_of(TAGS), notes=("name: expected text, got a number", "remote_id: expected text"))
    keep(connection, rows=[row, row_of(TAGS, "whole")])
    [entry] = entries(connection)
    assert entry["record_key"] == "record"
    assert entry["reason"] == "name: expected text, got a number; remote_id: expected text"
    assert json.loads(entry["document"]) == json.loads(row.document)


def test_a_record_met_again_keeps_when_it_was_first_met(connection: Connection) -> None:
    keep(connection, [NUL])
    keep(connection, [replace(NUL, reason="another", document="{}")], now=LATER, run_id="next")
    [entry] = entries(connection)
    assert (entry["first_seen_at"], entry["last_seen_at"]) == (NOW, LATER)
    assert (entry["reason"], entry["document"], entry["run_id"]) == ("another", "{}", "next")


def test_a_record_that_comes_whole_is_healed_and_no_other(connection: Connection, row_of: MakeRow) -> None:
    keep(connection, [replace(NUL, id=name) for name in "abc"] + [NAMELESS])
    keep(connection, [replace(NUL, id="a")], key=StreamKey("tool:two", "ats_tags"))
    keep(connection, [replace(NUL, id="a")], key=StreamKey("tool:one", "ats_roles"))
    noted = replace(row_of(TAGS, "b"), notes=("still not",))
    keep(connection, rows=[row_of(TAGS, "a"), noted, row_of(TAGS, "d")], now=LATER)
    left = {(each["integration_id"], each["model"], each["record_key"][:5]) for each in entries(connection)}
    assert left == {
        ("tool:one", "ats_tags", "b"),
        ("tool:one", "ats_tags", "c"),
        ("tool:one", "ats_tags", "hash:"),
        ("tool:two", "ats_tags", "a"),
        ("tool:one", "ats_roles", "a"),
    }
    assert quarantined(connection, "default", KEY) == 3


def test_a_record_that_heals_and_falls_ill_again_is_a_new_case(
    connection: Connection, row_of: MakeRow
) -> None:
    keep(connection, [replace(NUL, id="a")])
    keep(connection, rows=[row_of(TAGS, "a")])
    assert entries(connection) == []
    keep(connection, [replace(NUL, id="a")], now=LATER)
    assert entries(connection)[0]["first_seen_at"] == LATER


def test_a_record_that_the_database_refused_is_not_healed_by_its_own_row(
    connection: Connection, row_of: MakeRow
) -> None:
    row = replace(row_of(TAGS, "a"), notes=("a note",))
    refused = Poison("a", "the database refuses it: too long", "{}")
    keep(connection, [refused], [row_of(TAGS, "a")])
    keep(connection, [refused], [row], now=LATER)
    [entry] = entries(connection)
    assert entry["reason"] == "the database refuses it: too long"
    assert entry["first_seen_at"] == NOW


def test_documents_are_kept_as_ascii_that_reads_the_same(connection: Connection) -> None:
    raw = (
        '{"id": "a", "name": 7, "remote_data": "Ω é 😀 \u2028 \x7f", "big": 12345678901234567890, "e": 1.50}'
    )
    row = project_text(TAGS, raw.encode())
    assert isinstance(row, Row)
    assert row.notes
    keep(connection, [NUL, NAMELESS, poison(b"\xff\xfe not utf-8 \x00"), poison(b'{"id": "\\ud800"}')], [row])
    for entry in entries(connection):
        assert entry["document"].isascii()
        assert "\0" not in entry["document"]
        assert "\0" not in entry["record_key"]
    [kept] = [entry for entry in entries(connection) if entry["record_key"] == "a"]
    assert json.loads(kept["document"]) == json.loads(raw)
    # Digits stay as they came.
    assert "12345678901234567890" in kept["document"]
    assert "1.50" in kept["document"]


@pytest.mark.parametrize("record_id", ["a\0b", "x" * 100_000, "".join(map(chr, range(1000, 9000)))])
def test_an_id_that_can_be_no_key_is_replaced_by_a_hash_of_it(
    connection: Connection, row_of: MakeRow, record_id: str
) -> None:
    keep(connection, [replace(NUL, id=record_id)])
    keep(connection, [replace(NUL, id=record_id, document='{"changed": 1}')])
    [key] = keys(connection)
    assert key.startswith("hash:")
    keep(connection, rows=[replace(row_of(TAGS), id=record_id)])
    assert keys(connection) == []


def test_a_page_without_troubles_changes_nothing(connection: Connection, row_of: MakeRow) -> None:
    keep(connection, [replace(NUL, id="z")])
    before = entries(connection)
    keep(connection, rows=[row_of(TAGS, str(number)) for number in range(250)], now=LATER)
    keep(connection, now=LATER)
    assert entries(connection) == before
