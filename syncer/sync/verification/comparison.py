"""Comparison of some records with their rows, in one reading transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import NamedTuple

import msgspec
from msgspec import Struct
from sqlalchemy import Connection

from syncer.domain.records.record import Poison, Record
from syncer.domain.records.values import CONVERTERS, Unfit
from syncer.domain.streams.deletions import is_forgotten
from syncer.domain.streams.stream import Stream
from syncer.domain.verification.compare import Comparison, MirroredRecord, compare, is_deleted_record
from syncer.domain.verification.difference import Verdict
from syncer.domain.verification.digest import record_hash
from syncer.store.reading.mirrored_records import mirrored_records
from syncer.sync.erasures import clean_poisons, without_erased
from syncer.sync.sources.base import Records
from syncer.sync.sources.kombo_list import KomboListSource
from syncer.sync.verification.ledger import Entry


class Unverifiable(Exception):
    """The stream cannot be verified as it is; the verdict says whether that is well."""

    def __init__(self, verdict: Verdict, reason: str) -> None:
        super().__init__(reason)
        self.verdict = verdict


class Compared(Struct, frozen=True):
    """A record and its row, compared. version: hash of the record, None where there is none that is readable.

    changed_at: when it changed last, as far as the record says. is_unreadable: no row can be made of it.
    """

    id: str
    comparison: Comparison
    version: bytes | None
    changed_at: datetime | None
    is_unreadable: bool
    entry: Entry


class ComparedRecords(Struct, frozen=True):
    """Records with ids, compared, and the stream as the mirror had it then. now: by the database's clock.

    unidentified: texts of records without an id that could be told. erased: ids of records that are to have
    no row, and are not among the others.
    """

    records: list[Compared]
    unidentified: list[str]
    erased: frozenset[str]
    stream: Stream
    now: datetime


def compare_records(
    source: KomboListSource, records: Records, unknown: Collection[str], connection: Connection
) -> ComparedRecords:
    """Compare records with their rows, without what is erased.

    unknown: ids that the source was asked for, and does not know.

    Raises Unverifiable where the stream has left the mirror.
    """
    context, now = source.context, source.context.database.now(connection)
    erased = context.erasures.read(connection).erased
    usable, receipts = without_erased(erased, source.key, records.usable)
    poisons, of_poisons = clean_poisons(erased, source.key, records.poisons)
    by_id: dict[str, Record | Poison | None] = {
        **dict.fromkeys(unknown),
        **{each.id: each for each in poisons if each.id is not None},
        **{each.id: each for each in usable},
    }
    rows = mirrored_records(
        connection, source.spec, source.destination, by_id, source.excluded, source.project_text
    )
    forgotten = [
        record_id
        for record_id, each in by_id.items()
        if record_id not in rows
        and isinstance(each, Record)
        and is_forgotten(_head_of(each.text).deleted_at, context.rules.forget_after, now)
    ]
    for record_id in forgotten:
        del by_id[record_id]
    return ComparedRecords(
        [_compared(source, record_id, each, rows.get(record_id)) for record_id, each in by_id.items()],
        unidentified=[each.document for each in poisons if each.id is None],
        erased=frozenset({*receipts, *of_poisons, *forgotten}),
        stream=stream_of(source, connection),
        now=now,
    )


def stream_of(source: KomboListSource, connection: Connection) -> Stream:
    """Read the stream. Raises Unverifiable where it has left the mirror."""
    stream = source.context.streams.find(connection, source.key)
    if stream is None:
        raise Unverifiable(Verdict.UNREAD, "It is not mirrored any more.")
    return stream


def _compared(
    source: KomboListSource, record_id: str, record: Record | Poison | None, row: MirroredRecord | None
) -> Compared:
    is_deleted = isinstance(record, Record) and is_deleted_record(record.text)
    live = record if isinstance(record, Record) and not is_deleted else None
    in_mirror = None if row is None or row.is_deleted else row.document
    return Compared(
        record_id,
        compare(source.spec.name, record, row),
        version=record.content_hash if isinstance(record, Record) else None,
        changed_at=_head_of(record.text).changed_at if isinstance(record, Record) else None,
        is_unreadable=isinstance(record, Poison),
        entry=Entry(record_id, record is not None, is_deleted, *_hashes(live and live.text, in_mirror)),
    )


def _hashes(source: bytes | None, mirror: bytes | None) -> Iterable[bytes | None]:
    """Hash a record as both sides have it; mostly they are equal to the last byte."""
    hashed = None if source is None else record_hash(source)
    if mirror is None or mirror == source:
        return hashed, None if mirror is None else hashed
    try:
        return hashed, record_hash(mirror)
    except (ValueError, RecursionError):
        # Somebody has put there what is no record.
        return hashed, b"\0"


class _Head(msgspec.Struct, gc=False):
    changed_at: object = None
    remote_deleted_at: object = None


class _Moments(NamedTuple):
    """Times at which a record changed last and was deleted, as far as it says."""

    changed_at: datetime | None
    deleted_at: datetime | None


_head = msgspec.json.Decoder(_Head)


def _head_of(text: bytes) -> _Moments:
    head = _head.decode(text)
    return _Moments(_moment(head.changed_at), _moment(head.remote_deleted_at))


def _moment(value: object) -> datetime | None:
    try:
        moment = None if value is None else CONVERTERS["timestamp"](value)
    except Unfit:
        return None
    assert moment is None or isinstance(moment, datetime)
    return moment
