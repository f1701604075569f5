"""Estimate the cost of commands and of the schedule in requests, from the database alone."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection

from syncer.config.settings import Settings
from syncer.domain.durations import format_duration
from syncer.domain.native.spec import ForEach
from syncer.domain.scheduling.intervals import DAY, change_rate
from syncer.domain.stream_key import StreamKey
from syncer.domain.streams.decisions import backfill_outcome, next_kind, view_ages
from syncer.domain.streams.forecast import (
    Allowance,
    CommandCost,
    Demand,
    Load,
    Outlook,
    a_day,
    command_cost,
    expected_rows,
    fitting_every,
    requests_left,
    typical_rows,
)
from syncer.domain.streams.list_spec import ListSpec
from syncer.domain.streams.state import IntegrationState
from syncer.domain.streams.stream import Kind, Mode, StreamProgress, Walk
from syncer.planning.capacity import Capacity
from syncer.planning.choice import Chosen
from syncer.planning.selection import Selection
from syncer.store.db.database import Database
from syncer.store.state.integrations import IntegrationRow


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
        snapshot = _Snapshot(settings, selection, capacity, mirrored, chosen)
        snapshot.read(connection, database.now(connection))
    return {
        "budget": _budget(allowed),
        "commands": {each.value: _command(snapshot.cost(_MODES[each]), allowed) for each in commands},
        "schedule": snapshot.schedule(allowed),
    }


class _Snapshot:
    """Streams as they are now, and what is ahead of them. One pass over all: there may be many."""

    def __init__(
        self,
        settings: Settings,
        selection: Selection,
        capacity: Capacity,
        mirrored: Mapping[str, IntegrationRow],
        chosen: Chosen,
    ) -> None:
        self._settings = settings
        self._selection = selection
        self._capacity = capacity
        self._mirrored = mirrored
        self._chosen = chosen
        self._loads: defaultdict[Outlook, Load] = defaultdict(Load)
        #: Streams that the schedule polls: integration, list, changes a second, requests of a full walk.
        self._polled: list[tuple[str, ListSpec, float | None, int]] = []

    def read(self, connection: Connection, now: datetime) -> None:
        """Read the streams and look ahead."""
        streams = self._streams(connection)
        typical = typical_rows([each for _, lists in streams for each in lists])
        ages = view_ages(now, self._settings.sync.full_every)
        filters = {name: self._settings.timing(name).filters for name in self._settings.lists}
        page_size = self._settings.kombo.page_size
        for integration, lists in streams:
            chosen = self._chosen.get(integration.id, ())
            is_gone, stale_before = integration.state == IntegrationState.GONE, integration.refreshed_at
            for stream, spec in lists:
                name = spec.name
                rows, is_estimated = expected_rows(stream, spec, typical)
                full_pages = stream.full_pages
                if full_pages is None and spec.for_each is not None:
                    full_pages = _parents(connection, spec.for_each, integration.id)
                whole = left = spec.pages(rows, page_size, full_pages)
                kind = None
                if not is_gone and integration.offers(spec):
                    walk = next_kind(stream, spec, filters[name], ages, stale_before)
                    if isinstance(walk, Walk):
                        kind, left = walk.kind, requests_left(walk, spec, rows, page_size, full_pages)
                    else:
                        kind, left = walk, whole if walk is Kind.FULL else 1
                    rate = change_rate(stream.changes, stream.watched)
                    self._polled.append((integration.id, spec, rate, whole))
                if name in chosen:
                    is_backfilled = backfill_outcome(stream, filters[name]) is not None
                    load = self._loads[Outlook(name, kind, is_backfilled, is_estimated)]
                    load.add(integration.id, rows, whole, left)

    def _streams(
        self, connection: Connection
    ) -> list[tuple[IntegrationRow, list[tuple[StreamProgress, ListSpec]]]]:
        """List the streams by integration, also those that have no row yet."""
        known = self._selection.streams.progress(connection)
        as_asked = self._capacity.as_asked(connection)
        found = []
        for each in self._mirrored.values():
            here = known.get(each.id, {})
            lists = self._selection.lists_of(each)
            found.append(
                (
                    each,
                    [
                        (
                            here.get(spec.name) or StreamProgress(each.id, spec.name),
                            as_asked(StreamKey(each.id, spec.name), spec),
                        )
                        for spec in lists
                    ],
                )
            )
        return found

    def cost(self, mode: Mode) -> CommandCost:
        """Estimate the cost of a command in this mode, for the streams that are chosen."""
        return command_cost(mode, self._loads)

    def schedule(self, allowed: Allowance) -> dict[str, Any]:
        """Estimate what all streams need that Kombo offers."""
        demand = self._capacity.demand_of(self._polled)
        whole_walks = Counter((spec, whole) for _, spec, _, whole in self._polled)
        models: dict[str, list[tuple[int, float]]] = defaultdict(list)
        for (spec, whole), number in whole_walks.items():
            profile = self._capacity.profile(spec, None, whole)
            models[spec.name].append((number, number * DAY / profile.bounds.shortest * profile.requests))
        return {
            "streams": len(self._polled),
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

    def _every(self, model: str) -> str:
        every = self._settings.timing(model).every
        return format_duration(every) if isinstance(every, timedelta) else every


def _parents(connection: Connection, each: ForEach, integration_id: str) -> int | None:
    """Count the rows that each have a list of their own; None where there are none yet."""
    # Few have such lists, and it reads the tables of all models.
    from syncer.store.records.parents import count_values

    return count_values(connection, each, integration_id) or None


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
