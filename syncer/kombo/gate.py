"""The request budget as the client sees it."""

from __future__ import annotations

from typing import Protocol

from syncer.domain.ratelimit.budget import Permit, Purpose, Rate


class Gate(Protocol):
    """The request budget as the client sees it. Every permit is reported once, answered or refused."""

    async def permit(self, purpose: Purpose, integration_id: str | None, model_name: str | None) -> Permit:
        """Waits until one request may go out; integrations take turns, and the models of each."""

    def answered(self, permit: Permit, rate: Rate | None) -> None:
        """The request is over; rate is what its answer told, None if nothing (or no answer came)."""

    def refused(self, permit: Permit, rate: Rate | None, reset: float | None) -> None:
        """The key's budget was used up all the same; reset is in seconds, None if not told."""
