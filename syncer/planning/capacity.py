"""Measure what the schedule needs against what the rate limit permits: for the daemon, `plan` and `status`.

The rule is ``domain/scheduling/intervals.py``; ``daemon/schedule.py`` applies it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from msgspec.structs import replace
from sqlalchemy import Connection

from syncer.config.schedules import mean_interval
from syncer.config.settings import Settings
from syncer.domain.catalogue.model import Model, narrowed
from syncer.domain.fingerprint import key_fingerprint
from syncer.domain.scheduling.intervals import (
    FRESH_FOR,
    Backlog,
    ChangeHistory,
    IntervalBounds,
    PollProfile,
    group,
    group_integrations,
    measure_backlog,
    poll_interval,
    quantize,
)
from syncer.domain.stream_key import StreamKey
from syncer.domain.streams.forecast import Allowance, Demand, allowance
from syncer.domain.streams.list_spec import ListSpec
from syncer.store.db.database import Database
from syncer.store.state.budget import read_budget
from syncer.store.state.refused_parameters import streams_refusing
from syncer.store.state.runs import told_requests
from syncer.store.state.streams import StreamStore

#: Parameter without which each walk of a list is a full one.
_CHANGES = "updated_after"
#: The time over which the requests are counted that webhooks cause.
TOLD_OVER = timedelta(hours=1)


class Capacity:
    """Demand and allowance of one environment, read from its streams and its budget; changes nothing."""

    def __init__(self, settings: Settings, database: Database, streams: StreamStore) -> None:
        self._settings = settings
        self._database = database
        self._streams = streams

    @cached_property
    def bounds(self) -> Mapping[str, IntervalBounds]:
        """Interval bounds of the streams, by model or native list."""
        found = {}
        for name in self._settings.lists:
            timing = self._settings.timing(name)
            every = mean_interval(timing.every).total_seconds()
            longest = timing.every_max.total_seconds() if timing.every_max is not None else every
            found[name] = IntervalBounds(every, longest)
        return found

    def allowance(self, connection: Connection) -> Allowance:
        """Read what the key's budget permits."""
        key = self._settings.kombo.api_key.get_secret_value()
        budget = read_budget(connection, self._streams.environment, key_fingerprint(key)) if key else None
        return allowance(budget, self._settings.budget.reserve)

    def demand(self, connection: Connection) -> Demand:
        """Measure what the schedule of all streams needs, and what webhooks have lately taken."""
        since = self._database.now(connection) - TOLD_OVER
        told = told_requests(connection, self._streams.environment, since)
        as_asked = self.as_asked(connection)
        demand = self.demand_of(
            (key.integration_id, as_asked(key, spec), rate, self.pages(spec, live + deleted, full_pages))
            for key, rate, live, deleted, full_pages in self._streams.polled(connection)
            # Until the streams are brought in step, some may be of lists that are configured no more.
            if (spec := self._settings.lists.get(key.model)) is not None
        )
        return replace(demand, told=told / TOLD_OVER.total_seconds())

    def as_asked(self, connection: Connection) -> Callable[[StreamKey, ListSpec], ListSpec]:
        """Make a function that gives a stream's list as it is asked: some turn out to tell no changes."""
        now = self._database.now(connection)
        refusing = streams_refusing(connection, self._streams.environment, _CHANGES, now)

        def as_asked(key: StreamKey, spec: ListSpec) -> ListSpec:
            if key in refusing and isinstance(spec, Model):
                return narrowed(spec, frozenset({_CHANGES}))
            return spec

        return as_asked

    def pages(self, spec: ListSpec, rows: int, full_pages: int | None) -> int:
        """Estimate the requests of a full walk."""
        return spec.pages(rows, self._settings.kombo.page_size, full_pages)

    def demand_of(self, streams: Iterable[tuple[str, ListSpec, float | None, int]]) -> Demand:
        """Add up what a schedule of these streams needs.

        Each with its integration, its changes a second, and the requests of a full walk.
        """
        # Tens of thousands of streams have some dozens of profiles.
        profiles: dict[tuple[str, float | None, int], PollProfile] = {}
        polled, walked = [], 0
        for integration_id, spec, rate, whole in streams:
            is_walked = spec.features.updated_after
            kind = (spec.name, quantize(rate), 0 if is_walked else whole)
            if (profile := profiles.get(kind)) is None:
                profile = profiles[kind] = self.profile(spec, kind[1], whole)
            polled.append((integration_id, profile))
            # Of a list without another kind of walk every poll is a full one.
            walked += whole if is_walked else 0
        return Demand(
            group(polled),
            group_integrations(polled, FRESH_FOR.total_seconds()),
            walked / self._settings.sync.full_every.total_seconds(),
        )

    def profile(self, spec: ListSpec, rate: float | None, whole: int) -> PollProfile:
        """Give the profile of a stream whose full walk takes so many requests."""
        return PollProfile(self.bounds[spec.name], rate, 1.0 if spec.features.updated_after else whole)

    def backlog(self, connection: Connection, stretch: float) -> Backlog | None:
        """Measure how far the schedule is behind; streams that were never read whole have no part in it.

        Nor have those of lists that are configured no more.
        """
        return self._measure(self._database.now(connection), self._waiting(connection), stretch)

    def _waiting(self, connection: Connection) -> list[tuple[StreamKey, datetime, ChangeHistory]]:
        """Read the streams that have been due for longer than the shortest interval."""
        shortest = timedelta(seconds=min(each.shortest for each in self.bounds.values()))
        return self._streams.waiting(connection, self._database.now(connection) - shortest)

    def _measure(
        self, now: datetime, waiting: Iterable[tuple[StreamKey, datetime, ChangeHistory]], stretch: float
    ) -> Backlog | None:
        return measure_backlog(
            ((now - due_at).total_seconds(), self.interval(key, seen.rate, stretch))
            for key, due_at, seen in waiting
            if key.model in self.bounds
        )

    def interval(self, key: StreamKey, rate: float | None, stretch: float) -> float:
        """Compute the stream's polling interval in seconds."""
        return poll_interval(key.integration_id, self.bounds[key.model], rate, stretch)

    def report_backlog(self, connection: Connection) -> dict[str, Any] | None:
        """Report how far the schedule is behind, as plain values; None where it is not."""
        waiting = self._waiting(connection)
        if not waiting:
            # The demand of many streams takes long to add up.
            return None
        demand, allowed = self.demand(connection), self.allowance(connection)
        stretch = demand.stretch(allowed)
        found = self._measure(self._database.now(connection), waiting, stretch)
        if found is None:
            return None
        return {
            "streams": found.streams,
            "longest_seconds": round(found.longest),
            "needs_a_minute": round(demand.needs(stretch) * 60, 1),
            "permits_a_minute": round(allowed.a_second * 60, 1),
            "limit_is_assumed": allowed.is_assumed,
        }
