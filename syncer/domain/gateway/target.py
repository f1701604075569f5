"""Read the target of a request to the gateway: what is forwarded stays inside Kombo's API. Pure."""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

from msgspec import Struct

from syncer.domain.errors import UsageError

#: Where the gateway is on the web server; behind it stands a path of Kombo's API.
PREFIX = b"/gateway/v1"
#: Paths that name an integration themselves, in place of a header.
_OF_INTEGRATION = "integrations"
#: Times that a path may be percent-encoded: whoever decodes it more often than others reads another one.
_MOST_DECODINGS = 4
# RFC 3986, pchar, and every character of a query but what other parsers end it with.
_PATH = re.compile(rb"/(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/]|%[0-9A-Fa-f]{2})*")
_QUERY = re.compile(rb"[!\"$-~]*")


class Target(Struct, frozen=True):
    """Target of a request: path below the address of Kombo's API, and query, both as they came."""

    path: str
    query: str = ""

    @property
    def raw(self) -> bytes:
        """Target to send, behind the path of the API's address."""
        return f"{self.path}?{self.query}".encode() if self.query else self.path.encode()

    @property
    def integration_id(self) -> str | None:
        """Integration that the path names; None where it names none."""
        _, first, *rest = self.path.split("/")
        if first != _OF_INTEGRATION or not rest or not rest[0]:
            return None
        return unquote_to_bytes(rest[0]).decode(errors="replace")


def read_target(path: bytes, query: bytes) -> Target:
    """Read a target; path: as it came, percent-encoded. Raises UsageError for one that is not forwarded.

    A segment that somebody on the way may take for another path is refused, and not cleaned: two servers that
    clean differently is what such a path is made for.
    """
    below = path.removeprefix(PREFIX)
    if below == path or not _PATH.fullmatch(below):
        raise UsageError("The path is not one below /gateway/v1/.")
    if not _QUERY.fullmatch(query):
        raise UsageError("The query holds characters that have to be percent-encoded.")
    *folders, last = below[1:].split(b"/")
    if b"" in folders or any(map(_leads_elsewhere, (*folders, last))):
        raise UsageError("The path has segments that lead elsewhere: empty ones, dots, slashes or the like.")
    return Target(below.decode(), query.decode())


def _leads_elsewhere(segment: bytes) -> bool:
    """Tell whether a segment is another one, or several, to somebody who decodes it, however often."""
    for _ in range(_MOST_DECODINGS):
        # Some servers take what stands behind a semicolon for parameters.
        if segment.partition(b";")[0] in (b".", b"..") or re.search(rb"[\x00-\x1f\x7f/\\]", segment):
            return True
        decoded = unquote_to_bytes(segment)
        if decoded == segment:
            return False
        segment = decoded
    return True
