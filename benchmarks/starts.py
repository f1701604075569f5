"""How soon commands end that have next to nothing to do, beside the least that one can take.

    python -m benchmarks.starts [--rounds 9] [--database sqlite|postgresql]

The least is the start of Python with the three libraries that the program stands on. All are whole
processes, in turns; of each the median of the seconds by the clock, and of those of the processor, which
depend less on what else the machine does. The mirror has a list of one integration, and Kombo, a page server,
nothing new.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from benchmarks.pages import INTEGRATION, PAGE
from benchmarks.servers import compiled_once, page_server, postgresql

#: What the program stands on.
LIBRARIES = "import sqlalchemy, httpx, pydantic"
LEAST = f"python -c '{LIBRARIES}'"
#: Commands with the most that each may take, in times the least.
COMMANDS = {"status": 1.3, "sync": 1.5}
ROUNDS = 9
_CONFIGURATION = """
[kombo]
api_key = "bench"
base_url = "{base_url}"
[database]
url = "{url}"
[[integrations]]
id = "{integration}"
models = ["hris_employees"]
"""


@dataclass(frozen=True, slots=True)
class Start:
    """A command's whole process: seconds, and those of the processor; at_most: a goal, in times the least."""

    database: str
    name: str
    seconds: float
    processor: float
    at_most: float | None = None


def measured(directory: Path, rounds: int = ROUNDS, database: str = "sqlite") -> Iterator[Start]:
    """Time the libraries and the commands."""
    of_database = (
        postgresql() if database == "postgresql" else nullcontext(f"sqlite:///{directory}/starts.db")
    )
    with page_server(PAGE, limit=1_000_000) as server, of_database as url:
        config = directory / "config.toml"
        config.write_text(
            _CONFIGURATION.format(base_url=server.base_url, url=url, integration=INTEGRATION), "utf-8"
        )
        config.chmod(0o600)
        commands = {LEAST: ["-c", LIBRARIES]}
        commands |= {f"syncer {name}": ["-m", "syncer", name] for name in COMMANDS}
        # These compile what is imported, and make and fill the tables.
        for each in (["-m", "syncer", "backfill"], *commands.values()):
            _run(each, directory)
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
        for _ in range(rounds):
            for name, arguments in commands.items():
                taken[name].append(_run(arguments, directory))
    for name, times in taken.items():
        seconds, processor = (statistics.median(each) for each in zip(*times, strict=True))
        yield Start(database, name, seconds, processor, COMMANDS.get(name.removeprefix("syncer ")))


def _run(arguments: Sequence[str], directory: Path) -> tuple[float, float]:
    before, began = os.times(), time.perf_counter()
    subprocess.run(
        [sys.executable, *arguments],
        cwd=directory,
        env=compiled_once(),
        stdout=subprocess.DEVNULL,
        check=True,
    )
    seconds, after = time.perf_counter() - began, os.times()
    worked = after.children_user + after.children_system - before.children_user - before.children_system
    return seconds, worked


def report(starts: Sequence[Start]) -> None:
    """Print them."""
    least = next(each for each in starts if each.name == LEAST)
    print(f"{'whole processes':<48}{'seconds':>9}{'cpu':>7}{'times':>7}{'cpu':>7}")
    for each in starts:
        times, worked = each.seconds / least.seconds, each.processor / least.processor
        goal = "" if each.at_most is None else f"   goal: {each.at_most}"
        missed = ", not met" if each.at_most is not None and times > each.at_most else ""
        print(
            f"{each.name:<48}{each.seconds:>9.2f}{each.processor:>7.2f}{times:>7.2f}{worked:>7.2f}{goal}{missed}"
        )


def main() -> None:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        report(list(measured(Path(name), asked.rounds, asked.database)))


if __name__ == "__main__":
    main()
