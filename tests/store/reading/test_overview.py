"""What `status` is told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from msgspec.structs import replace
from sqlalchemy import Connection, update

from syncer.domain.ratelimit.budget import Budget
from syncer.domain.records.record import Poison
from syncer.domain.stream_key import StreamKey
from syncer.store.reading.overview import MOST_STREAMS, StreamChoice, overview
from syncer.store.schema.mirror_tables import streams
from syncer.store.state.budget import change_budget
from syncer.store.state.integrations import IntegrationStore
from syncer.store.state.missing import MissingStore
from syncer.store.state.quarantine import keep_in_quarantine
from syncer.store.state.streams import StreamStore

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LENGTH = timedelta(seconds=60)
KEYS = [
    StreamKey("tool:one", "ats_jobs"),
    StreamKey("tool:one", "ats_tags"),
    StreamKey("tool:two", "ats_jobs"),
]
STORE = StreamStore()
KEYLESS: Final = {"default": None}


def test_an_empty_mirror_has_nothing_to_tell(connection: Connection) -> None:
    told = overview(connection, {"default": "key"}, NOW)
    assert (told.now, told.integrations, told.streams, told.running, told.quarantine) == (
        NOW,
        [],
        [],
        set(),
        {},
    )
    assert not told.budgets
    assert not told.states


def test_streams_are_counted_by_state_and_those_that_are_not_mirrored_are_left_out(
    connection: Connection,
) -> None:
    STORE.add(connection, KEYS)
    connection.execute(update(streams).where(streams.c.model == "ats_jobs").values(state="complete"))
    told = overview(connection, KEYLESS, NOW)
    assert [(each.integration_id, each.model) for each in told.streams] == KEYS
    assert told.states == {"complete": 2, "new": 1}
    STORE.select(connection, {KEYS[1], KEYS[2]})
    assert overview(connection, KEYLESS, NOW).states == {"complete": 1, "new": 1}


def test_a_stream_is_running_while_its_lease_lasts(connection: Connection) -> None:
    STORE.add(connection, KEYS)
    for key, begun in zip(KEYS, (NOW, NOW - LENGTH * 2, None), strict=True):
        if begun is not None:
            STORE.claim(connection, key, owner="me", now=begun, length=LENGTH, is_dead=lambda _: False)
    assert overview(connection, KEYLESS, NOW).running == {KEYS[0]}
    assert overview(connection, KEYLESS, NOW + LENGTH).running == set()


def test_the_quarantine_is_counted_by_stream_with_its_oldest_record(connection: Connection) -> None:
    poison = Poison("a", "holds a NUL character", "{}")
    for number, at in enumerate((NOW, NOW - LENGTH, NOW + LENGTH)):
        found = [replace(poison, id=f"{number}")]
        keep_in_quarantine(connection, "default", KEYS[0], "run", at, found, [], ())
    keep_in_quarantine(connection, "default", KEYS[2], "run", NOW, [poison], [], ())
    keep_in_quarantine(connection, "other", KEYS[2], "run", NOW, [poison], [], ())
    assert overview(connection, KEYLESS, NOW).quarantine == {
        KEYS[0]: (3, NOW - LENGTH),
        KEYS[2]: (1, NOW),
    }


def test_the_budget_is_that_of_the_key_and_unknown_without_one(connection: Connection) -> None:
    def use(key: str, used: int) -> None:
        change_budget(
            connection, "default", key, timedelta(0), lambda _, __: (Budget(limit=300, used=used), None)
        )

    use("mine", 7)
    use("yours", 9)
    assert overview(connection, {"default": "mine"}, NOW).budgets == {"default": Budget(limit=300, used=7)}
    assert overview(connection, KEYLESS, NOW).budgets == {}
    assert overview(connection, {"other": "mine"}, NOW).budgets == {}


def test_integrations_that_are_not_mirrored_any_more_are_left_out(connection: Connection) -> None:
    store = IntegrationStore()
    for name in ("tool:b", "tool:a", "tool:c"):
        store.add(connection, name, origin="command", models=None)
    store.remove(connection, "tool:c", NOW)
    assert [each.id for each in overview(connection, KEYLESS, NOW).integrations] == [
        "tool:a",
        "tool:b",
    ]


def test_of_many_streams_those_are_listed_that_have_a_problem_or_run_and_all_are_summed_up(
    connection: Connection,
) -> None:
    keys = [StreamKey(f"tool:{number:03}", "ats_jobs") for number in range(MOST_STREAMS)]
    STORE.add(connection, keys)
    connection.execute(update(streams).values(state="complete", rows_live=2, complete_at=NOW - LENGTH))
    assert len(overview(connection, KEYLESS, NOW, StreamChoice()).streams) == MOST_STREAMS
    STORE.add(connection, KEYS)
    failed, running, held, quarantined, new = keys[3], keys[5], keys[7], keys[9], KEYS[2]
    connection.execute(
        update(streams).where(streams.c.integration_id == failed.integration_id).values(state="failed")
    )
    STORE.claim(connection, running, owner="me", now=NOW, length=LENGTH, is_dead=lambda _: False)
    MissingStore("default", held).note(connection, ["a"], "walk", NOW)
    MissingStore("default", held).hold(connection, NOW)
    keep_in_quarantine(connection, "default", quarantined, "run", NOW, [Poison("a", "bad", "{}")], [], ())
    told = overview(connection, KEYLESS, NOW, StreamChoice())
    assert [each.key for each in told.streams] == [failed, running, held, quarantined]
    assert not told.lists_all
    assert told.states == {"complete": MOST_STREAMS - 1, "failed": 1, "new": len(KEYS)}
    summary = told.summaries[running.integration_id]
    assert (summary.rows_live, summary.running, summary.oldest_complete_at) == (2, 1, NOW - LENGTH)
    assert told.summaries[new.integration_id].oldest_complete_at is None
    one = overview(connection, KEYLESS, NOW, StreamChoice(integrations=(new.integration_id,)))
    assert [each.key for each in one.streams] == [new]
    assert one.states == {"new": 1}
