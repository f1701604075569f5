"""Service with a gateway under test: a process of its own, before a simulated Kombo."""

from __future__ import annotations

import json
import resource
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import httpx
from sqlalchemy import text

from benchmarks.services import processor_seconds, running_service
from syncer.simulator.server.environment import Environment
from syncer.store.db.database import Database

TOKEN = "token-of-the-gateway-under-test"
#: Seconds that a service may take for anything, and those in which one at rest takes next to none of the
#: processor.
PATIENCE, REST, AT_REST = 1_800.0, 10.0, 0.1
_numbers = count()


@dataclass(frozen=True, slots=True)
class GatewayService:
    """A running service. kombo: address of the simulated Kombo; database: a look at the mirror."""

    port: int
    pid: int
    kombo: str
    api_key: str
    database: Database

    def headers(self, integration_id: str) -> dict[str, str]:
        """Give the headers of a call."""
        return {"Authorization": f"Bearer {TOKEN}", "X-Integration-Id": integration_id}

    def post(self, client: httpx.Client, integration_id: str) -> str:
        """Write a group through the gateway; give its id."""
        address = f"http://127.0.0.1:{self.port}/gateway/v1"
        return _post(client, address, self.headers(integration_id))

    def post_to_kombo(self, client: httpx.Client, integration_id: str) -> str:
        """Write a group at Kombo itself; give its id."""
        headers = {**self.headers(integration_id), "Authorization": f"Bearer {self.api_key}"}
        return _post(client, self.kombo, headers)

    def has_group(self, id: str) -> bool:
        """Tell whether the mirror has a group."""
        with self.database.read() as connection:
            found = connection.execute(text("SELECT 1 FROM hris_groups WHERE id = :id"), {"id": id})
            return found.scalar() is not None

    def until_complete(self, streams: int) -> None:
        """Wait until so many streams are complete."""
        deadline = time.monotonic() + PATIENCE
        while self.complete_streams() < streams:
            _check(deadline, "never complete")
            time.sleep(0.2)

    def complete_streams(self) -> int:
        """Count the streams that are complete."""
        with self.database.read() as connection:
            found = connection.execute(text("SELECT count(*) FROM sync_streams WHERE state = 'complete'"))
            count: int = found.scalar_one()
            return count

    def until_idle(self) -> None:
        """Wait until the service has nothing to do."""
        deadline = time.monotonic() + PATIENCE
        while True:
            before = self.processor_seconds()
            time.sleep(REST)
            if self.processor_seconds() - before < AT_REST:
                return
            _check(deadline, "never at rest")

    def processor_seconds(self) -> float:
        """Read the processor time that the service has taken so far."""
        return processor_seconds(self.pid)

    def memory(self) -> int:
        """Read the memory of the service, in MiB."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text(encoding="ascii").split()[1])
        return pages * resource.getpagesize() // 2**20


@contextmanager
def serving(
    url: str, environment: Environment, lists: Sequence[str], *, page_size: int = 250
) -> Iterator[GatewayService]:
    """Run the service with these lists until the block ends. page_size: of what it reads of Kombo."""
    settings = {
        "SYNCER_KOMBO__PAGE_SIZE": str(page_size),
        "SYNCER_SYNC__MODELS": json.dumps(lists),
        "SYNCER_SYNC__EVERY": "1d",
        "SYNCER_GATEWAY__ENABLED": "true",
        "SYNCER_GATEWAY__TOKEN": TOKEN,
        "SYNCER_GATEWAY__MAX_AGE": "1d",
    }
    with (
        tempfile.TemporaryDirectory() as directory,
        running_service(url, environment, Path(directory), settings, patience=PATIENCE) as running,
    ):
        yield GatewayService(running.port, running.pid, running.kombo, environment.api_key, running.database)


def _post(client: httpx.Client, address: str, headers: dict[str, str]) -> str:
    answer = client.post(
        f"{address}/hris/groups", json={"name": f"group {next(_numbers)}"}, headers=headers, timeout=60
    )
    if answer.status_code != 200:
        raise SystemExit(f"a write was answered {answer.status_code}: {answer.text}")
    id: str = answer.json()["data"]["id"]
    return id


def _check(deadline: float, trouble: str) -> None:
    if time.monotonic() > deadline:
        raise SystemExit(f"the service is {trouble}")
