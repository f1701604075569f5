"""Interface of whoever is told what happens in an environment."""

from __future__ import annotations

from typing import Protocol

from syncer.simulator.company.records import Record
from syncer.simulator.server.integration import SimIntegration, Status


class Observer(Protocol):
    """Receiver of an environment's changes, told at once and in the thread that makes them."""

    def record_changed(self, integration_id: str, record: Record, link: str | None) -> None:
        """Note that a record changed, or its link of that name."""

    def integration_created(self, integration: SimIntegration) -> None:
        """Note that a customer connected a tool."""

    def integration_deleted(self, integration: SimIntegration) -> None:
        """Note that an integration is no longer there."""

    def state_changed(self, integration: SimIntegration, before: Status) -> None:
        """Note that an integration's state or set-up changed; before: its state until now."""
