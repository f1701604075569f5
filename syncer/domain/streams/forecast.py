"""Cost of commands and of the schedule in requests, and what the budget permits. Pure arithmetic.

A cost counts what is known before: one request for each page of a full walk, one for what has changed
(its pages are not known), one about each integration. Confirmations of missing records and retries are none
of it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping
from datetime import timedelta
from math import ceil
from typing import NamedTuple

from msgspec import Struct, field
from msgspec.structs import replace

from syncer.domain.ratelimit.budget import FIRST_WINDOW, Budget, Reserve
from syncer.domain.scheduling.intervals import (
    DAY,
    FILL,
    IntervalBounds,
    PollProfile,
    fit_stretch,
    request_rate,
)
from syncer.domain.streams.list_spec import ListSpec
from syncer.domain.streams.stream import Kind, Mode, Phase, StreamView, Walk

#: Requests per window until Kombo has told the limit; docs.kombo.dev shows this number.
ASSUMED_LIMIT = 300
#: The longest interval that is proposed.
LONGEST_PROPOSED = timedelta(days=30)
MINUTE = 60.0
#: What adding up many fractions may lose.
ROUNDING = 1e-9


class Allowance(Struct, frozen=True):
    """Requests of a window (seconds long) that reads may use. is_assumed: Kombo has not told its limit."""

    limit: int
    reserve: int
    window: float
    is_assumed: bool

    @property
    def requests(self) -> int:
        return self.limit - self.reserve

    @property
    def a_second(self) -> float:
        return self.requests / self.window

    def seconds(self, requests: int) -> float:
        """Compute the seconds that so many requests take at least, from the beginning of a window."""
        return max(0, ceil(requests / self.requests) - 1) * self.window


def allowance(budget: Budget | None, reserve: Reserve) -> Allowance:
    """Derive what the budget permits, as far as it is known."""
    if budget is None or budget.limit is None:
        return Allowance(ASSUMED_LIMIT, reserve.of(ASSUMED_LIMIT), FIRST_WINDOW, is_assumed=True)
    return Allowance(budget.limit, reserve.of(budget.limit), budget.length, is_assumed=False)


def rows_of(stream: StreamView, model: ListSpec) -> int:
    """Count the records of the stream's list, as far as it has been read."""
    return stream.rows_live + (stream.rows_deleted if model.features.include_deleted else 0)


def typical_rows(streams: Collection[tuple[StreamView, ListSpec]]) -> dict[str, int]:
    """Compute the median of the rows of each model's streams that have been read whole.

    Of models whose streams have all been read nobody has to guess.
    """
    # Read where somebody asks for a forecast.
    from statistics import median

    unread = {model.name for stream, model in streams if stream.last_full_walk_at is None}
    known: dict[str, list[int]] = defaultdict(list)
    for stream, model in streams if unread else ():
        if model.name in unread and stream.last_full_walk_at is not None:
            known[model.name].append(rows_of(stream, model))
    return {name: round(median(rows)) for name, rows in known.items()}


def expected_rows(stream: StreamView, model: ListSpec, typical: Mapping[str, int]) -> tuple[int, bool]:
    """Estimate the records that a full walk will meet, and say if that is more than a count."""
    rows = rows_of(stream, model)
    if stream.last_full_walk_at is not None:
        return rows, False
    return max(rows, typical.get(model.name, 0)), True


def requests_left(walk: Walk, spec: ListSpec, rows: int, page_size: int, full_pages: int | None) -> int:
    """Estimate the requests that are left of an unfinished walk.

    rows: of the list. full_pages: of its last full walk, None where there was none.
    """
    if walk.phase is Phase.SWEEP:
        return 0
    if walk.kind is Kind.INCREMENTAL:
        return 1
    left = None if full_pages is None else full_pages - walk.pages
    return spec.pages(max(0, rows - walk.rows), page_size, left)


class Outlook(NamedTuple):
    """Outlook of streams that are alike to commands.

    kind: of the next walk; None: to ask for the list makes no sense. is_backfilled: a backfill has nothing to
    do. is_estimated: nobody knows how many rows there are.
    """

    model: str
    kind: Kind | None
    is_backfilled: bool = False
    is_estimated: bool = False


class Load(Struct):
    """Streams of one outlook together. rows: of their lists. whole: requests of a full walk of each.

    left: requests of the next walk of each, of which a part may be done. integrations: that have them.
    """

    streams: int = 0
    rows: int = 0
    whole: int = 0
    left: int = 0
    integrations: set[str] = field(default_factory=set)

    def add(self, integration_id: str, rows: int, whole: int, left: int) -> None:
        """Add a stream."""
        self.integrations.add(integration_id)
        self.streams += 1
        self.rows += rows
        self.whole += whole
        self.left += left


