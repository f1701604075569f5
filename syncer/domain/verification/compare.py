"""Comparison of one record of the source with its row of the mirror."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from syncer.domain.records.blank import SHELL_MEMBERS, is_blank
from syncer.domain.records.record import Poison, Record, decoded
from syncer.domain.records.values import CONVERTERS, Unfit
from syncer.domain.verification.copies import leave_out_copies
from syncer.domain.verification.difference import Difference


class MirroredRecord(NamedTuple):
    """A row of the mirror. follows: columns, links and children are those of its document."""

    document: bytes
    content_hash: bytes
    is_deleted: bool
    follows: bool


class Comparison(Struct, frozen=True):
    """Findings of one comparison; either side may have moved on meanwhile.

    open: differences that can be a matter of time. certain: others, where the mirror contradicts itself.
    only_copies: of the documents nothing differs but copies of other records. is_kept: the source has blanked
    the record, and the row has its last values.
    """

    open: frozenset[Difference] = frozenset()
    certain: frozenset[Difference] = frozenset()
    only_copies: bool = False
    is_kept: bool = False


class _Mark(msgspec.Struct, gc=False):
    remote_deleted_at: Any = None


_mark = msgspec.json.Decoder(_Mark)
_EQUAL = Comparison()


def compare(model: str, record: Record | Poison | None, row: MirroredRecord | None) -> Comparison:
    """Compare a record with its row; None: there is none.

    A record that no row can be made of is missing, or other than the row of an earlier version.
    """
    certain = frozenset([] if row is None or row.follows else [Difference.PROJECTED])
    if record is None:
        is_extra = row is not None and not row.is_deleted
        return Comparison(frozenset([Difference.EXTRA] if is_extra else []), certain)
    if row is None:
        return Comparison(frozenset([Difference.MISSING]))
    if isinstance(record, Poison):
        return Comparison(frozenset([Difference.DIFFERENT]), certain)
    is_deleted = is_deleted_record(record.text)
    if is_deleted and row.is_deleted and is_shell(record.text):
        # Kombo does not send it for that: a full walk may follow, and need not.
        return Comparison(certain=certain, is_kept=not same_text(record.text, row.document))
    if is_deleted != row.is_deleted:
        return Comparison(frozenset([Difference.DELETED]), certain)
    if record.text == row.document or same_text(record.text, row.document):
        return Comparison(certain=certain) if certain else _EQUAL
    if record.content_hash == row.content_hash:
        # The mirror says that it has this very record, and has another document.
        return Comparison(certain=certain | {Difference.DIFFERENT})
    return Comparison(
        frozenset([Difference.DIFFERENT]), certain, only_copies=_own(model, record.text, row.document)
    )


def is_deleted_record(text: bytes) -> bool:
    """True where a record says that it is deleted, in a way that its row can say, too."""
    value = _mark.decode(text).remote_deleted_at
    try:
        return value is not None and CONVERTERS["timestamp"](value) is not None
    except Unfit:
        return False


def is_shell(text: bytes) -> bool:
    """True where nothing is left of a record but what a blanked one keeps."""
    return all(is_blank(value) for name, value in decoded(text).items() if name not in SHELL_MEMBERS)


def same_text(one: bytes, other: bytes) -> bool:
    """Tell whether two JSON texts have the same value, as a database keeps it.

    The order of members, white space and the spelling of numbers make no difference.
    """
    try:
        return one == other or same_value(decoded(one), decoded(other))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError):
        return False


def same_value(one: Any, other: Any) -> bool:
    """Tell whether two decoded JSON values are the same; true is not 1, and 1.0 is. Raises RecursionError."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same_value(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same_value, one, other))
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    return bool(one == other)


def _own(model: str, one: bytes, other: bytes) -> bool:
    """Tell whether two records say the same of themselves."""
    try:
        values = decoded(one), decoded(other)
        for each in values:
            leave_out_copies(model, each)
        return same_value(*values)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError, AttributeError):
        return False
