"""Status pages as the database has them now. For threads: to read and to render takes a while."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from syncer.app import App
from syncer.daemon.web.page.budget_chart import Chart, draw
from syncer.daemon.web.page.contents import front_page, integration_page, single_integration, stream_page
from syncer.daemon.web.page.facts import ProcessFacts
from syncer.daemon.web.page.grid import GridQuery, choose_rows
from syncer.daemon.web.page.render import Page
from syncer.domain.ratelimit.history import BudgetHistory
from syncer.domain.stream_key import StreamKey
from syncer.operations.status import status as report_status
from syncer.store.reading.freshness import Freshness, read_freshness
from syncer.store.reading.overview import StreamChoice
from syncer.store.reading.runs import read_runs
from syncer.store.state.quarantine import entries

#: Runs that are shown of all streams, and of one; and reasons why its records are in quarantine.
RUNS, STREAM_RUNS, REASONS = 8, 20, 8


class Views(Struct, frozen=True):
    """Makes pages. budgets: the last hour of each environment's. hide: takes secrets out of errors of the
    database. All raise DatabaseError.
    """

    app: App
    budgets: Mapping[str, BudgetHistory]
    facts: ProcessFacts
    hide: Callable[[str], str]

    def summary(self, error: str | None) -> dict[str, Any]:
        """Sum up the mirror, with the streams that are in trouble or running; error: of the database."""
        return self._report(StreamChoice(), error)

    def front(self, status: Mapping[str, Any], query: GridQuery) -> Page:
        """Make the page of all integrations; status: a summary."""
        now = datetime.fromisoformat(status["now"])
        grid = choose_rows(status, query)
        cells: Mapping[str, Mapping[str, Freshness]] = {}
        with self.app.database.read() as connection:
            runs = read_runs(connection, most=RUNS)
            if single_integration(status) is None and grid.rows:
                cells = read_freshness(connection, [each["id"] for each in grid.rows], now)
        return front_page(
            status,
            query,
            grid,
            cells=cells,
            models=list(self.app.settings.lists),
            runs=runs,
            charts=dict(self._charts(status["environments"], now)),
            facts=self.facts,
        )

    def integration(self, integration_id: str, error: str | None) -> Page | None:
        """Make the page of one integration; None where it is not mirrored."""
        status = self._report(StreamChoice(integrations=(integration_id,), only_problems=False), error)
        return integration_page(status) if status["integrations"] else None

    def stream(self, key: StreamKey, error: str | None) -> Page | None:
        """Make the page of one stream; None where it is not mirrored."""
        choice = StreamChoice(integrations=(key.integration_id,), models=(key.model,), only_problems=False)
        status = self._report(choice, error)
        if not status["streams"] or not status["integrations"]:
            return None
        environment = status["integrations"][0]["environment"]
        is_quarantined = status["streams"][0]["quarantined"]
        with self.app.database.read() as connection:
            runs = read_runs(connection, (environment, key), most=STREAM_RUNS)
            quarantined = entries(connection, environment, key) if is_quarantined else []
        reasons = Counter(each.reason for each in quarantined).most_common(REASONS)
        return stream_page(status, runs=runs, reasons=reasons)

    def _report(self, choice: StreamChoice, error: str | None) -> dict[str, Any]:
        found = report_status(self.app, choice)
        return found if error is None else {**found, "is_well": False, "database": self.hide(error)}

    def _charts(
        self, environments: Sequence[Mapping[str, Any]], now: datetime
    ) -> Iterator[tuple[str, Chart]]:
        for each in environments:
            history, budget = self.budgets.get(each["name"]), each["budget"]
            if history is not None and not history.is_empty and budget is not None and budget["limit"]:
                slots = history.slots(now.timestamp())
                yield each["name"], draw(slots, budget["reserve"] / budget["limit"])
