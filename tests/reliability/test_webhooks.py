"""Webhooks and what goes wrong around them: nothing that was answered is lost, and no sender costs much."""

from __future__ import annotations

import signal
import socket
from contextlib import ExitStack, suppress

import httpx
import pytest
from sqlalchemy import select

from syncer.simulator.server.faults import Late, Match
from syncer.store.schema.mirror_tables import MIRROR, webhook_events
from tests.support.mirror import Mirror
from tests.support.processes import Serve, ServedSource, Service
from tests.support.source import make_environment
from tests.support.waiting import PATIENCE, until
from tests.support.webhooks import PATH, SECRET, data_changed, headers

GROUPS = "hris_groups"
SETTINGS = {"SYNCER_WEBHOOKS__SECRETS": f'["{SECRET}"]', "SYNCER_SYNC__EVERY": "1d"}


@pytest.fixture
def mirror(migrated_url: str) -> Mirror:
    """A migrated database of both kinds."""
    return Mirror(migrated_url)


@pytest.fixture
def source(serve: Serve) -> ServedSource:
    """A served source whose lists answer at once."""
    return serve(make_environment(records=120))


def started(source: ServedSource, mirror: Mirror) -> tuple[Service, str]:
    """Start a service and wait for its mirror; give where it takes webhooks."""
    service = source.start(mirror.database_url, **SETTINGS)
    url = service.wait_for("pages_served")["url"].rstrip("/")
    until(lambda: mirror.is_complete(source.streams), "the first load")
    return service, f"{url}{PATH}"


def rename(source: ServedSource, name: str) -> str:
    company = next(iter(source.environment.companies.values()))
    id = company.ids(GROUPS)[0]
    company.update(GROUPS, id, name=name)
    return id


def name_of(mirror: Mirror, id: str) -> str | None:
    with mirror.read() as connection:
        table = MIRROR[GROUPS]
        return connection.execute(select(table.c.name).where(table.c.id == id)).scalar_one_or_none()


def handled(mirror: Mirror) -> bool:
    """Tell whether nothing is left to do of any event."""
    with mirror.read() as connection:
        return all(connection.execute(select(webhook_events.c.handled_at)).scalars())


def test_what_was_answered_is_done_after_a_kill_before_it_was_fetched(
    source: ServedSource, mirror: Mirror
) -> None:
    service, address = started(source, mirror)
    id = rename(source, "survived")
    # The list is asked for, and its answer does not come before the end.
    source.environment.faults.add(Match(model=GROUPS), Late(PATIENCE), times=None)
    body = data_changed(source.integration, "hris_teams")
    assert httpx.post(address, content=body, headers=headers(body), timeout=PATIENCE).status_code == 200
    service.send(signal.SIGKILL)
    service.end()
    source.environment.faults.clear()
    assert (name_of(mirror, id) == "survived", handled(mirror)) == (False, False)
    again, address = started(source, mirror)
    until(lambda: name_of(mirror, id) == "survived", "the change")
    until(lambda: handled(mirror), "the end of its run")
    # Its sender, who may not have seen the answer, is told that it has come before.
    assert httpx.post(address, content=body, headers=headers(body), timeout=PATIENCE).json() == {
        "outcome": "repeated"
    }
    assert again.stop() == 0


def test_large_bodies_and_slow_senders_cost_others_nothing(source: ServedSource, mirror: Mirror) -> None:
    service, address = started(source, mirror)
    port = httpx.URL(address).port
    assert port is not None
    with ExitStack() as stack:
        for number in range(40):
            slow = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=PATIENCE))
            slow.sendall(
                f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n{number}".encode()
            )
        for _ in range(2):
            assert refused(port, length="Content-Length: 31457280") == 413
            assert refused(port, length="Transfer-Encoding: chunked") in {413, None}
        before = memory_of(service)
        id = rename(source, "meanwhile")
        body = data_changed(source.integration, "hris_teams")
        assert httpx.post(address, content=body, headers=headers(body), timeout=PATIENCE).status_code == 200
        until(lambda: name_of(mirror, id) == "meanwhile", "the change")
        for _ in range(2):
            refused(port, length="Transfer-Encoding: chunked")
        # Kilobytes; twice thirty megabytes were sent.
        assert memory_of(service) - before < 30_000
    assert service.stop() == 0
    assert len(service.events("requests_refused")) <= 4


def refused(port: int, *, length: str) -> int | None:
    """Send thirty megabytes as far as they are taken; give the status of the answer, if there was one."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as made:
        made.sendall(f"POST {PATH} HTTP/1.1\r\nHost: x\r\n{length}\r\n\r\n".encode())
        piece = b"x" * 65_536
        with suppress(OSError):
            for _ in range(480):
                made.sendall(
                    f"{len(piece):x}\r\n".encode() + piece + b"\r\n" if "chunked" in length else piece
                )
        with suppress(OSError):
            answer = made.recv(64)
            return int(answer.split()[1]) if answer else None
    return None


def memory_of(service: Service) -> int:
    """Kilobytes that the process has in memory."""
    with open(f"/proc/{service.process.pid}/status", encoding="utf-8") as status:
        [line] = [line for line in status if line.startswith("VmRSS:")]
    return int(line.split()[1])
