"""The service as benchmarks run it: a process of its own before a simulated Kombo."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from benchmarks.servers import ROOT
from syncer.simulator.server.environment import Environment
from syncer.simulator.server.serve import running_in_thread
from syncer.store.db.database import Database


@dataclass(frozen=True, slots=True)
class RunningService:
    """A running service. kombo: address of the simulated Kombo; database: a look at the mirror."""

    port: int
    pid: int
    kombo: str
    database: Database


@contextmanager
def running_service(
    url: str, environment: Environment, directory: Path, settings: Mapping[str, str], *, patience: float
) -> Iterator[RunningService]:
    """Run the service with these settings besides its own until the block ends.

    patience: seconds until it is ready, at most.
    """
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with running_in_thread(environment) as kombo:
        own = {
            "PYTHONPATH": str(ROOT),
            "SYNCER_KOMBO__BASE_URL": kombo,
            "SYNCER_KOMBO__API_KEY": environment.api_key,
            "SYNCER_INTEGRATIONS": json.dumps([{"id": each} for each in environment.integrations]),
            "SYNCER_DATABASE__URL": url,
            "SYNCER_WEB__PORT": str(port),
            "SYNCER_LOG__LEVEL": "WARNING",
        }
        command = [sys.executable, "-m", "syncer", "run"]
        with subprocess.Popen(command, cwd=directory, env={**os.environ, **own, **settings}) as process:
            database = Database(url)
            try:
                _until_ready(f"http://127.0.0.1:{port}/readyz", patience)
                yield RunningService(port, process.pid, kombo, database)
            finally:
                database.close()
                process.terminate()


def processor_seconds(pid: int) -> float:
    """Read the processor time that a process has taken so far."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _until_ready(url: str, patience: float) -> None:
    deadline = time.monotonic() + patience
    while True:
        try:
            if httpx.get(url, trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            pass
        if time.monotonic() > deadline:
            raise SystemExit("the service is never ready")
        time.sleep(0.1)
