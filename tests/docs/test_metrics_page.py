"""docs/metrics.md: every metric that is served and no other, with its type and its labels; every check."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

from prometheus_client.metrics_core import Metric

from syncer.daemon.metrics.counters import Counters
from syncer.daemon.metrics.gauges import is_usable, of_numbers, of_readiness
from syncer.daemon.readiness import Check
from syncer.domain.gateway.outcome import Outcome as CallOutcome
from syncer.domain.ratelimit.budget import Budget, Purpose, Reserve
from syncer.domain.stream_key import StreamKey
from syncer.domain.streams.state import Outcome, StreamState
from syncer.domain.verification.difference import Verdict
from syncer.domain.webhooks.event import EventType
from syncer.operations.numbers import Numbers
from syncer.store.queue.depth import QueueDepth
from syncer.store.reading.changes import FeedState
from syncer.store.reading.numbers import EnvironmentNumbers, MirrorNumbers
from syncer.store.state.consumers import Consumer
from syncer.store.state.verifications import VerificationNumbers
from syncer.sync.context import Result

PAGE = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `(syncer_\w+)` \| (\w+) \| ([a-z_`, ]*)\| .+ \| (process|database) \|$", re.MULTILINE)
NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)

#: A metric as the page describes it: its type, its labels, and where it comes from.
Described = tuple[str, frozenset[str], str]


def documented() -> dict[str, Described]:
    return {
        name: (kind, frozenset(re.findall(r"\w+", labels)), source)
        for name, kind, labels, source in ROW.findall(PAGE)
    }


def described(family: Metric, source: str) -> tuple[str, Described]:
    """A family as it is served, whose counters have their ending."""
    assert family.documentation
    labels = frozenset(name for each in family.samples for name in each.labels) - {"le"}
    name, kind = family.name, family.type
    if kind == "counter":
        name += "_total"
    if kind == "info":
        name, kind = f"{name}_info", "gauge"
    return name, (kind, labels, source)


def served() -> dict[str, Described]:
    """Every metric, once each of them has happened."""
    counters = Counters()
    counters.begin("default")
    counters.count_request("default", Purpose.FULL, 200, is_refused=False)
    counters.count_webhook(EventType.DATA_CHANGED, "accepted")
    counters.count_call(CallOutcome.HIT, 0.004)
    counters.count_run("default", Result(StreamKey("tool:1", "hris_groups"), Outcome.COMPLETE), 1.0)
    environment = EnvironmentNumbers(
        Counter({StreamState.COMPLETE: 1}),
        {"hris_groups": NOW - timedelta(hours=1)},
        NOW,
        frozenset(),
        {},
        Budget(limit=300),
        is_key_refused=False,
    )
    feed, consumers = FeedState(7, 0), [Consumer("warehouse", 3, NOW)]
    mirror = MirrorNumbers(NOW, {"default": environment}, 1, 2, feed, consumers, Counter())
    checks = dict.fromkeys((each.value for each in Check), True)
    of_process = [*counters.registry.collect(), *is_usable(is_up=True), *of_readiness(checks)]
    verified = VerificationNumbers(Counter({Verdict.EQUAL: 1}), 0, NOW)
    numbers = Numbers(
        mirror, {"billing": True}, {"default": QueueDepth(1, 2)}, {"default": verified}, ["hris_shifts"]
    )
    of_database = of_numbers(numbers, {"default": Reserve(share=0.1)})
    found = [described(each, "process") for each in of_process if each.name.startswith("syncer_")]
    return dict([*found, *(described(each, "database") for each in of_database)])


def test_the_page_describes_every_metric_that_is_served_and_no_other() -> None:
    assert documented() == served()


def test_the_page_describes_every_outcome_of_a_call_through_the_gateway() -> None:
    [row] = [line for line in PAGE.splitlines() if "`syncer_gateway_requests_total`" in line]
    assert set(re.findall(r"`(\w+)`", row)) >= {each.value for each in CallOutcome}


def test_the_page_describes_every_check() -> None:
    table = PAGE.partition("| check |")[2].partition("\n\n")[0]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == [each.value for each in Check]
