"""Troubles that are read of the database: each when it is there, and none of a mirror that is well."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, insert, update

from syncer.domain.alerts.trouble import AlertKey, AlertKind, Trouble
from syncer.domain.scheduling.intervals import IntervalBounds
from syncer.domain.stream_key import StreamKey
from syncer.store.reading.troubles import read_stuck_deliveries, read_troubles
from syncer.store.schema.mirror_tables import streams, verifications
from syncer.store.state.deliveries import add_delivery, note_failure, pause_delivery, read_delivery
from syncer.store.state.missing import MissingStore
from syncer.store.state.refused_keys import note_refusal
from syncer.store.state.streams import StreamStore
from tests.support.records import NOW

HOUR = timedelta(hours=1)
MODELS = ("hris_employees", "hris_groups", "hris_legal_entities", "hris_locations")
KEYS = [StreamKey("tool:one", model) for model in MODELS] + [StreamKey("tool:two", "hris_groups")]
BOUNDS = {model: IntervalBounds(3600.0, 86_400.0) for model in MODELS}
PLANTED = "Zoë-Müller@example.com"


@pytest.fixture
def mirror(connection: Connection) -> Connection:
    """Five streams that are well."""
    StreamStore().add(connection, KEYS)
    moments = dict.fromkeys(("complete_at", "last_full_walk_at", "last_run_at"), NOW)
    connection.execute(update(streams).values(state="complete", last_error=PLANTED, **moments))
    return connection


def change(connection: Connection, *keys: StreamKey, **values: Any) -> None:
    for key in keys:
        of = (streams.c.integration_id == key.integration_id, streams.c.model == key.model)
        connection.execute(update(streams).where(*of).values(**values))


def found(connection: Connection) -> dict[tuple[AlertKind, str], Trouble]:
    """The troubles now, by kind and subject; nothing of a record is in them."""
    troubles = read_troubles(connection, "default", "key", BOUNDS, NOW)
    assert PLANTED not in repr(troubles)
    assert {key.environment for key in troubles} <= {"default"}
    return {(key.kind, key.subject): each for key, each in troubles.items()}


def test_a_mirror_that_is_well_has_no_trouble(mirror: Connection) -> None:
    change(mirror, KEYS[0], state="unavailable", complete_at=None)
    change(mirror, KEYS[1], state="incomplete")
    change(mirror, KEYS[2], due_at=NOW - HOUR / 2)
    change(mirror, KEYS[3], state="waiting", complete_at=None)
    assert found(mirror) == {}


def test_lists_that_cannot_be_read_are_one_trouble_of_their_integration(mirror: Connection) -> None:
    change(mirror, *KEYS[:3], state="failed")
    change(mirror, KEYS[3], state="waiting")
    change(mirror, KEYS[4], state="gone")
    assert {key: each.description for key, each in found(mirror).items()} == {
        (
            AlertKind.FAILING,
            "tool:one",
        ): "4 lists (hris_employees, hris_groups, hris_legal_entities and 1 more) "
        "cannot be read: failed 3, waiting 1",
        (AlertKind.FAILING, "tool:two"): "1 list (hris_groups) cannot be read: gone 1",
    }
    change(mirror, *KEYS, mirrored=False)
    assert found(mirror) == {}


def test_a_list_that_waits_for_longer_than_its_interval_or_has_no_recent_view_is_overdue(
    mirror: Connection,
) -> None:
    change(mirror, KEYS[0], due_at=NOW - 3 * HOUR)
    change(mirror, KEYS[1], complete_at=NOW - 50 * HOUR)
    # It runs, for however long.
    change(mirror, KEYS[4], due_at=NOW - 3 * HOUR, lease_owner="a", lease_until=NOW + HOUR)
    assert found(mirror) == {
        (AlertKind.STALE, "tool:one"): Trouble(
            "2 lists (hris_employees, hris_groups) are overdue", NOW - 2 * HOUR
        )
    }


def test_rows_that_wait_for_approval_are_counted_by_integration(mirror: Connection) -> None:
    for key, ids in ((KEYS[0], ["a", "b"]), (KEYS[1], ["c"]), (KEYS[4], [PLANTED])):
        store = MissingStore("default", key)
        store.note(mirror, ids, "walk", NOW)
        store.hold(mirror, NOW - HOUR)
    waits = "are missing at Kombo, until somebody approves that"
    assert found(mirror) == {
        (AlertKind.HELD, "tool:one"): Trouble(
            f"3 rows of 2 lists (hris_employees, hris_groups) {waits}", NOW - HOUR
        ),
        (AlertKind.HELD, "tool:two"): Trouble(
            f"1 row of 1 list (hris_groups) {waits.replace('are', 'is', 1)}", NOW - HOUR
        ),
    }


def test_lists_that_differ_from_kombos_are_told_as_their_last_verification_found_them(
    mirror: Connection,
) -> None:
    for key, verdict, differing in (
        (KEYS[0], "different", 2),
        (KEYS[1], "different", 1),
        (KEYS[2], "equal", 0),
        (KEYS[3], "unsettled", 0),
        (KEYS[4], "different", 1),
    ):
        row = {"environment": "default", "integration_id": key.integration_id, "model": key.model}
        ended = {"began_at": NOW, "ended_at": NOW - HOUR, "verdict": verdict, "differing": differing}
        mirror.execute(insert(verifications).values(**row, **ended))
    assert found(mirror) == {
        (AlertKind.DIFFERING, "tool:one"): Trouble(
            "verification found 3 records of 2 lists (hris_employees, hris_groups) that differ from Kombo's",
            NOW - HOUR,
        ),
        (AlertKind.DIFFERING, "tool:two"): Trouble(
            "verification found 1 record of 1 list (hris_groups) that differs from Kombo's", NOW - HOUR
        ),
    }
    change(mirror, *KEYS, mirrored=False)
    assert found(mirror) == {}


def test_a_refused_key_is_a_trouble_of_its_environment(mirror: Connection) -> None:
    note_refusal(mirror, "default", "another", PLANTED, NOW)
    assert found(mirror) == {}
    note_refusal(mirror, "default", "key", PLANTED, NOW - HOUR)
    assert found(mirror) == {
        (AlertKind.KEY_REFUSED, "default"): Trouble(
            "Kombo refuses the API key, and nothing is read", NOW - HOUR
        )
    }


def test_a_delivery_is_stuck_that_fails_or_was_stopped_and_not_one_that_somebody_paused(
    connection: Connection,
) -> None:
    for name in ("well", "fails", "stopped", "paused", "removed"):
        add_delivery(connection, name, NOW)
        row = read_delivery(connection, name)
        assert row is not None
        if name != "well":
            pause = None if name == "stopped" else HOUR
            note_failure(connection, row, status=500, error=PLANTED, now=NOW - HOUR, pause=pause)
    pause_delivery(connection, "paused", NOW)
    stuck = read_stuck_deliveries(connection, ["well", "fails", "stopped", "paused"])
    assert stuck == {
        AlertKey("", AlertKind.DELIVERY_STUCK, "fails"): Trouble(
            "its receiver does not accept changes", NOW - HOUR
        ),
        AlertKey("", AlertKind.DELIVERY_STUCK, "stopped"): Trouble(
            "its receiver wants no more changes (HTTP 410)", NOW - HOUR
        ),
    }
