"""Metrics that the database tells, as they are at the time of the scrape."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from syncer.domain.ratelimit.budget import Reserve
from syncer.domain.streams.state import StreamState
from syncer.domain.verification.difference import Verdict
from syncer.operations.numbers import Numbers
from syncer.store.queue.depth import QueueDepth
from syncer.store.reading.numbers import MirrorNumbers
from syncer.store.state.processes import ROLES
from syncer.store.state.verifications import VerificationNumbers


def is_usable(*, is_up: bool) -> Iterator[Metric]:
    """Make the one metric that is there also without a database."""
    yield _gauge("syncer_database_up", "1 while the database can be used, else 0", float(is_up))


def of_readiness(checks: Mapping[str, bool]) -> Iterator[Metric]:
    """Make the metric of what /readyz checks."""
    family = GaugeMetricFamily(
        "syncer_ready", "1 where this check of /readyz passes, else 0", labels=["check"]
    )
    for name, passes in checks.items():
        family.add_metric([name], float(passes))
    yield family


def of_numbers(numbers: Numbers, reserves: Mapping[str, Reserve]) -> Iterator[Metric]:
    """Make the metrics of the whole mirror; reserves: by environment."""
    mirror = numbers.mirror
    yield from _of_environments(mirror, reserves)
    yield _of_queues(numbers.queues)
    yield _of_processes(mirror.processes)
    yield from _of_verifications(numbers.verifications)
    yield _gauge("syncer_quarantined", "Records in quarantine", mirror.quarantined)
    yield _gauge("syncer_held", "Missing rows that wait for approval to be marked deleted", mirror.held)
    unknown = GaugeMetricFamily(
        "syncer_unknown_models", "1 for a list that Kombo told of and nobody here knows", labels=["model"]
    )
    for name in numbers.unknown_models:
        unknown.add_metric([name], 1.0)
    yield unknown
    yield _gauge("syncer_changes_sequence", "Newest number of the change feed", mirror.feed.newest)
    lag = GaugeMetricFamily(
        "syncer_consumer_lag", "Changes that a consumer has not acknowledged", labels=["consumer"]
    )
    for consumer in mirror.consumers:
        lag.add_metric([consumer.name], max(mirror.feed.newest - consumer.sequence, 0))
    yield lag
    stuck = GaugeMetricFamily(
        "syncer_delivery_stuck",
        "1 while the last attempt of a delivery has failed or its receiver has stopped it, else 0",
        labels=["delivery"],
    )
    for name, is_stuck in numbers.stuck.items():
        stuck.add_metric([name], float(is_stuck))
    yield stuck


def _of_environments(mirror: MirrorNumbers, reserves: Mapping[str, Reserve]) -> Iterator[Metric]:
    by_state = _labelled("syncer_streams", "Mirrored streams, by state", "state")
    lag = _labelled(
        "syncer_lag_seconds", "Age of the oldest complete view among the streams of a list", "model"
    )
    last_success = _labelled(
        "syncer_last_success_timestamp_seconds", "Time of the newest complete view of any stream"
    )
    limit = _labelled("syncer_budget_limit", "Requests to Kombo that a window permits")
    used = _labelled("syncer_budget_used", "Requests of the window that are used")
    sent = _labelled("syncer_budget_sent", "Requests of the window that the services of this database sent")
    kept = _labelled("syncer_budget_reserve", "Requests of a window that only writes may use")
    refused = _labelled("syncer_key_refused", "1 while Kombo refuses the API key, else 0")
    for name, each in mirror.environments.items():
        for state in StreamState:
            by_state.add_metric([name, state.value], each.states[state])
        for model, oldest in sorted(each.oldest_complete.items()):
            lag.add_metric([name, model], max((mirror.now - oldest).total_seconds(), 0.0))
        if each.newest_complete_at is not None:
            last_success.add_metric([name], each.newest_complete_at.timestamp())
        if each.budget is not None:
            # A window that has ended is empty, though nobody has begun the next one yet.
            is_under_way = (each.budget.ends_at or 0.0) > mirror.now.timestamp()
            used.add_metric([name], each.budget.effective_used if is_under_way else 0)
            sent.add_metric([name], each.budget.sent if is_under_way else 0)
            if each.budget.limit is not None:
                limit.add_metric([name], each.budget.limit)
                kept.add_metric([name], reserves[name].of(each.budget.limit))
        refused.add_metric([name], float(each.is_key_refused))
    yield from (by_state, lag, last_success, limit, used, sent, kept, refused)


def _of_queues(queues: Mapping[str, QueueDepth]) -> Metric:
    family = _labelled("syncer_queue_depth", "Streams in the queue that workers take them from", "state")
    for name, each in queues.items():
        family.add_metric([name, "queued"], each.queued)
        family.add_metric([name, "running"], each.running)
    return family


def _of_verifications(verifications: Mapping[str, VerificationNumbers]) -> Iterator[Metric]:
    by_verdict = _labelled("syncer_verify_streams", "Verified streams, by the last verdict", "verdict")
    differing = _labelled(
        "syncer_verify_differing_records", "Records that the last verifications found to differ"
    )
    oldest = _labelled(
        "syncer_verify_oldest_timestamp_seconds", "End of the oldest among the last verifications of streams"
    )
    for name, each in verifications.items():
        for verdict in Verdict:
            by_verdict.add_metric([name, verdict.value], each.verdicts[verdict])
        differing.add_metric([name], each.differing)
        if each.oldest_at is not None:
            oldest.add_metric([name], each.oldest_at.timestamp())
    yield from (by_verdict, differing, oldest)


def _of_processes(alive: Mapping[str, int]) -> Metric:
    family = GaugeMetricFamily("syncer_processes", "Processes that are alive, by role", labels=["role"])
    for role in ROLES:
        family.add_metric([role], alive.get(role, 0))
    return family


def _gauge(name: str, meaning: str, value: float) -> Metric:
    return GaugeMetricFamily(name, meaning, value=value)


def _labelled(name: str, meaning: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, meaning, labels=["environment", *labels])
