"""Change of a row, as the feed is to tell it. Pure."""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from syncer.domain.feed.difference import FormerValues
from syncer.domain.records.blank import SHELL_MEMBERS
from syncer.domain.records.change import Change, StoredRow
from syncer.domain.records.row import Row

#: Member that says when the record was deleted; a sweep writes it into the row alone.
DELETED_AT = "remote_deleted_at"
#: Members whose values a row takes over that keeps the others of a blanked record.
_TAKEN_OVER = frozenset({DELETED_AT, "changed_at"})


class Operation(StrEnum):
    """Operation on a row; ``erased``: its values, or all of it, are to be forgotten."""

    CREATED = "created"
    UPDATED = "updated"
    DELETED = "deleted"
    RESTORED = "restored"
    ERASED = "erased"


class FeedRules(Struct, frozen=True):
    """Lists whose changes the feed tells, by name, and how.

    before: with the former values of the members that changed. notify: with a notification to the database's
    other sessions in each transaction.
    """

    models: Collection[str] = frozenset()
    before: bool = False
    notify: bool = False


class RowChange(Struct, frozen=True):
    """Change of one row. former: former values of the members that changed; None where none are named."""

    record_id: str
    operation: Operation
    former: FormerValues | None = None

    @property
    def members(self) -> str | None:
        """JSON list of the names of the members that changed."""
        return None if self.former is None else json.dumps(list(self.former))

    @property
    def before(self) -> str | None:
        """JSON object of the former values, as far as there were any; None for what is to be forgotten."""
        if self.former is None or self.operation is Operation.ERASED:
            return None
        values = [f"{json.dumps(name)}:{value}" for name, value in self.former.items() if value is not None]
        return f"{{{','.join(values)}}}"


def row_change(
    row: Row,
    effect: Change,
    stored: StoredRow | None,
    former: FormerValues | None,
    *,
    keep_anonymised: bool = False,
) -> RowChange | None:
    """Decide what the feed tells of a record that was written; None: nothing.

    stored: the row as it was. former: former values of the members that the record says otherwise; None where
    it says nothing otherwise. keep_anonymised: a blanked record leaves its row the values that it had.
    """
    if effect is Change.UNCHANGED:
        return None
    if effect is Change.CREATED or stored is None:
        return RowChange(row.id, Operation.CREATED)
    is_kept = keep_anonymised and row.is_shell
    if former is not None and is_kept:
        former = {name: value for name, value in former.items() if name in _TAKEN_OVER} or None
    if effect in {Change.DELETED, Change.RESTORED} or stored.deleted_by == "sweep":
        former = _with_mark(former or {}, stored)
    if former is None:
        return None
    if row.is_shell and not is_kept and not SHELL_MEMBERS.issuperset(former):
        return RowChange(row.id, Operation.ERASED, former)
    return RowChange(row.id, Operation(effect.value), former)


def swept(record_id: str) -> RowChange:
    """Give the change of a row that a sweep has marked deleted."""
    return RowChange(record_id, Operation.DELETED, {DELETED_AT: "null"})


def removed(record_id: str) -> RowChange:
    """Give the change of a row that has left the mirror."""
    return RowChange(record_id, Operation.ERASED)


def _with_mark(former: FormerValues, stored: StoredRow) -> FormerValues:
    """Name the mark among the members that changed; of a sweep's mark the document knows nothing."""
    if stored.deleted_by == "sweep" or DELETED_AT not in former:
        return {**former, DELETED_AT: _moment(stored.deleted_at)}
    return former


def _moment(moment: datetime | None) -> str:
    """Write a moment as Kombo does, as JSON text."""
    return json.dumps(moment and moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"))
