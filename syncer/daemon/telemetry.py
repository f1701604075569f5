"""Telemetry of the service: what it counts and when it last got on, told by those who do the work."""

from __future__ import annotations

from dataclasses import dataclass, field

from syncer.app import App
from syncer.daemon.activity import Activity
from syncer.daemon.metrics.counters import Counters
from syncer.domain.ratelimit.sent import Sent
from syncer.sync.context import Progress, Report


@dataclass(frozen=True, slots=True)
class Telemetry:
    """Counters and activity of this process."""

    activity: Activity = field(default_factory=Activity)
    counters: Counters = field(default_factory=Counters)

    def observe(self, app: App, report: Report) -> Report:
        """Count the requests from now on; give what runs are to report to, which passes on to report."""
        environment = app.streams.environment
        self.counters.begin(environment)
        app.on_sent = self._count_request

        def observed(step: Progress) -> None:
            if step.step == "page":
                self.activity.page_stored()
            self.counters.count_progress(environment, step)
            report(step)

        return observed

    def _count_request(self, environment: str, sent: Sent) -> None:
        self.counters.count_request(environment, sent.purpose, sent.status, is_refused=sent.is_refused)
