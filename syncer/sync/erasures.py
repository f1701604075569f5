"""Knowledge of a process of what is erased: read once, and again where the version has changed since.

A page is compared with what is known, and stored only if that is still all there is: its transaction reads
the version with the list's projection, in one statement. Where nothing is erased nothing more is read.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import Connection

from syncer.domain.erasure.erased import Erased
from syncer.domain.erasure.texts import clean_poison, clean_record
from syncer.domain.erasure.traces import ErasedRecord, Kind, trace, traces_of
from syncer.domain.records.record import Poison, Record
from syncer.domain.stream_key import StreamKey
from syncer.store.state.erasures import read_erased
from syncer.store.state.projections import erasures_version


class Version(NamedTuple):
    """All that is erased as of a version; None: nothing ever was."""

    name: str | None
    erased: Erased


class KnownErasures:
    """Knowledge of what is erased. Thread-safe: it is replaced as a whole."""

    def __init__(self) -> None:
        self.newest = Version(None, Erased())

    def at(self, connection: Connection, version: str | None) -> Version:
        """Give what is erased as of the version that the database has now."""
        known = self.newest
        if known.name != version:
            # Another thread may replace it meanwhile by what an older transaction sees.
            self.newest = known = Version(version, Erased() if version is None else read_erased(connection))
        return known

    def read(self, connection: Connection) -> Version:
        """Give what is erased now."""
        return self.at(connection, erasures_version(connection))


class Left(NamedTuple):
    """Rest of some records without what is erased.

    records: the others, in their order, and without copies of what is erased. receipts: of those that are
    erased themselves, the erasure of each, by id.
    """

    records: list[Record]
    receipts: dict[str, str]


def without_erased(erased: Erased, key: StreamKey, records: Iterable[Record]) -> Left:
    """Leave erased records of a stream out, and take the copies of erased ones out of the others."""
    left, receipts = list[Record](), dict[str, str]()
    for record in records:
        cleaned = clean_record(erased, key.model, key.integration_id, record)
        if isinstance(cleaned, str):
            receipts[record.id] = cleaned
        else:
            left.append(cleaned)
    return Left(left, receipts)


def clean_poisons(
    erased: Erased, key: StreamKey, poisons: Iterable[Poison]
) -> tuple[list[Poison], dict[str, str]]:
    """Do the same with records that cannot be rows; one that is erased and has no id is left out unseen."""
    left, receipts = list[Poison](), dict[str, str]()
    for poison in poisons:
        cleaned = clean_poison(erased, key.model, key.integration_id, poison)
        if not isinstance(cleaned, str):
            left.append(cleaned)
        elif poison.id is not None:
            receipts[poison.id] = cleaned
    return left, receipts


def seen_as(erased: Erased, key: StreamKey, record_id: str) -> str:
    """Give what stands for an erased record among the ids that a walk has seen."""
    return trace(erased.key, Kind.ID, f"{key.integration_id}\0{key.model}", record_id).hex()


def late_traces(erased: Erased, key: StreamKey, receipts: dict[str, str]) -> list[tuple[str, set[bytes]]]:
    """Make the traces of erased records that have none: they came after what they are about was erased."""
    found = []
    for record_id, receipt in receipts.items():
        record = ErasedRecord(key.model, key.integration_id, record_id)
        if traces_of(erased.key, record, with_owned=False).isdisjoint(erased.receipts):
            found.append((receipt, traces_of(erased.key, record, with_owned=receipt not in erased.alone)))
    return found
