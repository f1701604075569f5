"""Call of an application as the gateway reads it: who sends it, what it asks for, whose key it needs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import parse_qsl

from msgspec import Struct
from starlette.types import Scope

from syncer.daemon.web.access import is_bearer
from syncer.domain.errors import UsageError
from syncer.domain.gateway.forwarding import READS, Content, ForwardedRequest
from syncer.domain.gateway.headers import ENVIRONMENT, INTEGRATION, MIRROR, Header, sole, to_kombo
from syncer.domain.gateway.target import Target, read_target

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
#: Value of ``x-mirror`` on a request that Kombo itself is to answer.
BYPASS = "bypass"
#: Characters of a path that are logged.
MOST_SHOWN = 200

_INTEGRATION_ID = re.compile(r"[\w.:-]{1,100}", re.ASCII)


class GatewayCall(Struct, frozen=True):
    """Call that may be answered.

    header_id: the integration that its header names, and integration_id also that of its path; None: none.
    environment: the one that it asks for; None: its integration's.
    """

    method: str
    target: Target
    headers: Sequence[Header]
    header_id: str | None
    environment: str | None
    is_bypass: bool
    has_body: bool

    @property
    def integration_id(self) -> str | None:
        return self.target.integration_id or self.header_id

    @property
    def is_read(self) -> bool:
        """Tell whether it changes nothing."""
        return self.method in READS

    @property
    def asks_mirror(self) -> bool:
        """Tell whether the mirror may know the answer."""
        return self.method == "GET" and not self.is_bypass and self.header_id is not None

    @property
    def query(self) -> list[tuple[str, str]]:
        """Parameters of the query, decoded, in their order."""
        return parse_qsl(self.target.query, keep_blank_values=True)

    def forwarded(self, content: Content) -> ForwardedRequest:
        """Make the request that goes to Kombo."""
        return ForwardedRequest(
            self.method,
            self.target.path,
            self.target.raw,
            to_kombo(self.headers),
            self.integration_id,
            content if self.has_body else None,
        )


def has_token(headers: Sequence[Header], token: str) -> bool:
    """Tell whether the one ``Authorization`` header has the token."""
    try:
        return is_bearer(sole(headers, b"authorization") or "", token)
    except UsageError:
        return False


def read_call(scope: Scope) -> GatewayCall:
    """Read a call from its head. Raises UsageError for one that is not answered."""
    headers: list[Header] = scope["headers"]
    names = {name.lower() for name, _ in headers}
    integration_id = sole(headers, INTEGRATION) or None
    mirror = sole(headers, MIRROR)
    if mirror is not None and mirror.lower() != BYPASS:
        raise UsageError(f"The header {MIRROR.decode()} of a request should be {BYPASS}.")
    return GatewayCall(
        scope["method"],
        # What was decoded once says another thing than what was sent.
        read_target(scope["raw_path"], scope["query_string"]),
        headers,
        integration_id,
        sole(headers, ENVIRONMENT),
        mirror is not None,
        bool(names & {b"content-length", b"transfer-encoding"}),
    )


def shown_path(scope: Scope) -> str:
    """Shorten a path for the log; it holds no query."""
    shown: str = scope["raw_path"].decode("latin-1")
    return shown if len(shown) <= MOST_SHOWN else shown[: MOST_SHOWN - 1] + "…"


def shown_integration(call: GatewayCall) -> str | None:
    """Give the integration's id for the log where it has the form of one: else it may be any text."""
    found = call.integration_id
    return found if found is not None and _INTEGRATION_ID.fullmatch(found) else None
