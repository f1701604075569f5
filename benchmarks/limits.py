"""Measure the use of a rate limit: seconds against the least possible, and 429s, from first request to last.

python -m benchmarks.limits
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks.load import KEY
from benchmarks.pages import INTEGRATION, INTEGRATIONS, PAGE
from benchmarks.servers import ROOT, PageServer, page_server
from syncer.domain.environments import DEFAULT_ENVIRONMENT
from syncer.domain.fingerprint import key_fingerprint
from syncer.domain.ratelimit.budget import Purpose, Reserve
from syncer.store.db.database import Database
from syncer.sync.permits import PermitQueue

RIVAL = ROOT / ".venv-bench" / "bin" / "python"


@dataclass(frozen=True, slots=True)
class Limited:
    """One scenario: how long it took and how long it must at least. at_most: a goal, in times the least."""

    name: str
    seconds: float
    least: float
    refused: int
    at_most: float | None = None

    @property
    def is_met(self) -> bool:
        """Whether it was within its goal."""
        if self.at_most is None:
            return True
        return self.refused == 0 and self.seconds <= self.least * self.at_most


def started(
    url: str, base_url: str, mode: str, *, integration: str = INTEGRATION, key: str = KEY
) -> subprocess.Popen[str]:
    """A load by the program, without a reserve."""
    command = [sys.executable, "-m", "benchmarks.load", url, base_url, mode, "--key", key]
    return subprocess.Popen(
        [*command, "--reserve", "0", "--integration", integration],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


def ended(process: subprocess.Popen[str]) -> None:
    """Wait for a load, which must have read all."""
    said, _ = process.communicate()
    assert json.loads(said)["outcome"] == "complete", said


def acquainted(url: str, *integrations: str) -> None:
    """Make the mirror know the integrations, so that only pages are asked for later.

    With another key: what is asked for here is not counted there.
    """
    with page_server(1) as server:
        for each in integrations:
            ended(started(url, server.base_url, "backfill", integration=each, key="another"))


def one_process(directory: Path) -> Limited:
    """80 requests, of which one checks the key, under 20 in 5 seconds."""
    url = f"sqlite:///{directory}/one.db"
    acquainted(url, INTEGRATION)
    with page_server(79 * PAGE, limit=20, window=5) as server:
        ended(started(url, server.base_url, "restart"))
        return _told("one process, 20 per 5 s, 80 requests", server, least=15.0, at_most=1.05)


def several_processes(directory: Path) -> Limited:
    """60 requests under 20 in 3 seconds, by processes that share the key and the database."""
    url = f"sqlite:///{directory}/several.db"
    integrations = [f"bench:{number:024d}" for number in range(INTEGRATIONS)]
    acquainted(url, *integrations)
    with page_server((60 // INTEGRATIONS - 1) * PAGE, limit=20, window=3) as server:
        running = [started(url, server.base_url, "restart", integration=each) for each in integrations]
        for process in running:
            ended(process)
        name = f"{INTEGRATIONS} processes, 20 per 3 s, 60 requests"
        return _told(name, server, least=6.0, at_most=1.15)


def another_user(directory: Path) -> Limited:
    """40 requests under 20 in 3 seconds of which somebody else takes half."""
    url = f"sqlite:///{directory}/another.db"
    acquainted(url, INTEGRATION)
    with page_server(39 * PAGE, limit=20, window=3, other=10) as server:
        ended(started(url, server.base_url, "restart"))
        # A goal of ours only for the refusals.
        return _told("another user takes half, 20 per 3 s, 40 requests", server, least=9.0, at_most=2.0)


def a_write_in_between(directory: Path) -> Limited:
    """How long a write waits in a window that reads have used up to the reserve: half a second at most."""
    url = f"sqlite:///{directory}/write.db"
    with ExitStack() as stack:
        server = stack.enter_context(page_server(60 * PAGE, limit=20, window=5))
        command = [
            sys.executable,
            "-m",
            "benchmarks.load",
            url,
            server.base_url,
            "backfill",
            "--reserve",
            "2",
        ]
        reading = stack.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT))
        served = 0.0
        while served < 18:
            time.sleep(0.1)
            served += server.told()["requests"]
        database = Database(url)
        permits = PermitQueue(
            database,
            DEFAULT_ENVIRONMENT,
            key_fingerprint(KEY),
            Reserve(count=2),
            asyncio.sleep,
            time.monotonic,
        )
        start = time.perf_counter()
        asyncio.run(permits.permit(Purpose.WRITE, INTEGRATION, None))
        seconds = time.perf_counter() - start
        database.close()
        ended(reading)
        return Limited("a write beside reads that wait", seconds, 0.5, int(server.told()["refused"]), 1.0)


def by_the_rival(directory: Path) -> Limited | None:
    """The first scenario by dlt; None where it is not installed."""
    if not RIVAL.exists():
        return None
    with page_server(80 * PAGE, limit=20, window=5) as server:
        command = [str(RIVAL), "benchmarks/rival.py", f"sqlite:///{directory}/rival.db", server.base_url]
        subprocess.run([*command, str(directory / "rival")], check=True, capture_output=True, cwd=ROOT)
        return _told("dlt, 20 per 5 s, 80 requests", server, least=15.0)


def measured() -> list[Limited]:
    """All scenarios, one after the other."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        ours = [
            each(directory) for each in (one_process, several_processes, another_user, a_write_in_between)
        ]
        rival = by_the_rival(directory)
        return ours if rival is None else [*ours, rival]


def _told(name: str, server: PageServer, *, least: float, at_most: float | None = None) -> Limited:
    said = server.told()
    return Limited(name, said["seconds"], least, int(said["refused"]), at_most)


def report(scenarios: list[Limited]) -> None:
    """Print them."""
    print(f"{'under a limit':<48}{'seconds':>9}{'least':>7}{'ratio':>7}{'429s':>6}")
    for each in scenarios:
        note = "" if each.is_met else f"   goal: {each.at_most:.2f}, no 429"
        ratio = each.seconds / each.least
        print(f"{each.name:<48}{each.seconds:>9.2f}{each.least:>7.1f}{ratio:>7.2f}{each.refused:>6}{note}")


if __name__ == "__main__":
    report(measured())
