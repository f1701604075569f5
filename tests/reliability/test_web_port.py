"""The web port under attack: the program does its work, answers others, says little, and ends when told.

The programs are processes that may open few files: so a few hundred connections are more than they can have.
"""

from __future__ import annotations

import json
import resource
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.support.processes import SYNCER, Serve, ServedSource, Service
from tests.support.source import make_environment
from tests.support.waiting import PATIENCE, until
from tests.support.webhooks import SECRET

#: Files and sockets that a program may have open.
DESCRIPTORS = 128
GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
#: Beginnings of requests to pages of each kind, whose ends take their time.
BEGINNINGS = (
    b"",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ",
    b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nX: ",
    b"GET /changes?wait=60 HTTP/1.1\r\nHost: localhost\r\nX: ",
    b"POST /webhooks/kombo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n",
)
#: What the log may say of all that happens at the port: a line at once, one a minute later, one at the end.
MOST_LINES = 3


def few_descriptors() -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, DESCRIPTORS))


@dataclass
class Attackers:
    """Connections that attack a port until they are told to stop."""

    address: tuple[str, int]
    stopped: threading.Event = field(default_factory=threading.Event)

    def connect(self) -> socket.socket:
        made = socket.create_connection(self.address, timeout=PATIENCE)
        made.settimeout(1)
        return made

    def hold(self) -> None:
        """Hold as many as can be had, each with the beginning of a request, and send a byte now and then."""
        with ExitStack() as stack:
            held: list[socket.socket] = []
            while not self.stopped.wait(0.05):
                with suppress(OSError):
                    while len(held) < 400:
                        held.append(stack.enter_context(self.connect()))
                        held[-1].sendall(BEGINNINGS[len(held) % len(BEGINNINGS)])
                for each in held:
                    with suppress(OSError):
                        each.send(b"G")

    def flood(self) -> None:
        """Ask without end, many requests on each connection, and read nothing."""
        while not self.stopped.is_set():
            with suppress(OSError), self.connect() as made:
                while not self.stopped.is_set():
                    made.sendall(GET * 1000)

    def knock(self) -> None:
        """Connect, and go; or send what is no request."""
        while not self.stopped.is_set():
            for data in (b"", b"\x16\x03\x01\r\n\r\n"):
                with suppress(OSError), self.connect() as made:
                    made.sendall(data)


@contextmanager
def attacked(port: int, attack: Callable[[Attackers], None], threads: int) -> Iterator[None]:
    """Attack the port from many threads while the block runs."""
    attackers = Attackers(("127.0.0.1", port))
    running = [threading.Thread(target=attack, args=(attackers,)) for _ in range(threads)]
    for each in running:
        each.start()
    try:
        yield
    finally:
        attackers.stopped.set()
        for each in running:
            each.join()


def port_of(service: Service) -> int:
    return httpx.URL(service.wait_for("pages_served")["url"]).port or 0


def is_healthy(port: int, path: str = "/healthz") -> bool:
    """Ask as a client that asks again: where attackers share its address, a slow one may have to give way."""

    def status() -> int | None:
        with suppress(ConnectionError), closing(HTTPConnection("127.0.0.1", port, PATIENCE)) as connection:
            connection.request("GET", path)
            return connection.getresponse().status
        return None

    return until(status, path) == 200


def start(source: ServedSource, database_url: str) -> Service:
    environment = {**source.settings(database_url), "SYNCER_SYNC__EVERY": "1s"}
    environment |= {
        "SYNCER_LOG__LEVEL": "DEBUG",
        "SYNCER_CHANGES__MODELS": '["*"]',
        "SYNCER_WEBHOOKS__SECRETS": json.dumps([SECRET]),
    }
    return source.start_program((*SYNCER, "run"), environment, preexec_fn=few_descriptors)


def lines_about_clients(service: Service) -> list[str]:
    """Events that are worth a warning, but for the tests' own superuser and open files."""
    warned = [each["event"] for each in service.events() if each["level"] not in {"info", "debug"}]
    return [event for event in warned if event != "exposure_found"]


