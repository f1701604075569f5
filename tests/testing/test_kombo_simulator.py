"""The simulator as tests of other programs have it: over HTTP, in their own process."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import httpx
import pytest

from syncer.domain.webhooks.signature import SIGNATURE_HEADER, sign
from syncer.testing.kombo_simulator import KomboSimulator, simulated
from tests.support.waiting import PATIENCE


@pytest.fixture(scope="module")
def kombo() -> Iterator[KomboSimulator]:
    with simulated(integrations=2, records=100) as simulator:
        yield simulator


@pytest.fixture(autouse=True)
def _as_before(kombo: KomboSimulator) -> Iterator[None]:
    yield
    kombo.recover()
    kombo.limit(10_000)
    kombo.webhooks("")


def asked(kombo: KomboSimulator, path: str = "hris/employees", **params: str) -> httpx.Response:
    headers = {"Authorization": f"Bearer {kombo.api_key}", "X-Integration-Id": kombo.integration}
    return httpx.get(f"{kombo.url}/{path}", headers=headers, params=params, trust_env=False, timeout=PATIENCE)


def ids(answer: httpx.Response) -> list[str]:
    return [each["id"] for each in answer.raise_for_status().json()["data"]["results"]]


def test_it_serves_the_companies_as_they_are_now(kombo: KomboSimulator) -> None:
    assert len(kombo.companies) == 2
    added = kombo.company.add("hris_employees", {"first_name": "Ada", "last_name": "Lovelace"})
    assert added in ids(asked(kombo))
    kombo.company.delete("hris_employees", added)
    assert added not in ids(asked(kombo))
    assert [each.status for each in kombo.requests("hris_employees")][-2:] == [200, 200]


def test_what_fails_fails_as_often_as_said(kombo: KomboSimulator) -> None:
    kombo.fail("hris_*", 502, times=2)
    assert [asked(kombo).status_code for _ in range(3)] == [502, 502, 200]
    kombo.fail("hris_absences", "truncated")
    with pytest.raises(json.JSONDecodeError):
        asked(kombo, "hris/absences").json()
    kombo.recover()
    asked(kombo, "hris/absences").json()
    with pytest.raises(ValueError, match="Did you mean hris_absences"):
        kombo.slow(1, "hris_absence")


def test_the_clock_that_is_turned_ends_a_window_of_the_limit(kombo: KomboSimulator) -> None:
    kombo.limit(2, window=3600)
    assert [asked(kombo).status_code for _ in range(3)] == [200, 200, 429]
    before = kombo.now
    kombo.advance(hours=1)
    assert (kombo.now - before).total_seconds() >= 3600
    assert asked(kombo).status_code == 200


class _Receiver(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.taken.append((body, self.headers[SIGNATURE_HEADER]))  # type: ignore[attr-defined]
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


def test_webhooks_tell_what_has_changed_since_the_last_ones_and_are_signed(kombo: KomboSimulator) -> None:
    kombo.company.update("hris_groups", kombo.company.ids("hris_groups")[0], name="Renamed")
    [handed] = kombo.webhooks("secret")
    assert handed.type == "data-changed"
    assert handed.headers[SIGNATURE_HEADER] == sign(handed.body, "secret")
    assert kombo.webhooks("secret") == []
    kombo.environment.integrations[kombo.integration].status = "INVALID"
    with ThreadingHTTPServer(("127.0.0.1", 0), _Receiver) as server:
        server.taken = []  # type: ignore[attr-defined]
        Thread(target=server.serve_forever, daemon=True).start()
        sent = kombo.send_webhooks(f"http://127.0.0.1:{server.server_port}/hooks", "secret")
        server.shutdown()
        taken: list[tuple[bytes, str]] = server.taken  # type: ignore[attr-defined]
    assert [each.type for each in sent] == ["integration-state-changed", "issue-status-changed"]
    assert [each.status for each in sent] == [204, 204]
    assert taken == [(each.body, sign(each.body, "secret")) for each in sent]
    kombo.environment.integrations[kombo.integration].status = "ACTIVE"
    assert {each.status for each in kombo.send_webhooks("http://127.0.0.1:9/nobody", "secret")} == {None}
