"""Ten thousand generated requests to every page of a running service: none may bring out a fault or a secret.

    python -m benchmarks.web_requests
    python -m benchmarks.web_requests --number 100000

Fails with the request that did; prints how often each status came. Its short form is a test:
tests/reliability/test_generated_requests.py.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import httpx

from syncer.simulator.server.serve import running_in_thread
from tests.support.generated_requests import TOKEN, Asker, ask_generated
from tests.support.source import Source, make_environment
from tests.support.webhooks import PERSON, SECRET

ROOT = Path(__file__).parents[1]
VALUE = "s3cr3t Margarethe"
#: Seconds that the service gets to read everything.
START = 60.0


def main() -> None:
    """Read the arguments, start a service and send the requests."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--number", type=int, default=10_000)
    number: int = parser.parse_args().number
    environment = make_environment()
    company = next(iter(environment.companies.values()))
    company.update("hris_employees", company.ids("hris_employees")[0], first_name=VALUE)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as directory, running_in_thread(environment) as base_url:
        log = Path(directory) / "log"
        settings = {
            **Source(environment, base_url).settings(f"sqlite:///{directory}/mirror.db"),
            "SYNCER_WEB__PORT": str(port),
            "SYNCER_WEB__TOKEN": TOKEN,
            "SYNCER_WEBHOOKS__SECRETS": json.dumps([SECRET]),
            "SYNCER_CHANGES__MODELS": '["*"]',
            "SYNCER_LOG__LEVEL": "DEBUG",
            "PYTHONPATH": str(ROOT),
        }
        command = [sys.executable, "-m", "syncer", "run"]
        with (
            log.open("wb") as stderr,
            subprocess.Popen(
                command, cwd=directory, env={**os.environ, **settings}, stderr=stderr
            ) as service,
        ):
            try:
                _until_read(f"http://127.0.0.1:{port}")

                def check() -> None:
                    assert service.poll() is None, "the service has ended"
                    assert httpx.get(f"http://127.0.0.1:{port}/readyz", trust_env=False).status_code == 200

                secrets = (TOKEN, SECRET, environment.api_key, PERSON, "Traceback")
                asker = Asker(port, secrets, values=(VALUE,))
                began = time.monotonic()
                ask_generated(asker, number, check)
                seconds = time.monotonic() - began
            finally:
                service.terminate()
        logged = log.read_text(encoding="utf-8", errors="replace")
    assert service.returncode == 0, f"the service ended with {service.returncode}"
    told = [each for each in (*secrets, VALUE) if each in logged]
    assert not told, f"the log tells {told}"
    print(f"{asker.statuses.total():,} requests in {seconds:.0f} s, {logged.count(chr(10)):,} lines of log")
    for status, count in sorted(asker.statuses.items(), key=lambda each: each[0] or 0):
        print(f"{status or 'closed'}: {count:,}")


def _until_read(url: str) -> None:
    """Wait until the service is ready and has read every stream."""
    deadline = time.monotonic() + START
    headers = {"Authorization": f"Bearer {TOKEN}"}
    while time.monotonic() < deadline:
        with suppress(httpx.TransportError):
            if httpx.get(f"{url}/readyz", trust_env=False).status_code == 200:
                states = httpx.get(f"{url}/status", headers=headers, trust_env=False).json()["totals"][
                    "streams"
                ]
                if states and set(states) == {"complete"}:
                    return
        time.sleep(0.2)
    raise SystemExit("The service did not get ready.")


if __name__ == "__main__":
    main()
