"""A Kombo environment: one API key with its integrations, limit, faults and log of requests."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from functools import partial
from random import Random

from syncer.simulator.clock import SimClock
from syncer.simulator.company.company import Company
from syncer.simulator.company.ids import kombo_id
from syncer.simulator.company.records import Record
from syncer.simulator.server.faults import Faults
from syncer.simulator.server.integration import SimIntegration, Status
from syncer.simulator.server.limit import RateLimit
from syncer.simulator.server.observer import Observer
from syncer.simulator.server.paging import Paging
from syncer.simulator.server.request_log import RequestInfo

#: In turn. Whoever is added comes last: ids that documents name must not change.
_TOOLS = (
    *("personio", "hibob", "workday", "greenhouse", "bamboohr", "smartrecruiters", "docebo", "nmbrs"),
    "teamtailor",
)
_LOG_LENGTH = 100_000


class Environment:
    """Integrations of one API key, as served. All attributes may be changed while it serves.

    requests: the last 100,000 requests, oldest first. between_pages: called with the request after every
    page of a list has been made up, and after every answer of a tool; the place to change data in the middle
    of a walk. sleep: how ``Late`` answers wait. limit: by default 300 requests in 60 s of the simulated
    clock; give one with ``time.monotonic`` where the clock runs at another speed than the client's.
    observer: told of everything that happens. refused_parameters: pairs of a model and a parameter that its
    list does not take; a request with one is answered with 400.
    """

    def __init__(
        self,
        clock: SimClock,
        *,
        api_key: str = "ks_dev_simulator",
        limit: RateLimit | None = None,
        paging: Paging | None = None,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self.clock = clock
        self.api_key = api_key
        self.id = kombo_id("environment", api_key)
        self.integrations: dict[str, SimIntegration] = {}
        self.limit = limit or RateLimit(lambda: clock.now().timestamp())
        self.paging = paging or Paging()
        self.faults = Faults()
        self.requests: deque[RequestInfo] = deque(maxlen=_LOG_LENGTH)
        self.between_pages: Callable[[RequestInfo], object] | None = None
        self.sleep = sleep
        self.observer: Observer | None = None
        self.refused_parameters: set[tuple[str, str]] = set()

    @classmethod
    def example(
        cls,
        clock: SimClock,
        *,
        seed: int = 0,
        integrations: int = 2,
        records: int = 2_000,
        api_key: str = "ks_dev_simulator",
        limit: RateLimit | None = None,
    ) -> Environment:
        """Make an environment with so many integrations of so many records each, with every model in each."""
        environment = cls(clock, api_key=api_key, limit=limit)
        rng = Random(f"integrations of {seed}")
        for place in range(integrations):
            id = example_id(place, rng)
            environment.add(Company(id, clock, seed=seed + place, records=records))
        return environment

    @property
    def companies(self) -> dict[str, Company]:
        """Map integration ids to companies."""
        return {id: integration.company for id, integration in self.integrations.items()}

    def add(self, company: Company) -> SimIntegration:
        """Connect a company."""
        integration = SimIntegration(company, created_at=self.clock.now())
        self.integrations[company.integration_id] = integration
        company.tables.on_change = partial(self._on_change, company.integration_id)
        integration.on_state = self._on_state
        if self.observer is not None:
            self.observer.integration_created(integration)
        return integration

    def add_list(self, name: str, records: int = 40) -> None:
        """Let every integration have an extra list, which the catalogue lacks. KeyError where it is none."""
        for integration in self.integrations.values():
            integration.company.add_list(name, records)
            integration.extra_lists += (name,)

    def remove(self, integration_id: str) -> None:
        """Delete an integration: the API does not know it any more."""
        integration = self.integrations.pop(integration_id)
        if self.observer is not None:
            self.observer.integration_deleted(integration)

    def asked_for(self, model: str | None = None, integration_id: str | None = None) -> list[RequestInfo]:
        """List the logged requests, of one model or integration if given."""
        return [
            each
            for each in self.requests
            if model in (None, each.model) and integration_id in (None, each.integration_id)
        ]

    def _on_change(self, integration_id: str, record: Record, link: str | None) -> None:
        if self.observer is not None and integration_id in self.integrations:
            self.observer.record_changed(integration_id, record, link)

    def _on_state(self, integration: SimIntegration, before: Status) -> None:
        if self.observer is not None and integration.id in self.integrations:
            self.observer.state_changed(integration, before)


def example_id(place: int, rng: Random) -> str:
    """Make up the id of an example's integration at that place."""
    tool = _TOOLS[place % len(_TOOLS)]
    return f"{tool}:{kombo_id(tool, str(rng.random()))}"
