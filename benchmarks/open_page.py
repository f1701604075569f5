"""What an open status page costs the service: 1,000 integrations with all 35 models, and a reader who stays.

    python -m benchmarks.open_page                             SQLite
    python -m benchmarks.open_page --database postgresql       an embedded PostgreSQL

Measures the processor time of a service for a minute without a page, and for a minute with one that asks as
its script does: with what it shows, as soon as the last answer says.
"""

from __future__ import annotations

import argparse
import re
import time
from dataclasses import dataclass
from pathlib import Path

import httpx

from benchmarks.many_streams import filled, serving
from benchmarks.services import processor_seconds

PART = re.compile(r'data-part="(\w+)" data-version="(\w+)"')


@dataclass
class Reader:
    """An open page: its versions, and what it has been sent."""

    client: httpx.Client
    answers: int = 0
    unchanged: int = 0
    sent: int = 0

    def read(self, path: str, seconds: float) -> None:
        """Open the page, and keep it open for so long."""
        until = time.monotonic() + seconds
        text = self.client.get(path).text
        known = dict(PART.findall(text))
        pause = float(re.findall(r'data-next="([\d.]+)"', text)[0])
        while (left := until - time.monotonic()) > 0:
            time.sleep(min(pause, left))
            parts = " ".join(f"{name}={version}" for name, version in known.items())
            answer = self.client.get(path, headers={"Syncer-Parts": parts})
            pause = float(answer.headers["Syncer-Next"])
            self.answers += 1
            self.sent += len(answer.content)
            if answer.status_code == 204:
                self.unchanged += 1
            else:
                known |= {name: version for name, (version, _) in answer.json()["parts"].items()}


def measure(directory: Path, port: int, seconds: float) -> None:
    """Measure a service with and without a reader."""
    with serving(directory, port) as (process, client):
        # What a start has to do is over then.
        time.sleep(15)
        for path in (None, "/", "/integrations/tool:7"):
            began, reader = processor_seconds(process), Reader(client)
            if path is None:
                time.sleep(seconds)
            else:
                reader.read(path, seconds)
            spent = processor_seconds(process) - began
            print(
                f"{path or 'no page':24} {spent:6.2f} s of processor in {seconds:.0f} s; "
                f"{reader.answers} answers, {reader.unchanged} of them empty, {reader.sent:,} bytes",
                flush=True,
            )


def main() -> None:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--integrations", type=int, default=1_000)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    given = parser.parse_args()
    with filled(given.database, given.integrations) as (directory, port):
        measure(directory, port, given.seconds)


if __name__ == "__main__":
    main()