class Cost(Struct):
    """Streams of one model: how many, how many of them cost nothing, rows to read, requests.

    estimated: streams of which nobody knows how many rows they have.
    """

    streams: int = 0
    skipped: int = 0
    rows: int = 0
    estimated: int = 0
    requests: int = 0


class CommandCost(Struct, frozen=True):
    """Cost of a command by model. others: requests about the key and the integrations."""

    models: Mapping[str, Cost]
    others: int

    @property
    def total(self) -> Cost:
        """All models together, with the other requests."""
        return Cost(
            streams=sum(each.streams for each in self.models.values()),
            skipped=sum(each.skipped for each in self.models.values()),
            rows=sum(each.rows for each in self.models.values()),
            estimated=sum(each.estimated for each in self.models.values()),
            requests=sum(each.requests for each in self.models.values()) + self.others,
        )


def has_walk(outlook: Outlook, mode: Mode) -> bool:
    """Tell whether a command in this mode reads such a stream."""
    return outlook.kind is not None and not (mode is Mode.BACKFILL and outlook.is_backfilled)


def command_cost(mode: Mode, loads: Mapping[Outlook, Load]) -> CommandCost:
    """Estimate the cost of a command: by model, and one request about the key and each integration.

    loads: of the streams that are chosen.
    """
    costs: dict[str, Cost] = defaultdict(Cost)
    integrations: set[str] = set()
    for outlook, load in loads.items():
        cost = costs[outlook.model]
        cost.streams += load.streams
        if not has_walk(outlook, mode):
            cost.skipped += load.streams
            continue
        integrations |= load.integrations
        is_restart = mode is Mode.RESTART
        cost.requests += load.whole if is_restart else load.left
        if is_restart or outlook.kind is Kind.FULL:
            cost.rows += load.rows
            cost.estimated += load.streams if outlook.is_estimated else 0
    return CommandCost(costs, 1 + len(integrations))


class Demand(Struct, frozen=True):
    """Requests that the schedule of all streams needs.

    streams: their number by profile; integrations: that of the requests about them; full, told: requests a
    second for the full walks, and for what webhooks tell of.
    """

    streams: Counter[PollProfile] = field(default_factory=Counter)
    integrations: Counter[PollProfile] = field(default_factory=Counter)
    full: float = 0.0
    told: float = 0.0

    def needs(self, stretch: float = 0.0) -> float:
        """Compute the requests a second."""
        fixed = self.full + self.told
        return fixed + request_rate(self.streams, stretch) + request_rate(self.integrations, stretch)

    def fits(self, allowed: Allowance) -> bool:
        """True where there is room for it, and a little more."""
        return self.needs() <= allowed.a_second * FILL + ROUNDING

    def stretch(self, allowed: Allowance) -> float:
        """Find the stretch with which it fits; 0: none is needed, or nobody knows the limit."""
        if allowed.is_assumed:
            return 0.0
        left = allowed.a_second * FILL - self.full - self.told
        return fit_stretch(self.streams + self.integrations, left)

    def at_least(self, every: float) -> Demand:
        """Bound all intervals from below."""
        return self._bounded(lambda each: IntervalBounds(max(each.shortest, every), max(each.longest, every)))

    def at_longest(self) -> Demand:
        """Let all intervals be the longest."""
        return self._bounded(lambda each: IntervalBounds(each.longest, each.longest))

    def _bounded(self, change: Callable[[IntervalBounds], IntervalBounds]) -> Demand:
        def bounded(profiles: Counter[PollProfile]) -> Counter[PollProfile]:
            found: Counter[PollProfile] = Counter()
            for kind, number in profiles.items():
                found[replace(kind, bounds=change(kind.bounds))] += number
            return found

        return Demand(bounded(self.streams), bounded(self.integrations), self.full, self.told)


def fitting_every(demand: Demand, allowed: Allowance) -> timedelta | None:
    """Find the shortest interval for all streams alike: in whole minutes, above two hours in hours.

    None: the full walks alone are too much.
    """

    def fits(minutes: int) -> bool:
        return demand.at_least(minutes * MINUTE).fits(allowed)

    low, high = 0, round(LONGEST_PROPOSED.total_seconds() / MINUTE)
    if not fits(high):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if fits(middle) else (middle, high)
    return timedelta(minutes=high if high <= 120 else 60 * ceil(high / 60))


def a_day(a_second: float) -> int:
    """Convert requests a second to requests a day."""
    return round(a_second * DAY)
