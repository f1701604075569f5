"""Status of the mirror: contents and freshness, as numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime

from msgspec import Struct, field
from sqlalchemy import ColumnElement, Connection, Table, and_, case, exists, func, or_, select

from syncer.domain.ratelimit.budget import Budget
from syncer.domain.stream_key import StreamKey
from syncer.domain.streams.state import StreamState
from syncer.domain.streams.stream import Stream
from syncer.store.db.types import Timestamp
from syncer.store.reading.changes import FeedState, feed_state
from syncer.store.schema.state_tables import missing, quarantine, streams
from syncer.store.state.budget import read_budget
from syncer.store.state.consumers import Consumer, read_consumers
from syncer.store.state.due import LONGEST_LEASE
from syncer.store.state.held import IS_HELD, Held, held_rows
from syncer.store.state.integrations import IntegrationRow, IntegrationStore
from syncer.store.state.refused_keys import Refusal, read_refusal
from syncer.store.state.streams import StreamStore

#: States in which nobody looks for a stream.
_QUIET = (StreamState.COMPLETE, StreamState.UNAVAILABLE, StreamState.NEW)
#: More streams than this are not all listed unless they are asked for.
MOST_STREAMS = 150


class StreamChoice(Struct, frozen=True):
    """Streams that are looked at, and which of them are listed one by one.

    integrations, models: ids and names; None: all. only_problems: list those that are not well, or running;
    None for that: where there are more than ``MOST_STREAMS``. Summed up is always all that is looked at.
    """

    integrations: Collection[str] | None = None
    models: Collection[str] | None = None
    only_problems: bool | None = None


EVERY_STREAM = StreamChoice(only_problems=False)
PROBLEMS = StreamChoice(only_problems=True)


class StreamSummary(Struct):
    """Streams of one integration, summed up.

    states: how many there are in each. oldest_complete_at: of the stream whose complete view is the oldest.
    """

    states: Counter[StreamState] = field(default_factory=Counter)
    rows_live: int = 0
    rows_deleted: int = 0
    running: int = 0
    oldest_complete_at: datetime | None = None


class Overview(Struct, frozen=True):
    """Everything that `status` shows.

    summaries: by integration. streams: those that are listed. quarantine: number of records in quarantine and
    time of the first, by stream. held: missing rows that wait for approval. budgets, key_refusals: of the API
    keys that are set, by environment, as far as there are any. feed, consumers: numbers of the change feed.
    """

    now: datetime
    integrations: list[IntegrationRow]
    summaries: Mapping[str, StreamSummary]
    streams: list[Stream]
    running: set[StreamKey]
    quarantine: dict[StreamKey, tuple[int, datetime]]
    held: dict[StreamKey, Held]
    budgets: Mapping[str, Budget]
    key_refusals: Mapping[str, Refusal]
    feed: FeedState
    consumers: list[Consumer]

    @property
    def lists_all(self) -> bool:
        """True where no stream is summed up only."""
        return len(self.streams) == self.states.total()

    @property
    def states(self) -> Counter[StreamState]:
        """Count the streams in each state."""
        found: Counter[StreamState] = Counter()
        for each in self.summaries.values():
            for state, number in each.states.items():
                found[state] += number
        return found


def overview(
    connection: Connection,
    key_fingerprints: Mapping[str, str | None],
    now: datetime,
    choice: StreamChoice = EVERY_STREAM,
) -> Overview:
    """Read one consistent picture of what is mirrored.

    key_fingerprints: of the API keys of the environments, by name; None where there is no key.
    """
    environments = list(key_fingerprints)
    keys = {name: each for name, each in key_fingerprints.items() if each is not None}
    quarantined = connection.execute(
        select(
            quarantine.c.integration_id,
            quarantine.c.model,
            func.count(),
            func.min(quarantine.c.first_seen_at, type_=Timestamp),
        )
        .where(quarantine.c.environment.in_(environments))
        .group_by(quarantine.c.integration_id, quarantine.c.model)
    )
    is_running = and_(streams.c.lease_until > now, streams.c.lease_until < now + LONGEST_LEASE)
    running = connection.execute(
        select(streams.c.integration_id, streams.c.model).where(
            streams.c.environment.in_(environments), is_running
        )
    )
    chosen = _chosen(choice)
    summaries = _summaries(connection, environments, is_running, chosen)
    listed = [*chosen, *_listed(choice, summaries, is_running)]
    budgets = {name: read_budget(connection, name, each) for name, each in keys.items()}
    refusals = {name: read_refusal(connection, name, each) for name, each in keys.items()}
    return Overview(
        now=now,
        integrations=[
            each
            for name in environments
            for each in IntegrationStore(name).all(connection)
            if choice.integrations is None or each.id in choice.integrations
        ],
        summaries=summaries,
        streams=[each for name in environments for each in StreamStore(name).all(connection, listed)],
        running={StreamKey(row.integration_id, row.model) for row in running},
        quarantine={StreamKey(row[0], row[1]): (row[2], row[3]) for row in quarantined},
        held={key: each for name in environments for key, each in held_rows(connection, name).items()},
        budgets={name: each for name, each in budgets.items() if each is not None},
        key_refusals={name: each for name, each in refusals.items() if each is not None},
        feed=feed_state(connection),
        consumers=read_consumers(connection),
    )


def _summaries(
    connection: Connection,
    environments: Collection[str],
    is_running: ColumnElement[bool],
    chosen: Iterable[ColumnElement[bool]],
) -> dict[str, StreamSummary]:
    """Sum up the mirrored streams by integration, in the database: there may be many."""
    columns = streams.c
    found = connection.execute(
        select(
            columns.integration_id,
            columns.state,
            func.count(),
            func.sum(columns.rows_live),
            func.sum(columns.rows_deleted),
            func.sum(case((is_running, 1), else_=0)),
            func.min(columns.complete_at, type_=Timestamp),
        )
        .where(columns.environment.in_(environments), columns.mirrored, *chosen)
        .group_by(columns.integration_id, columns.state)
        .order_by(columns.integration_id)
    )
    summaries: dict[str, StreamSummary] = {}
    for integration_id, state, number, live, deleted, running, oldest in found:
        summary = summaries.get(integration_id)
        if summary is None:
            summary = summaries[integration_id] = StreamSummary()
        summary.states[StreamState(state)] += number
        summary.rows_live += int(live)
        summary.rows_deleted += int(deleted)
        summary.running += int(running)
        if oldest is not None:
            summary.oldest_complete_at = min(oldest, summary.oldest_complete_at or oldest)
    return summaries


def _chosen(choice: StreamChoice) -> list[ColumnElement[bool]]:
    """Make the conditions for the streams that are looked at."""
    named = ((streams.c.integration_id, choice.integrations), (streams.c.model, choice.models))
    return [column.in_(names) for column, names in named if names is not None]


def _listed(
    choice: StreamChoice, summaries: Mapping[str, StreamSummary], is_running: ColumnElement[bool]
) -> list[ColumnElement[bool]]:
    """Make the conditions for those of them that are listed."""
    only_problems = choice.only_problems
    if only_problems is None:
        only_problems = sum(each.states.total() for each in summaries.values()) > MOST_STREAMS
    if not only_problems:
        return []
    return [
        or_(
            streams.c.state.not_in(_QUIET),
            is_running,
            exists().where(*_same_stream(quarantine)),
            exists().where(*_same_stream(missing), IS_HELD),
        )
    ]


def _same_stream(table: Table) -> Iterator[ColumnElement[bool]]:
    return (table.c[name] == streams.c[name] for name in ("environment", "integration_id", "model"))