@pytest.mark.parametrize(
    ("migrated_url", "attack", "threads"),
    [
        pytest.param("postgresql", Attackers.hold, 2, id="postgresql-hold"),
        pytest.param("postgresql", Attackers.flood, 20, id="postgresql-flood"),
        pytest.param("sqlite", Attackers.hold, 2, id="sqlite-hold"),
        pytest.param("sqlite", Attackers.knock, 10, id="sqlite-knock"),
    ],
    indirect=["migrated_url"],
)
def test_the_service_goes_on_whatever_comes_to_its_port(
    serve: Serve, migrated_url: str, attack: Callable[[Attackers], None], threads: int
) -> None:
    source = serve(make_environment())
    service = start(source, migrated_url)
    port = port_of(service)
    until(lambda: len(service.events("run_ended")) >= source.streams, "all streams")
    with attacked(port, attack, threads):
        before = len(service.events("run_ended"))
        for path in ("/healthz", "/readyz", "/", "/metrics", "/changes"):
            assert is_healthy(port, path), path
        until(lambda: len(service.events("run_ended")) >= before + source.streams, "another round")
        assert is_healthy(port)
        # While it is attacked.
        service.send(signal.SIGTERM)
        assert service.end() == 0
    assert service.events()[-1]["event"] == "service_stopped"
    assert set(lines_about_clients(service)) <= {"requests_refused"}
    assert len(lines_about_clients(service)) <= MOST_LINES


def test_the_simulator_goes_on_whatever_comes_to_its_port(serve: Serve) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    simulator = serve(make_environment()).start_program(
        (*SYNCER, "simulate", "--port", str(port), "--records", "100"), {}, preexec_fn=few_descriptors
    )

    def answers() -> bool:
        # Where attackers share its address, a client may have to give way, and asks again.
        with suppress(httpx.TransportError):
            answer = httpx.get(
                f"http://127.0.0.1:{port}/v1/check-api-key",
                headers={"Authorization": "Bearer sim-key"},
                timeout=PATIENCE,
            )
            return answer.status_code in (200, 429)
        return False

    until(answers, "the simulator")
    for attack in (Attackers.hold, Attackers.knock):
        with attacked(port, attack, 2):
            for _ in range(5):
                until(answers, "an answer beside the attack")
    assert simulator.stop() == 0
    assert len(simulator.lines) <= MOST_LINES
    assert "Traceback" not in "".join(simulator.lines)


METHODS = st.sampled_from([b"GET", b"POST", b"HEAD", b"TRACE", b"CONNECT", b"OPTIONS", b"\x00", b"get"])
TARGETS = st.sampled_from(
    [
        b"/",
        b"/metrics",
        b"/changes?wait=1",
        b"/healthz",
        b"*",
        b"//",
        b"/../../etc/passwd",
        b"http://evil.example/",
        b"evil:443",
    ]
) | st.binary(max_size=50)
VERSIONS = st.sampled_from([b"HTTP/1.1", b"HTTP/1.0", b"HTTP/0.9", b"HTTP/2.0", b"", b"HTTP/1.1 "])
HEADERS = st.sampled_from(
    [
        b"Host: localhost",
        b"Host: evil.example",
        b"Host: localhost\r\nHost: evil.example",
        b"Content-Length: 10",
        b"Content-Length: 99999999999999999999",
        b"Transfer-Encoding: chunked",
        b"Transfer-Encoding: gzip, chunked",
        b"Connection: keep-alive, Upgrade",
        b"Upgrade: websocket",
        b"Expect: 100-continue",
        b"Authorization: Basic \xff\xfe",
        b"X: " + b"x" * 20_000,
        b" folded",
    ]
) | st.binary(max_size=50)
REQUESTS = st.builds(
    lambda method, target, version, headers, body: b"".join(
        (method, b" ", target, b" ", version, b"\r\n", *(each + b"\r\n" for each in headers), b"\r\n", body)
    ),
    METHODS,
    TARGETS,
    VERSIONS,
    st.lists(HEADERS, max_size=5),
    st.binary(max_size=100)
    | st.sampled_from([b"5\r\nabcde\r\n0\r\n\r\n", b"ffffffffffffffff\r\n", b"-1\r\n"]),
)


def test_no_generated_request_stops_the_service_or_makes_it_talk(
    serve: Serve, migrated_sqlite_url: str
) -> None:
    source = serve(make_environment())
    service = start(source, migrated_sqlite_url)
    port = port_of(service)

    @settings(
        max_examples=200,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.large_base_example],
    )
    @given(st.lists(REQUESTS | st.binary(max_size=200), min_size=1, max_size=3), st.booleans())
    def send(requests: list[bytes], ends: bool) -> None:
        with suppress(ConnectionError), socket.create_connection(("127.0.0.1", port), PATIENCE) as made:
            made.sendall(b"".join(requests))
            if ends:
                made.shutdown(socket.SHUT_WR)
                made.recv(65536)
        assert is_healthy(port)

    send()
    assert service.stop() == 0
    assert set(lines_about_clients(service)) <= {"requests_refused"}
    assert len(lines_about_clients(service)) <= MOST_LINES
    assert "Traceback" not in "".join(service.lines)
