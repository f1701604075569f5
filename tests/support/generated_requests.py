"""Requests to the web server of the service as somebody might make them up, and what no answer may be."""

from __future__ import annotations

import json
import socket
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPResponse
from urllib.parse import quote, urlencode

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from syncer.domain.webhooks.signature import SIGNATURE_HEADER, sign
from tests.support.waiting import PATIENCE
from tests.support.webhooks import SECRET

#: The token of a service that is asked.
TOKEN = "a-token-of-the-tests-only"
PAGES = ("/", "/status", "/healthz", "/readyz", "/metrics", "/changes", "/webhooks/kombo")
#: The one page that may say so although nothing is wrong with the service.
MAY_BE_UNAVAILABLE = "/readyz"
#: Bytes of an answer that are read.
READ = 1_000_000

_TEXT = st.text(max_size=30)
_NUMBERS = st.sampled_from(["0", "1", "-1", "newest", "999999999999999999999", "1e9", "", "\u0663", "0x1"])
#: Values that parameters take, or nearly.
_PARAMETERS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["after", "limit"]), _NUMBERS),
        # Who may wait for a minute would keep the test waiting.
        st.tuples(st.just("wait"), st.sampled_from(["0", "-1", "61", "x", "0.5"])),
        st.tuples(st.just("documents"), st.sampled_from(["true", "false", "TRUE", ""])),
        st.tuples(st.sampled_from(["consumer", "model", "integration"]), _TEXT | st.just("*")),
        st.tuples(_TEXT, _TEXT),
    ),
    max_size=4,
).map(lambda given: urlencode(given, errors="replace"))
_QUERIES = st.one_of(
    st.just(""), _PARAMETERS, _TEXT.map(lambda text: quote(text, safe="=&%+", errors="replace"))
)
_PATHS = st.one_of(
    st.sampled_from(PAGES),
    st.sampled_from([f"{page}/" for page in PAGES] + [f"/{page}" for page in PAGES]),
    st.sampled_from(
        ["/HEALTHZ", "/metrics%00", "/..%2f..%2fetc/passwd", "/%ff", "/changes/x", "/static/x.js"]
    ),
    _TEXT.map(lambda text: "/" + quote(text, safe="/%;@:", errors="replace")),
)
_METHODS = st.sampled_from(
    [*["GET"] * 6, *["POST"] * 3, "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND", "get"]
)
_ACCEPTED = st.sampled_from(
    [
        "*/*",
        "text/event-stream",
        "application/openmetrics-text; version=1.0.0; escaping=dots",
        "application/openmetrics-text; version=a.b",
        "text/plain; version=x; escaping",
        "text/plain;version=1.0.0;escaping=allow-utf-8",
        ";;,,=",
    ]
)
_VISIBLE = st.text(
    st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=30
)
_HEADERS = st.lists(
    st.one_of(
        st.tuples(
            st.just("Host"), st.sampled_from(["evil.example", "", "[::1]:x", "localhost:99999", "a b"])
        ),
        st.tuples(st.just("Accept"), _ACCEPTED | _VISIBLE),
        st.tuples(
            st.just("Authorization"), st.sampled_from(["Bearer", "Basic %%", "Basic OmE=", "Bearer \xe9"])
        ),
        st.tuples(st.just("Last-Event-ID"), _NUMBERS.filter(str.isascii)),
        st.tuples(st.just("Sec-Fetch-Site"), st.sampled_from(["cross-site", "none"])),
        st.tuples(st.just("Content-Type"), st.sampled_from(["application/json", "multipart/form-data", "x"])),
        st.tuples(
            st.sampled_from(["Cookie", "Origin", "X-Forwarded-Host", "If-None-Match", "Range"]), _VISIBLE
        ),
    ),
    max_size=4,
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _TEXT,
    lambda each: st.lists(each, max_size=3) | st.dictionaries(_TEXT, each, max_size=3),
    max_leaves=8,
)
_EVENTS = st.fixed_dictionaries(
    {},
    optional={
        "id": _JSON,
        "type": st.sampled_from(["data-changed", "integration-deleted", "issue-status-changed"]) | _JSON,
        "data": st.fixed_dictionaries(
            {}, optional={"integration_id": _JSON, "id": _JSON, "changed_models": _JSON, "integration": _JSON}
        ),
    },
)
_BODIES = st.one_of(
    st.just(b""),
    st.binary(max_size=50),
    (_JSON | _EVENTS).map(lambda value: json.dumps(value).encode()),
    st.sampled_from([b"[" * 5_000, b'{"id":' * 2_000, b"x" * 70_000, b"\xff\xfe", b'"\\ud800"']),
)


