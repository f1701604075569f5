"""Estimate the cost of commands and of the schedule in requests, from the database alone."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection

from syncer.config.settings import Settings
from syncer.domain.durations import format_duration
from syncer.domain.scheduling.intervals import DAY
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
from syncer.domain.streams.list_spec import ListSpec
from syncer.domain.streams.state import IntegrationState
from syncer.domain.streams.stream import Mode, Stream, Walk
from syncer.planning.capacity import Capacity
from syncer.planning.choice import Chosen
from syncer.planning.selection import Selection
from syncer.store.db.database import Database
from syncer.store.records.parents import count_values
from syncer.store.state.integrations import IntegrationRow
from syncer.sync.integrations import is_offered


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


@dataclass(frozen=True, slots=True)
class _Planned:
    """One stream as it is now. full_pages: of its next full walk, as far as that is known."""

    stream: Stream
    spec: ListSpec
    integration: IntegrationRow
    rows: int
    is_estimated: bool
    full_pages: int | None


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
        self._now = database.now(connection)
        known = {(each.integration_id, each.model): each for each in selection.streams.all(connection)}
        streams = [
            (known.get((each.id, spec.name)) or Stream(each.id, spec.name), spec, each)
            for each in mirrored.values()
            for spec in selection.lists_of(each)
        ]
        typical = typical_rows((stream, spec) for stream, spec, _ in streams)
        self._planned = [
            _Planned(
                stream,
                spec,
                integration,
                *expected_rows(stream, spec, typical),
                _full_pages(connection, stream, spec),
            )
            for stream, spec, integration in streams
        ]
        self._filters = {name: settings.timing(name).filters for name in settings.lists}
        self._syncing = self._steps(Mode.SYNC, self._planned)

    def steps(self, mode: Mode, chosen: Mapping[str, set[str]]) -> list[Step]:
        """List what a command in this mode does with each stream that is chosen."""
        if mode is Mode.SYNC:
            return [each for each in self._syncing if each.spec.name in chosen.get(each.integration_id, ())]
        planned = (each for each in self._planned if each.spec.name in chosen.get(each.integration.id, ()))
        return self._steps(mode, planned)

    def _steps(self, mode: Mode, planned: Iterable[_Planned]) -> list[Step]:
        return [
            Step(
                each.integration.id,
                each.spec,
                self._walk(mode, each),
                each.rows,
                each.is_estimated,
                each.full_pages,
            )
            for each in planned
        ]

    def _walk(self, mode: Mode, planned: _Planned) -> Walk | None:
        stream, spec, integration = planned.stream, planned.spec, planned.integration
        filters = self._filters[spec.name]
        if mode is Mode.BACKFILL and backfill_outcome(stream, filters) is not None:
            return None
        if integration.state == IntegrationState.GONE or not is_offered(integration, spec):
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
        asked = [
            (planned.integration.id, planned.spec, planned.stream.changes_seen, self._requests(planned))
            for planned, step in zip(self._planned, self._syncing, strict=True)
            if step.walk is not None
        ]
        demand = self._capacity.demand_of(asked)
        whole_walks = Counter((spec.name, whole) for _, spec, _, whole in asked)
        models: dict[str, list[tuple[int, float]]] = defaultdict(list)
        for (name, whole), number in whole_walks.items():
            profile = self._capacity.profile(self._settings.lists[name], None, whole)
            models[name].append((number, number * DAY / profile.bounds.shortest * profile.requests))
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
                    "streams": sum(number for number, _ in parts),
                    "requests_a_day": round(sum(requests for _, requests in parts)),
                }
                for name, parts in models.items()
            ],
        }

    def _requests(self, planned: _Planned) -> int:
        return self._capacity.pages(planned.spec, planned.rows, planned.full_pages)

    def _every(self, model: str) -> str:
        every = self._settings.timing(model).every
        return format_duration(every) if isinstance(every, timedelta) else every


def _full_pages(connection: Connection, stream: Stream, spec: ListSpec) -> int | None:
    """Count the pages of the last full walk; before there was one, a page for each parent row."""
    if stream.full_pages is None and spec.for_each is not None:
        return count_values(connection, spec.for_each, stream.integration_id) or None
    return stream.full_pages


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
