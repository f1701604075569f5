"""Outbox of an environment: what happens becomes events, which wait until somebody delivers them.

As Kombo does, it tells which models have changed since it last told, not which records: one ``data-changed``
for each integration, however many changes there were. Everything else is an event of its own. Nothing is
sent here: a test takes events out and delivers, doubles, swaps or loses them step by step, and ``Sender``
posts them as they come.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from syncer.simulator.company.ids import kombo_id
from syncer.simulator.company.records import Record
from syncer.simulator.server.environment import Environment
from syncer.simulator.server.integration import SimIntegration, Status
from syncer.simulator.webhooks import event as shapes
from syncer.simulator.webhooks.event import Event
from syncer.simulator.webhooks.names import changed_names

#: Events that wait at most; then the oldest are given up.
CAPACITY = 10_000


class Outbox:
    """Events of an environment in the order in which they came about. The environment tells it from now on.

    dropped: how many were given up because nobody took them. on_change: called at each change with the
    integration and the name of what changed, before any event tells of it. on_news: called when there is
    something to collect or to take, in the thread that changes the environment.
    """

    def __init__(self, environment: Environment, *, capacity: int = CAPACITY) -> None:
        self._environment = environment
        self._changed: dict[str, dict[str, None]] = {}
        self._pending: deque[Event] = deque()
        self._capacity = capacity
        self._events = 0
        #: When the present trouble of an integration began, in milliseconds.
        self._raised_at: dict[str, int] = {}
        self.dropped = 0
        self.on_change: Callable[[str, str], object] | None = None
        self.on_news: Callable[[], object] | None = None
        environment.observer = self

    def __len__(self) -> int:
        return len(self._pending)

    @property
    def pending(self) -> tuple[Event, ...]:
        """Events that wait, the oldest first; changes that are not collected yet are in none."""
        return tuple(self._pending)

    def collect(self) -> None:
        """Make one event for each integration of what has changed since the last time."""
        changed, self._changed = self._changed, {}
        for integration_id, names in changed.items():
            integration = self._environment.integrations.get(integration_id)
            if integration is not None:
                self._add("data-changed", integration, shapes.data_changed(integration, names))

    def take(self, place: int = 0) -> Event:
        """Take out the oldest event, or the one at that place. Raises IndexError where there is none."""
        taken = self._pending[place]
        del self._pending[place]
        return taken

    def record_changed(self, integration_id: str, record: Record, link: str | None) -> None:
        """Note what ``data-changed`` will name, or tell of a new order."""
        if record.model == "assessment_orders":
            if record.fields["status"] == "OPEN" and record.fields["_created_at"] == record.changed_at:
                integration = self._environment.integrations[integration_id]
                told = shapes.order_received(integration, record)
                self._add("assessment:order-received", integration, told)
            return
        for name in changed_names(record, link):
            self._changed.setdefault(integration_id, {})[name] = None
            if self.on_change is not None:
                self.on_change(integration_id, name)
        self._tell()

    def integration_created(self, integration: SimIntegration) -> None:
        """Tell of a new integration."""
        self._add("integration-created", integration, shapes.integration_created(integration))

    def integration_deleted(self, integration: SimIntegration) -> None:
        """Tell that an integration is gone."""
        self._changed.pop(integration.id, None)
        self._add("integration-deleted", integration, shapes.integration_deleted(integration, self._now()))

    def state_changed(self, integration: SimIntegration, before: Status) -> None:
        """Tell of an integration's state, and of the issue that Kombo raises where credentials fail."""
        now, is_invalid = self._now(), integration.status == "INVALID"
        self._add("integration-state-changed", integration, shapes.state_changed(integration, now))
        if is_invalid != (before == "INVALID"):
            raised_at = now if is_invalid else self._raised_at.pop(integration.id, now)
            if is_invalid:
                self._raised_at[integration.id] = now
            change = shapes.issue_changed(integration, "raised" if is_invalid else "resolved", raised_at, now)
            self._add("issue-status-changed", integration, change)

    def _add(self, type: str, integration: SimIntegration, data: dict[str, Any]) -> None:
        self._events += 1
        # Another run of the simulator, with the same seed, must not repeat the ids of this one.
        id = kombo_id(self._environment.id, f"event {self._events} at {self._now()}")
        if len(self._pending) == self._capacity:
            self._pending.popleft()
            self.dropped += 1
        self._pending.append(Event(id, type, data, integration.id))
        self._tell()

    def _tell(self) -> None:
        if self.on_news is not None:
            self.on_news()

    def _now(self) -> int:
        return self._environment.clock.now_ms()
