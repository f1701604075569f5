"""Estimate the cost of commands and of the schedule in requests, from the database alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection

from syncer.config.settings import Settings
from syncer.domain.durations import format_duration
from syncer.domain.errors import KomboError
from syncer.domain.scheduling.intervals import DAY
from syncer.domain.stream_key import StreamKey
from syncer.domain.streams.decisions import backfill_outcome, next_walk
from syncer.domain.streams.forecast import (
    Allowance,
    CommandCost,
    Demand,
    Step,
    a_day,
    command_cost,
    expected_rows,
    fitting_every,
    typical_rows,
)
from syncer.domain.streams.state import IntegrationState
from syncer.domain.streams.stream import Mode, Stream, Walk
from syncer.planning.capacity import Capacity
from syncer.planning.choice import Chosen
from syncer.planning.selection import Selection
from syncer.store.db.database import Database
from syncer.store.records.parents import count_values
from syncer.store.state.integrations import IntegrationRow
from syncer.sync.integrations import must_be_offered


class Command(StrEnum):
    """Commands whose cost can be estimated."""

    BACKFILL = "backfill"
    RECONCILE = "reconcile"
    SYNC = "sync"


_MODES = {Command.BACKFILL: Mode.BACKFILL, Command.RECONCILE: Mode.RESTART, Command.SYNC: Mode.SYNC}


def estimate_costs(
    settings: Settings,
    database: Database,
    selection: Selection,
    capacity: Capacity,
    commands: Sequence[Command],
    mirrored: Mapping[str, IntegrationRow],
    chosen: Chosen,
) -> dict[str, Any]:
    """Estimate the cost of each command for the chosen streams of an environment, and of the schedule of all.

    mirrored: its integrations, by id. The values are ready for JSON. Raises DatabaseError.
    """
    with database.read() as connection:
        allowed = capacity.allowance(connection)
        snapshot = _Snapshot(settings, database, selection, capacity, connection, mirrored)
    return {
        "budget": _budget(allowed),
        "commands": {
            each.value: _command(
                command_cost(snapshot.steps(_MODES[each], chosen), settings.kombo.page_size), allowed
            )
            for each in commands
        },
        "schedule": snapshot.schedule(allowed),
    }


class _Snapshot:
    """Streams as they are now, and the next walk of each."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        selection: Selection,
        capacity: Capacity,
        connection: Connection,
        mirrored: Mapping[str, IntegrationRow],
    ) -> None:
        self._settings = settings
        self._capacity = capacity
        self._mirrored = mirrored
        self._now = database.now(connection)
        known = {each.key: each for each in selection.streams.all(connection)}
        self._streams = {
            StreamKey(each.id, spec.name): known.get(StreamKey(each.id, spec.name))
            or Stream(each.id, spec.name)
            for each in mirrored.values()
            for spec in selection.lists_of(each)
        }
        self._pages = {key: self._full_pages(connection, each) for key, each in self._streams.items()}
        self._typical = typical_rows(
            (stream, settings.lists[stream.model]) for stream in self._streams.values()
        )

    def steps(self, mode: Mode, chosen: Mapping[str, set[str]]) -> list[Step]:
        """List what a command in this mode does with each stream that is chosen."""
        return [
            self._step(mode, stream)
            for (integration_id, model), stream in self._streams.items()
            if model in chosen.get(integration_id, ())
        ]

    def _step(self, mode: Mode, stream: Stream) -> Step:
        spec = self._settings.lists[stream.model]
        rows, is_estimated = expected_rows(stream, spec, self._typical)
        walk = self._walk(mode, stream)
        full_pages = self._pages[stream.key]
        return Step(stream.integration_id, spec, walk, rows, is_estimated, full_pages)

    def _full_pages(self, connection: Connection, stream: Stream) -> int | None:
        """Count the pages of the last full walk; before there was one, a page for each parent row."""
        spec = self._settings.lists[stream.model]
        if stream.full_pages is None and spec.for_each is not None:
            return count_values(connection, spec.for_each, stream.integration_id) or None
        return stream.full_pages

    def _walk(self, mode: Mode, stream: Stream) -> Walk | None:
        integration, spec = self._mirrored[stream.integration_id], self._settings.lists[stream.model]
        filters = self._settings.timing(stream.model).filters
        if mode is Mode.BACKFILL and backfill_outcome(stream, filters) is not None:
            return None
        try:
            must_be_offered(integration, spec)
        except KomboError:
            return None
        if integration.state == IntegrationState.GONE:
            return None
        return next_walk(
            stream,
            spec,
            mode=mode,
            filters=filters,
            overlap=self._settings.sync.overlap,
            full_every=self._settings.sync.full_every,
            now=self._now,
            new_id="",
            stale_before=integration.refreshed_at,
        )

    def schedule(self, allowed: Allowance) -> dict[str, Any]:
        """Estimate what all streams need that Kombo offers."""
        steps = [self._step(Mode.SYNC, stream) for stream in self._streams.values()]
        asked = [
            (each.integration_id, each.spec, self._stream(each).changes_seen, self._requests(each))
            for each in steps
            if each.walk is not None
        ]
        demand = self._capacity.demand_of(asked)
        models: dict[str, list[float]] = defaultdict(list)
        for _, spec, _, whole in asked:
            profile = self._capacity.profile(spec, None, whole)
            models[spec.name].append(DAY / profile.bounds.shortest * profile.requests)
        return {
            "streams": len(asked),
            **_rates(demand, allowed),
            "for_full_walks_a_day": a_day(demand.full),
            "at_every_max": _rates(demand.at_longest(), allowed),
            "fitting_every": None if demand.fits(allowed) else _fitting(demand, allowed),
            "every_max": format_duration(self._settings.sync.every_max),
            "models": [
                {
                    "model": name,
                    "every": self._every(name),
                    "streams": len(turns),
                    "requests_a_day": round(sum(turns)),
                }
                for name, turns in models.items()
            ],
        }

    def _stream(self, step: Step) -> Stream:
        return self._streams[StreamKey(step.integration_id, step.spec.name)]

    def _requests(self, step: Step) -> int:
        return self._capacity.pages(step.spec, step.rows, step.full_pages)

    def _every(self, model: str) -> str:
        every = self._settings.timing(model).every
        return format_duration(every) if isinstance(every, timedelta) else every


