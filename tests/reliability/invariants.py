"""What must hold at every moment of every history: one function for each promise, named after it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, func, select

from syncer.domain.stream_key import StreamKey
from syncer.domain.streams.stream import Kind, Phase, Stream
from syncer.simulator.company.compare import comparable
from syncer.store.schema.mirror_tables import MIRROR, missing, quarantine, runs, seen, streams, webhook_events
from syncer.store.state.received_events import ACCEPTED
from syncer.store.state.stream_columns import STREAM_COLUMNS, stream_of
from tests.reliability.tracked_source import MODELS, STREAMS, Source
from tests.support.mirror import MirroredRecord, document_of, is_current, row_differences

#: How ids of events begin that nobody has signed.
FORGED = "forged"


@dataclass
class Look:
    """Everything that the database holds at one moment."""

    streams: dict[StreamKey, Stream] = field(default_factory=dict)
    leased: set[StreamKey] = field(default_factory=set)
    rows: dict[StreamKey, dict[str, MirroredRecord]] = field(default_factory=dict)
    missing: dict[StreamKey, set[str]] = field(default_factory=dict)
    held: set[StreamKey] = field(default_factory=set)
    seen: set[StreamKey] = field(default_factory=set)
    created: dict[StreamKey, int] = field(default_factory=dict)
    quarantined: set[tuple[StreamKey, str]] = field(default_factory=set)
    handled: set[str] = field(default_factory=set)
    forged: set[str] = field(default_factory=set)


def look(connection: Connection) -> Look:
    found = Look(rows={key: {} for key in STREAMS}, missing={key: set() for key in STREAMS})
    for lease_owner, *of_stream in connection.execute(select(streams.c.lease_owner, *STREAM_COLUMNS)):
        stream = stream_of(of_stream)
        found.streams[stream.key] = stream
        if lease_owner is not None:
            found.leased.add(stream.key)
    for model in MODELS:
        columns = MIRROR[model].c
        for row in connection.execute(
            select(
                columns.integration_id,
                columns.id,
                columns.content_hash,
                columns.document,
                columns.remote_deleted_at.is_not(None).label("is_deleted"),
                columns.deleted_by,
            )
        ):
            record = _record(model, bytes(row.content_hash), _Document(row.document))
            found.rows[StreamKey(row.integration_id, model)][row.id] = MirroredRecord(
                record, bool(row.is_deleted), row.deleted_by
            )
    for row in connection.execute(select(missing)):
        key = StreamKey(row.integration_id, row.model)
        found.missing[key].add(row.record_id)
        if row.held_at is not None and row.approved_at is None:
            found.held.add(key)
    found.seen = {
        StreamKey(row[0], row[1]) for row in connection.execute(select(seen.c.integration_id, seen.c.model))
    }
    for row in connection.execute(
        select(runs.c.integration_id, runs.c.model, func.sum(runs.c.created)).group_by(
            runs.c.integration_id, runs.c.model
        )
    ):
        found.created[StreamKey(row[0], row[1])] = int(row[2])
    for row in connection.execute(select(quarantine)):
        found.quarantined.add((StreamKey(row.integration_id, row.model), row.record_key))
    for row in connection.execute(select(webhook_events)):
        if row.outcome == ACCEPTED and row.handled_at is not None:
            found.handled.add(row.id)
        if row.id.startswith(FORGED):
            found.forged.add(row.id)
    return found


class _Document:
    """A document that is the same as any other: what its hash says is enough to find it read already."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Document)

    def __hash__(self) -> int:
        return 0


@lru_cache(4096)
def _record(model: str, content_hash: bytes, document: _Document) -> dict[str, Any]:
    return comparable(model, document_of(document.value))


Invariant = Callable[[Look, Source], None]


def counts_add_up(seen: Look, source: Source) -> None:
    for key, stream in seen.streams.items():
        deleted = [each.is_deleted for each in seen.rows[key].values()]
        assert (stream.rows_live, stream.rows_deleted) == (deleted.count(False), deleted.count(True)), key


def every_row_was_created_by_one_run(seen: Look, source: Source) -> None:
    for key in source.keys:
        assert seen.created.get(key, 0) == len(seen.rows[key]), key


def a_deleted_row_says_who_found_it_deleted(seen: Look, source: Source) -> None:
    for key in source.keys:
        for id, row in seen.rows[key].items():
            assert row.is_deleted == (row.deleted_by is not None), (key, id)
            assert row.deleted_by != "kombo" or row.record["remote_deleted_at"] is not None, (key, id)
            assert row.deleted_by == "kombo" or row.record["remote_deleted_at"] is None, (key, id)


def only_what_kombo_deleted_is_marked_by_kombo(seen: Look, source: Source) -> None:
    for key in source.keys:
        for id, row in seen.rows[key].items():
            assert row.deleted_by != "kombo" or (key, id) in source.ever_deleted, (key, id)


def only_what_was_asked_for_in_vain_is_marked_by_a_sweep(seen: Look, source: Source) -> None:
    for key in source.keys:
        for id, row in seen.rows[key].items():
            if row.deleted_by == "sweep":
                assert (key, id) in source.told_absent, (key, id)
            elif not row.is_deleted and id in source.listed(key) and id not in seen.missing[key]:
                # Known to be there: to be marked it must be asked for again.
                source.told_absent.discard((key, id))


