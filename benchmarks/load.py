"""One load by the program, in a process of its own: what it did, as a line of JSON.

python -m benchmarks.load DATABASE_URL BASE_URL backfill|restart|sync
    [--reserve N] [--integration ID] [--key KEY] [--history] [--settings JSON]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import resource
import time
from pathlib import Path

import structlog

from benchmarks.pages import INTEGRATION, INTEGRATIONS
from syncer.app import App
from syncer.config.settings import Settings
from syncer.domain.streams.stream import Mode
from syncer.operations.sync import sync
from syncer.process.memory import gc_freeze, gc_while_running, tune_malloc

#: The API key: loads that have the same one share a budget.
KEY = "bench"


def written_bytes() -> int:
    """Bytes that this process has written to files so far."""
    counts = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(counts["wchar"])


async def longest_block(every: float = 0.02) -> float:
    """Until cancelled: the longest time in seconds that the event loop did not come round."""
    longest, last = 0.0, time.perf_counter()
    try:
        while True:
            await asyncio.sleep(every)
            now = time.perf_counter()
            longest, last = max(longest, now - last - every), now
    except asyncio.CancelledError:
        return longest


async def load(asked: argparse.Namespace) -> dict[str, object]:
    """Seconds and rows of one pass over the list of employees."""
    settings = Settings.model_validate(
        {
            "kombo": {"api_key": asked.key, "base_url": asked.base_url},
            "database": {"url": asked.url},
            "integrations": [
                {"id": f"bench:{number:024d}", "models": ["hris_employees"]} for number in range(INTEGRATIONS)
            ],
            "budget": {"reserve": asked.reserve},
            "history": {"models": ["hris_employees"] if asked.history else []},
            **json.loads(asked.settings),
        }
    )
    async with App(settings) as app:
        app.open_database(may_create=True)
        watching = asyncio.create_task(longest_block())
        before, start, processor = written_bytes(), time.perf_counter(), time.process_time()
        (result,) = await sync(app, asked.mode, integrations=[asked.integration])
        seconds, processor = time.perf_counter() - start, time.process_time() - processor
        watching.cancel()
    counts = result.counts
    return {
        "seconds": seconds,
        "processor_seconds": processor,
        "rows": counts.written + counts.unchanged,
        "written": counts.written,
        "outcome": result.outcome,
        "error": result.error,
        "longest_block": await watching,
        "file_bytes": written_bytes() - before,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def main() -> None:
    """Load once and say how it went."""
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("base_url")
    parser.add_argument("mode", type=Mode)
    parser.add_argument("--reserve", default="10%")
    parser.add_argument("--integration", default=INTEGRATION)
    parser.add_argument("--key", default=KEY)
    parser.add_argument("--settings", default="{}", help="other settings, as tables in JSON")
    parser.add_argument("--history", action="store_true", help="keep versions of the rows")
    asked = parser.parse_args()
    # As the service does.
    tune_malloc()
    gc_freeze()
    gc_while_running()
    # Its lines would be mixed with ours.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    print(json.dumps(asyncio.run(load(asked))))


if __name__ == "__main__":
    main()