def _budget(allowed: Allowance) -> dict[str, Any]:
    return {
        "limit": allowed.limit,
        "reserve": allowed.reserve,
        "window_seconds": allowed.window,
        "limit_is_assumed": allowed.is_assumed,
        "requests_a_minute": round(allowed.a_second * 60, 1),
        "requests_a_day": a_day(allowed.a_second),
    }


def _command(found: CommandCost, allowed: Allowance) -> dict[str, Any]:
    total = found.total
    return {
        "streams": total.streams,
        "skipped": total.skipped,
        "estimated": total.estimated,
        "rows": total.rows,
        "requests": total.requests,
        "seconds": round(allowed.seconds(total.requests)),
        "share_of_a_day": round(total.requests / (allowed.a_second * DAY), 7),
        "other_requests": found.others,
        "models": [
            {
                "model": name,
                "streams": cost.streams,
                "skipped": cost.skipped,
                "estimated": cost.estimated,
                "rows": cost.rows,
                "requests": cost.requests,
            }
            for name, cost in found.models.items()
        ],
    }


def _rates(demand: Demand, allowed: Allowance) -> dict[str, Any]:
    needs = demand.needs()
    return {
        "requests_a_day": a_day(needs),
        "requests_a_minute": round(needs * 60, 1),
        "share_of_the_budget": round(needs / allowed.a_second, 4),
        "fits": demand.fits(allowed),
    }


def _fitting(demand: Demand, allowed: Allowance) -> str | None:
    every = fitting_every(demand, allowed)
    return None if every is None else format_duration(every)
