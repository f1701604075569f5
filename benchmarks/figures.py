"""The figures of a run beside those of the run before: what has changed by more than a tenth.

    make bench-compare
    python -m benchmarks.figures [FILE]

``make bench`` saves its figures there, and keeps those that it replaces. The exit code is 1 where one is
worse by more than a tenth: run it again before you believe that, and on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.servers import ROOT

#: Where ``make bench`` keeps them.
FILE = ROOT / "build" / "figures.json"
#: Share of a figure by which it may get worse.
TOLERATED = 0.10
#: Figures of a load that are compared. Of each, less is better.
_OF_LOADS = ("seconds", "whole", "processor", "peak_mb", "requests", "disk", "block")
#: Smallest figures that are compared: below them the noise is larger than the figure.
_LEAST = {"seconds": 0.05, "whole": 0.05, "processor": 0.05, "disk": 1_000_000, "block": 0.02}


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure, and that of the run before; None: there was none. Less is better."""

    name: str
    now: float
    before: float | None

    @property
    def change(self) -> float | None:
        """Change as a share of the former figure; above 0: it is worse."""
        return None if not self.before else self.now / self.before - 1

    @property
    def is_worse(self) -> bool:
        """True where it is worse by more than is tolerated."""
        return self.change is not None and self.change > TOLERATED


def save(file: Path, figures: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    """Save the figures of a run, with those that they replace."""
    before = json.loads(file.read_text("utf-8")) if file.exists() else {}
    before.pop("before", None)
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"], capture_output=True, text=True, cwd=ROOT, check=False
    ).stdout.strip()
    at = datetime.now(UTC).isoformat(timespec="seconds")
    file.parent.mkdir(parents=True, exist_ok=True)
    saved = {"at": at, "commit": commit, **figures, "before": before}
    file.write_text(json.dumps(saved, indent=1), "utf-8")


def compared(saved: Mapping[str, Any]) -> list[Figure]:
    """Pair the figures with those of the run before."""
    before = dict(_named(saved["before"]))
    return [Figure(name, value, before.get(name)) for name, value in _named(saved)]


def report(file: Path) -> bool:
    """Print the figures of a file beside those before them; True where none is worse by more than a tenth."""
    saved = json.loads(file.read_text("utf-8"))
    figures = compared(saved)
    if not saved["before"]:
        print(f"There are no figures before those of {saved['at']} ({saved['commit']}).")
        return True
    print(f"before: {saved['before']['at']} ({saved['before']['commit']})")
    print(f"now:    {saved['at']} ({saved['commit']})\n")
    print(f"{'':<66}{'before':>14}{'now':>14}{'change':>9}")
    for each in figures:
        former = "" if each.before is None else f"{each.before:,.3f}"
        change = "" if each.change is None else f"{each.change:+.0%}"
        print(
            f"{each.name:<66}{former:>14}{each.now:>14,.3f}{change:>9}{'   worse' if each.is_worse else ''}"
        )
    return not any(each.is_worse for each in figures)


def _named(saved: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """Give each figure by a name that stays the same from run to run."""
    for load in saved.get("loads", ()):
        for member in _OF_LOADS:
            value = load.get(member)
            if value and value >= _LEAST.get(member, 0.0):
                yield f"{load['database']}, {load['by']}, {load['what']}: {member}", value
    for start in saved.get("starts", ()):
        for member in ("seconds", "processor"):
            yield f"{start['database']}, {start['name']}: {member}", start[member]
    for limited in saved.get("limits", ()):
        yield f"{limited['name']}: seconds", limited["seconds"]
        if limited["refused"]:
            yield f"{limited['name']}: refused", limited["refused"]


def main() -> None:
    """Read the arguments and compare."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", nargs="?", type=Path, default=FILE)
    sys.exit(0 if report(parser.parse_args().file) else 1)


if __name__ == "__main__":
    main()
