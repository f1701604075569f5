"""Rows that a walk did not see: which of them are missing."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Connection

from syncer.domain.catalogue.lookup import model_named
from syncer.domain.stream_key import StreamKey
from syncer.store.schema.destination import model_destination
from syncer.store.state.missing import MissingStore
from syncer.store.state.seen import note_seen
from tests.support.records import NOW, MakeRow
from tests.support.rows import write_page

GROUPS = model_named("hris_groups")
KEY = StreamKey("tool:one", GROUPS.name)
MOMENT = timedelta(microseconds=1)


def test_rows_are_missing_that_were_there_before_the_walk_began_and_that_it_did_not_see(
    connection: Connection, row_of: MakeRow
) -> None:
    destination = model_destination(GROUPS, KEY.integration_id)
    for name, first_seen_at in (("seen", NOW - MOMENT), ("unseen", NOW - MOMENT), ("as it began", NOW)):
        row = row_of(GROUPS, name)
        write_page(connection, destination, [row], now=first_seen_at, walk_began_at=first_seen_at)
    note_seen(connection, "default", KEY, "walk", 1, ["seen", None])
    note_seen(connection, "default", KEY, "another walk", 1, ["unseen"])
    assert MissingStore("default", KEY).find(connection, "walk", NOW, NOW) == ["unseen"]
