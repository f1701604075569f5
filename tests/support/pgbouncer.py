"""PgBouncer itself, in front of the server that the tests use.

Plugin of pytest.
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import psycopg
import pytest
from sqlalchemy import URL, make_url

from tests.support.databases import PostgresServer
from tests.support.tools import path_of
from tests.support.waiting import until

CONFIGURATION = """
[databases]
* = {target}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = {mode}
default_pool_size = {size}
max_client_conn = 200
"""


@dataclass(frozen=True, slots=True)
class Pooler:
    """A running PgBouncer. port: where it listens."""

    port: int

    def url(self, database_url: str) -> str:
        """Give the address of a database of the server's by way of the pooler."""
        database = make_url(database_url).database
        return f"postgresql://somebody@127.0.0.1:{self.port}/{database}"


Pooling: TypeAlias = Callable[..., AbstractContextManager[Pooler]]


@pytest.fixture
def pooling(postgres_server: PostgresServer) -> Pooling:
    """Runs a PgBouncer in a pool_mode, with so many sessions, for a block."""
    return partial(running, postgres_server.url)


@contextmanager
def running(server: URL, mode: str, *, size: int = 8) -> Iterator[Pooler]:
    """Run a PgBouncer in front of a server."""
    program = path_of("pgbouncer")
    assert program is not None
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    target: dict[str, Any] = psycopg.conninfo.conninfo_to_dict(server.render_as_string(hide_password=False))
    # Without one each client gets the database that it names.
    del target["dbname"]
    words = " ".join(f"{name}={value}" for name, value in target.items() if value)
    with tempfile.TemporaryDirectory(prefix="syncer-pgbouncer-") as directory:
        file = Path(directory) / "pgbouncer.ini"
        file.write_text(CONFIGURATION.format(target=words, port=port, mode=mode, size=size))
        command = [program, "-q", str(file)]
        if os.geteuid() == 0:
            # It does not run as root; the server's own user may use the server's socket.
            user = _owner_of(str(target.get("host", "")))
            shutil.chown(directory, user)
            command[1:1] = ["-u", user]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                until(partial(_is_listening, port), "PgBouncer")
                yield Pooler(port)
            finally:
                process.terminate()


def _owner_of(place: str) -> str:
    folder = Path(place)
    return pwd.getpwuid(folder.stat().st_uid).pw_name if place.startswith("/") else "nobody"


def _is_listening(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False