def the_watermark_is_not_ahead_of_the_source(seen: Look, source: Source) -> None:
    for key, stream in seen.streams.items():
        assert stream.watermark is None or stream.watermark <= source.clock.now(), key


def all_up_to_the_watermark_is_stored(seen: Look, source: Source) -> None:
    if source.environment.paging.style == "offset":
        # Where cursors are positions, a record that leaves the list can hide another until a full walk.
        return
    for key, stream in seen.streams.items():
        if stream.watermark is None:
            continue
        for id, record in source.listed(key).items():
            row = seen.rows[key].get(id)
            if (key, id) in source.silent:
                # What a sweep is about to mark, and came back since it asked, is current for a moment only.
                if is_current(row, record) and id not in seen.missing[key]:
                    source.silent.discard((key, id))
            elif source.committed[key, id] <= stream.watermark:
                assert is_current(row, record), (key, id, stream.watermark, source.committed[key, id])


def a_stream_that_is_complete_has_nothing_open(seen: Look, source: Source) -> None:
    for key, stream in seen.streams.items():
        if stream.state in {"complete", "held"} and key not in seen.leased:
            assert stream.walk is None, key
            assert stream.watermark is not None, key
            assert stream.last_full_walk_at is not None, key
            assert key not in seen.seen, key
            assert (key in seen.held) == (stream.state == "held"), key


def a_walk_is_kept_as_a_whole(seen: Look, source: Source) -> None:
    for key, stream in seen.streams.items():
        walk = stream.walk
        if walk is not None:
            assert (walk.kind is Kind.FULL) == (walk.updated_after is None), key
            assert (walk.pages > 0) == (walk.began_at is not None), key
            assert walk.phase is Phase.READ or (walk.kind is Kind.FULL and walk.cursor is None), key
            assert walk.cursor is None or walk.pages > 0, key


def what_is_missing_is_not_marked_yet(seen: Look, source: Source) -> None:
    for key in source.keys:
        for id in seen.missing[key]:
            assert not seen.rows[key][id].is_deleted, (key, id)


def what_webhooks_told_of_is_worked_on(seen: Look, source: Source) -> None:
    for key, stream in seen.streams.items():
        if stream.told_at is not None:
            assert stream.due_at is not None or key in seen.leased, key


def what_an_answered_event_told_of_is_stored(seen: Look, source: Source) -> None:
    if source.environment.paging.style == "offset":
        # As above.
        return
    unread = {key for key, stream in seen.streams.items() if stream.state == "unavailable"}
    for told in source.told.values():
        # Of a list that is not offered there was nothing to be read.
        for each in [each for each in told if each[0] in unread]:
            del told[each]
    for event_id in seen.handled:
        for (key, id), committed in source.told.get(event_id, {}).items():
            record = source.listed(key).get(id)
            if record is None or (key, id) in source.silent or source.committed[key, id] != committed:
                # Something else has become of it since then.
                continue
            row = seen.rows[key].get(id)
            assert is_current(row, record), (event_id, key, id)


def nothing_is_known_of_what_nobody_has_signed(seen: Look, source: Source) -> None:
    assert not seen.forged


ALWAYS: tuple[Invariant, ...] = (
    counts_add_up,
    every_row_was_created_by_one_run,
    a_deleted_row_says_who_found_it_deleted,
    only_what_kombo_deleted_is_marked_by_kombo,
    only_what_was_asked_for_in_vain_is_marked_by_a_sweep,
    the_watermark_is_not_ahead_of_the_source,
    all_up_to_the_watermark_is_stored,
    a_stream_that_is_complete_has_nothing_open,
    a_walk_is_kept_as_a_whole,
    what_is_missing_is_not_marked_yet,
    what_webhooks_told_of_is_worked_on,
    what_an_answered_event_told_of_is_stored,
    nothing_is_known_of_what_nobody_has_signed,
)


def progress(connection: Connection) -> dict[StreamKey, Any]:
    """The rows of all streams, as far as only who has the lease may change them."""
    others = {"due_at", "due_purpose", "scheduled_at", "told_at"}
    of_the_run = [each for each in streams.c if each.name not in others]
    return {StreamKey(row.integration_id, row.model): row for row in connection.execute(select(*of_the_run))}


def writes_only_what_it_has_a_lease_on(
    owner: str, before: dict[StreamKey, Any], after: dict[StreamKey, Any]
) -> None:
    """A step of this owner changed no stream that it had no lease on, unless by taking the lease."""
    for key, row in before.items():
        if row.lease_owner != owner and after[key] != row:
            assert (after[key].lease_owner, after[key].fence) == (owner, row.fence + 1), key


def the_mirror_equals_the_source(seen: Look, source: Source) -> None:
    """Fail where the rows looked at are not what the source lists: the claim of tests.support.mirror.

    On what has been read once already, since a history looks hundreds of times.
    """
    for key in source.keys:
        known = source.firm(key).known(key.model)
        found = next(row_differences(seen.rows[key], source.listed(key), known), None)
        assert found is None, f"{key} {found}"


def nothing_is_in_quarantine(seen: Look, source: Source) -> None:
    """Fail where something is though the source lists no record that cannot be a row."""
    assert not seen.quarantined
