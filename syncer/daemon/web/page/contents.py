"""Contents of the status pages: what their templates show of a status report. Pure: reports in, pages out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any
from urllib.parse import urlencode

from syncer.daemon.web.page.budget_chart import Chart
from syncer.daemon.web.page.facts import ProcessFacts
from syncer.daemon.web.page.grid import GridPage, GridQuery, columns_of, sort_states
from syncer.daemon.web.page.problem_lines import MOST_LINES, problem_lines
from syncer.daemon.web.page.render import Page, make_page
from syncer.daemon.web.page.verdict import Verdict, judge
from syncer.domain.deliveries.delivery import DeliveryHealth
from syncer.domain.stream_key import StreamKey
from syncer.domain.streams.reasons import held_reason, selecting, selecting_integration
from syncer.domain.streams.state import Severity, StreamState
from syncer.operations.deliveries import describe_delivery
from syncer.operations.process_report import describe_process
from syncer.operations.status_report import waiting_requests
from syncer.operations.workers import describe_depth
from syncer.store.reading.freshness import Freshness
from syncer.store.reading.runs import EndedRun

#: Integrations from which on there is something to search.
FILTER_FROM = 8

_DELIVERIES = {
    DeliveryHealth.ACTIVE: Severity.OK,
    DeliveryHealth.FAILING: Severity.ERROR,
    DeliveryHealth.STOPPED: Severity.ERROR,
}


def front_page(
    status: Mapping[str, Any],
    query: GridQuery,
    grid: GridPage,
    *,
    cells: Mapping[str, Mapping[str, Freshness]],
    models: Sequence[str],
    runs: Sequence[EndedRun],
    charts: Mapping[str, Chart],
    facts: ProcessFacts,
) -> Page:
    """Make the page of all integrations; status: a report that sums them up.

    grid: the integrations that the query shows; cells: their streams; models: the order of the columns.
    charts: of the budgets, by environment.
    """
    cells = {each["id"]: cells.get(each["id"], {}) for each in grid.rows}
    columns = [
        (name, (name.partition("_")[2] or name).replace("_", " "))
        for name in columns_of(cells.values(), models)
    ]
    states = {cell.state for row in cells.values() for cell in row.values()}
    completed = [each["oldest_complete_at"] for each in status["integrations"]]
    verdict = judge(status)
    context = {
        "status": status,
        "verdict": verdict,
        "states": sort_states(status["totals"]["streams"]),
        "oldest": min(filter(None, completed), default=None),
        "lines": problem_lines(status["problems"]),
        "most_lines": MOST_LINES,
        "in_integration": False,
        "single": single_integration(status),
        "grid": grid,
        "query": query,
        "page_link": lambda page: page_link(query, page),
        "has_filter": grid.all >= FILTER_FROM,
        "columns": columns,
        "families": [
            (family, list(names)) for family, names in groupby(name.partition("_")[0] for name, _ in columns)
        ],
        "cells": cells,
        "row_states": {each["id"]: sort_states(each["streams"]) for each in grid.rows},
        "legend_states": [state for state in StreamState if state in states and not state.meaning.is_well],
        "environments": status["environments"],
        "charts": charts,
        "waiting_requests": waiting_requests,
        "running": [each for each in status["streams"] if each["is_running"]],
        "runs": runs,
        "delivery_severity": lambda each: _DELIVERIES.get(DeliveryHealth(each["state"]), Severity.WARNING),
        "delivery_words": describe_delivery,
        "facts": facts,
        "describe_process": describe_process,
        "describe_depth": describe_depth,
    }
    names = (
        "verdict",
        "problems",
        "grid",
        "environments",
        "budget",
        "running",
        "runs",
        "feed",
        "unknown",
        "verification",
        "process",
    )
    return make_page("front.html", names, context, title=_title("syncer", verdict), now=_now(status))


def integration_page(status: Mapping[str, Any]) -> Page:
    """Make the page of one integration, of a report of it with all its streams."""
    [integration] = status["integrations"]
    verdict = judge({**status, "deliveries": [], "behind": None})
    context = {
        "status": status,
        "integration": integration,
        "verdict": verdict,
        "states": sort_states(integration["streams"]),
        "lines": problem_lines(status["problems"]),
        "most_lines": len(status["problems"]),
        "in_integration": True,
        "selecting": selecting_integration(integration["id"]),
    }
    names = ("heading", "problems", "streams")
    title = _title(f"{integration['id']} · syncer", verdict)
    return make_page("integration.html", names, context, title=title, now=_now(status))


def stream_page(
    status: Mapping[str, Any], *, runs: Sequence[EndedRun], reasons: Sequence[tuple[str, int]]
) -> Page:
    """Make the page of one stream, of a report of it alone.

    reasons: why records of it are in quarantine, and how many for each.
    """
    [stream] = status["streams"]
    key = StreamKey(stream["integration"], stream["model"])
    held = stream["held"]
    context = {
        "integration_id": key.integration_id,
        "integration": status["integrations"][0],
        "stream": stream,
        "selecting": selecting(key),
        "held_reason": held_reason(held["rows"], stream["rows_live"], key) if held else "",
        "retry": next((each["retry"] for each in status["problems"] if each["retry"] is not None), None),
        "reasons": reasons,
        "runs": runs,
    }
    names = ("stream", "stream_trouble", "stream_runs")
    title = _title(f"{key.model} · {key.integration_id} · syncer", judge({**status, "deliveries": []}))
    return make_page("stream.html", names, context, title=title, now=_now(status))


def single_integration(status: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Give the one integration that there is, whose streams take the place of the grid; None for several."""
    integrations = status["integrations"]
    return integrations[0] if len(integrations) == 1 and status["lists_all"] else None


def page_link(query: GridQuery, page: int) -> str:
    """Make the path of another page of what a query finds."""
    given = {
        "q": query.text,
        "show": query.show if query.show != "all" else "",
        "page": page if page > 1 else "",
    }
    return f"/?{urlencode({name: value for name, value in given.items() if value})}".rstrip("?")


def _title(name: str, verdict: Verdict) -> str:
    return f"({verdict.needs_look:,}) {name}" if verdict.needs_look else name


def _now(status: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(status["now"])
