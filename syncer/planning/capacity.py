"""What the schedule needs and what the budget permits: for the service's rhythm, `plan` and `status`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from functools import cached_property
from typing import Any

from sqlalchemy import Connection

from syncer.config.schedules import mean_interval
from syncer.config.settings import Settings
from syncer.domain.scheduling.intervals import (
    Asked,
    Behind,
    Pace,
    Seen,
    about_integrations,
    alike,
    behind,
    interval,
    near,
)
from syncer.domain.stream_key import StreamKey
from syncer.domain.streams.forecast import Allowance, Demand, allowance, pages
from syncer.domain.streams.list_spec import Listed
from syncer.store.db.database import Database
from syncer.store.state.budget import read_budget
from syncer.store.state.streams import StreamStore
from syncer.sync.integrations import FRESH_FOR
from syncer.sync.permits import fingerprint


class Planning:
    """Reads the streams and the budget of one environment; changes nothing."""

    def __init__(self, settings: Settings, database: Database, streams: StreamStore) -> None:
        self._settings = settings
        self._database = database
        self._streams = streams

    @cached_property
    def paces(self) -> Mapping[str, Pace]:
        """How often each list's streams may be asked."""
        found = {}
        for name in self._settings.lists:
            timing = self._settings.timing(name)
            every = mean_interval(timing.every).total_seconds()
            longest = timing.every_max.total_seconds() if timing.every_max is not None else every
            found[name] = Pace(every, longest)
        return found

    def allowance(self, connection: Connection) -> Allowance:
        """What the key's budget permits."""
        key = self._settings.kombo.api_key.get_secret_value()
        budget = read_budget(connection, self._streams.environment, fingerprint(key)) if key else None
        return allowance(budget, self._settings.budget.reserve)

    def demand(self, connection: Connection) -> Demand:
        """What the schedule of all streams needs."""
        return self.demand_of(
            (integration_id, listed, seen, self.pages(listed, live + deleted, full_pages))
            for (integration_id, name), seen, live, deleted, full_pages in self._streams.asked(connection)
            # Until the streams are brought in step, some may be of lists that are configured no more.
            if (listed := self._settings.lists.get(name)) is not None
        )

    def pages(self, listed: Listed, rows: int, full_pages: int | None) -> int:
        """Requests of a full walk."""
        return pages(rows, listed, self._settings.kombo.page_size, full_pages)

    def demand_of(self, streams: Iterable[tuple[str, Listed, Seen, int]]) -> Demand:
        """What a schedule of these streams needs.

        Each with its integration, what is known of its changes, and the requests of a full walk.
        """
        asked, walked = [], 0
        for integration_id, listed, seen, whole in streams:
            asked.append((integration_id, self.kind(listed, near(seen.rate), whole)))
            # Of a list without another kind of walk every turn is a full one.
            walked += whole if listed.features.updated_after else 0
        return Demand(
            alike(asked),
            about_integrations(asked, FRESH_FOR.total_seconds()),
            walked / self._settings.sync.full_every.total_seconds(),
        )

    def kind(self, listed: Listed, rate: float | None, whole: int) -> Asked:
        """How a stream is asked whose full walk takes so many requests."""
        return Asked(self.paces[listed.name], rate, 1.0 if listed.features.updated_after else whole)

    def behind(self, connection: Connection, stretch: float) -> Behind | None:
        """How far the schedule is behind; streams that were never read whole have no part in it.

        Nor have those of lists that are configured no more.
        """
        now = self._database.now(connection)
        shortest = min(pace.every for pace in self.paces.values())
        found = self._streams.waiting(connection, now - timedelta(seconds=shortest))
        return behind(
            ((now - due_at).total_seconds(), self.interval(key, seen.rate, stretch))
            for key, due_at, seen in found
            if key.model in self.paces
        )

    def interval(self, key: StreamKey, rate: float | None, stretch: float) -> float:
        """How long after its last turn the stream is asked again, in seconds."""
        return interval(key.integration_id, self.paces[key.model], rate, stretch)

    def report_behind(self, connection: Connection) -> dict[str, Any] | None:
        """How far the schedule is behind, as plain values; None where it is not."""
        demand, allowed = self.demand(connection), self.allowance(connection)
        stretch = demand.stretch(allowed)
        found = self.behind(connection, stretch)
        if found is None:
            return None
        return {
            "streams": found.streams,
            "longest_seconds": round(found.longest),
            "needs_a_minute": round(demand.needs(stretch) * 60, 1),
            "permits_a_minute": round(allowed.a_second * 60, 1),
            "limit_is_assumed": allowed.is_assumed,
        }
