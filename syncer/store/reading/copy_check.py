"""Check of a list's copies: which of its records may carry one that its own row contradicts, and until when.

All records were looked at once. Since then only those can have become such whose own rows were written, or
the rows of what they carry: where nothing was written, all others are known to be well without being read.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Connection

from syncer.domain.gateway.copy_places import DEEPEST, copied_tables
from syncer.domain.stream_key import StreamKey
from syncer.store.reading.changed_records import read_changed
from syncer.store.reading.written_rows import (
    Stamps,
    Written,
    are_found_by_time,
    count_written,
    read_stamps,
    tables_with_rows,
)

#: What was written so shortly before a snapshot was taken counts as written after it.
_MARGIN: Final = timedelta(seconds=1)


class CopyCheck(Struct, frozen=True):
    """Check of one list as of a snapshot of the database.

    moment: up to when rows were seen. stamps: from which on they count as written after it, by table;
    written: those that were there nevertheless. suspects: ids of all records whose copies may be stale.
    """

    moment: datetime
    stamps: Stamps
    written: Mapping[str, Written]
    suspects: frozenset[str] = frozenset()


def can_be_checked(list_name: str) -> bool:
    """Tell whether records of a list carry copies, of which all is known that it takes to check them."""
    copied = copied_tables(list_name)
    return bool(copied) and are_found_by_time(tables_with_rows(list_name, copied, DEEPEST))


def begin_check(connection: Connection, environment: str, key: StreamKey, now: datetime) -> CopyCheck | None:
    """Begin a check with this snapshot, to be completed with the suspects; None where too much is written.

    now: by the database's clock.
    """
    moment = now - _MARGIN
    tables = tables_with_rows(key.model, copied_tables(key.model), DEEPEST)
    stamps = read_stamps(connection, environment, key.integration_id, moment, tables)
    written = count_written(connection, environment, key.integration_id, stamps)
    return None if written is None else CopyCheck(moment, stamps, written)


def caught_up(
    connection: Connection, environment: str, key: StreamKey, check: CopyCheck, now: datetime
) -> CopyCheck | None:
    """Bring a check up to this snapshot; the same where nothing was written. None: nobody can tell."""
    if now < check.moment:
        # By a clock that was set back nothing can be told.
        return None
    written = count_written(connection, environment, key.integration_id, check.stamps)
    if written == check.written:
        return check
    changed = read_changed(
        connection, environment, key, check.moment, copied_tables(key.model), depth=DEEPEST
    )
    begun = begin_check(connection, environment, key, now)
    if changed.ids is None or begun is None:
        return None
    return replace(begun, suspects=check.suspects | changed.ids)
