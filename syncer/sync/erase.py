"""Erasure of a record: all of it in one transaction, and the copies of it by a re-projection that follows.

    keep pages out -> find what is about it -> delete -> receipt, traces -> re-project the family's documents

No page is stored meanwhile, and each that comes later knows what is erased. Whoever is killed in between has
erased the rows; the copies inside other records go with the re-projection, which the next process finishes.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, case, func, update

from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.erasure.receipt import Receipt
from syncer.domain.erasure.relations import owned_tables
from syncer.domain.erasure.traces import ErasedRecord, family, traces_of
from syncer.domain.feed.row_change import FeedRules
from syncer.domain.native.spec import NativeListSpec
from syncer.domain.ratelimit.budget import Purpose
from syncer.domain.stream_key import StreamKey
from syncer.domain.streams.state import StreamState
from syncer.store.db.database import Database
from syncer.store.db.removed_values import note_removed
from syncer.store.records.erasable import (
    count_mentions,
    native_keys,
    owned_records,
    records_named,
    with_native_parents,
)
from syncer.store.records.erase import (
    erase_links_to,
    erase_model_rows,
    erase_native_rows,
    erase_parents,
)
from syncer.store.schema.state_tables import streams
from syncer.store.state.erasures import (
    add_traces,
    forget_traces,
    keep_receipt,
    keep_traces,
    renew_version,
    reopen_erasures,
    trace_key,
)
from syncer.store.state.projections import lock_projections, reproject_anew
from syncer.store.state.stream_columns import walk_values


class Erasure(Struct, frozen=True):
    """Erasure that is asked for.

    receipt: its id. id: Kombo's, or the record's key in a native list; else remote_id: the tool's. is_alone:
    what is about the record stays. new_key: becomes that of the traces where there is none. version: of all
    that is erased, never used before.
    """

    receipt: str
    environment: str
    integration_id: str
    model: str
    id: str | None
    remote_id: str | None
    is_alone: bool
    reason: str | None
    new_key: bytes
    version: str


def erase(
    connection: Connection,
    database: Database,
    wanted: Erasure,
    feed: FeedRules,
    native_lists: Mapping[str, NativeListSpec],
) -> Receipt:
    """Erase a record in the mirror, whether it is there or not, and keep it out from now on.

    Its family's documents are to be re-projected afterwards.
    """
    lock_projections(connection)
    now = database.now(connection)
    records = _records(connection, wanted, native_lists)
    by_table: dict[str, set[str]] = defaultdict(set)
    for each in records:
        if each.id is not None and each.table in catalogue():
            by_table[each.table].add(each.id)
    mentioned = count_mentions(connection, by_table)
    gone = Counter[str]()
    for model, ids in sorted(by_table.items()):
        gone += erase_model_rows(connection, feed, model, ids, now)
    erase_links_to(connection, by_table)
    for name, keys in sorted(_native(connection, wanted, records).items()):
        key = StreamKey(wanted.integration_id, name)
        gone += erase_native_rows(connection, feed, wanted.environment, key, keys, now)
    for each in records:
        erase_parents(connection, wanted.environment, each.integration_id, each.parents)
    receipt = Receipt(
        wanted.receipt,
        now,
        wanted.environment,
        wanted.integration_id,
        wanted.model,
        wanted.is_alone,
        wanted.reason,
        erased=dict(sorted(gone.items())),
        mentioned=mentioned,
    )
    renew_version(connection, wanted.version)
    trace = trace_key(connection, wanted.new_key)
    traces = (traces_of(trace, each, with_owned=not wanted.is_alone) for each in records)
    keep_receipt(connection, receipt)
    keep_traces(connection, receipt.id, set[bytes]().union(*traces))
    reproject_anew(connection, related_lists(wanted.model))
    note_removed(connection)
    return receipt


def undo(connection: Connection, database: Database, receipt: Receipt, version: str) -> None:
    """Let what an erasure has erased be read again: the integration's related lists are walked whole."""
    lock_projections(connection)
    now = database.now(connection)
    forget_traces(connection, receipt.id, now)
    renew_version(connection, version)
    connection.execute(
        update(streams)
        .where(
            streams.c.environment == receipt.environment,
            streams.c.integration_id == receipt.integration_id,
            streams.c.model.in_(related_lists(receipt.model) or [receipt.model]),
        )
        .values(
            # An unfinished walk has left out what comes back, and whoever is at it loses the lease.
            **walk_values(None),
            lease_owner=None,
            lease_until=None,
            fence=streams.c.fence + 1,
            last_full_walk_at=None,
            state=_incomplete(),
            due_at=func.coalesce(streams.c.due_at, now),
            due_purpose=func.coalesce(streams.c.due_purpose, int(Purpose.FULL)),
        )
    )


def keep_late(
    connection: Connection, model: str, late: Sequence[tuple[str, Collection[bytes]]], version: str
) -> None:
    """Keep traces of the model's records that came after they were erased, each with its receipt.

    Something may be about them that came before them: the related documents are looked through once more.
    """
    add_traces(connection, late, version)
    if late and owned_tables(model) != {model}:
        reproject_anew(connection, related_lists(model))
        reopen_erasures(connection, {receipt for receipt, _ in late})


def related_lists(model: str) -> list[str]:
    """Name the models whose records can tell of the model's records; of a native list none."""
    if model not in catalogue():
        return []
    families = {family(each) for each in owned_tables(model)}
    return [name for name in catalogue() if family(name) in families]


def _records(
    connection: Connection, wanted: Erasure, native_lists: Mapping[str, NativeListSpec]
) -> list[ErasedRecord]:
    """Find all records that are erased."""
    model = catalogue().get(wanted.model)
    if model is None:
        return [ErasedRecord(wanted.model, wanted.integration_id, wanted.id)]
    named = records_named(connection, model, wanted.integration_id, id=wanted.id, remote_id=wanted.remote_id)
    if wanted.is_alone:
        return named
    found = [*named, *owned_records(connection, named)]
    return [with_native_parents(connection, each, native_lists.values()) for each in found]


def _native(connection: Connection, wanted: Erasure, records: list[ErasedRecord]) -> dict[str, set[str]]:
    """Collect the keys of the records of native lists that are erased, by list."""
    keys: dict[str, set[str]] = defaultdict(set)
    for each in records:
        if each.table not in catalogue() and each.id is not None:
            keys[each.table].add(each.id)
        for name, found in native_keys(connection, wanted.environment, each).items():
            keys[name].update(found)
    return keys


def _incomplete() -> ColumnElement[str]:
    return case(
        (streams.c.state == StreamState.COMPLETE, StreamState.INCOMPLETE.value), else_=streams.c.state
    )
