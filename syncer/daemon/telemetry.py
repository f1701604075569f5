"""Telemetry of the service: what it counts and when it last got on, told by those who do the work."""

from __future__ import annotations

from collections import defaultdict

from msgspec import Struct, field

from syncer.app import App
from syncer.daemon.activity import Activity
from syncer.daemon.metrics.counters import Counters
from syncer.domain.ratelimit.history import BudgetHistory
from syncer.domain.ratelimit.sent import Sent
from syncer.sync.context import Progress, Report


class Telemetry(Struct, frozen=True):
    """Counters and activity of this process, and the last hour of each environment's budget, as it saw it."""

    activity: Activity = field(default_factory=Activity)
    counters: Counters = field(default_factory=Counters)
    budgets: defaultdict[str, BudgetHistory] = field(default_factory=lambda: defaultdict(BudgetHistory))

    def count_requests(self, app: App) -> None:
        """Count the requests to Kombo from now on."""
        for environment in app.environments:
            self.counters.begin(environment)
        app.on_sent = self._count_request

    def observe(self, environment: str, report: Report) -> Report:
        """Count what runs of the environment report; give what they are to report to, which passes it on."""

        def observed(step: Progress) -> None:
            if step.step == "page":
                self.activity.page_stored()
            self.counters.count_progress(environment, step)
            report(step)

        return observed

    def _count_request(self, environment: str, sent: Sent) -> None:
        self.counters.count_request(environment, sent.purpose, sent.status, is_refused=sent.is_refused)
