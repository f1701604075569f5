"""deploy/grafana: the dashboard loads, and asks for nothing but metrics that the service has."""

from __future__ import annotations

import json
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from tests.support import promtool

ROOT = Path(__file__).parents[2]
DASHBOARD: dict[str, Any] = json.loads(
    (ROOT / "deploy" / "grafana" / "syncer.json").read_text(encoding="utf-8")
)
PANELS = [each for each in DASHBOARD["panels"] if each["type"] != "row"]
QUERIES = [target["expr"] for panel in PANELS for target in panel["targets"]]
#: Those of the page are compared with what is served, and these come from the library.
#: Those of the page are compared with what is served; the others come from the library.
METRICS = {
    *re.findall(
        r"^\| `(syncer_\w+)` \|", (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8"), re.MULTILINE
    ),
    "process_cpu_seconds_total",
    "process_resident_memory_bytes",
}


def names(text: str) -> set[str]:
    """Metrics that PromQL names; those of a histogram by its own name."""
    found = re.findall(r"\b(?:syncer|process)_\w+", text)
    return {re.sub(r"(_seconds)_(bucket|sum|count)$", r"\1", each) for each in found}


def test_the_dashboard_has_what_grafana_needs_to_import_it() -> None:
    assert DASHBOARD["schemaVersion"] >= 39
    assert (DASHBOARD["uid"], DASHBOARD["title"]) == ("syncer", "syncer")
    variables = {each["name"]: each for each in DASHBOARD["templating"]["list"]}
    assert (variables["datasource"]["type"], variables["datasource"]["query"]) == ("datasource", "prometheus")
    assert names(variables["environment"]["definition"]) <= METRICS
    of_variable = {"type": "prometheus", "uid": "${datasource}"}
    assert all(each["datasource"] == of_variable for panel in PANELS for each in (panel, *panel["targets"]))
    assert len({each["id"] for each in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


def test_panels_are_described_and_do_not_cover_each_other() -> None:
    assert [each["title"] for each in PANELS if not each["description"] or not each["targets"]] == []
    for one, other in combinations((each["gridPos"] for each in DASHBOARD["panels"]), 2):
        is_beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        assert is_beside or one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
    assert all(each["gridPos"]["x"] + each["gridPos"]["w"] <= 24 for each in PANELS)


def test_every_metric_of_the_service_is_shown_and_no_other() -> None:
    assert names(" ".join(QUERIES)) == METRICS


@pytest.mark.tool("promtool")
def test_every_query_is_one(tmp_path: Path) -> None:
    queries = [each.replace("$__rate_interval", "2m").replace("$environment", ".*") for each in QUERIES]
    rules = [{"record": f"query:{number}", "expr": each} for number, each in enumerate(queries)]
    file = tmp_path / "queries.yaml"
    # YAML is a superset of JSON.
    file.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}), encoding="utf-8")
    assert promtool.run("check", "rules", str(file)) == ""
    assert "$" not in file.read_text(encoding="utf-8")
