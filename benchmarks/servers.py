"""What benchmarks talk to: the page server and an empty PostgreSQL database, in processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import httpx
import psycopg
from sqlalchemy import make_url

from tests.support import postgres as embedded_postgres

ROOT = Path(__file__).resolve().parent.parent
#: Of the embedded server: as it comes, durable, with memory for its pages as on a small machine of one's own.
CONFIGURATION = "shared_buffers = 256MB\nmax_connections = {connections}\n"


def compiled_once() -> dict[str, str]:
    """Make the environment of commands that keep their compiled modules, as an installed program has them."""
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**environ, "PYTHONPYCACHEPREFIX": str(ROOT / "build" / "compiled")}


@dataclass(frozen=True, slots=True)
class PageServer:
    """A running page server. address: without a path; pid: of its process."""

    address: str
    pid: int

    @property
    def base_url(self) -> str:
        return f"{self.address}/v1"

    def told(self) -> dict[str, float]:
        """Requests, refusals, bytes of bodies and seconds since it was last asked."""
        said: dict[str, float] = httpx.get(f"{self.address}/told").json()
        return said

    def change(self) -> None:
        """Have some rows differ from now on."""
        httpx.post(f"{self.address}/change", timeout=60)


@contextmanager
def page_server(
    records: int, *, changed: int = 100, limit: int | None = None, window: float = 60.0, other: int = 0
) -> Iterator[PageServer]:
    """So many records, of which one in ``changed`` changes.

    limit: requests in every window of so many seconds; other: somebody else's of them.
    """
    limited = [] if limit is None else ["--limit", f"{limit}", "--window", f"{window}", "--other", f"{other}"]
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.pages", str(records), "--changed", f"{changed}", *limited],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as server:
        assert server.stdout is not None
        try:
            yield PageServer(f"http://127.0.0.1:{server.stdout.readline().strip()}", server.pid)
        finally:
            server.terminate()


@contextmanager
def postgresql(connections: int = 50) -> Iterator[str]:
    """The URL of an empty database: of SYNCER_TEST_POSTGRES_URL, or of an embedded server.

    connections: the most that the embedded server takes.
    """
    given = os.environ.get("SYNCER_TEST_POSTGRES_URL")
    server = nullcontext(given) if given else _embedded(connections)
    with server as admin, empty_database(admin, "ours") as url:
        yield url


@contextmanager
def empty_database(admin: str, suffix: str) -> Iterator[str]:
    """The URL of a database of its own on that server."""
    name = f"syncer_bench_{suffix}_{os.getpid()}"
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
        try:
            yield make_url(admin).set(database=name).render_as_string(hide_password=False)
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@contextmanager
def _embedded(connections: int) -> Iterator[str]:
    configuration = CONFIGURATION.format(connections=connections)
    with embedded_postgres.running(configuration, on_disk=True) as server:
        yield server.url
