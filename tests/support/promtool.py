"""Rules of Prometheus evaluated by promtool on what a real service has exposed.

Two scrapes, so many simulated minutes apart, become series: each value goes in a straight line from the first
to the second. Times become times of promtool's clock, which begins at 0 with the first scrape.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from tests.support.tools import path_of

#: Labels by which Prometheus knows the service.
TARGET = {"instance": "syncer:8484", "job": "syncer"}
#: More minutes than this are evaluated less often: that is nearly all that promtool does. After five minutes
#: without a sample it would take a series for gone.
LONG = 300
#: Label sets to values.
Samples = Mapping[tuple[str, tuple[tuple[str, str], ...]], float]


@dataclass(frozen=True, slots=True)
class Scrape:
    """What was exposed at a time, in seconds since 1970 by the database's clock; None: nothing answered."""

    text: str | None
    at: float

    def of(self, name: str) -> Scrape:
        """Leave out all that is not of this metric: to read a scrape takes longer than to make it."""
        begin = (f"{name} ", f"{name}{{")
        lines = [f"{line}\n" for line in (self.text or "").splitlines() if line.startswith(begin)]
        return Scrape("".join(lines), self.at)

    def samples(self) -> Samples:
        """Read the samples, with the labels of the target, and with what Prometheus adds."""
        found: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {}
        for family in text_string_to_metric_families(self.text or ""):
            for sample in family.samples:
                if sample.name.startswith("syncer_"):
                    found[sample.name, _labels(sample.labels)] = sample.value
        found["up", _labels({})] = float(self.text is not None)
        return found


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression, and its samples as promtool writes them: none, where there are to be none."""

    text: str
    samples: Sequence[Mapping[str, Any]] = field(default_factory=tuple)


def firing(alerts: Iterable[str]) -> Expression:
    """Expect exactly these alerts to be firing."""
    samples = [{"labels": f'{{alertname="{name}"}}', "value": 1} for name in sorted(alerts)]
    return Expression('group by (alertname) (ALERTS{alertstate="firing"})', samples)


def check(
    directory: Path, rules: Path, first: Scrape, second: Scrape, minutes: int, *expected: Expression
) -> str:
    """Evaluate the rules from one scrape to the other; give what promtool says is wrong, else nothing."""
    test = {
        "rule_files": [str(rules)],
        "evaluation_interval": "5m" if minutes > LONG else "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": list(_series(first, second, minutes)),
                "promql_expr_test": [
                    {"expr": each.text, "eval_time": f"{minutes}m", "exp_samples": list(each.samples)}
                    for each in expected
                ],
            }
        ],
    }
    # YAML is a superset of JSON.
    file = directory / "test.yaml"
    file.write_text(json.dumps(test), encoding="utf-8")
    return run("test", "rules", str(file))


def run(*arguments: str) -> str:
    """Run promtool; give what it says where it fails, else nothing."""
    program = path_of("promtool")
    assert program is not None
    ran = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    return "" if ran.returncode == 0 else ran.stdout + ran.stderr


def _series(first: Scrape, second: Scrape, minutes: int) -> Iterable[dict[str, str]]:
    begin, end = first.samples(), second.samples()
    for name, labels in sorted({*begin, *end}):
        # What is not there at one of them is not there at all: nobody knows when it came or went.
        if (name, labels) in begin and (name, labels) in end:
            offset = first.at if name.endswith("_timestamp_seconds") else 0.0
            values = [each[name, labels] - offset for each in (begin, end)]
            step = (values[1] - values[0]) / minutes
            shown = ",".join(f"{key}={json.dumps(value)}" for key, value in labels)
            yield {"series": f"{name}{{{shown}}}", "values": f"{values[0]:.6f}{step:+.9f}x{minutes}"}


def _labels(labels: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted({**labels, **TARGET}.items()))
