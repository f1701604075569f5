"""Rate limiter that never has anybody wait, and keeps what it was told."""

from __future__ import annotations

from dataclasses import dataclass, field

from syncer.domain.ratelimit.budget import Permit, Purpose, Rate


@dataclass
class Permits:
    """Gives a permit whenever asked and keeps what it was told."""

    asked: list[tuple[Purpose, str | None, str | None]] = field(default_factory=list)
    told: list[tuple[object, ...]] = field(default_factory=list)
    first: list[bool] = field(default_factory=list)

    async def permit(
        self, purpose: Purpose, integration_id: str | None, model_name: str | None, *, first: bool = False
    ) -> Permit:
        self.asked.append((purpose, integration_id, model_name))
        self.first.append(first)
        return Permit(window=len(self.asked), purpose=purpose)

    def answered(self, permit: Permit, rate: Rate | None) -> None:
        self.told.append(("answered", permit.window, rate))

    def refused(self, permit: Permit, rate: Rate | None, reset: float | None) -> None:
        self.told.append(("refused", permit.window, rate, reset))

    @property
    def every_permit_was_reported_once(self) -> bool:
        return [told[1] for told in self.told] == list(range(1, len(self.asked) + 1))
