"""The chart of docs/performance.md, from the figures that a run has saved.

    .venv-bench/bin/python benchmarks/chart.py FIGURES CHART

It runs with the packages of the group ``bench`` in an environment of its own (``make bench`` sets it up).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import matplotlib
from matplotlib import pyplot

BARS = (
    ("dlt", "first load", "dlt, first load", "#c9b8a8"),
    ("dlt", "unchanged, read whole", "dlt, unchanged", "#a89684"),
    ("naive", "first load", "naive: no indexes, no links", "#d5dce3"),
    ("floor", "first load", "floor: fetch, parse, insert", "#b9c4d0"),
    ("syncer", "first load", "syncer, first load", "#3b7dd8"),
    ("syncer", "unchanged, read whole", "syncer, unchanged", "#1d4f99"),
)


def main() -> None:
    """Draw rows per second of every load, on both databases."""
    figures, chart = map(Path, sys.argv[1:])
    matplotlib.use("svg")
    # Text stays text, and the same figures make the same file.
    matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "syncer", "font.size": 9})
    loads = json.loads(figures.read_text())["loads"]
    speeds = {(each["database"], each["by"], each["what"]): each["rows"] / each["seconds"] for each in loads}
    drawing, places = pyplot.subplots(1, 2, figsize=(8, 2.6), sharex=True, layout="constrained")
    for place, database in zip(places, ("SQLite", "PostgreSQL"), strict=True):
        shown = [(label, colour, speeds.get((database, by, what))) for by, what, label, colour in BARS]
        bars = [(label, colour, speed) for label, colour, speed in shown if speed is not None]
        drawn = place.barh(
            [label for label, _, _ in bars],
            [speed for _, _, speed in bars],
            color=[colour for _, colour, _ in bars],
        )
        place.bar_label(drawn, [f"{speed:,.0f}" for _, _, speed in bars], padding=3)
        place.set_title(database)
        place.set_xlabel("rows per second")
        place.spines[["top", "right"]].set_visible(False)
        place.margins(x=0.15)
    drawing.savefig(chart, metadata={"Date": None})


if __name__ == "__main__":
    main()
