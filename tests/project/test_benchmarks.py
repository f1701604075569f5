"""What the benchmarks' files may be called."""

from __future__ import annotations

import sys
from pathlib import Path

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


def test_no_benchmark_stands_in_for_a_package_of_its_name() -> None:
    """Python looks beside a script first: a ``requests.py`` there would be what dlt imports by that name."""
    pinned = (BENCHMARKS / "constraints.txt").read_text(encoding="utf-8").splitlines()
    packages = {line.split("==")[0].lower().replace("-", "_") for line in pinned if "==" in line}
    ours = {path.stem.lower() for path in BENCHMARKS.iterdir() if path.name != "__init__.py"}
    assert not ours & (packages | sys.stdlib_module_names)
