"""Metrics that the process counts where something happens: runs, rows, requests, webhooks."""

from __future__ import annotations

from http import HTTPStatus

from msgspec.structs import asdict
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    Info,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)

from syncer import __version__
from syncer.domain.gateway.outcome import Outcome as CallOutcome
from syncer.domain.ratelimit.budget import Purpose
from syncer.domain.records.change import Change
from syncer.domain.streams.state import Outcome
from syncer.domain.webhooks.event import EventType
from syncer.store.state.received_events import ACCEPTED, IGNORED, REPEATED
from syncer.sync.context import Progress, Result

#: Upper bounds in seconds. Incremental runs take one request; a first load may take hours.
RUN_SECONDS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 14_400)
WEBHOOK_SECONDS = (0.25, 0.5, 1, 2, 3, 5, 10, 20, 30, 60, 300, 900, 3600)
#: From a page of the mirror to a write that a slow tool takes its time with.
GATEWAY_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
#: Effects of records, as labels.
EFFECTS = (*(each.value for each in Change), "quarantined")
#: Outcomes of runs of the service.
OUTCOMES = tuple(each for each in Outcome if each is not Outcome.SKIPPED)
UNKNOWN = "unknown"
#: Outcomes of webhooks, beside those that are stored: before one is read, and after.
WRONG_SIGNATURE, TOO_LARGE, NOT_STORED = "wrong_signature", "too_large", "not_stored"
WEBHOOK_OUTCOMES = (ACCEPTED, IGNORED, REPEATED, NOT_STORED)


class Counters:
    """Counters of this process since its start, in a registry of their own."""

    def __init__(self) -> None:
        # The time at which a counter was made is no metric that anybody asks for.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        Info("syncer_build", "Version of the program", registry=registry).info({"version": __version__})
        self._runs = Counter(
            "syncer_runs",
            "Runs on streams that have ended, by their outcome",
            ["environment", "outcome"],
            registry=registry,
        )
        self._rows = Counter(
            "syncer_rows",
            "Records that runs have stored, by their effect on the row",
            ["environment", "effect"],
            registry=registry,
        )
        self._requests = Counter(
            "syncer_requests",
            "Requests to Kombo, by their purpose and the HTTP status of the answer (none: no answer)",
            ["environment", "purpose", "status"],
            registry=registry,
        )
        self._refused = Counter(
            "syncer_refused",
            "Requests that Kombo answered with 429 because of the rate limit of the API key",
            ["environment"],
            registry=registry,
        )
        self._webhooks = Counter(
            "syncer_webhooks",
            "Webhooks that came, by type and by what became of them",
            ["type", "outcome"],
            registry=registry,
        )
        self._run_seconds = Histogram(
            "syncer_run_seconds", "Duration of runs on streams", buckets=RUN_SECONDS, registry=registry
        )
        self._webhook_to_row_seconds = Histogram(
            "syncer_webhook_to_row_seconds",
            "Time from the arrival of the first webhook whose news a run has read to the end of the run",
            buckets=WEBHOOK_SECONDS,
            registry=registry,
        )

        self._gateway_requests = Counter(
            "syncer_gateway_requests",
            "Calls of applications through the gateway, by what became of them",
            ["outcome"],
            registry=registry,
        )
        self._gateway_seconds = Histogram(
            "syncer_gateway_seconds",
            "Time from a call's arrival at the gateway to the end of its answer",
            buckets=GATEWAY_SECONDS,
            registry=registry,
        )

    def begin(self, environment: str) -> None:
        """Begin the counters of an environment at 0: a rate is known from the first event on."""
        for outcome in OUTCOMES:
            self._runs.labels(environment, outcome.value)
        for effect in EFFECTS:
            self._rows.labels(environment, effect)
        self._refused.labels(environment)

    def count_progress(self, environment: str, step: Progress) -> None:
        """Count the rows of a step of a run."""
        counts = asdict(step.counts)
        for effect in EFFECTS:
            if counts[effect]:
                self._rows.labels(environment, effect).inc(counts[effect])

    def count_run(self, environment: str, result: Result, seconds: float) -> None:
        """Count a run that has ended after so many seconds."""
        self._runs.labels(environment, result.outcome.value).inc()
        if result.outcome is not Outcome.BUSY:
            self._run_seconds.observe(seconds)
        if result.waited is not None:
            self._webhook_to_row_seconds.observe(max(result.waited.total_seconds(), 0.0))

    def count_request(
        self, environment: str, purpose: Purpose, status: int | None, *, is_refused: bool
    ) -> None:
        """Count a request to Kombo; status: of the answer, None without one."""
        self._requests.labels(environment, purpose.name.lower(), _status_label(status)).inc()
        if is_refused:
            self._refused.labels(environment).inc()

    def begin_webhooks(self) -> None:
        """Begin the counters of webhooks at 0, of a process that receives some."""
        for outcome in (WRONG_SIGNATURE, TOO_LARGE, *WEBHOOK_OUTCOMES):
            self._webhooks.labels(UNKNOWN, outcome)
        for event_type in EventType:
            for outcome in WEBHOOK_OUTCOMES:
                self._webhooks.labels(event_type.value, outcome)

    def count_webhook(self, event_type: EventType | None, outcome: str) -> None:
        """Count a webhook; event_type: None where it is none that is known."""
        self._webhooks.labels(UNKNOWN if event_type is None else event_type.value, outcome).inc()

    def begin_gateway(self) -> None:
        """Begin the counters of calls at 0, of a process that has a gateway."""
        for outcome in CallOutcome:
            self._gateway_requests.labels(outcome.value)

    def count_call(self, outcome: CallOutcome, seconds: float) -> None:
        """Count a call of an application that has ended after so many seconds."""
        self._gateway_requests.labels(outcome.value).inc()
        self._gateway_seconds.observe(seconds)


def _status_label(status: int | None) -> str:
    """Name a status; those that no standard knows share one label, or a server could make any number."""
    if status is None:
        return "none"
    return str(status) if status in _STATUSES else "other"


_STATUSES = frozenset(HTTPStatus)