@dataclass(frozen=True)
class Request:
    """A request whose form is right, whatever it says. has_token: it comes from somebody who is let in."""

    method: str
    path: str
    query: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    has_token: bool
    is_signed: bool

    def encode(self) -> bytes:
        """Write it as it goes over the wire."""
        own = [("Connection", "close"), ("Content-Length", str(len(self.body)))]
        if all(name != "Host" for name, _ in self.headers):
            own.append(("Host", "localhost"))
        if self.has_token and all(name != "Authorization" for name, _ in self.headers):
            own.append(("Authorization", f"Bearer {TOKEN}"))
        if self.is_signed:
            own.append((SIGNATURE_HEADER, sign(self.body, SECRET)))
        target = f"{self.path}?{self.query}" if self.query else self.path
        lines = [
            f"{self.method} {target} HTTP/1.1",
            *(f"{name}: {value}" for name, value in [*own, *self.headers]),
        ]
        return "\r\n".join(lines).encode("latin-1", "replace") + b"\r\n\r\n" + self.body

    @property
    def shows_documents(self) -> bool:
        """True where the answer may hold records: of the feed, to somebody who is let in."""
        return self.has_token and self.path == "/changes" and "documents=true" in self.query


REQUESTS = st.builds(
    Request,
    _METHODS,
    _PATHS,
    _QUERIES,
    _HEADERS.map(tuple),
    _BODIES,
    st.sampled_from([True, True, False]),
    st.booleans(),
)


@dataclass
class Asker:
    """Sends requests to a port, and fails where an answer is none that is documented or tells a secret.

    secrets: texts that no answer may hold; values: those of records, which only documents do. statuses: how
    often each came; None: the connection was closed without an answer.
    """

    port: int
    secrets: Collection[str]
    values: Collection[str]
    statuses: Counter[int | None] = field(default_factory=Counter)

    def send(self, request: Request) -> None:
        """Send one request and look at its answer."""
        status, head, body = self._ask(request)
        self.statuses[status] += 1
        if status is None:
            return
        assert status < 500 or (status, request.path) == (503, MAY_BE_UNAVAILABLE), (status, request, body)
        hidden = [*self.secrets, *(() if request.shows_documents else self.values)]
        told = [each for each in hidden if each in head + body.decode("utf-8", "replace")]
        assert told == [], (told, request)

    def _ask(self, request: Request) -> tuple[int | None, str, bytes]:
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE) as made:
            try:
                made.sendall(request.encode())
                with HTTPResponse(made, method=request.method) as answer:
                    answer.begin()
                    is_stream = answer.headers.get_content_type() == "text/event-stream"
                    # A stream of events does not end.
                    body = b"" if is_stream else answer.read(READ)
                    return answer.status, str(answer.headers), body
            except (ConnectionError, HTTPException):
                # Refused before it was read to its end.
                return None, "", b""


def ask_generated(asker: Asker, number: int, check: Callable[[], None]) -> None:
    """Send so many generated requests; check is called after each hundred."""
    sent = 0

    @settings(
        max_examples=number,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(REQUESTS)
    def send(request: Request) -> None:
        nonlocal sent
        asker.send(request)
        sent += 1
        if sent % 100 == 0:
            check()

    send()
    check()
