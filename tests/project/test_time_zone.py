"""All tests run off UTC, and so do the programs and the database sessions that they start."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import psycopg

from tests.support.databases import PostgresServer
from tests.support.environment import without_settings

#: Standard time there; with summer time it is an hour more.
AHEAD = timedelta(hours=12, minutes=45)


def test_this_process_is_off_utc() -> None:
    assert datetime.now(UTC).astimezone().utcoffset() in {AHEAD, AHEAD + timedelta(hours=1)}


def test_a_program_that_a_test_starts_is_off_utc() -> None:
    told = subprocess.run(
        [sys.executable, "-c", "import time; print(-time.timezone)"],
        env=without_settings(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(told.stdout) == AHEAD.total_seconds()


def test_a_session_of_postgresql_is_off_utc(postgres_server: PostgresServer) -> None:
    url = postgres_server.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url) as connection:
        assert connection.execute("SHOW TimeZone").fetchone() == (os.environ["TZ"],)
