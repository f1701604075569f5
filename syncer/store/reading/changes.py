"""Pages of the change feed, in the order of their sequence numbers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import ColumnElement, Connection, Text, and_, cast, select

from syncer.domain.errors import UsageError
from syncer.domain.feed.feed_change import FeedChange, Lost
from syncer.domain.stream_key import StreamKey
from syncer.store.db.in_values import in_values
from syncer.store.schema.feed_tables import changes, feed

#: Numbers that one page looks at, at most, whatever fits the selection.
LOOKED_AT = 20_000
_names = msgspec.json.Decoder(list[str])
#: Bytes of the documents of a page, unless a single one has more; and how many are read at once.
MOST_DOCUMENT_BYTES = 8 * 1024 * 1024
_DOCUMENTS_AT_ONCE = 50


class FeedSelection(Struct, frozen=True):
    """Selection of changes; None: all. models, environments: names. integrations: globs."""

    models: Collection[str] | None = None
    integrations: Collection[str] | None = None
    environments: Collection[str] | None = None


EVERYTHING = FeedSelection()


class FeedState(Struct, frozen=True):
    """Numbers of the feed. newest: last that was given; dropped: last whose change is not kept any more."""

    newest: int
    dropped: int

    @property
    def first_left(self) -> int:
        """Number of the first change that is left, or that is still to come."""
        return self.dropped + 1

    def check(self, sequence: int) -> None:
        """Check a number that a reader has seen. Raises UsageError where the feed has not given it yet."""
        if sequence > self.newest:
            # Waiting for it would pass over everything that comes until then.
            raise UsageError(
                f"The feed has not given the number {sequence} yet, its newest is {self.newest}. If a backup "
                "was restored, copy the tables anew and read on from there."
            )

    def behind(self, after: int) -> int:
        """Count the changes behind a number that are left; one that is ahead has none."""
        return max(0, self.newest - max(after, self.dropped))

    def lost_count(self, after: int) -> int:
        """Count the changes behind a number that are gone."""
        return max(0, self.dropped - after)

    def lost(self, after: int) -> Lost | None:
        """Find what a reader lost that has seen everything up to a number."""
        return Lost(after, self.first_left) if after < self.dropped else None


class FeedPage(Struct, frozen=True):
    """Some changes behind a number.

    next: number up to which was looked; the next page begins there, also where nothing fitted. lost: changes
    behind the number that are gone. is_last: True where nothing newer was there.
    """

    changes: list[FeedChange]
    next: int
    lost: Lost | None
    is_last: bool


def feed_state(connection: Connection) -> FeedState:
    """Read the numbers of the feed."""
    return FeedState(*connection.execute(select(feed.c.newest, feed.c.dropped)).one())


def read_changes(
    connection: Connection,
    after: int,
    limit: int,
    selection: FeedSelection = EVERYTHING,
    *,
    documents: bool = False,
    state: FeedState | None = None,
) -> FeedPage:
    """Read at most `limit` changes behind a number, in a transaction that sees one state of the database.

    documents: with the records as the mirror holds them now, which may be newer than the change. state: the
    feed's numbers, where the transaction has read them. Raises UsageError for a number that was not given
    yet.
    """
    state = state or feed_state(connection)
    state.check(after)
    begin = max(after, state.dropped)
    end = min(begin + LOOKED_AT, state.newest)
    if end <= begin:
        return FeedPage([], begin, state.lost(after), is_last=True)
    found = connection.execute(
        select(
            changes.c.sequence,
            changes.c.at,
            changes.c.environment,
            changes.c.integration_id,
            changes.c.model,
            changes.c.record_id,
            changes.c.operation,
            cast(changes.c.members, Text).label("members"),
            cast(changes.c.before, Text).label("before"),
        )
        .where(*_conditions(connection, begin, end, selection))
        .order_by(changes.c.sequence)
        .limit(limit)
    ).all()
    read = list(map(_change, found))
    if len(read) == limit:
        end = read[-1].sequence if read else begin
    if documents:
        read, is_whole = _with_documents(connection, read)
        end = end if is_whole else read[-1].sequence
    return FeedPage(read, end, state.lost(after), is_last=end == state.newest)


def _conditions(
    connection: Connection, begin: int, end: int, selection: FeedSelection
) -> list[ColumnElement[bool]]:
    inside = and_(changes.c.sequence > begin, changes.c.sequence <= end)
    conditions: list[ColumnElement[bool]] = [inside]
    if selection.models is not None:
        conditions.append(in_values(connection, changes.c.model, selection.models))
    if selection.environments is not None:
        conditions.append(in_values(connection, changes.c.environment, selection.environments))
    if selection.integrations is not None and "*" not in selection.integrations:
        # Matched here, by the rules of all globs, among the few that are there.
        there = connection.execute(select(changes.c.integration_id).where(inside).distinct()).scalars()
        chosen = [each for each in there if any(fnmatchcase(each, one) for one in selection.integrations)]
        conditions.append(in_values(connection, changes.c.integration_id, chosen))
    return conditions


def _change(row: Sequence[Any]) -> FeedChange:
    # A page has hundreds of them: by position that takes half the time.
    sequence, at, environment, integration_id, model, record_id, operation, members, before = row
    names = None if members is None else tuple(_names.decode(members))
    return FeedChange(
        sequence, at, environment, integration_id, model, record_id, operation, names, _compact(before)
    )


def _with_documents(connection: Connection, read: Sequence[FeedChange]) -> tuple[list[FeedChange], bool]:
    """Add the documents, of as many changes as may be at once; tell whether these are all."""
    kept, size = list[FeedChange](), 0
    for start in range(0, len(read), _DOCUMENTS_AT_ONCE):
        part = read[start : start + _DOCUMENTS_AT_ONCE]
        documents = _documents(connection, part)
        for each in part:
            document, deleted = documents.get(_record(each), (None, None))
            size += len(document or "")
            if kept and size > MOST_DOCUMENT_BYTES:
                return kept, False
            kept.append(replace(each, document=document, deleted=deleted))
    return kept, True


def _documents(
    connection: Connection, read: Iterable[FeedChange]
) -> dict[tuple[str, StreamKey, str], tuple[str, bool]]:
    """Read the documents of the changed records, as far as the mirror has them, and which are deleted."""
    # Few want documents, and it reads the tables of all models.
    from syncer.store.schema.destination import stream_destination

    wanted: defaultdict[tuple[str, StreamKey], set[str]] = defaultdict(set)
    for each in read:
        environment, key, record_id = _record(each)
        wanted[environment, key].add(record_id)
    documents = {}
    for (environment, key), ids in wanted.items():
        destination = stream_destination(environment, key)
        found = connection.execute(
            select(
                destination.id,
                cast(destination.table.c.document, Text),
                destination.table.c.remote_deleted_at.is_not(None),
            ).where(*destination.stream_filter, in_values(connection, destination.id, sorted(ids)))
        )
        for record_id, text, deleted in found:
            documents[environment, key, record_id] = _compact(text) or "null", bool(deleted)
    return documents


def _record(change: FeedChange) -> tuple[str, StreamKey, str]:
    return change.environment, StreamKey(change.integration_id, change.model), change.record_id


def _compact(text: str | None) -> str | None:
    """Take the blanks out of JSON text, as PostgreSQL writes it."""
    return None if text is None else msgspec.json.format(text, indent=-1)
